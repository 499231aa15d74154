import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tinyModel, written } from "../../test/support/tiny-model.ts";
import { methodById } from "../methods/registry.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS } from "../options/training.ts";
import { rowsFor, withMethod } from "./ask.ts";
import { choose } from "./choose.ts";
import { FIGURES, type Figures } from "./figures.ts";

const SHARED = { tasks: ["sst2"], runs: 1, faster: 2, longer: 2 };
const MADE: Figures = {
  model: "six",
  layers: 6,
  whole: 0.4,
  rows: [
    { ...SHARED, label: "Theseus, 3 layers", method: "theseus", set: { layers: "3" }, drop: 1, size: 0.5 },
    {
      ...SHARED,
      label: "zeros",
      method: "magnitude",
      set: {},
      sparsity: 0.9,
      drop: 2,
      size: 0.2,
    },
  ],
};

test.each(["rmse", "mae", "loss"])(
  "a drop in points has no meaning for %s, and is refused",
  async (metric) => {
    await expect(withMethod(given({ metric, maxDrop: 2 }), {}, MADE)).rejects.toMatchObject({
      name: "ConfigError",
      code: "choice/points",
      message: `metric: expected one that is told in points of 100 beside --max-drop, got ${metric}, an error`,
    });
  },
);

test("half of six layers is half of twelve; of an odd number there is no half", () => {
  expect(rowsFor(12, MADE).map(({ label, set }) => [label, set.layers])).toEqual([
    ["Theseus, 6 layers", "6"],
    ["zeros", undefined],
  ]);
  expect(rowsFor(5, MADE).map(({ label }) => label)).toEqual(["zeros"]);
});

const given = (more: Readonly<Record<string, unknown>>) =>
  resolveOptions(COMPRESS, { model: "m", data: "d", out: "o", ...more });

test("a named method is left as it is, and the aims leave the settings", async () => {
  const { settings, text } = await withMethod(given({ method: "snip" }), {}, MADE);
  expect([settings.method, text]).toEqual(["snip", undefined]);
});

test("without one the recommendation's settings are taken, and what was typed stays", async () => {
  const model = await written(tinyModel());
  const chosen = await withMethod(given({ model, maxDrop: 3 }), {}, MADE);
  expect(chosen.settings).toMatchObject({ method: "magnitude", sparsity: 0.9 });
  expect(chosen.settings).not.toHaveProperty("maxDrop");
  expect(chosen).toMatchObject({
    longer: 2,
    aims: { maxDrop: 3 },
    text: expect.stringContaining("zeros (20 %"),
  });
  const typed = { model, learningRate: 7e-5, targetSize: 0.5, maxDrop: 1 };
  const kept = await withMethod(given(typed), {}, MADE);
  expect(kept.settings).toMatchObject({ method: "theseus", set: { layers: "1" }, learningRate: 7e-5 });
});

test.each([
  [{ method: "snip", maxDrop: 1 }, "maxDrop: expected it without method, got both"],
  [{ sparsity: 0.5 }, "sparsity: expected it with method, got it alone"],
  [{ set: { layers: 3 } }, "set: expected it with method, got it alone"],
])("%o is refused", (more, message) => {
  expect(() => given(more)).toThrow(message);
});

test("the rows that ship are of one model, and each says what it stands on", () => {
  expect(FIGURES.layers).toBeGreaterThan(1);
  for (const row of FIGURES.rows) {
    // What is chosen trains at its method's own rate, as its row did.
    expect(methodById(row.method, row).learningRate).toBe(row.learningRate);
    expect(row.runs).toBeGreaterThan(0);
    expect(row.size).toBeGreaterThan(0);
    expect(row.faster).toBeGreaterThan(0);
  }
});

test("what the README asks for as an example is what some method comes to", () => {
  const text = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
  const numberAfter = (word: string): number => {
    const [, found = ""] = new RegExp(`${word}:? (\\d[\\d.]*)`).exec(text) ?? [];
    expect(found).not.toBe("");
    return Number(found);
  };
  const rows = rowsFor(6);
  expect(choose({ maxDrop: numberAfter("maxDrop") }, rows).label).toBeTruthy();
  expect(choose({ maxDrop: numberAfter("--max-drop") }, rows).label).toBeTruthy();
  expect(choose({ targetSize: numberAfter("targetSize") }, rows).label).toBeTruthy();
  expect(choose({ targetSpeed: numberAfter("targetSpeed") }, rows).label).toBeTruthy();
});
