import { expect, test } from "vitest";
import { fold, keyOf, normals, randint } from "./random.ts";
import { kthLargest, largest } from "./select.ts";

/** The k-th largest by sorting. */
function sorted(arrays: readonly Float32Array[], k: number, by: "value" | "magnitude"): number {
  const all = arrays.flatMap((data) => [...data].map((x) => (by === "magnitude" ? Math.abs(x) : x)));
  return all.sort((a, b) => b - a)[k - 1] ?? Number.NaN;
}

test.each(["value", "magnitude"] as const)(
  "by %s: equal to sorting, for any k, ties and signs included",
  (by) => {
    const key = keyOf(1);
    const a = normals(fold(key, "a"), 501, 3);
    const b = normals(fold(key, "b"), 64, 1e-6).map((x, i) => (i % 4 === 0 ? 0.5 : x));
    const arrays = [a, b, Float32Array.of(0, -0, 1e-45, -1e-45, 3e38, -3e38)];
    const total = 571;
    for (const k of [
      1,
      2,
      total - 1,
      total,
      ...Array.from({ length: 60 }, (_, i) => 1 + randint(key, total, i)),
    ]) {
      expect(kthLargest(arrays, k, by) + 0).toBe(sorted(arrays, k, by) + 0);
    }
  },
);

test("a part of a larger array is read from its own place", () => {
  const data = Float32Array.of(9, 9, 1, 2, 3, 9);
  expect(kthLargest([data.subarray(2, 5)], 1, "value")).toBe(3);
});

test.each([0, 4, 1.5, -1])("k = %d of three numbers is refused", (k) => {
  expect(() => kthLargest([Float32Array.of(1, 2, 3)], k, "value")).toThrow(/expected 1 ≤ k ≤ 3/);
});

test("numbers that count more than once: the same as if they stood there as often", () => {
  const [a, b] = [Float32Array.of(5, -1, 3), Float32Array.of(4, 3)];
  for (let k = 1; k <= 11; k++) {
    expect(kthLargest([a, b], k, "value", [3, 1])).toBe(sorted([a, a, a, b], k, "value"));
  }
  expect(() => kthLargest([a, b], 12, "value", [3, 1])).toThrow(/expected 1 ≤ k ≤ 11/);
});

test("largest: places come by falling value, the same as of a full sort", () => {
  const values = normals(keyOf(4), 500);
  const sorted = Array.from(values, (_, i) => i).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
  expect(largest(values, 15)).toEqual(sorted.slice(0, 15));
  expect(largest(values, 1)).toEqual(sorted.slice(0, 1));
});

test("largest: of equal values the earlier place comes first", () => {
  expect(largest([1, 3, 3, 2, 3], 2)).toEqual([1, 2]);
  expect(largest([0, 0, 0], 3)).toEqual([0, 1, 2]);
});

test("largest: NaN is left out, and so is what is not there", () => {
  expect(largest([Number.NaN, 1, Number.NaN, Number.NEGATIVE_INFINITY], 3)).toEqual([1, 3]);
  expect(largest([], 3)).toEqual([]);
  expect(largest([1, 2], 0)).toEqual([]);
});
