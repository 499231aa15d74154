/**
 * What a packed sentence encoder is worth: Spearman of the cosines of STS-B's development pairs with people's scores, and
 * how far its vectors are from another file's.
 *
 *   npm run build && node benchmarks/models/embeddings.mjs FILE.esp [--against OTHER.esp] --data GLUE [--threads 2]
 *       [--path sparse] [--json]
 *
 * Both files run in the sparse runtime. Cosines between the two are those of the vectors of one sentence, over all 3,000.
 */

import { parseArgs } from "node:util";
import { classOf } from "../../dist/data/dataset.js";
import { readGlue } from "../../dist/data/glue.js";
import { spearman } from "../../dist/data/judging/metrics.js";
import { load } from "../../dist/runtime/load.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    against: { type: "string" },
    data: { type: "string" },
    threads: { type: "string", default: "1" },
    path: { type: "string", default: "sparse" },
    json: { type: "boolean", default: false },
  },
});
const [file] = positionals;
if (!file || !values.data) throw new TypeError("embeddings: expected FILE.esp and --data GLUE");
const path = values.path === "dense" ? "dense" : "sparse";

/** @type {(a: Float32Array, b: Float32Array) => number} */
const product = (a, b) => a.reduce((sum, x, i) => sum + x * (b[i] ?? Number.NaN), 0);
/** @type {(a: Float32Array, b: Float32Array) => number} */
const cosine = (a, b) => product(a, b) / Math.sqrt(product(a, a) * product(b, b));

const { examples } = await readGlue("stsb", values.data, "dev");
const truth = examples.map(classOf);
const sentences = [...examples.map(({ text }) => text), ...examples.map(({ pair = "" }) => pair)];

/** @param {string} name */
async function judge(name) {
  const model = await load(name, { threads: Number(values.threads), path });
  const start = performance.now();
  const vectors = await model.embed(sentences);
  const seconds = (performance.now() - start) / 1000;
  const { kernels } = model.report;
  await model.close();
  const cosines = examples.map((_, i) => cosine(vectors[i], vectors[i + examples.length]));
  return { file: name, spearman: 100 * spearman(cosines, truth), seconds, kernels, vectors };
}

const judged = [await judge(file)];
if (values.against) judged.push(await judge(values.against));
const [one, other] = judged;
const between = other && one.vectors.map((vector, i) => cosine(vector, other.vectors[i]));
const agreement = between && {
  smallest: Math.min(...between),
  mean: between.reduce((sum, x) => sum + x, 0) / between.length,
};
const rows = judged.map(({ vectors: _, ...row }) => row);
if (values.json) console.log(JSON.stringify({ sentences: sentences.length, rows, agreement }));
else {
  for (const { file: name, spearman: rank, seconds, kernels } of rows)
    console.log(
      `${name}: Spearman ${rank.toFixed(2)}, ${(sentences.length / seconds).toFixed(0)} sentences a second, ${JSON.stringify(kernels)}`,
    );
  if (agreement)
    console.log(
      `cosine of the two: smallest ${agreement.smallest.toFixed(5)}, mean ${agreement.mean.toFixed(5)}`,
    );
}
