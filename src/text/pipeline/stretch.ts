/**
 * A text on its way to pieces, and where in the given text each of its characters comes from.
 *
 * As `NormalizedString` of Hugging Face's Rust `tokenizers`: places follow its own book-keeping, which counts what is put
 * in and taken out and not what a character was made of. They are kept only where somebody asks for them.
 */

import { requireItem } from "../../base/present.ts";

/** Where characters come from: for each UTF-16 unit the place in the given text, in its units. */
export interface Origins {
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
}

/** A text; equal stretches are spelt alike. */
export interface Stretch {
  readonly text: string;
  /** Whether it begins where the given text does. */
  readonly isFirst: boolean;
  /** Absent where places are not asked for. */
  readonly origins?: Origins;
}

/** The given text from `start` to before `end`. */
export function stretchOf(text: string, start: number, end: number, hasPlaces: boolean): Stretch {
  const part = text.slice(start, end);
  const stretch = { text: part, isFirst: start === 0 };
  if (!hasPlaces) return stretch;
  const [starts, ends] = [new Int32Array(part.length), new Int32Array(part.length)];
  for (let at = 0; at < part.length; ) {
    const next = at + widthAt(part, at);
    starts.fill(start + at, at, next);
    ends.fill(start + next, at, next);
    at = next;
  }
  return { ...stretch, origins: { starts, ends } };
}

/** UTF-16 units of the character at a place. */
export function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** A part of a stretch. */
export function sliceOf({ text, isFirst, origins }: Stretch, start: number, end: number): Stretch {
  if (origins === undefined) return { text: text.slice(start, end), isFirst: isFirst && start === 0 };
  const [starts, ends] = [slice(origins.starts, start, end), slice(origins.ends, start, end)];
  return { text: text.slice(start, end), isFirst: isFirst && starts[0] === 0, origins: { starts, ends } };
}

function slice(places: ArrayLike<number>, start: number, end: number): ArrayLike<number> {
  return places instanceof Int32Array ? places.subarray(start, end) : Array.from(places).slice(start, end);
}

/** Where in the given text `start` to before `end` of a stretch comes from. */
export function originOf({ origins }: Stretch, start: number, end: number): { start: number; end: number } {
  if (origins === undefined || end <= start) return { start: 0, end: 0 };
  return {
    start: requireItem(origins.starts, start, "origins"),
    end: requireItem(origins.ends, end - 1, "origins"),
  };
}

/** A stretch in the making, out of one that was. */
export interface Rewriting {
  /** Puts characters in, which come from where the unit at `at` of the old stretch does. */
  put(text: string, at: number): void;
  /** Takes over what stands from `start` to before `end`. */
  keep(start: number, end: number): void;
  done(): Stretch;
}

export function rewrite({ text, isFirst, origins }: Stretch): Rewriting {
  const parts: string[] = [];
  const [starts, ends]: [number[], number[]] = [[], []];
  return {
    put: (added, at) => {
      parts.push(added);
      if (origins === undefined) return;
      const [start, end] = [origins.starts[at] ?? 0, origins.ends[at] ?? 0];
      for (let i = 0; i < added.length; i++) {
        starts.push(start);
        ends.push(end);
      }
    },
    keep: (start, end) => {
      parts.push(text.slice(start, end));
      if (origins === undefined) return;
      for (let at = start; at < end; at++) {
        starts.push(origins.starts[at] ?? 0);
        ends.push(origins.ends[at] ?? 0);
      }
    },
    done: () => ({
      text: parts.join(""),
      isFirst,
      ...(origins === undefined
        ? {}
        : { origins: { starts: Int32Array.from(starts), ends: Int32Array.from(ends) } }),
    }),
  };
}

/** A character of a changed text: above 0 it is put in, else it takes the place of one and of so many more below 0. */
export type Change = readonly [char: string, change: number];

/** The stretch after changes in its order. One that is put in comes from where the one before it does. */
export function change(stretch: Stretch, changes: Iterable<Change>): Stretch {
  const { text } = stretch;
  const out = rewrite(stretch);
  let [at, before] = [0, 0];
  for (const [char, count] of changes) {
    if (count > 0) {
      out.put(char, before);
      continue;
    }
    out.put(char, at);
    for (let left = 1 - count; left > 0; left--) {
      before = at;
      at += widthAt(text, at);
    }
  }
  return out.done();
}
