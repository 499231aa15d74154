import { expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

test("bins widen for numbers of any size, and the range and its shares are those of all that was counted", () => {
  const seen = new Histogram();
  for (const numbers of [[0.5, -0.25], [1000], [-8, 2, 3, 4]]) seen.count(Float32Array.from(numbers));
  expect(seen.range()).toEqual({ low: -8, high: 1000 });
  // Without the largest of 7 numbers: the next is 4, and a bin is at most 1000 / 2048 wide.
  const { low, high } = seen.without({ below: 0, above: 1 / 7 });
  expect(low).toBe(-8);
  expect(high).toBeGreaterThanOrEqual(4);
  expect(high).toBeLessThan(4.5);
});

test.each([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN])(
  "an input of %d is refused: no range holds it",
  (x) => {
    expect(() => new Histogram().count(Float32Array.of(1, x))).toThrow(
      expect.objectContaining({
        code: "quantize/range",
        message: `calibration: expected finite inputs of a layer, got ${x}`,
      }),
    );
  },
);
