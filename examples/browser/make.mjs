/**
 * Makes the example page's model: the embedded model, fine-tuned on the embedded reviews, pruned to a tenth of its encoder
 * while it learns from itself, and packed. About two minutes. The reviews are generated and say nothing about real ones.
 *
 *   node examples/browser/make.mjs OUT.esp
 */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { compress, exportModel, finetune } from "../../dist/index.js";

const [out] = process.argv.slice(2);
if (out === undefined) {
  console.error("out: expected a path for the .esp file, got none");
  process.exit(2);
}
const task = {
  model: "embedded",
  data: "embedded:sentiment",
  threads: 2,
  latency: false,
  force: true,
  maxLength: 64,
};
const [full, sparse] = ["full", "sparse"].map((name) => join(dirname(out), `${name}-run`));
if (!existsSync(out)) {
  const report = (event) => event.kind === "phase" && console.log(`${event.name} …`);
  await finetune({ ...task, epochs: 8, learningRate: 3e-4, out: full }, { report });
  const options = {
    ...task,
    finetuned: full,
    method: "sparsebert",
    sparsity: 0.9,
    epochs: 8,
    learningRate: 3e-4,
  };
  const { metric } = await compress({ ...options, set: { block: "2" }, out: sparse }, { report });
  const { bytes } = await exportModel({ model: sparse, to: "esp", out });
  console.log(`accuracy ${metric.before} before, ${metric.after} after; ${out} has ${bytes.raw} bytes`);
}
