/**
 * Sizes of model.esp by part, beside the entropy bound, and the time to pack and unpack it (src/sparse/esp/).
 *
 *   node benchmarks/runtime/esp.mjs [--model FOLDER] [--sparsity 0.95] [--block 1 | 2x1 | 4x1 | 1x4 | 4x4] [--pieces 30522] [--runs 3]
 *
 * Without a model: a classifier of BERT-base's shape with normal weights, whose encoder was pruned by magnitude, matrix by
 * matrix, in blocks (a block's magnitude is the sum of its weights'). Weights are taken from a pool of four
 * million draws at different places: the coder knows frequencies only, so repetition far apart does not help it. Its words
 * are those of the embedded model, and made up beyond them. Times are processor time, the least of the runs: what else the
 * machine does hardly counts.
 */

import { parseArgs } from "node:util";
import { fillBelow, rankedBlocks } from "../../dist/base/blocks.js";
import { keyOf, normals, randint } from "../../dist/base/random.js";
import { isEmbedding, parameters } from "../../dist/bert/names.js";
import { readFolder } from "../../dist/network/folder.js";
import { checkBlock } from "../../dist/parts/checks.js";
import { countKept } from "../../dist/parts/ramp.js";
import { espFigures } from "../../dist/sparse/esp/figures.js";
import { decodeTensor } from "../../dist/sparse/esp/matrices.js";
import { decodeEsp, encodeEsp, openEsp } from "../../dist/sparse/esp/model.js";
import { naturalBlock, packMatrix } from "../../dist/sparse/matrix.js";
import { BERT_BASE, configOf } from "../shapes.mjs";

const { values: options } = parseArgs({
  options: {
    model: { type: "string" },
    sparsity: { type: "string", default: "0.95" },
    block: { type: "string", default: "1" },
    pieces: { type: "string", default: "30522" },
    runs: { type: "string", default: "3" },
  },
});
const [sparsity, pieces, runs] = [options.sparsity, options.pieces, options.runs].map(Number);

const block = checkBlock("esp", options.block);
const POOL = normals(keyOf(1), 4_000_037, 0.04);

/** `length` draws from the pool. */
function draws(length, seed) {
  let at = randint(keyOf(seed), POOL.length);
  const data = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    data[i] = POOL[at++];
    if (at === POOL.length) at = 0;
  }
  return data;
}

/** Zeroes the blocks of least magnitude. */
function prune(data, shape) {
  const by = "magnitude";
  fillBelow([rankedBlocks(shape, data, block, by)], [data], countKept(data.length, sparsity), {
    by,
    fill: 0,
  });
}

async function bertBase() {
  const embedded = (await readFolder("assets/wiki-bert-4x160")).vocabulary;
  const vocab = Array.from({ length: pieces }, (_, i) => embedded.vocab[i] ?? `##${i.toString(36)}q`);
  const config = configOf({ ...BERT_BASE, vocab: pieces });
  /** @type {import("../../dist/bert/config.js").Head} */
  const head = { kind: "classification", labels: ["negative", "positive"] };
  const tensors = new Map();
  let seed = 0;
  for (const [name, shape] of parameters(config, head)) {
    const data = draws(
      shape.reduce((n, d) => n * d, 1),
      seed++,
    );
    if (name.startsWith("bert.encoder.") && shape.length === 2) prune(data, shape);
    tensors.set(name, { dtype: "float32", shape, data });
  }
  return { config, head, tensors, vocabulary: { ...embedded, vocab } };
}

/** Least processor time of `runs` in seconds, and the last result. */
async function timed(work) {
  let [best, result] = [Number.POSITIVE_INFINITY, undefined];
  for (let i = 0; i < runs; i++) {
    const start = process.cpuUsage();
    result = await work();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1e6);
  }
  return [best, result];
}

/** Decodes the sparse matrices alone. */
function readSparse(bytes) {
  const { directory, sections } = openEsp(bytes, "bench");
  [...directory.tensors].forEach(([name, storage], i) => {
    if (storage.block !== undefined) decodeTensor(sections[i], storage, () => {}, name, "bench");
  });
}

const PARTS = [
  ["encoder, sparse matrices", ({ name, storage }) => !isEmbedding(name) && storage.block !== undefined],
  [
    "encoder and head, dense matrices",
    ({ name, storage }) => !isEmbedding(name) && storage.block === undefined && storage.shape.length === 2,
  ],
  ["biases and LayerNorm", ({ storage }) => storage.shape.length === 1],
  ["embedding tables", ({ name, storage }) => isEmbedding(name) && storage.shape.length === 2],
];

function row(name, bytes, bound) {
  const beside = bound === undefined ? "" : `  bound ${(bound / 8e6).toFixed(3).padStart(7)} MB`;
  console.log(`  ${name.padEnd(34)} ${(bytes / 1e6).toFixed(3).padStart(7)} MB${beside}`);
}

function report(figures) {
  for (const [name, belongs] of PARTS) {
    const part = figures.tensors.filter(belongs);
    const sum = (pick) => part.reduce((n, tensor) => n + pick(tensor), 0);
    row(
      name,
      sum((t) => t.bytes),
      sum((t) => t.bound.positions + t.bound.values),
    );
    if (part[0]?.storage.block === undefined) continue;
    const stored = sum((t) => t.stored);
    const [places, numbers] = [sum((t) => t.bound.positions), sum((t) => t.bound.values)];
    console.log(
      `    of the bound: positions ${(places / 8e6).toFixed(3)} MB, numbers ${(numbers / 8e6).toFixed(3)} MB; ${stored} numbers stored`,
    );
  }
  row("vocabulary", figures.vocabulary);
  row("directory and head", figures.directory + figures.head);
  row("file", figures.bytes);
}

const network = options.model ? await readFolder(options.model) : await bertBase();
const matrices = [...network.tensors].filter(([name, { shape }]) => shape.length === 2 && !isEmbedding(name));
const [found] = await timed(() => matrices.map(([, matrix]) => naturalBlock(matrix)));
const [packing] = await timed(() => matrices.map(([, matrix]) => packMatrix(matrix, block)));
console.log(
  `${matrices.length} matrices: natural blocks found in ${found.toFixed(2)} s, packed in ${packing.toFixed(2)} s`,
);
/** @type {import("../../dist/sparse/esp/values.js").ValueKind[][]} */
const KINDS = [
  ["int8", "int8"],
  ["float16", "int8"],
  ["float16", "float16"],
  ["float32", "float32"],
];
for (const [values, tables] of KINDS) {
  const [written, bytes] = await timed(() => encodeEsp(network, { values, tables }));
  const [read] = await timed(() => decodeEsp(bytes));
  const [readOpened] = await timed(() => openEsp(bytes, "bench"));
  const [readMatrices] = await timed(() => readSparse(bytes));
  const times = [written, read, readMatrices - readOpened].map((time) => time.toFixed(2));
  console.log(
    `\nvalues ${values}, tables ${tables}: written in ${times[0]} s, read in ${times[1]} s, of it sparse matrices ${times[2]} s`,
  );
  report(await espFigures(bytes));
}
