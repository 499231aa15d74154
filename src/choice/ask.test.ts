import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tinyModel, written } from "../../test/support/tiny-model.ts";
import { methodById } from "../methods/registry.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS } from "../options/training.ts";
import { rowsFor, withMethod } from "./ask.ts";
import { choose, FINE_TUNING } from "./choose.ts";
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
  const rows = MADE.rows.map((row) => ({ ...row, label: `${row.label}, in 8 bits` }));
  expect(rowsFor(4, { ...MADE, rows })[0]?.label).toBe("Theseus, 2 layers, in 8 bits");
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

test("a row in 8 bits asks for them, and who asks for them is given such a row where one fits", async () => {
  const model = await written(tinyModel());
  const eight = { ...SHARED, method: "snip", set: {}, drop: 0.5, size: 0.3, quantized: 2 };
  const rows = [...MADE.rows, { ...eight, quantize: true as const, label: "SNIP, in 8 bits" }];
  const figures = { ...MADE, rows };
  const small = await withMethod(given({ model, targetSize: 0.4 }), {}, figures);
  expect(small.settings).toMatchObject({ method: "snip", quantize: true });
  expect(small.text).toContain("SNIP, in 8 bits (30 %");
  expect(small.text).toContain("on sst2, 1 run, 8 bits in 2 of them or of other tasks;");
  const smaller = await withMethod(given({ model, targetSize: 0.25 }), {}, figures);
  expect(smaller.settings).toMatchObject({ method: "magnitude", quantize: false });
  const both = await withMethod(given({ model, targetSize: 0.25, quantize: true }), {}, figures);
  expect(both.settings).toMatchObject({ method: "magnitude", quantize: true });
  const eightFirst = await withMethod(given({ model, maxDrop: 2, quantize: true }), {}, figures);
  expect(eightFirst.settings).toMatchObject({ method: "snip", quantize: true });
});

test("fine-tuning alone is taken where there is something to fine-tune", async () => {
  const model = await written(tinyModel());
  const dense = {
    ...SHARED,
    label: "fine-tuned, in 8 bits",
    method: FINE_TUNING,
    set: {},
    drop: 0,
    size: 0.2,
  };
  const figures = { ...MADE, rows: [...MADE.rows, { ...dense, quantize: true as const, quantized: 4 }] };
  const whole = await withMethod(given({ model }), {}, figures);
  expect([whole.alone, whole.settings.quantize]).toEqual([true, true]);
  const named = await withMethod(given({ model, method: FINE_TUNING }), {}, figures);
  expect(named.alone).toBeUndefined();
  const taught = await withMethod(given({ model, finetuned: "it" }), {}, figures);
  expect(taught.settings.method).toBe("magnitude");
  const vectors = await withMethod(given({ model, embedding: true }), {}, figures);
  expect(vectors.settings.method).toBe("magnitude");
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
    if (row.method !== FINE_TUNING) expect(methodById(row.method, row).learningRate).toBe(row.learningRate);
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
