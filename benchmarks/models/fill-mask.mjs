/**
 * What a masked language model puts into a gap: the five likeliest pieces with their probabilities, a line per gap.
 *
 *   node benchmarks/models/fill-mask.mjs MODEL "the capital of france is [MASK] ." …
 *
 * MODEL is what every command takes. A sanity check for pre-training, not a measure of quality.
 */

import { Engine } from "../../dist/engine/engine.js";
import { openNetwork } from "../../dist/network/inference.js";
import { loadModel } from "../../dist/runs/models.js";
import { createTokenizer } from "../../dist/text/tokenizer.js";

const [model = "embedded", ...texts] = process.argv.slice(2);
const { network } = await loadModel(model);
const tokenizer = createTokenizer(network.vocabulary);
const { cls, sep, mask } = tokenizer.special;
const engine = new Engine({ threads: 1 });
const inference = await openNetwork(engine, network);
for (const text of texts) {
  const parts = text.split("[MASK]").map((part) => [...tokenizer.pieces(part)]);
  const ids = Int32Array.of(cls, ...parts.flatMap((part, i) => (i === 0 ? part : [mask, ...part])), sep);
  const length = ids.length;
  const batch = {
    size: 1,
    length,
    ids,
    types: new Int32Array(length),
    mask: new Float32Array(length).fill(1),
  };
  const logits = await inference.logits(batch);
  const { vocabSize } = network.config;
  console.log(text);
  for (const [at, id] of ids.entries()) {
    if (id === mask) console.log(`  ${likeliest(logits.subarray(at * vocabSize, (at + 1) * vocabSize))}`);
  }
}
await engine.close();

/** "piece 0.42, other 0.13, …" */
function likeliest(row) {
  const most = row.reduce((a, b) => Math.max(a, b));
  const shares = row.map((x) => Math.exp(x - most));
  const total = shares.reduce((a, b) => a + b);
  const order = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, 5);
  return order.map((id) => `${network.vocabulary.vocab[id]} ${(shares[id] / total).toFixed(2)}`).join(", ");
}
