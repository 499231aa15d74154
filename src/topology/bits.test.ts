import { expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { bitsOf, columnCounts, countBits, countCommon, countKept, forEachKept, rowCounts } from "./bits.ts";

test.each([
  [0, 0],
  [1, 1],
  [0x80000000, 1],
  [-1, 32],
  [0x12345678, 13],
])("%i has %i bits", (word, bits) => {
  expect(countBits(word)).toBe(bits);
});

test.each([
  [1, 1],
  [3, 31],
  [5, 32],
  [2, 33],
  [7, 70],
  [300, 33],
  [0, 4],
  [4, 0],
])("of a matrix %i × %i all that is counted is what a plain loop counts", (rows, columns) => {
  const entries = normals(keyOf(rows), rows * columns, 1).map((x) => (x < 0.3 ? 0 : x));
  const matrix = bitsOf(entries, rows, columns);
  const there = [...entries].flatMap((x, i) => (x === 0 ? [] : [[Math.floor(i / columns), i % columns]]));
  const visited: number[][] = [];
  forEachKept(matrix, (...place) => void visited.push(place));
  expect(visited).toEqual(there);
  expect(countKept(matrix)).toBe(there.length);
  const countsOf = (axis: number, n: number) =>
    Uint32Array.from({ length: n }, (_, i) => there.filter((place) => place[axis] === i).length);
  expect(rowCounts(matrix)).toEqual(countsOf(0, rows));
  expect(columnCounts(matrix)).toEqual(countsOf(1, columns));
});

test("entries of both are those that neither lacks", () => {
  const bits = (...entries: number[]) => bitsOf(Uint8Array.from(entries), 2, 3);
  expect(countCommon(bits(1, 1, 0, 1, 0, 1), bits(1, 0, 0, 1, 1, 1))).toBe(3);
});

test("entries of another size are refused", () => {
  expect(() => bitsOf(new Uint8Array(5), 2, 3)).toThrow("entries: expected 2 × 3, got 5");
});
