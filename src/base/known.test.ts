import { expect, test } from "vitest";
import { requireKnown } from "./known.ts";

const KNOWN = ["threads", "maxLength"];

test.each([
  [{ threds: 2 }, "options/unknown", 'load: expected a known option, got "threds"; did you mean "threads"?'],
  [{ "max-length": 2 }, "options/unknown", 'got "max-length"; did you mean "maxLength"?'],
  [{ threads: 2, zzz: undefined }, "options/unknown", 'load: expected a known option, got "zzz"'],
  [null, "options/record", "load: expected options by name, got null"],
  [4, "options/record", "load: expected options by name, got 4"],
  [["threads"], "options/record", "load: expected options by name, got a list"],
])("%j is refused by name", (given, code, message) => {
  expect(() => requireKnown("load", given, KNOWN)).toThrow(
    expect.objectContaining({ name: "ConfigError", code, message: expect.stringContaining(message) }),
  );
});

test("known names pass, whatever they hold", () => {
  expect(() => requireKnown("load", { threads: undefined, maxLength: 3 }, KNOWN)).not.toThrow();
  expect(() => requireKnown("load", {}, KNOWN)).not.toThrow();
});
