import { afterAll, expect, test } from "vitest";
import { fold, type Key, keyOf } from "../base/random.ts";
import { Engine } from "../engine/engine.ts";
import { program } from "./program.ts";
import { uniform } from "./uniform.ts";
import { input } from "./value.ts";

const engine = new Engine({ threads: 2 });
afterAll(() => engine.close());

const [ROWS, COLUMNS] = [512, 384];
const KEY = fold(fold(keyOf(1), "dropout"), 7);

async function numbers(shape: readonly number[], key: Key = KEY, site = 3): Promise<Float32Array> {
  const session = await engine.session(`uniform ${shape} ${site}`, () =>
    program({ u: uniform(shape, { key: input("key", "int64", []) }, site) }),
  );
  const word = BigInt.asIntN(64, (BigInt(key[0]) << 32n) | BigInt(key[1]));
  const feeds = { key: { dtype: "int64", shape: [], data: BigInt64Array.of(word) } } as const;
  const [results] = await engine.run([{ session, feeds }]);
  const data = results?.u?.data;
  if (!(data instanceof Float32Array)) throw new Error("no result");
  return data;
}

/** Mean 0 and variance 1 for numbers uniform in (0, 1). */
function standard(u: Float32Array): Float64Array {
  return Float64Array.from(u, (x) => (x - 0.5) * Math.sqrt(12));
}

/** Σ f(z)/√n: a mean in standard deviations, for f(z) of variance 1. */
function excess(z: Float64Array, f: (z: number) => number = (x) => x): number {
  return z.reduce((total, x) => total + f(x), 0) / Math.sqrt(z.length);
}

function correlation(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, x, i) => total + x * (b[i] ?? 0), 0) / Math.sqrt(a.length);
}

const largest = (values: readonly number[]): number => values.reduce((m, x) => Math.max(m, Math.abs(x)), 0);

test("all of 196,608 numbers lie strictly between 0 and 1: logarithms of u and 1 − u are finite", async () => {
  const u = await numbers([ROWS, COLUMNS]);
  expect(u).toHaveLength(ROWS * COLUMNS);
  expect(u.every((x) => x > 0 && x < 1)).toBe(true);
});

test("mean, variance and fourth moment are those of the uniform distribution within 4 standard deviations", async () => {
  const z = standard(await numbers([ROWS, COLUMNS]));
  expect(Math.abs(excess(z))).toBeLessThan(4);
  // z² has mean 1 and variance 4/5; z⁴ has mean 9/5 and variance 9 − 81/25.
  expect(Math.abs(excess(z, (x) => (x * x - 1) / Math.sqrt(0.8)))).toBeLessThan(4);
  expect(Math.abs(excess(z, (x) => (x ** 4 - 1.8) / Math.sqrt(5.76)))).toBeLessThan(4);
});

test("each of 64 equal parts of (0, 1) has its share within 5 standard deviations", async () => {
  const u = await numbers([ROWS, COLUMNS]);
  const counts = new Float64Array(64);
  for (const x of u) counts[Math.floor(64 * x)] = (counts[Math.floor(64 * x)] ?? 0) + 1;
  const [mean, deviation] = [u.length / 64, Math.sqrt((u.length / 64) * (63 / 64))];
  expect(largest([...counts].map((n) => (n - mean) / deviation))).toBeLessThan(5);
});

test("neighbouring rows and columns correlate by less than 5 standard deviations", async () => {
  const z = standard(await numbers([ROWS, COLUMNS]));
  const row = (i: number): Float64Array => z.subarray(i * COLUMNS, (i + 1) * COLUMNS);
  const column = (j: number): Float64Array =>
    Float64Array.from({ length: ROWS }, (_, i) => z[i * COLUMNS + j] ?? 0);
  const rows = Array.from({ length: ROWS - 1 }, (_, i) => correlation(row(i), row(i + 1)));
  const columns = Array.from({ length: COLUMNS - 1 }, (_, j) => correlation(column(j), column(j + 1)));
  expect(largest([...rows, ...columns])).toBeLessThan(5);
});

test("other sites, steps and seeds correlate by less than 4 standard deviations", async () => {
  const z = standard(await numbers([ROWS, COLUMNS]));
  const others = [
    await numbers([ROWS, COLUMNS], KEY, 4),
    await numbers([ROWS, COLUMNS], fold(fold(keyOf(1), "dropout"), 8)),
    await numbers([ROWS, COLUMNS], fold(fold(keyOf(2), "dropout"), 7)),
  ];
  for (const other of others) expect(Math.abs(correlation(z, standard(other)))).toBeLessThan(4);
});

test("a vector's numbers are spread as a matrix's: 2,000 have the mean within 4 deviations", async () => {
  expect(Math.abs(excess(standard(await numbers([2000]))))).toBeLessThan(4);
});
