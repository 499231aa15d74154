/**
 * Fine-tunes a small encoder, halves it with BERT-of-Theseus and asks the result about two sentences.
 *
 *   npm run build && node examples/classify.mjs [model] [folder] [examples]
 *
 * Without arguments it takes the model and the synthetic reviews that come with the package, and needs no network.
 * Four passes over the data show how it works; a model this small still misses many a negation.
 */

import { compress, finetune, load } from "espalier";

const [model = "embedded", folder = "runs/example", examples = "4000"] = process.argv.slice(2);

// Every option that is not given has the default that `espalier finetune --help` shows.
const training = {
  model,
  data: "embedded:sentiment",
  limit: Number(examples),
  maxLength: 64,
  epochs: 4,
  learningRate: 5e-4,
  seed: 1,
  threads: 1,
  force: true,
};

// What a run says while it works; without this it is silent.
const context = {
  report: (event) => {
    if (event.kind === "phase") console.log(`  ${event.name}`);
    if (event.kind === "evaluation") {
      console.log(`  after step ${event.step}: accuracy ${event.metrics.accuracy.toFixed(3)}`);
    }
  },
};

console.log("Fine-tuning");
const full = `${folder}/full`;
await finetune({ ...training, out: full }, context);

console.log("Compressing");
const half = `${folder}/half`;
const { verdict } = await compress(
  { ...training, out: half, finetuned: full, method: "theseus", set: { layers: "2" } },
  context,
);
console.log(`\n${verdict.text}\n`);

const classifier = await load(half);
const texts = [
  "a film to remember, and the acting is superb",
  "the plot is clumsy and the ending is dreadful",
];
for (const { text, label, score } of await classifier.classify(texts)) {
  console.log(`${label} ${score.toFixed(3)}  ${text}`);
}
await classifier.close();
