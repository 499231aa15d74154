import { expect, test } from "vitest";
import { RunError } from "../base/errors.ts";
import { ADAMW } from "./adamw.ts";
import { rangeSteps } from "./optimizer.ts";

const group = {
  rule: { kind: "descent", factor: 3, scaledBy: "moving" },
  decays: false,
  start: 0,
  end: 4,
} as const;
const facts = { adamw: ADAMW, rate: 0.5, t: 1, clip: 1 };

test.each([
  [0, 0],
  [2, 3],
])("a rule's number of %d makes 0.5 times its factor of 3 a rate of %d", (moving, rate) => {
  expect(rangeSteps([group], { ...facts, scalars: { moving } })).toEqual([
    { start: 0, end: 4, kind: "descent", rate },
  ]);
});

test("a number that a rule names and the method does not give is an error, not a rate of its own", () => {
  const step = () => rangeSteps([group], { ...facts, scalars: { other: 1 } });
  expect(step).toThrow(RunError);
  expect(step).toThrow(
    expect.objectContaining({
      code: "method/scalar",
      message: "scalars: expected moving, which a rule names, got other",
    }),
  );
});
