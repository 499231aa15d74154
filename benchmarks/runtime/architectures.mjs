/**
 * A pass of the runtime through every architecture, beside a BERT of the same shape: how much longer it takes.
 *
 *   npm run build && node benchmarks/runtime/architectures.mjs [--tokens 128] [--sparsity 0.9] [--rounds 15]
 *
 * 6 layers × 384 with 6 heads and 1,536 neurons, made-up weights, one thread. Processor time is counted, and all take turns
 * in one process, so that whatever else the machine does falls on all alike; told are the median of the ratios to BERT's turn of the same round,
 * and the ratio of the shortest turns, which a busy machine disturbs least. A gated module has three matrices where others
 * have two: ModernBERT gets two thirds of the neurons, the same weights. ALBERT gets the GELU of the others, by erf; with
 * its own, by tanh, it took 7 to 9 % more processor time than BERT at 90 % zeros.
 */

import { parseArgs } from "node:util";
import { floatTensor } from "../../dist/base/tensor.js";
import { parseConfig } from "../../dist/bert/config.js";
import { parameters } from "../../dist/bert/names.js";
import { compileKernels } from "../../dist/runtime/module.js";
import { measureRates } from "../../dist/runtime/rates.js";
import { Arena } from "../../dist/sparse/arena.js";
import { writeBatch } from "../../dist/sparse/batch.js";
import { forward } from "../../dist/sparse/forward.js";
import { kernelsOf } from "../../dist/sparse/kernels.js";
import { packMatrix } from "../../dist/sparse/matrix.js";
import { placeModel } from "../../dist/sparse/model.js";

const { values } = parseArgs({
  options: {
    tokens: { type: "string", default: "128" },
    sparsity: { type: "string", default: "0.9" },
    rounds: { type: "string", default: "15" },
  },
});
const [tokens, sparsity, rounds] = [values.tokens, values.sparsity, values.rounds].map(Number);

const SIZES = { vocab_size: 1000, hidden_size: 384, num_hidden_layers: 6, num_attention_heads: 6 };
const USUAL = { ...SIZES, intermediate_size: 1536, max_position_embeddings: 514 };
const DISTIL = { vocab_size: 1000, dim: 384, n_layers: 6, n_heads: 6, hidden_dim: 1536 };
const CONFIGS = {
  bert: USUAL,
  distilbert: { ...DISTIL, max_position_embeddings: 514 },
  roberta: { ...USUAL, type_vocab_size: 1, pad_token_id: 1 },
  electra: { ...USUAL, embedding_size: 128 },
  mpnet: { ...USUAL, pad_token_id: 1 },
  albert: { ...USUAL, embedding_size: 128, hidden_act: "gelu" },
  modernbert: { ...USUAL, intermediate_size: 1024, max_position_embeddings: 8192, pad_token_id: 0 },
};

let state = 1;
function draw() {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

/** A network whose encoder keeps blocks of 4 × 1, scattered. */
function networkOf(config, head) {
  const tensors = [...parameters(config, head)].map(([name, shape]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (draw() - 0.5) / 10);
    const [rows, columns] = shape;
    if (!/^bert\.encoder\.layer.*\.weight$/.test(name) || columns === undefined)
      return /** @type {const} */ ([
        name,
        floatTensor(shape, name.includes("LayerNorm.weight") ? data.fill(1) : data),
      ]);
    for (let r = 0; r < rows; r += 4)
      for (let c = 0; c < columns; c++)
        if (draw() < sparsity) for (let i = r; i < r + 4; i++) data[i * columns + c] = 0;
    const matrix = floatTensor(shape, data);
    return /** @type {const} */ ([name, sparsity > 0 ? packMatrix(matrix, "4x1") : matrix]);
  });
  return { config, head, tensors: new Map(tensors) };
}

const compiled = await compileKernels(false);
const trial = new Arena(false);
const rates = measureRates(kernelsOf(compiled, trial.memory), trial, compiled.dot);
const head = { kind: "classification", labels: ["no", "yes"] };
const contenders = Object.entries(CONFIGS).map(([type, json]) => {
  const arena = new Arena(false);
  const network = networkOf(parseConfig({ ...json, model_type: type }, type), head);
  const model = placeModel(arena, network, { rates, threads: 1 });
  const ids = Uint32Array.from({ length: tokens }, () => 5 + Math.floor(draw() * 900));
  writeBatch(arena.memory, model, [{ ids, types: new Uint32Array(tokens) }]);
  const kernels = kernelsOf(compiled, arena.memory);
  const pass = () => forward({ kernels, memory: arena.memory, model, thread: 0, threads: 1, meet: () => {} });
  return { type, pass, times: [] };
});

function timeOf(pass) {
  const start = process.cpuUsage();
  pass();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

for (const { pass } of contenders) pass();
for (let round = 0; round < rounds; round++)
  for (const each of contenders)
    each.times.push(Math.min(...Array.from({ length: 3 }, () => timeOf(each.pass))));
const [bert] = contenders;
console.log(`${tokens} tokens, ${sparsity * 100} % zeros, ${rounds} rounds, Node ${process.versions.node}`);
for (const { type, times } of contenders) {
  const ratio = median(times.map((time, i) => time / bert.times[i]));
  const least = Math.min(...times);
  const [first, second] = [ratio, least / Math.min(...bert.times)].map((x) => `× ${x.toFixed(3)}`);
  console.log(`${type.padEnd(12)} least ${least.toFixed(2).padStart(7)} ms  ${second}  median ${first}`);
}
