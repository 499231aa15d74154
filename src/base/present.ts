/**
 * Values that must be there. A missing one is a mistake of ours, and ends the work by name: a stand-in (0, an empty tensor)
 * would go on with wrong numbers.
 *
 * Not for inner loops over typed arrays. There `?? 0` says to the compiler what the bounds of the loop say to a reader;
 * V8 keeps one memory of the kinds of array that `requireItem` has seen everywhere, and with several kinds a product of
 * 2^20 numbers takes 145 ms instead of 1 (`node benchmarks/training/access.mjs`). Files with such loops are listed in
 * test/house/fallbacks.test.ts.
 */

import { RunError } from "./errors.ts";

/** @throws {RunError} `internal/missing` when the list has no such place. `what` names the list. */
export function requireItem<T>(items: ArrayLike<T>, place: number, what: string): T {
  const item = items[place];
  if (item !== undefined) return item;
  throw missing(what, `an item at place ${place}`, `${items.length} items`);
}

/** The last item. @throws {RunError} `internal/missing` for an empty list */
export function requireLast<T>(items: ArrayLike<T>, what: string): T {
  return requireItem(items, items.length - 1, what);
}

/** @throws {RunError} `internal/missing` for another number of items */
export function requireCount(items: ArrayLike<unknown>, count: number, what: string): void {
  if (items.length !== count) throw missing(what, `${count} items`, `${items.length}`);
}

/** What a map holds. */
interface Entries<K, V> {
  get(key: K): V | undefined;
}

/** @throws {RunError} `internal/missing` when the map has no such key. `what` names what the key is. */
export function requireEntry<K, V>(entries: Entries<K, V>, key: K, what: string): V {
  const value = entries.get(key);
  if (value !== undefined) return value;
  throw missing(`${what} ${String(key)}`, "one of that name", "none");
}

/** A value that an earlier step has made. @throws {RunError} `internal/missing` */
export function requireValue<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw missing(what, "a value", "none");
}

/** Numbers that the engine has computed. @throws {RunError} `internal/missing` for anything but float32 */
export function requireFloats(data: unknown, what: string): Float32Array {
  if (data instanceof Float32Array) return data;
  throw missing(what, "float32 numbers", data === undefined ? "none" : "others");
}

/** `f` of each number of `a` and the one at its place in `b`. @throws {RunError} `internal/missing` for another length */
export function mapPairs(
  a: Float32Array,
  b: Float32Array,
  what: string,
  f: (x: number, y: number) => number,
): Float32Array {
  requireCount(b, a.length, what);
  return a.map((x, i) => f(x, b[i] ?? 0));
}

function missing(what: string, expected: string, got: string): RunError {
  const message = `${what}: expected ${expected}, got ${got}; this is a mistake of espalier, please report it`;
  return new RunError("internal/missing", message);
}
