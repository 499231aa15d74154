import fc from "fast-check";
import { expect, test } from "vitest";
import { at, axisOf, broadcast, evaluate, lengthAt, product, type Shape, sameShape } from "./shape.ts";

const SIZES = { B: 2, N: 7, T: 3 };
const dims = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom("B", "N", "T", "B*T", "2*N")),
  {
    maxLength: 4,
  },
);

function error(code: string): unknown {
  return expect.objectContaining({ name: "GraphError", code });
}

test.each<[Shape, number | string]>([
  [[], 1],
  [[2, 3], 6],
  [["T", "B"], "B*T"],
  [["T", 2, "B", 3], "6*B*T"],
  [["2*B", "3*T"], "6*B*T"],
  [["B", "B"], "B*B"],
  [[1, "B"], "B"],
])("the product of [%s] is spelled %s", (shape, spelled) => {
  expect(product(shape)).toBe(spelled);
});

test("a product has the value of its factors and one spelling in any order", () => {
  fc.assert(
    fc.property(dims, (shape) => {
      const sizes = evaluate(shape, SIZES);
      expect(evaluate([product(shape)], SIZES)).toEqual([sizes.reduce((a, b) => a * b, 1)]);
      expect(product(shape.toReversed())).toBe(product(shape));
      expect(product([product(shape)])).toBe(product(shape));
    }),
  );
});

test.each<[Shape, Shape, Shape]>([
  [
    [2, 3],
    [2, 3],
    [2, 3],
  ],
  [["B", "T", 4], [4], ["B", "T", 4]],
  [
    ["B", 1],
    [1, "T"],
    ["B", "T"],
  ],
  [[], ["B"], ["B"]],
  [[1], ["B*T"], ["B*T"]],
])("[%s] and [%s] broadcast to [%s], either way round", (a, b, expected) => {
  expect(broadcast(a, b)).toEqual(expected);
  expect(broadcast(b, a)).toEqual(expected);
});

test.each<[Shape, Shape]>([
  [[2], [3]],
  [["B"], [3]],
  [["B"], ["T"]],
  [["B*T"], ["B"]],
])("[%s] and [%s] do not broadcast: graph/broadcast", (a, b) => {
  expect(() => broadcast(a, b)).toThrow(error("graph/broadcast"));
});

test("axes count from either end", () => {
  expect([at(["B", 4], 0), at(["B", 4], -1), axisOf(["B", 4], -1), axisOf(["B", 4], 0)]).toEqual([
    "B",
    4,
    1,
    0,
  ]);
  expect(() => at(["B", 4], 2)).toThrow(error("graph/axis"));
  expect(() => at(["B", 4], -3)).toThrow(error("graph/axis"));
  expect(() => axisOf([], 0)).toThrow(error("graph/axis"));
});

test("a length that has to be known is not a symbol: graph/symbolic", () => {
  expect(lengthAt(["B", 4], 1)).toBe(4);
  expect(() => lengthAt(["B", 4], 0)).toThrow(error("graph/symbolic"));
});

test("shapes are the same when every dimension is", () => {
  expect(sameShape(["B", 4], ["B", 4])).toBe(true);
  expect(sameShape(["B", 4], ["B"])).toBe(false);
  expect(sameShape(["B"], ["T"])).toBe(false);
});

test("a symbol without a number is an error: graph/symbol", () => {
  expect(evaluate(["2*B*T", 5], SIZES)).toEqual([12, 5]);
  expect(() => evaluate(["B*M"], SIZES)).toThrow(error("graph/symbol"));
});
