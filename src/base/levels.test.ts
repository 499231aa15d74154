import { expect, test } from "vitest";
import { findOffLevel, levelScale, roundToLevels } from "./levels.ts";
import { keyOf, normals } from "./random.ts";
import { floatTensor } from "./tensor.ts";

const MATRIX = floatTensor([40, 25], normals(keyOf(3), 1000, 0.7));

test("a scale is a float32 with a zero lower half, within 2^-8 of largest / 127", () => {
  for (const largest of [127, 1, 0.3, 1e-20, 3e30, 12.7]) {
    const scale = levelScale(largest);
    expect((new Uint32Array(Float32Array.of(scale).buffer)[0] ?? 1) & 0xffff).toBe(0);
    expect(Math.abs((scale * 127) / largest - 1)).toBeLessThanOrEqual(2 ** -8);
  }
  expect(levelScale(0)).toBe(0);
});

test("rounding moves a number by at most half a step, keeps zeros, and a second time changes nothing", () => {
  const sparse = floatTensor(
    MATRIX.shape,
    MATRIX.data.map((x, i) => (i % 3 === 0 ? 0 : x)),
  );
  const once = roundToLevels(sparse);
  sparse.data.forEach((x, i) => {
    const row = sparse.data.subarray(25 * Math.floor(i / 25), 25 * Math.floor(i / 25) + 25);
    const step = levelScale(Math.max(...row.map(Math.abs)));
    expect(Math.abs((once.data[i] ?? Number.NaN) - x)).toBeLessThanOrEqual(step / 2);
    if (x === 0) expect(Object.is(once.data[i], 0)).toBe(true);
  });
  expect(roundToLevels(once)).toEqual(once);
});

test("the first row with a number between levels is found; rows of zeros and no columns have none", () => {
  expect(findOffLevel(roundToLevels(MATRIX))).toBe(-1);
  const moved = Float32Array.from(roundToLevels(MATRIX).data);
  moved[7 * 25 + 3] = (moved[7 * 25 + 3] ?? 0) + 1e-4;
  expect(findOffLevel(floatTensor(MATRIX.shape, moved))).toBe(7);
  expect(findOffLevel(floatTensor([2, 2], new Float32Array(4)))).toBe(-1);
  expect(findOffLevel(floatTensor([2, 0], new Float32Array(0)))).toBe(-1);
});
