import { expect, test } from "vitest";
import type { SettingTable } from "./method.ts";
import { methodConfig } from "./settings.ts";

interface Config {
  readonly sparsity: number;
  readonly schedule: string;
  readonly structured: boolean;
}

const SCHEMA: SettingTable<Config> = {
  sparsity: { default: 0.5, help: "share removed" },
  schedule: { default: "cubic", help: "growth" },
  structured: { default: false, help: "whole heads" },
};

test("settings take their field's type and leave the other defaults", () => {
  expect(methodConfig("m", SCHEMA, { set: { structured: "true", schedule: "linear" } })).toEqual({
    sparsity: 0.5,
    schedule: "linear",
    structured: true,
  });
});

test("a sparsity is the method's own setting; set may say the same, and nothing else", () => {
  const sparsity = 0.9;
  expect(methodConfig("m", SCHEMA, { set: {}, sparsity }).sparsity).toBe(0.9);
  expect(methodConfig("m", SCHEMA, { set: { sparsity: "0.90" }, sparsity }).sparsity).toBe(0.9);
  const worded: SettingTable<{ sparsity: string }> = { sparsity: { default: "half", help: "of a word" } };
  expect(methodConfig("m", worded, { set: { sparsity: "0.9" }, sparsity }).sparsity).toBe("0.9");
  expect(() => methodConfig("m", SCHEMA, { set: { sparsity: "0.8" }, sparsity })).toThrow(
    expect.objectContaining({
      code: "method/setting",
      message: "sparsity: expected 0.8, as in set, got 0.9",
    }),
  );
});

test.each([
  [{ sparcity: "0.9" }, "method/unknown-setting", 'did you mean "sparsity"?'],
  [{ depth: "3" }, "method/unknown-setting", "it has sparsity, schedule, structured"],
  [{ sparsity: "high" }, "method/setting", 'm.sparsity: expected a number, got "high"'],
  [{ sparsity: "" }, "method/setting", "expected a number"],
  [{ structured: "1" }, "method/setting", 'm.structured: expected true or false, got "1"'],
])("%o is refused as %s", (set, code, says) => {
  expect(() => methodConfig("m", SCHEMA, { set })).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(says) }),
  );
});

test("a method without a sparsity refuses one", () => {
  expect(() => methodConfig("theseus", {}, { set: {}, sparsity: 0.5 })).toThrow(
    expect.objectContaining({
      code: "method/unknown-setting",
      message: expect.stringContaining("no settings"),
    }),
  );
});
