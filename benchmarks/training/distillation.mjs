/**
 * Time of one step of distillation with the teacher's answers kept, and with a pass of the teacher in every step.
 *
 *   npm run bench:distillation -- MODEL --data DIR [--layers 3 --batch 32 --examples 1280 --threads 1]
 *
 * Student and teacher are MODEL with a new head, on SST-2's first examples. Both ways train in turn on the same batches,
 * after an epoch in which the one has seen them all. Prints the medians in milliseconds.
 */

import { parseArgs } from "node:util";
import { keyOf } from "../../dist/base/random.js";
import { encodeDataset, trainBatches } from "../../dist/data/batches.js";
import { readGlue } from "../../dist/data/glue.js";
import { Engine } from "../../dist/engine/engine.js";
import { methodById } from "../../dist/methods/registry.js";
import { readFolder } from "../../dist/network/folder.js";
import { withHead } from "../../dist/network/network.js";
import { createTokenizer } from "../../dist/text/tokenizer.js";
import { ADAMW } from "../../dist/train/adamw.js";
import { Trainer } from "../../dist/train/trainer.js";
import { median } from "../shapes.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    layers: { type: "string", default: "3" },
    batch: { type: "string", default: "32" },
    examples: { type: "string", default: "1280" },
    threads: { type: "string", default: "1" },
  },
});
const key = keyOf(0);
/** @type {import("../../dist/bert/config.js").Head} */
const head = { kind: "classification", labels: ["negative", "positive"] };
const network = withHead(await readFolder(positionals[0]), head, key);
const train = await readGlue("sst2", values.data, "train");
const some = { ...train, examples: train.examples.slice(0, Number(values.examples)) };
const set = encodeDataset(some, createTokenizer(network.vocabulary), 128);
const batches = [...trainBatches(set, { batchSize: Number(values.batch), key, epoch: 0, bucket: true })];

async function open() {
  const engine = new Engine({ threads: Number(values.threads) });
  const facts = { steps: 1000, key, finetuned: network };
  const method = methodById("distil", { set: { layers: values.layers } }).bind(network, facts);
  return { engine, trainer: await Trainer.open(engine, { method, adamw: ADAMW, clip: 1, key }) };
}

/** Milliseconds of a step, the optimizer's work included. */
async function timed(trainer, batch) {
  const start = performance.now();
  await trainer.step([batch], 1e-5);
  await trainer.settled();
  return performance.now() - start;
}

const [kept, anew] = [await open(), await open()];
for (const batch of batches) await kept.trainer.step([batch], 1e-5);
for (const batch of batches.slice(0, 3)) await anew.trainer.step([{ ...batch, indices: undefined }], 1e-5);
const times = { kept: [], anew: [] };
for (const batch of batches) {
  times.kept.push(await timed(kept.trainer, batch));
  times.anew.push(await timed(anew.trainer, { ...batch, indices: undefined }));
}
const tokens = batches.reduce((sum, { length }) => sum + length, 0) / batches.length;
console.log(
  `kept ${median(times.kept).toFixed(0)} ms, anew ${median(times.anew).toFixed(0)} ms, ${batches.length} batches of ${values.batch} x ${tokens.toFixed(1)} pieces`,
);
await kept.engine.close();
await anew.engine.close();
