/**
 * Makes what the example page shows: the embedded model, fine-tuned on the embedded reviews, then pruned to a tenth of its
 * encoder while it learns from itself. Two to five minutes on two cores; a finished run is not made again.
 *
 *   node examples/browser/make.mjs OUT.esp
 *
 * Writes the packed file, the same network as OUT.onnx for the comparison, and about.json, which says what it knows. The
 * reviews are generated and say nothing about real ones.
 */

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { compress, exportModel, finetune } from "../../dist/index.js";
import { aboutReviews, percent } from "./about.mjs";

const SPARSITY = 0.9;
const EPOCHS = 8;
const TASK = {
  model: "embedded",
  data: "embedded:sentiment",
  threads: 2,
  latency: false,
  force: true,
  maxLength: 64,
  epochs: EPOCHS,
  learningRate: 3e-4,
};

/** Prints phases, and how good the model is after each epoch. */
function report(event) {
  if (event.kind === "phase") console.log(`  ${event.name} …`);
  if (event.kind === "evaluation" && event.step > 0) {
    console.log(`    step ${event.step}: accuracy ${percent(event.metrics.accuracy)}`);
  }
}

/** Both runs, unless they are there. @returns the result of the second */
async function train(full, sparse) {
  const result = join(sparse, "result.json");
  if (existsSync(result)) {
    console.log(`taking the finished run ${sparse}`);
    return JSON.parse(await readFile(result, "utf8"));
  }
  console.log(`1 of 2: fine-tuning the embedded model on generated reviews, in ${full}`);
  await finetune({ ...TASK, out: full }, { report });
  console.log(`2 of 2: pruning it to a tenth of its encoder, in ${sparse}`);
  const method = { method: "sparsebert", sparsity: SPARSITY, set: { block: "2x1" } };
  return compress({ ...TASK, ...method, finetuned: full, out: sparse }, { report });
}

const [out] = process.argv.slice(2);
if (out === undefined || !out.endsWith(".esp")) {
  console.error(`out: expected a path for the .esp file, got ${out ?? "none"}`);
  process.exit(2);
}
const [folder, onnx] = [dirname(out), join(dirname(out), `${parse(out).name}.onnx`)];
const model = join(folder, "sparse-run");
const { metric } = await train(join(folder, "full-run"), model);
const packed = await exportModel({ model, to: "esp", out, force: true });
const dense = await exportModel({ model, to: "onnx", out: onnx, force: true });
await writeFile(
  join(folder, "about.json"),
  `${JSON.stringify(aboutReviews({ metric, sparsity: SPARSITY, epochs: EPOCHS, bytes: packed.bytes.raw }), undefined, 2)}\n`,
);
const megabytes = ({ bytes }) => `${(bytes.raw / 1e6).toFixed(1)} MB`;
console.log(`wrote ${out} (${megabytes(packed)}), ${onnx} (${megabytes(dense)}) and about.json beside them`);
console.log(`accuracy ${percent(metric.before)} before pruning, ${percent(metric.after)} after`);
