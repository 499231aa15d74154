import { expect, test } from "vitest";
import { ConfigError, EspalierError, FormatError, InputError, InterruptedError, RunError } from "./errors.ts";

test.each([
  ["ConfigError", ConfigError],
  ["FormatError", FormatError],
  ["InputError", InputError],
  ["InterruptedError", InterruptedError],
  ["RunError", RunError],
])("%s carries its own name, its code, its message and its cause", (name, Kind) => {
  const cause = new TypeError("first");
  const error = new Kind("area/case", "thing: expected X, got Y", { cause });
  expect(error).toBeInstanceOf(EspalierError);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name, code: "area/case", message: "thing: expected X, got Y", cause });
  expect(String(error)).toBe(`${name}: thing: expected X, got Y`);
});

test("one kind of error is not another", () => {
  expect(new InputError("a/b", "")).not.toBeInstanceOf(FormatError);
});
