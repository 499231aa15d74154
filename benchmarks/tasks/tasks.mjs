/**
 * Labels of words and several labels of a text, fine-tuned here and by a peer with the same recipe: scores over seeds, side by
 * side.
 *
 *   node benchmarks/tasks/generate.mjs /tmp/tasks
 *   npm run build && node benchmarks/tasks/tasks.mjs MODEL /tmp/tasks [--peer PYTHON] [--tasks entities,topics]
 *       [--seeds 3] [--epochs 3] [--learning-rate 1e-4] [--threads 2]
 *
 * PYTHON is an interpreter with torch, transformers, seqeval and scikit-learn (peer.py). The model after the last step counts.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { finetune } from "../../dist/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: "string" },
    tasks: { type: "string", default: "entities,topics" },
    seeds: { type: "string", default: "3" },
    epochs: { type: "string", default: "3" },
    "learning-rate": { type: "string", default: "1e-4" },
    threads: { type: "string", default: "2" },
  },
});
const [model, data] = positionals;
if (model === undefined || data === undefined)
  throw new TypeError("tasks: expected MODEL and the folder of generate.mjs");
const { seeds, epochs, threads } = values;
const rate = values["learning-rate"];

const TASKS = [
  { name: "entities", file: "conll", options: { tokens: true }, metric: "entity F1" },
  { name: "topics", file: "jsonl", options: { multiLabel: true }, metric: "micro F1" },
];

/** @param {(typeof TASKS)[number]} task @param {number} seed */
async function ours({ name, file, options }, seed) {
  const folder = join(data ?? "", name);
  const { metric } = await finetune({
    model: model ?? "",
    ...options,
    data: join(folder, `train.${file}`),
    validation: join(folder, `dev.${file}`),
    out: join(mkdtempSync(join(tmpdir(), "espalier-tasks-")), "run"),
    epochs: Number(epochs),
    learningRate: Number(rate),
    threads: Number(threads),
    evalEvery: 1_000_000,
    bucket: false, // as the peer: batches of like length cost 1.5 points of these short texts out of 14 patterns
    latency: false,
    report: false,
    seed,
  });
  return metric.after;
}

/** @param {string} python @param {string} task @param {number} seed */
function theirs(python, task, seed) {
  const script = fileURLToPath(new URL("./peer.py", import.meta.url));
  const words = [
    script,
    model ?? "",
    task,
    data ?? "",
    "--epochs",
    epochs,
    "--lr",
    rate,
    "--seed",
    `${seed}`,
    "--threads",
    threads,
  ];
  const { score } = JSON.parse(
    execFileSync(python, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );
  return Number(score);
}

/** @param {readonly number[]} scores */
function told(scores) {
  const mean = scores.reduce((sum, x) => sum + x, 0) / scores.length;
  const deviation = Math.sqrt(
    scores.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, scores.length - 1),
  );
  return `${(100 * mean).toFixed(2)} ± ${(100 * deviation).toFixed(2)} (${scores.map((x) => (100 * x).toFixed(2)).join(", ")})`;
}

for (const task of TASKS.filter(({ name }) => values.tasks.split(",").includes(name))) {
  const own = [];
  const peer = [];
  for (let seed = 0; seed < Number(seeds); seed++) {
    own.push(await ours(task, seed));
    if (values.peer !== undefined) peer.push(theirs(values.peer, task.name, seed));
  }
  console.log(
    `${task.name}, ${task.metric}: Espalier ${told(own)}${peer.length > 0 ? `; peer ${told(peer)}` : ""}`,
  );
}
