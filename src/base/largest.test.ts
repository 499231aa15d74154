import { expect, test } from "vitest";
import { largest } from "./largest.ts";
import { keyOf, normals } from "./random.ts";

test("places come by falling value, the same as of a full sort", () => {
  const values = normals(keyOf(4), 500);
  const sorted = Array.from(values, (_, i) => i).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
  expect(largest(values, 15)).toEqual(sorted.slice(0, 15));
  expect(largest(values, 1)).toEqual(sorted.slice(0, 1));
});

test("of equal values the earlier place comes first", () => {
  expect(largest([1, 3, 3, 2, 3], 2)).toEqual([1, 2]);
  expect(largest([0, 0, 0], 3)).toEqual([0, 1, 2]);
});

test("NaN is left out, and so is what is not there", () => {
  expect(largest([Number.NaN, 1, Number.NaN, Number.NEGATIVE_INFINITY], 3)).toEqual([1, 3]);
  expect(largest([], 3)).toEqual([]);
  expect(largest([1, 2], 0)).toEqual([]);
});
