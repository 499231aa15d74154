/**
 * Vectors of a sentence encoder, beside those of transformers.js's feature-extraction pipeline on the exported model.
 *
 * No text here is cut: of one that is too long transformers.js 4.3.1 drops the [SEP] at the end, and every other reader
 * keeps it.
 */

import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { exportModel } from "../../src/commands/export.ts";
import type { Network } from "../../src/network/network.ts";
import { load as loadModel } from "../../src/runs/text-model.ts";
import { load } from "../../src/runtime/load.ts";
import { sharedPath } from "../support/shared.ts";
import { newFolder, TINY_CONFIG, tinyModel, written } from "../support/tiny-model.ts";

const library = await import("@huggingface/transformers").catch(() => undefined);
if (library === undefined)
  console.warn("vectors: skipped, because @huggingface/transformers is not installed");

type Mode = "mean" | "cls";

/** Vectors of a folder in the layout of transformers.js. */
async function theirs(folder: string, texts: readonly string[], pooling: Mode): Promise<Float32Array[]> {
  if (library === undefined) throw new Error("vectors: expected transformers.js");
  Object.assign(library.env, { allowRemoteModels: false, localModelPath: dirname(folder) });
  const extract = await library.pipeline("feature-extraction", basename(folder), { dtype: "fp32" });
  const vectors: Float32Array[] = [];
  // One text at a time: a batch would be padded.
  for (const text of texts) {
    const { data } = await extract(text, { pooling, normalize: true });
    vectors.push(Float32Array.from(data, Number));
  }
  await extract.dispose();
  return vectors;
}

function cosine(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  const of = (x: Float32Array, y: Float32Array) =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? Number.NaN), 0);
  return of(a, b) / Math.sqrt(of(a, a) * of(b, b));
}

/** Holds our vectors, from the folder and from the packed file, to the peer's. */
async function expectSame(model: string, texts: readonly string[], mode: Mode): Promise<void> {
  const [folder, file] = [join(await newFolder(), "web"), join(await newFolder(), "model.esp")];
  await exportModel({ model, to: "onnx", out: folder, threads: 1 });
  await exportModel({ model, to: "esp", values: "float32", out: file, threads: 1 });
  const peer = await theirs(folder, texts, mode);
  const [packed, whole] = [await load(file, { threads: 1, path: "sparse" }), await loadModel(folder)];
  try {
    expect([packed.pooling, whole.pooling]).toEqual([
      { mode, normalize: true },
      { mode, normalize: true },
    ]);
    for (const vectors of [await packed.embed(texts), await whole.embed(texts)])
      vectors.forEach((vector, i) => {
        expect(cosine(vector, peer[i] ?? new Float32Array())).toBeGreaterThan(0.9999);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      });
  } finally {
    await packed.close();
    await whole.close();
  }
}

describe.skipIf(library === undefined)("transformers.js", () => {
  test.each(["mean", "cls"] as const)("a small encoder by %s: cosine above 0.9999", async (mode) => {
    const network: Network = tinyModel({ kind: "none", pooling: { mode, normalize: true } }, TINY_CONFIG);
    const texts = ["a good film", "bad", "the plot very dull not bright", "very ".repeat(20)];
    await expectSame(await written(network), texts, mode);
  });

  const minilm = sharedPath("models", "all-MiniLM-L6-v2");
  test.skipIf(minilm === undefined)(
    "all-MiniLM-L6-v2 by its own files: cosine above 0.9999 (needs ESPALIER_SHARED)",
    async () => {
      const texts = ["A man with a hard hat is dancing.", "naïve café, 你好", "word ".repeat(200)];
      await expectSame(minilm ?? "", texts, "mean");
    },
    120_000,
  );
});
