import { expect, test } from "vitest";
import { shown } from "./shown.ts";

test.each([
  ["2", '"2"'],
  [2, "2"],
  [2n, "2n"],
  [Number.NaN, "NaN"],
  [null, "null"],
  [undefined, "undefined"],
  [true, "true"],
  [Symbol("x"), "Symbol(x)"],
  [() => 5, "a function"],
  [{ layers: 3 }, '{"layers":3}'],
  [[1, "a"], '[1,"a"]'],
  [{ n: 2n }, "a record"],
  [Object.create(null), "{}"],
  [new ArrayBuffer(8), "a value of class ArrayBuffer"],
  ["x".repeat(200), `"${"x".repeat(79)}…`],
])("%o is shown", (value, text) => {
  expect(shown(value)).toBe(text);
});

test("a list that holds itself is shown as what it is", () => {
  const itself: unknown[] = [];
  itself.push(itself);
  expect(shown(itself)).toBe("a list");
});
