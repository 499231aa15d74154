// What rate and how many epochs serve few rows: fine-tunes one model on parts of GLUE's training sets.
//
//   npm run build && node benchmarks/training/small-data.mjs MODEL GLUE OUT.jsonl [--rows 200,600,2000]
//     [--tasks sst2,mrpc] [--rates 5e-5,1e-4,2e-4] [--epochs 3,10] [--seeds 2] [--warmup 0.1]
//
// One line of OUT.jsonl for each run, with the dev set's metric after the last step: to choose the best epoch on the set
// that judges would flatter short runs. Lines that are there are not run again, so it can be stopped and called once more.

import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fold, keyOf } from "../../dist/base/random.js";
import { bind } from "../../dist/contract/method.js";
import { encodeDataset } from "../../dist/data/batches.js";
import { measureOf } from "../../dist/data/dataset.js";
import { readGlue } from "../../dist/data/glue.js";
import { FINETUNE } from "../../dist/methods/finetune.js";
import { readFolder } from "../../dist/network/folder.js";
import { withHeadFor } from "../../dist/runs/head.js";
import { runTraining } from "../../dist/runs/training.js";
import { createTokenizer } from "../../dist/text/tokenizer.js";

/** @param {string} fallback */
const text = (fallback) => ({ type: /** @type {const} */ ("string"), default: fallback });
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: text("200,600,2000"),
    tasks: text("sst2,mrpc"),
    rates: text("5e-5,1e-4,2e-4"),
    epochs: text("3,10"),
    seeds: text("2"),
    warmup: text("0.1"),
  },
});
const [model, glue, out] = positionals;
const numbers = (list) => list.split(",").map(Number);
const known = new Set(
  existsSync(out)
    ? readFileSync(out, "utf8")
        .trim()
        .split("\n")
        .map((l) => JSON.parse(l).id)
    : [],
);
const network = await readFolder(model);
const tokenizer = createTokenizer(network.vocabulary);

/** So many examples, evenly spread from an offset that the seed gives. */
function part(dataset, rows, seed) {
  const stride = Math.floor(dataset.examples.length / rows);
  const offset = (seed * 7) % stride;
  return {
    ...dataset,
    examples: Array.from({ length: rows }, (_, i) => dataset.examples[i * stride + offset]),
  };
}

async function trainOnce(task, rows, settings) {
  const length = task === "sst2" ? 64 : 128;
  const { seed } = settings;
  const train = part(await readGlue(task, glue, "train"), rows, seed);
  const dev = await readGlue(task, glue, "dev");
  const folder = mkdtempSync(join(tmpdir(), "small-"));
  const headed = withHeadFor(network, train, seed);
  let loss = 0,
    steps = 0;
  const { last } = await runTraining({
    method: (steps) => bind(FINETUNE, headed, {}, { steps, key: fold(keyOf(seed), "method") }),
    data: encodeDataset(train, tokenizer, length),
    dev: encodeDataset(dev, tokenizer, length),
    measure: measureOf(dev),
    settings: {
      batchSize: 32,
      weightDecay: 0.01,
      clip: 1,
      accumulate: 1,
      evalEvery: 1e6,
      bucket: true,
      allowConstant: true,
      threads: 1,
      device: "cpu",
      ...settings,
    },
    run: {
      paths: { checkpoints: folder },
      resumed: folder,
      record: (e) => {
        if (e.kind === "step") {
          steps = e.total;
          loss = e.loss;
        }
      },
      context: {},
    },
  });
  rmSync(folder, { recursive: true });
  return { accuracy: last.metrics.accuracy ?? Number.NaN, steps, loss };
}

for (const rows of numbers(values.rows))
  for (let seed = 0; seed < Number(values.seeds); seed++)
    for (const epochs of numbers(values.epochs))
      for (const learningRate of numbers(values.rates))
        for (const task of String(values.tasks).split(",")) {
          const id = [task, rows, epochs, learningRate, values.warmup, seed].join(" ");
          if (known.has(id)) continue;
          const started = performance.now();
          const found = await trainOnce(task, rows, {
            epochs,
            learningRate,
            warmup: Number(values.warmup),
            seed,
          });
          const seconds = Math.round((performance.now() - started) / 1000);
          appendFileSync(
            out,
            `${JSON.stringify({ id, task, rows, epochs, learningRate, warmup: Number(values.warmup), seed, ...found, seconds })}\n`,
          );
          console.log(id, found.accuracy.toFixed(4), found.steps, seconds);
        }
