/**
 * Time per step of every method against plain fine-tuning of the same model on the same real batches, in turn.
 *
 *   node benchmarks/training/methods.mjs MODEL --task sst2 --data DIR [--steps 60 --run 2000 --threads 1 --only id,id]
 *
 * Each method runs with its defaults, the first `--steps` steps of a run of `--run`. What is done on the host between
 * steps counts, compilation does not: the steps are made once before they are timed. Prints one JSON line per method:
 * milliseconds per step of both (means, since steps differ) and their ratio.
 */

import { parseArgs } from "node:util";
import { keyOf } from "../../dist/base/random.js";
import { encodeDataset, trainBatches } from "../../dist/data/batches.js";
import { readGlue } from "../../dist/data/glue.js";
import { Engine } from "../../dist/engine/engine.js";
import { METHODS, methodById } from "../../dist/methods/registry.js";
import { readFolder } from "../../dist/network/folder.js";
import { withHead } from "../../dist/network/network.js";
import { createTokenizer } from "../../dist/text/tokenizer.js";
import { ADAMW } from "../../dist/train/adamw.js";
import { Trainer } from "../../dist/train/trainer.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    task: { type: "string", default: "sst2" },
    data: { type: "string" },
    steps: { type: "string", default: "60" },
    run: { type: "string", default: "2000" },
    threads: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const steps = Number(values.steps);
const RATE = 1e-4;
const dataset = await readGlue(
  /** @type {import("../../dist/data/glue.js").GlueTask} */ (values.task),
  values.data,
  "train",
);
const base = await readFolder(positionals[0]);
/** @type {import("../../dist/bert/config.js").Head} */
const head = { kind: "classification", labels: dataset.labels };
const network = withHead(base, head, keyOf(0));
const limited = { ...dataset, examples: dataset.examples.slice(0, 32 * steps) };
const set = encodeDataset(limited, createTokenizer(network.vocabulary), 128);
const batches = [...trainBatches(set, { batchSize: 32, key: keyOf(1), epoch: 0, bucket: true })];

async function open(id) {
  const engine = new Engine({ threads: Number(values.threads), maxSessions: 70 });
  const facts = {
    steps: Number(values.run),
    key: keyOf(2),
    learningRate: RATE,
    pretrained: network,
    finetuned: network,
  };
  const start = async () => {
    const method = methodById(id, { set: {} }).bind(network, facts);
    return Trainer.open(engine, { method, adamw: ADAMW, clip: 1, key: keyOf(3) });
  };
  return { engine, start };
}

/** Milliseconds of each step of two runs, which take turns step by step. */
async function inTurn(runs) {
  const trainers = [];
  for (const { start } of runs) trainers.push(await start());
  const times = runs.map(() => []);
  for (const batch of batches) {
    for (const [i, trainer] of trainers.entries()) {
      const from = performance.now();
      await trainer.step([batch], RATE);
      await trainer.settled();
      times[i].push(performance.now() - from);
    }
  }
  return times;
}

const mean = (times) => times.reduce((a, b) => a + b, 0) / times.length;
for (const id of values.only?.split(",") ?? Object.keys(METHODS)) {
  const runs = [await open("finetune"), await open(id)];
  try {
    await inTurn(runs);
    const [plain, method] = (await inTurn(runs)).map(mean);
    console.log(
      JSON.stringify({
        method: id,
        ms: +method.toFixed(1),
        finetune_ms: +plain.toFixed(1),
        ratio: +(method / plain).toFixed(2),
      }),
    );
  } catch (error) {
    console.log(JSON.stringify({ method: id, failed: error.message }));
  }
  for (const { engine } of runs) await engine.close();
}
