/**
 * Whether a run's exported model says the same elsewhere: every dev example of a GLUE task through our own classifier,
 * through stock ONNX Runtime on model.onnx, and through the pipeline of @huggingface/transformers.
 *
 *   npm run bench:agreement -- RUN --task sst2 --data DIR
 *
 * Prints how many labels agree and the largest difference of a probability; exits 1 when a label differs.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { env, pipeline } from "@huggingface/transformers";
import * as ort from "onnxruntime-node";
import { encodeDataset, evalBatches, inExampleOrder } from "../../dist/data/batches.js";
import { readGlue } from "../../dist/data/glue.js";
import { exportModel, load } from "../../dist/index.js";
import { createTokenizer } from "../../dist/text/tokenizer.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { task: { type: "string", default: "sst2" }, data: { type: "string" } },
});
const [run] = positionals;
const dev = await readGlue(
  /** @type {import("../../dist/data/glue.js").GlueTask} */ (values.task),
  values.data,
  "dev",
);
/** @type {import("../../dist/network/predictions.js").Text[]} */
const texts = dev.examples.map(({ text, pair }) => (pair === undefined ? text : [text, pair]));

const classifier = await load(run, { threads: 2, maxLength: 128 });
const ours = await classifier.classify(texts);
const { head } = classifier.network;
if (head.kind !== "classification") throw new TypeError("agreement: expected a classifier");
const { labels } = head;

/** Softmax of each row. */
function probabilities(logits, classes) {
  return Array.from({ length: logits.length / classes }, (_, i) => {
    const row = [...logits.subarray(i * classes, (i + 1) * classes)];
    const top = Math.max(...row);
    const raised = row.map((x) => Math.exp(x - top));
    const sum = raised.reduce((a, b) => a + b, 0);
    return raised.map((x) => x / sum);
  });
}

async function stock(file) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 2 });
  const set = encodeDataset(dev, createTokenizer(classifier.network.vocabulary), 128);
  const parts = [];
  for (const batch of evalBatches(set, 32)) {
    const shape = [batch.size, batch.length];
    const long = (data) => new ort.Tensor("int64", BigInt64Array.from(data, BigInt), shape);
    const feeds = {
      input_ids: long(batch.ids),
      token_type_ids: long(batch.types),
      attention_mask: long(batch.mask),
    };
    const { logits } = await session.run(feeds);
    parts.push({ batch, rows: logits.data });
  }
  return probabilities(inExampleOrder(parts), labels.length);
}

async function transformers(folder) {
  env.allowRemoteModels = false;
  env.localModelPath = folder.slice(0, -basename(folder).length);
  const classify = await pipeline("text-classification", basename(folder), { dtype: "fp32" });
  const found = [];
  for (const text of texts) {
    if (typeof text !== "string") throw new TypeError("agreement: expected single texts, got a pair");
    const scores = await classify(text, { top_k: null });
    found.push(labels.map((label) => scores.find((each) => each.label === label)?.score ?? Number.NaN));
  }
  return found;
}

function compare(name, theirs) {
  let [same, worst] = [0, 0];
  theirs.forEach((row, i) => {
    const label = labels[row.indexOf(Math.max(...row))];
    if (label === ours[i].label) same++;
    row.forEach((p, c) => {
      worst = Math.max(worst, Math.abs(p - ours[i].scores[c]));
    });
  });
  console.log(
    `${name}: ${same} of ${ours.length} labels agree, probabilities within ${worst.toExponential(1)}`,
  );
  if (same !== ours.length || !(worst < 1e-4)) process.exitCode = 1;
}

const folder = mkdtempSync(join(tmpdir(), "espalier-agreement-"));
try {
  await exportModel({ model: run, to: "onnx", out: join(folder, "model") });
  compare("ONNX Runtime", await stock(join(run, "model.onnx")));
  if (texts.every((text) => typeof text === "string")) {
    compare("transformers.js", await transformers(join(folder, "model")));
  } else console.log("transformers.js: skipped, its pipeline takes no pairs of texts");
} finally {
  await classifier.close();
  rmSync(folder, { recursive: true, force: true });
}
