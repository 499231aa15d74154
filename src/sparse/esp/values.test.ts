import fc from "fast-check";
import { expect, test } from "vitest";
import { floatTensor } from "../../base/tensor.ts";
import { roundMatrix } from "./values.ts";

/** Matrices of up to 6 x 6 floats, of any size that float16 holds, zeros of both signs among them. */
const matrices = fc
  .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 }))
  .chain(([rows, columns]) =>
    fc
      .array(
        fc.oneof(fc.float({ min: -65_504, max: 65_504, noNaN: true }), fc.constantFrom(0, -0, 1e-40, -3e-39)),
        {
          minLength: rows * columns,
          maxLength: rows * columns,
        },
      )
      .map((values) => floatTensor([rows, columns], Float32Array.from(values))),
  );

function row(data: Float32Array, r: number, columns: number): number[] {
  return [...data.subarray(r * columns, (r + 1) * columns)];
}

test("float32 is stored bit for bit", () => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      expect(roundMatrix(matrix, "float32", "m")).toBe(matrix);
    }),
  );
});

test("float16 is within 2^-11 of the number, or within 2^-25 below 2^-14", () => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const { data } = roundMatrix(matrix, "float16", "m");
      matrix.data.forEach((x, i) => {
        const error = Math.abs((data[i] ?? Number.NaN) - x);
        expect(error).toBeLessThanOrEqual(Math.max(2 ** -11 * Math.abs(x), 2 ** -25));
      });
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("int8 is within half a step of the row's scale, a step being at most largest / 127 · (1 + 2^-8)", () => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const { data } = roundMatrix(matrix, "int8", "m");
      const [rows = 0, columns = 0] = matrix.shape;
      for (let r = 0; r < rows; r++) {
        const [before, after] = [row(matrix.data, r, columns), row(data, r, columns)];
        const largest = Math.max(0, ...before.map(Math.abs));
        const half = Math.max(2 ** -127, ((1 + 2 ** -8) * largest) / 254);
        before.forEach((x, i) => {
          expect(Math.abs((after[i] ?? Number.NaN) - x)).toBeLessThanOrEqual(half);
        });
      }
    }),
    { numRuns: 300, seed: 1 },
  );
});

test.each(["float32", "float16", "int8"] as const)(
  "rounding to %s twice is rounding once, to the bit",
  (kind) => {
    fc.assert(
      fc.property(matrices, (matrix) => {
        const once = roundMatrix(matrix, kind, "m");
        expect(roundMatrix(once, kind, "m")).toEqual(once);
      }),
      { numRuns: 300, seed: 1 },
    );
  },
);

test("int8 holds the largest and the smallest float", () => {
  const [most, least] = [3.4028234663852886e38, 2 ** -149];
  const { data } = roundMatrix(floatTensor([2, 2], Float32Array.of(most, -most, least, 0)), "int8", "m");
  expect(data[0]).toBeGreaterThan(most * (1 - 1 / 254));
  expect([...data]).toEqual([data[0], -(data[0] ?? 0), 0, 0]);
});

test.each([
  ["NaN in float32", "esp/finite", Number.NaN, "float32"],
  ["NaN in float16", "esp/finite", Number.NaN, "float16"],
  ["infinity in int8", "esp/finite", Number.NEGATIVE_INFINITY, "int8"],
  ["65,520 in float16", "esp/range", 65_520, "float16"],
] as const)("%s is refused", (_, code, value, kind) => {
  const matrix = floatTensor([1, 2], Float32Array.of(1, value));
  expect(() => roundMatrix(matrix, kind, "tensor m")).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining("tensor m") }),
  );
});
