/** A folder of `espalier quantize` in transformers.js, as its users load one: by the folder's name and `dtype: "q8"`. */

import { writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { predict } from "../../src/commands/predict.ts";
import { quantize } from "../../src/commands/quantize.ts";
import { newFolder, tinyModel, WORDS, written } from "../support/tiny-model.ts";

const TEXTS = WORDS.flatMap((word, i) => [word, `${word} ${WORDS[(3 * i + 1) % WORDS.length]}`]);

/** Probabilities of the first class by transformers.js; undefined where it is not there. */
async function probabilities(folder: string): Promise<number[] | undefined> {
  const library = await import("@huggingface/transformers").catch(() => undefined);
  if (library === undefined) return undefined;
  Object.assign(library.env, { allowRemoteModels: false, localModelPath: dirname(folder) });
  const classify = await library.pipeline("text-classification", basename(folder), { dtype: "q8" });
  const said: number[] = [];
  for (const text of TEXTS) {
    const answers = await classify(text, { top_k: 2 });
    const [negative] = answers.flat().filter(({ label }) => label === "negative");
    said.push(negative?.score ?? Number.NaN);
  }
  await classify.dispose();
  return said;
}

test("transformers.js answers from the QDQ file within 0.05 of what the model's 8 bits compute", async (context) => {
  const model = await written(tinyModel());
  const { predictions } = await predict({ model, texts: TEXTS, threads: 1 });
  const data = join(await newFolder(), "data.csv");
  await writeFile(
    data,
    ["text,label", ...predictions.map(({ text, label }) => `${text},${label}`)].join("\n"),
  );
  const out = join(await newFolder(), "int8");
  await quantize({ model, data, validation: data, out, threads: 1, maxDrop: 100, latency: false });
  const theirs = await probabilities(out);
  if (theirs === undefined) return context.skip();
  const ours = await predict({ model: out, texts: TEXTS, threads: 1 });
  ours.predictions.forEach(({ scores: [negative = Number.NaN] }, i) => {
    expect(Math.abs((theirs[i] ?? Number.NaN) - negative)).toBeLessThan(0.05);
  });
});
