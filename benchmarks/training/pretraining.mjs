/**
 * Held-out loss by step with and without a start from counts (`--ppmi`), everything else the same.
 *
 *   npm run build && node benchmarks/training/pretraining.mjs CORPUS OUT [--steps 1000] [--every 100] [--threads 1]
 *
 * Leaves two runs, OUT/counts and OUT/random, and prints a table. The learning rate falls to 0 at the last step.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pretrain } from "../../dist/commands/pretrain.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "1000" },
    every: { type: "string", default: "100" },
    threads: { type: "string", default: "1" },
  },
});
const [corpus, out] = positionals;
const settings = {
  corpus,
  steps: Number(values.steps),
  evalEvery: Number(values.every),
  threads: Number(values.threads),
  maxLength: 64, // one length throughout: what is compared is the start
  force: true,
};
await pretrain({ ...settings, ppmi: true, out: join(out, "counts") });
await pretrain({ ...settings, ppmi: false, out: join(out, "random") });
const [counts, random] = ["counts", "random"].map((name) => curve(join(out, name, "metrics.jsonl")));
console.log("| step | from counts | random |\n|---|---|---|");
for (const [step, loss] of counts)
  console.log(`| ${step} | ${loss.toFixed(3)} | ${random.get(step)?.toFixed(3)} |`);

/** Loss by step. */
function curve(path) {
  const events = readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return new Map(
    events.filter(({ kind }) => kind === "evaluation").map(({ step, metrics }) => [step, metrics.loss]),
  );
}
