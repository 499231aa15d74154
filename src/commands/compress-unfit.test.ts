import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { METHODS, type MethodId } from "../methods/registry.ts";
import { compress } from "./compress.ts";

/** For each method a setting that no model or not this one of two layers can take; `{}` for one without settings. */
const UNFIT: Readonly<Record<MethodId, Readonly<Record<string, string>>>> = {
  "adapting-by-pruning": { sparsity: "1" },
  distil: { layers: "9" },
  distilbert: { layers: "9" },
  features: { head: "sideways" },
  finetune: {},
  "head-gates": { ratio: "1" },
  "head-importance": { ratio: "1" },
  l0: { sparsity: "1" },
  layerdrop: { layers: "9" },
  lottery: { rounds: "100" },
  magnitude: { block: "3" },
  movement: { sparsity: "1" },
  pkd: { layers: "9" },
  "quantization-aware": { alpha: "1" },
  random: { block: "3" },
  snip: { ratio: "1" },
  sparsebert: { sparsity: "1" },
  theseus: { layers: "4" },
  tinybert: { layers: "9" },
  truncate: { layers: "9" },
};

async function options() {
  const folder = await newFolder();
  const data = join(folder, "train.csv");
  const rows = Array.from({ length: 60 }, (_, i) => (i % 2 ? "a good film,1" : "a bad film,0"));
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  const model = await written(tinyModel());
  return { model, data, out: join(folder, "run"), maxLength: 16, epochs: 3, threads: 1, latency: false };
}

const SETTABLE = Object.keys(METHODS).filter((id) => id !== "finetune");

test("every method that can be set has a setting that does not fit", () => {
  const without = Object.entries(UNFIT).filter(([, set]) => Object.keys(set).length === 0);
  expect(without.map(([id]) => id)).toEqual(["finetune"]);
  expect(SETTABLE).toHaveLength(without.length + Object.keys(UNFIT).length - 2);
});

test.each(SETTABLE)(
  "%s: a setting that does not fit is refused before anything is trained or written",
  async (id) => {
    const given = await options();
    const events: string[] = [];
    const set = Object.entries(UNFIT).find(([known]) => known === id)?.[1] ?? {};
    const run = compress({ ...given, method: id, set }, { report: ({ kind }) => events.push(kind) });
    await expect(run).rejects.toThrow(expect.objectContaining({ name: "ConfigError" }));
    expect({ events, made: existsSync(given.out) }).toEqual({ events: [], made: false });
  },
);

test("with a fine-tuned model of other depth it is that one which settings are held to", async () => {
  const given = {
    ...(await options()),
    finetuned: await written(tinyModel({ kind: "classification", labels: ["0", "1"] })),
  };
  const run = compress({ ...given, method: "theseus", set: { layers: "3" } });
  await expect(run).rejects.toThrow("to divide the predecessor's 2 (1), got 3");
});
