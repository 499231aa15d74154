import { expect, test } from "vitest";
import { parseArguments } from "./arguments.ts";

function given(line: readonly string[]): unknown {
  const request = parseArguments(line, "0.0.0");
  return request.kind === "run" ? request.given : request.kind;
}

const RUN = ["finetune", "embedded", "--data", "a.csv"];

test("two values of an option that has one are refused, both named; the same again is no other", () => {
  expect(() => given([...RUN, "--data", "b.csv", "--out", "o"])).toThrow(
    expect.objectContaining({
      code: "commander.repeated",
      message: "error: --data: expected one value, got a.csv and b.csv",
    }),
  );
  expect(() => given([...RUN, "--seed=1", "--seed", "2"])).toThrow("--seed: expected one value, got 1 and 2");
  expect(given([...RUN, "--seed", "1", "--seed", "1"])).toMatchObject({ seed: 1 });
});

test("switches, lists and settings of a method may be repeated", () => {
  const twice = [...RUN, "--force", "--force", "--no-latency", "--no-latency", "--floor", "tf-idf"];
  expect(given([...twice, "--floor", "static"])).toMatchObject({
    force: true,
    latency: false,
    floor: ["tf-idf", "static"],
  });
  expect(given(["compress", "m", "--set", "a=1", "--set", "b=2"])).toMatchObject({ set: { a: "1", b: "2" } });
  expect(given(["predict", "m", "--mask", "a", "--mask", "b"])).toMatchObject({ mask: ["a", "b"] });
});

test("weights of classes are numbers or the word, never the last of both", () => {
  const weights = (...typed: string[]) => {
    const words = typed.flatMap((each) => ["--class-weights", each]);
    return given([...RUN, ...words]);
  };
  expect(weights("balanced")).toMatchObject({ classWeights: "balanced" });
  expect(weights("1,2", "3")).toMatchObject({ classWeights: [1, 2, 3] });
  expect(weights("1,2", "balanced")).toMatchObject({ classWeights: [1, 2, "balanced"] });
});

test("a flag is no value of the one before it, unless they are one word", () => {
  for (const line of [
    [...RUN, "--out", "--force"],
    [...RUN, "--limit", "5", "--out", "--force", "too", "many"],
    ["finetune", "--out", "--force", "embedded"],
  ])
    expect(() => given(line)).toThrow(
      expect.objectContaining({
        code: "commander.optionMissingArgument",
        message:
          "error: --out: expected a value, got --force; one that begins with dashes is given as --out=--force",
      }),
    );
  expect(given([...RUN, "--out=--force"])).toMatchObject({ out: "--force" });
  // What is wrong with a number is said by its option.
  expect(given([...RUN, "--seed", "-1"])).toMatchObject({ seed: -1 });
});

test.each(["-5 degrees outside", "- it's a list", "--- well"])(
  "the text %j without dashes before it is told how it is given, and taken so",
  (text) => {
    for (const command of ["predict", "embed"])
      expect(() => given([command, "run", text])).toThrow(
        `error: unknown option '${text}'\n(A text that begins with a dash stands behind --: espalier ${command} RUN -- TEXT)`,
      );
    expect(given(["predict", "run", "--", text])).toEqual({ model: "run", texts: [text] });
  },
);

test("a flag that is spelt wrong, or belongs to no text, is no text", () => {
  expect(() => given(["predict", "run", "--dat", "a.csv"])).toThrow("(Did you mean --data?)");
  expect(() => given(["evaluate", "run", "-5 degrees"])).toThrow(/^error: unknown option '-5 degrees'$/);
});
