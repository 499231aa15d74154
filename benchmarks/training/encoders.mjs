/**
 * Time of a training step of every architecture beside BERT of the same shape, in turn.
 *
 *   npm run build && node benchmarks/training/encoders.mjs [--hidden 256 --layers 4 --tokens 128 --batch 16 --steps 9]
 *
 * Random weights and pieces, plain fine-tuning of a classifier with dropout, one thread. ModernBERT's neurons are two
 * thirds of the others': its feed-forward module has three matrices. Prints a line for each: the lower quartile of a step
 * in milliseconds, and its ratio to BERT's.
 */

import { parseArgs } from "node:util";
import { keyOf, randint } from "../../dist/base/random.js";
import { parseConfig } from "../../dist/bert/config.js";
import { Engine } from "../../dist/engine/engine.js";
import { methodById } from "../../dist/methods/registry.js";
import { initialNetwork } from "../../dist/network/network.js";
import { ADAMW } from "../../dist/train/adamw.js";
import { Trainer } from "../../dist/train/trainer.js";

const { values } = parseArgs({
  options: {
    hidden: { type: "string", default: "256" },
    layers: { type: "string", default: "4" },
    tokens: { type: "string", default: "128" },
    batch: { type: "string", default: "16" },
    steps: { type: "string", default: "9" },
  },
});
const [D, L, T, B] = [values.hidden, values.layers, values.tokens, values.batch].map(Number);
const VOCABULARY = 2000;
const RATE = 1e-4;

/** Settings under both spellings of a key, so that one record serves all. */
const SIZES = {
  ...{ vocab_size: VOCABULARY, max_position_embeddings: T + 2, pad_token_id: 0, type_vocab_size: 2 },
  ...{ hidden_size: D, num_hidden_layers: L, num_attention_heads: D / 64, intermediate_size: 4 * D },
  ...{ dim: D, n_layers: L, n_heads: D / 64, hidden_dim: 4 * D, embedding_size: D / 2 },
  ...{ hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.1, hidden_act: "gelu" },
};
const MODERN = {
  ...{ intermediate_size: Math.round((8 / 3) * D), attention_dropout: 0.1, mlp_dropout: 0.1 },
  embedding_dropout: 0.1,
};
const TYPES = {
  ...{ bert: {}, distilbert: {}, roberta: { type_vocab_size: 1 }, electra: {}, mpnet: {}, albert: {} },
  modernbert: MODERN,
};

/** @type {import("../../dist/bert/config.js").Head} */
const head = { kind: "classification", labels: ["a", "b"] };
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const vocabulary = {
  vocab: Array.from({ length: VOCABULARY }, (_, i) => special[i] ?? `piece${i}`),
  ...{ lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: T },
};
const batch = {
  ...{ size: B, length: T, types: new Int32Array(B * T), mask: new Float32Array(B * T).fill(1) },
  ids: Int32Array.from({ length: B * T }, (_, i) => 5 + randint(keyOf(4), VOCABULARY - 5, i)),
  labels: Int32Array.from({ length: B }, (_, i) => i % 2),
};

async function open(type, own) {
  const config = parseConfig({ ...SIZES, ...own, model_type: type }, type);
  const network = initialNetwork(config, head, vocabulary, keyOf(1));
  const method = methodById("finetune", { set: {} }).bind(network, { steps: 100, key: keyOf(2) });
  const engine = new Engine({ threads: 1 });
  const trainer = await Trainer.open(engine, { method, adamw: ADAMW, clip: 1, key: keyOf(3) });
  await trainer.step([batch], RATE); // compiles
  return { type, engine, trainer, times: [] };
}

const runs = [];
for (const [type, own] of Object.entries(TYPES)) runs.push(await open(type, own));
for (let step = 0; step < Number(values.steps); step++) {
  for (const { trainer, times } of runs) {
    const start = performance.now();
    await trainer.step([batch], RATE);
    await trainer.settled();
    times.push(performance.now() - start);
  }
}
const quartile = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 4)];
const base = quartile(runs[0].times);
for (const { type, engine, times } of runs) {
  console.log(
    `${type.padEnd(11)} ${quartile(times).toFixed(0).padStart(6)} ms   ${(quartile(times) / base).toFixed(2)}`,
  );
  await engine.close();
}
