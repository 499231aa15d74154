/**
 * `espalier augment`: the training examples of a task and many copies of each with some words replaced, in one file.
 *
 * What is replaced by what: data/augment.ts and commands/augment-candidates.ts. Finding candidates is what takes time; they are
 * kept beside the file (data/augment-cache.ts).
 */

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError, InterruptedError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { fold, keyOf } from "../base/random.ts";
import { augmentExamples, type Replaceable } from "../data/augment.ts";
import { type CandidateCache, cachePath, openCandidateCache } from "../data/augment-cache.ts";
import { readLines } from "../data/corpus.ts";
import type { Dataset, Example } from "../data/dataset.ts";
import { Engine } from "../engine/engine.ts";
import { withFile, writeFileAtomic } from "../formats/files.ts";
import { hashFiles } from "../measure/machine.ts";
import type { Network } from "../network/network.ts";
import { resolveOptions } from "../options/schema.ts";
import { AUGMENT, type AugmentOptions, type AugmentSettings } from "../options/training.ts";
import { readTraining } from "../runs/data.ts";
import { trainingLength } from "../runs/length.ts";
import { type LoadedModel, loadModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import { claimFile } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { type NearWords, nearByWords, readVectors } from "../text/neighbours.ts";
import type { AugmentResult } from "./answers.ts";
import { openProposer } from "./augment-candidates.ts";

/** Texts whose candidates are found and saved together: enough to batch texts of like length. */
const CHUNK = 128;
/** Lines written at once. */
const LINES = 1000;

/**
 * Writes a JSON lines file with every training example and its copies: columns `text`, `text_pair` of pairs, `label`.
 *
 * @throws {ConfigError} for options that do not fit; `augment/exists`; `augment/tokens` for labels of words; `masked/head` for a model that cannot fill in words
 * @throws {InputError} for data, word vectors or a model that cannot be read
 * @throws {InterruptedError} `augment/interrupted`, candidates saved and the same call goes on; `augment/stopped` before
 * @example await augment({ model: "embedded", task: "mrpc", data: "glue", out: "mrpc.jsonl" });
 */
export async function augment(options: AugmentOptions, context: RunContext = {}): Promise<AugmentResult> {
  const given = resolveOptions(AUGMENT, options);
  return perform("augment", context, () => augmentTo(given, context));
}

async function augmentTo(given: AugmentSettings, context: RunContext): Promise<AugmentResult> {
  const started = performance.now();
  refuseExisting(given);
  await using _place = await claimFile(given.out);
  const model = await loadModel(given.model, context);
  const settings = { ...given, maxLength: trainingLength(model.network, given.maxLength, context) };
  const dataset = await readTraining(settings, context);
  if (dataset.task === "tokens") {
    const message = `data: expected labels of whole texts, got labels of words, which copies would not keep (${dataset.name})`;
    throw new ConfigError("augment/tokens", message);
  }
  for (const text of dataset.notes ?? []) context.report?.({ kind: "note", text });
  context.report?.({ kind: "start", title: `augmenting ${dataset.name} with ${model.name}` });
  const cache = await openCache(model, settings);
  const texts = textsOf(dataset);
  const missing = texts.filter((text) => cache.get(text) === undefined);
  if (missing.length > 0) await fill(cache, missing, model.network, settings, context);
  context.report?.({ kind: "phase", name: "writing copies" });
  const stop = (): void => stopIfAsked(context, texts.length, texts.length);
  const written = await write(dataset, (text) => requireEntry(cache, text, "candidates of"), settings, stop);
  const seconds = (performance.now() - started) / 1000;
  context.report?.({ kind: "done", seconds });
  return {
    model: model.name,
    data: dataset.name,
    path: settings.out,
    examples: dataset.examples.length,
    written,
    texts: texts.length,
    proposed: missing.length,
    seconds,
  };
}

/** The settings with the length that was decided. */
type Settled = AugmentSettings & { readonly maxLength: number };

/** @throws {ConfigError} `augment/exists` */
function refuseExisting({ out, force }: AugmentSettings): void {
  if (force || !existsSync(out)) return;
  throw new ConfigError(
    "augment/exists",
    `out: expected a file that is not there yet, got ${out}; replace it with --force`,
  );
}

/** Every text of a data set once, in the order of the examples. */
function textsOf({ examples }: Dataset): string[] {
  const all = examples.flatMap(({ text, pair }) => (pair === undefined ? [text] : [text, pair]));
  return [...new Set(all)];
}

async function openCache({ path }: LoadedModel, settings: Settled): Promise<CandidateCache> {
  const { glove, candidates, context, maxLength, out } = settings;
  const files = [...(await hashFiles(path)), ...(glove === undefined ? [] : await hashFiles(glove))];
  const hashes = files.map(({ sha256 }) => sha256);
  return openCandidateCache(cachePath(dirname(out), { version: 1, hashes, candidates, context, maxLength }));
}

/** Finds the candidates of texts that are not in the cache. */
async function fill(
  cache: CandidateCache,
  texts: readonly string[],
  network: Network,
  settings: Settled,
  context: RunContext,
): Promise<void> {
  context.report?.({ kind: "phase", name: "finding candidates" });
  const near =
    settings.glove === undefined ? undefined : await nearByFile(settings.glove, settings.candidates);
  const engine = new Engine({ threads: settings.threads, provider: settings.device });
  try {
    const propose = await openProposer(engine, network, settings, near);
    for (let done = 0; done < texts.length; done += CHUNK) {
      stopIfAsked(context, done, texts.length);
      const chunk = texts.slice(done, done + CHUNK);
      await cache.add(chunk, await propose(chunk));
      context.report?.({ kind: "count", what: "texts", done: done + chunk.length, total: texts.length });
    }
  } finally {
    await engine.close();
  }
}

function nearByFile(path: string, count: number): Promise<NearWords> {
  return withFile(path, async (source) => nearByWords(await readVectors(readLines(source), path), count));
}

/** @throws {InterruptedError} `augment/interrupted` */
function stopIfAsked({ signal }: RunContext, done: number, total: number): void {
  if (!signal?.aborted) return;
  const message = `stopped after ${done} of ${total} texts, whose candidates are saved; the same command goes on`;
  throw new InterruptedError("augment/interrupted", message);
}

/** Writes examples and copies; returns how many. `stop` may end it between some lines and the next. */
async function write(
  dataset: Dataset,
  words: (text: string) => readonly Replaceable[],
  { out, copies, rate, seed }: AugmentSettings,
  stop: () => void,
): Promise<number> {
  let written = 0;
  const encoder = new TextEncoder();
  const parts = function* (): Generator<Uint8Array> {
    let lines: string[] = [];
    const rules = { copies, rate, key: fold(keyOf(seed), "augment") };
    for (const example of augmentExamples(dataset.examples, words, rules)) {
      written++;
      lines.push(`${lineOf(example, dataset)}\n`);
      if (lines.length < LINES) continue;
      stop();
      yield encoder.encode(lines.join(""));
      lines = [];
    }
    yield encoder.encode(lines.join(""));
  };
  await writeFileAtomic(out, parts());
  return written;
}

function lineOf({ text, pair, label }: Example, { task, labels }: Dataset): string {
  const nameOf = (one: number): string => labels[one] ?? String(one);
  const said = typeof label !== "number" ? label.map(nameOf) : task === "regression" ? label : nameOf(label);
  return JSON.stringify({ text, ...(pair === undefined ? {} : { text_pair: pair }), label: said });
}
