import { expect, test } from "vitest";
import { fold, keyOf, normals, permutation, randint, shuffled, threefry, uniform } from "./random.ts";

test("threefry-2x32-20 reproduces the published known-answer vectors", () => {
  // Random123 distribution, examples/kat_vectors: threefry 2x32 20.
  expect(threefry([0, 0], 0, 0)).toEqual([0x6b200159, 0x99ba4efe]);
  expect(threefry([0xffffffff, 0xffffffff], 0xffffffff, 0xffffffff)).toEqual([0x1cb996fc, 0xbb002be7]);
  expect(threefry([0x13198a2e, 0x03707344], 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
});

test("folded keys differ by number, by name and by parent", () => {
  const root = keyOf(7);
  const keys = [fold(root, 0), fold(root, 1), fold(root, "a"), fold(root, "b"), fold(keyOf(8), 0)];
  expect(new Set(keys.map(String)).size).toBe(keys.length);
});

test("uniform draws have mean 1/2 and variance 1/12 within four standard errors", () => {
  const n = 20_000;
  const draws = Array.from({ length: n }, (_, i) => uniform(keyOf(3), i));
  const mean = draws.reduce((s, x) => s + x, 0) / n;
  const variance = draws.reduce((s, x) => s + (x - mean) ** 2, 0) / n;
  expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / n));
});

test("normals have the asked deviation within four standard errors", () => {
  const n = 20_001;
  const draws = normals(keyOf(5), n, 0.02);
  const std = Math.sqrt(draws.reduce((s, x) => s + x * x, 0) / n);
  expect(Math.abs(std / 0.02 - 1)).toBeLessThan(4 / Math.sqrt(2 * n));
});

test("a permutation holds every index once and depends on its key alone", () => {
  const order = permutation(keyOf(1), 1000);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(permutation(keyOf(1), 1000)).toEqual(order);
  expect(permutation(keyOf(2), 1000)).not.toEqual(order);
});

test("randint stays inside its range", () => {
  for (let i = 0; i < 1000; i++) expect(randint(keyOf(9), 7, i)).toBeLessThan(7);
});

test("shuffled numbers are the same numbers elsewhere: each place gets each number, by its key alone", () => {
  const numbers = Float32Array.of(0, 1, 2, 3, 4);
  const counts = new Uint32Array(25);
  for (let seed = 0; seed < 2000; seed++) {
    const found = shuffled(numbers, keyOf(seed));
    expect([...found].sort()).toEqual([...numbers]);
    found.forEach((number, place) => {
      const at = place * 5 + number;
      counts[at] = (counts[at] ?? 0) + 1;
    });
  }
  // 400 each on average; 5 standard errors are 5·√(2000·1/5·4/5) = 89.
  for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(89);
  expect(shuffled(numbers, keyOf(1))).toEqual(shuffled(numbers, keyOf(1)));
  expect(shuffled(Uint8Array.of(7), keyOf(1))).toEqual(Uint8Array.of(7));
});
