import { expect, test } from "vitest";
import { words } from "./kinds.ts";

test("names are typed with commas or by repeating the flag, and an empty one is none", () => {
  const kind = words("names");
  expect(kind.parse(["sst2, cola", "mrpc"])).toEqual(["sst2", "cola", "mrpc"]);
  expect(kind.accepts(["sst2"])).toBe(true);
  expect([["sst2", ""], [], "sst2"].map((value) => kind.accepts(value))).toEqual([false, false, false]);
});
