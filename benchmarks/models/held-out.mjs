/**
 * Masked-language-model loss on the part of a text that `pretrain` holds out, by length and by place in the sequence.
 *
 *   npm run build && node benchmarks/models/held-out.mjs CORPUS MODEL… [--lengths 64,128] [--band 32]
 *
 * The text is read with each model's own vocabulary. It is held out only for a model that `pretrain` made of this very
 * file, and two models' losses can be compared only when they have the same pieces.
 */

import { parseArgs } from "node:util";
import { planBatches, splitStream } from "../../dist/commands/pretrain-data.js";
import { readArticles, textLines, tokenizeArticles } from "../../dist/data/corpus.js";
import { Engine } from "../../dist/engine/engine.js";
import { openNetwork } from "../../dist/network/inference.js";
import { resolveOptions } from "../../dist/options/schema.js";
import { PRETRAIN } from "../../dist/options/training.js";
import { loadModel } from "../../dist/runs/models.js";
import { createTokenizer } from "../../dist/text/tokenizer.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { lengths: { type: "string", default: "64,128" }, band: { type: "string", default: "32" } },
});
const [corpus, ...models] = positionals;
const lengths = values.lengths.split(",").map(Number);
const band = Number(values.band);
const engine = new Engine({ threads: 1 });
console.log(`| model | length | pieces | loss | by places of ${band} |\n|---|---|---|---|---|`);
for (const model of models) {
  const { network } = await loadModel(model);
  const inference = await openNetwork(engine, network);
  const tokenizer = createTokenizer(network.vocabulary);
  const stream = await tokenizeArticles(readArticles(textLines(corpus)), tokenizer);
  for (const length of lengths) {
    const settings = resolveOptions(PRETRAIN, { corpus, out: "none", maxLength: length, steps: 1 });
    const read = {
      vocabulary: network.vocabulary,
      special: tokenizer.special,
      ...splitStream(stream, length),
    };
    const bands = await lossesByPlace(
      inference,
      planBatches(read, settings).heldOut,
      network.config.vocabSize,
    );
    const pieces = bands.reduce((sum, { count }) => sum + count, 0);
    const loss = bands.reduce((sum, { total }) => sum + total, 0) / pieces;
    const parts = bands.map(({ total, count }) => (total / count).toFixed(2)).join(", ");
    console.log(`| ${model} | ${length} | ${pieces} | ${loss.toFixed(3)} | ${parts} |`);
  }
}
await engine.close();

/** Sum and number of the losses, band after band. */
async function lossesByPlace(inference, batches, vocabSize) {
  const bands = [];
  for (const batch of batches) {
    const logits = await inference.logits(batch);
    for (const [i, position] of batch.positions.entries()) {
      const at = Math.floor((position % batch.length) / band);
      bands[at] ??= { total: 0, count: 0 };
      bands[at].total += crossEntropy(
        logits.subarray(position * vocabSize, (position + 1) * vocabSize),
        batch.labels[i],
      );
      bands[at].count++;
    }
  }
  return bands;
}

/** −log softmax(row)[target]. */
function crossEntropy(row, target) {
  const most = row.reduce((a, b) => Math.max(a, b));
  const total = row.reduce((sum, x) => sum + Math.exp(x - most), 0);
  return most + Math.log(total) - row[target];
}
