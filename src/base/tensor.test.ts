import { expect, test } from "vitest";
import { BYTES, type DType, floatTensor, largestGap, sizeOf, zeros } from "./tensor.ts";

test("a shape's size is the product of its lengths, 1 for a scalar, 0 when a length is", () => {
  expect([sizeOf([]), sizeOf([5]), sizeOf([2, 3, 4]), sizeOf([2, 0])]).toEqual([1, 5, 24, 0]);
});

test("a tensor keeps the array it was given", () => {
  const data = Float32Array.of(1, 2, 3, 4);
  const tensor = floatTensor([2, 2], data);
  expect(tensor).toEqual({ dtype: "float32", shape: [2, 2], data });
  expect(tensor.data).toBe(data);
});

test.each([[[]], [[3]], [[2, 2]], [[0]]])("2 elements do not fill [%s]: tensor/size", (shape) => {
  expect(() => floatTensor(shape, new Float32Array(2))).toThrow(
    expect.objectContaining({ name: "InputError", code: "tensor/size" }),
  );
});

// Every element type, from the table of their sizes.
const dtypes = Object.keys(BYTES) as DType[];
test.each(dtypes)("zeros of %s fill their shape, with elements of the bytes listed", (dtype) => {
  const { data, shape, ...rest } = zeros(dtype, [2, 3]);
  expect(rest).toEqual({ dtype });
  expect(shape).toEqual([2, 3]);
  expect(data).toHaveLength(6);
  expect(data.BYTES_PER_ELEMENT).toBe(BYTES[dtype]);
  expect(Array.from<number | bigint, number>(data, Number)).toEqual([0, 0, 0, 0, 0, 0]);
});

test("the largest gap is between numbers at one place, NaN stays, and another count is refused", () => {
  expect(largestGap(Float32Array.of(1, 2, 3), Float32Array.of(1, 5, 2))).toBe(3);
  expect(largestGap(Float32Array.of(1, Number.NaN, 3), Float32Array.of(9, 5, 2))).toBeNaN();
  expect(() => largestGap(new Float32Array(2), new Float32Array(3))).toThrow(
    expect.objectContaining({ code: "internal/missing" }),
  );
});
