import { expect, test } from "vitest";
import { blockShape, oneNumber, pairs, paths, sizes, text, textsOrPairs, words } from "./kinds.ts";

test("blocks are typed by name, or by their rows as once", () => {
  const kind = blockShape();
  expect(
    ["1", "2x1", "4x1", "1x4", "4x4", "2", "4", "1x1"].every((name) => kind.accepts(kind.parse([name]))),
  ).toBe(true);
  expect(["3", "2x2", "", "4x", "4x4 ", 4, undefined].map((value) => kind.accepts(value))).toEqual(
    new Array(7).fill(false),
  );
  expect(kind.expected).toBe("one of 1, 2x1, 4x1, 1x4, 4x4");
});

test("names are typed with commas or by repeating the flag, and an empty one is none", () => {
  const kind = words("names");
  expect(kind.parse(["sst2, cola", "mrpc"])).toEqual(["sst2", "cola", "mrpc"]);
  expect(kind.accepts(["sst2"])).toBe(true);
  expect([["sst2", ""], [], "sst2"].map((value) => kind.accepts(value))).toEqual([false, false, false]);
});

test("settings by name are a record of texts, numbers and truths, and no map, list or value of a class", () => {
  const { accepts } = pairs();
  expect([{}, { layers: 2, deep: true, kind: "a" }, Object.create(null)].map(accepts)).not.toContain(false);
  const others = [new Map([["layers", 2]]), new Set(), [], ["a=1"], { layers: null }, { layers: [1] }, null];
  expect(others.map(accepts)).not.toContain(true);
});

test("a setting may be repeated, not contradicted", () => {
  const { parse, accepts } = pairs();
  expect(parse(["a=1", "b=x=y", "a=1"])).toEqual({ a: "1", b: "x=y" });
  expect(parse(["a=1", "b=2", "a=3"])).toBe("a=1, then a=3");
  expect(accepts(parse(["a=1", "a=3"]))).toBe(false);
});

test("whole numbers are taken as they are and as they are typed", () => {
  const opset = oneNumber(17, 18);
  expect([17, "18", opset.parse(["17"])].map(opset.accepts)).not.toContain(false);
  expect([19, "16", "017", 17.5, null].map(opset.accepts)).not.toContain(true);
  const widths = sizes();
  expect([[192, 96], ["192", 96], widths.parse(["192, 96", "8"])].map(widths.accepts)).not.toContain(false);
  const others = [[0], ["1.5"], [1.5], ["0x8"], [true], [[8]], [], 192, [100_000], [Number.NaN]];
  expect(others.map(widths.accepts)).not.toContain(true);
});

test("a path has no NUL, which no system takes; a text to be read may have one, and be empty", () => {
  expect(text("folder").accepts("a\0b")).toBe(false);
  expect([["a"], ["a", "b\0"], [""], []].map(paths("path").accepts)).toEqual([true, false, false, false]);
  const given = [["a\0b", "", ["a", ""]], [["a"]], ["a", 1], []];
  expect(given.map(textsOrPairs("text").accepts)).toEqual([true, false, false, false]);
});
