/**
 * Makes what the search page shows: a sentence encoder in a packed file, sentences, and their vectors by that very file.
 *
 *   node examples/search/make.mjs MODEL OUT [TEXTS.txt]
 *
 * MODEL is a run of `espalier compress --embedding`, a folder or a model of the hub. The encoder computes in 8 bits, unless
 * most of its weights are zeros. Without TEXTS.txt, one text a line, the project's own sentences are searched.
 * Writes model.esp, sentences.json and vectors.bin into OUT. One to two minutes for all-MiniLM-L6-v2 on two cores.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exportModel } from "../../dist/index.js";
import { load } from "../../dist/runtime/load.js";
import { linesOf, projectSentences } from "./sentences.mjs";
import { filesOf } from "./vectors.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Questions to click, to which the project's own documents have answers. */
const QUESTIONS = [
  "Is a GPU faster?",
  "texts that are too long",
  "damaged files",
  "How are words split into pieces?",
];

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Above this share of weights left, 8 bits are smaller and faster than leaving the zeros out. */
const DENSE = 0.5;

/** Writes the packed file: with its zeros left out, or in 8 bits where it has few. */
async function writeModel(model, out) {
  const file = join(out, "model.esp");
  const options = /** @type {const} */ ({ model, to: "esp", tables: "int8", out: file, force: true });
  const packed = await exportModel(options);
  const { report, close } = await load(file, { path: "sparse" });
  await close();
  if (report.density <= DENSE) return { file, bytes: packed.bytes.raw, arithmetic: "float32" };
  const { bytes } = await exportModel({ ...options, quantize: true });
  return { file, bytes: bytes.raw, arithmetic: "8 bits" };
}

/** The lines of a file, or what the project says of itself. */
async function readSentences(path) {
  return path === undefined ? projectSentences(ROOT) : linesOf(await readFile(path, "utf8"), basename(path));
}

/** Vectors of all sentences, a few at a time, so that it can be said how far they are. */
async function embedAll(file, texts) {
  const model = await load(file, { threads: 2 });
  const vectors = [];
  for (let from = 0; from < texts.length; from += 250) {
    vectors.push(...(await model.embed(texts.slice(from, from + 250))));
    console.log(`  ${vectors.length} of ${texts.length} sentences`);
  }
  await model.close();
  return vectors;
}

/** All of it, in order. */
async function make(model, out, path) {
  await mkdir(out, { recursive: true });
  const sentences = await readSentences(path);
  if (sentences.length === 0) {
    throw new Error(`texts: expected one a line, got none (${path})`);
  }
  console.log(`1 of 2: packing ${model}`);
  const { file, bytes, arithmetic } = await writeModel(model, out);
  console.log("2 of 2: vectors of the sentences");
  const vectors = await embedAll(
    file,
    sentences.map(({ text }) => text),
  );
  const name = model.startsWith("hf:") ? model.slice(3) : basename(model);
  const source = path === undefined ? "the documents and sources of Espalier" : basename(path);
  const about = { model: name, bytes, arithmetic, source };
  const examples = path === undefined ? QUESTIONS : [];
  const files = filesOf({ about, examples, sentences }, vectors);
  for (const [to, content] of Object.entries(files)) await writeFile(join(out, to), content);
  console.log(
    `wrote ${file} (${megabytes(bytes)}, ${arithmetic}), vectors.bin and sentences.json beside it: ` +
      `${sentences.length.toLocaleString("en")} sentences, their vectors ${megabytes(files["vectors.bin"].length)}`,
  );
}

const [model, out, path] = process.argv.slice(2);
if (model === undefined || out === undefined) {
  console.error("expected MODEL and OUT: a sentence encoder, and the folder to write to");
  process.exit(2);
}
await make(model, out, path).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
