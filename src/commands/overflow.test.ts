/** Finite weights whose sums are not: an error wherever texts are labelled, and never a label. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { requireEntry } from "../base/present.ts";
import { floatTensor } from "../base/tensor.ts";
import type { Network } from "../network/network.ts";
import { load as open } from "../runs/text-model.ts";
import { load } from "../runtime/load.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { evaluate } from "./evaluate.ts";
import { predict } from "./predict.ts";

const TEXTS = ["good film", "bad film", "a very dull plot"];

/** One tensor at the end of what float32 holds, with its own signs. */
function strained(name: string): Network {
  const network = tinyModel();
  const { shape, data } = requireEntry(network.tensors, name, "tensor");
  const large = data.map((w) => (w < 0 ? -3e38 : 3e38));
  return { ...network, tensors: new Map(network.tensors).set(name, floatTensor(shape, large)) };
}

/** Each way to label texts. */
async function waysWith(network: Network): Promise<Map<string, () => Promise<unknown>>> {
  const model = await written(network);
  const data = join(await newFolder(), "dev.csv");
  await writeFile(
    data,
    `text,label\n${TEXTS.map((text, i) => `${text},${i % 2 ? "positive" : "negative"}`).join("\n")}\n`,
  );
  const packed = await encodeEsp(network, { values: "float32" });
  const inRuntime = async (path: "sparse" | "dense") => {
    const runtime = await load(packed, { path });
    return runtime.classify(TEXTS).finally(() => runtime.close());
  };
  const inProgram = async () => {
    const classifier = await open(model);
    return classifier.classify(TEXTS).finally(() => classifier.close());
  };
  return new Map<string, () => Promise<unknown>>([
    ["predict", () => predict({ model, texts: TEXTS })],
    ["evaluate", () => evaluate({ model, data })],
    ["load", inProgram],
    ["runtime, sparse", () => inRuntime("sparse")],
    ["runtime, dense", () => inRuntime("dense")],
  ]);
}

const LAYER = "bert.encoder.layer";

test.each([
  ["bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm"],
  ["bert.embeddings.position_embeddings.weight", "bert.embeddings.LayerNorm"],
  ["bert.embeddings.LayerNorm.weight", `${LAYER}.0.attention.output.LayerNorm`],
  [`${LAYER}.0.attention.self.value.weight`, `${LAYER}.0.attention.output.LayerNorm`],
  [`${LAYER}.0.attention.output.dense.bias`, `${LAYER}.0.attention.output.LayerNorm`],
  [`${LAYER}.1.intermediate.dense.weight`, `${LAYER}.1.output.LayerNorm`],
  [`${LAYER}.1.output.dense.weight`, `${LAYER}.1.output.LayerNorm`],
])("%s at 3e38 is refused when it is read, by the name of %s", async (name, module) => {
  for (const [way, label] of await waysWith(strained(name))) {
    await expect(label(), way).rejects.toMatchObject({
      name: "FormatError",
      code: expect.stringMatching(/^(folder|esp)\/overflow$/),
      message: expect.stringContaining(module),
    });
  }
});

test("a head at 3e38 ends in an error that names the first text and the cause", async () => {
  for (const [way, label] of await waysWith(strained("classifier.weight"))) {
    await expect(label(), way).rejects.toMatchObject({
      name: "RunError",
      code: expect.stringMatching(/^(predict|metrics)\/finite$/),
      message: expect.stringMatching(/\((text|example) 1\); .*float32/),
    });
  }
});
