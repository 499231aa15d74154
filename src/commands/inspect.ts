/** `espalier inspect`: what is in a model, part by part, without running it; or what is in data, before anything is trained on it. */

import { InputError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { factsOf, type Head } from "../bert/config.ts";
import { type EncodedSet, encodeDataset } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { Engine } from "../engine/engine.ts";
import { floorFolder, openFloor } from "../floor/folder.ts";
import { asText, floorLogits } from "../floor/model.ts";
import { type CountedTokens, type DataInspection, type LookedAt, lookAt } from "../look/look.ts";
import { foldedOpinion, type ModelLook, opinionOf } from "../look/opinion.ts";
import { wordsApart } from "../look/suspects.ts";
import { spreadOf } from "../look/texts.ts";
import { classColumns, reorderColumns } from "../measure/class-columns.ts";
import { type Answering, logitsOf } from "../measure/logits.ts";
import { headText, partsOf } from "../measure/parts.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { openNetwork } from "../network/inference.ts";
import { lengthFor } from "../network/length.ts";
import { countParameters, macs, type Network } from "../network/network.ts";
import { INSPECT, type InspectOptions, type InspectSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { type ReadSets, readCorpus, readSets } from "../runs/data.ts";
import { headFor, labellingOf } from "../runs/head.ts";
import { usualLength } from "../runs/length.ts";
import { type LoadedModel, loadModel, measureModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { InspectResult } from "./answers.ts";

/**
 * Counts a model's parameters and multiply-accumulates; or, with `data`, looks at labelled text.
 *
 * Of data: how its labels are spread, how long its texts are, what is blank, there twice, or in both splits, and which labels
 * are doubtful: by the model, where it was trained on such labels, else by linear models on words. A model counts tokens too.
 *
 * @throws {ConfigError} for options that do not fit, among them a length above the model's positions
 * @throws {InputError}, {FormatError} for a model or data that cannot be read; {InterruptedError} `inspect/stopped`
 * @example const { parts, parameters } = await inspect({ model: "hf:google/bert_uncased_L-4_H-256_A-4" });
 * @example const { findings } = await inspect({ data: "reviews.csv", model: "runs/reviews" });
 */
export function inspect(
  options: InspectOptions & { readonly data: string },
  context?: RunContext,
): Promise<DataInspection>;
export function inspect(
  options: InspectOptions & { readonly data?: undefined },
  context?: RunContext,
): Promise<InspectResult>;
export function inspect(
  options: InspectOptions,
  context?: RunContext,
): Promise<InspectResult | DataInspection>;
export async function inspect(
  options: InspectOptions,
  context: RunContext = {},
): Promise<InspectResult | DataInspection> {
  const settings = resolveOptions(INSPECT, options);
  const { model, data } = settings;
  const engine = model !== undefined && data !== undefined;
  return perform<InspectResult | DataInspection>(
    "inspect",
    context,
    async () => {
      const floor = model === undefined || data === undefined ? undefined : floorFolder(model);
      if (floor !== undefined && data !== undefined)
        return inspectWithFloor(floor, { ...settings, data }, context);
      const loaded = model === undefined ? undefined : await loadModel(model, context);
      if (data !== undefined) return inspectData({ ...settings, data }, loaded, context);
      if (loaded === undefined) throw new RangeError("inspect: expected a model or data, got neither");
      return inspectModel(loaded, settings.maxLength);
    },
    { engine },
  );
}

async function inspectModel(
  { network, name, path }: LoadedModel,
  maxLength: number | undefined,
): Promise<InspectResult> {
  const length = usualLength(network, maxLength);
  const { total, nonzero, embeddings } = countParameters(network);
  return {
    model: name,
    architecture: factsOf(network.config).type,
    head: headText(network.head),
    parts: partsOf(network, length),
    parameters: { total, nonzero, embeddings },
    bytes: await measureModel(path),
    maxLength: lengthFor(network),
    positions: network.config.maxPositions,
    length,
    multiplyAccumulates: macs(network.config, network.head, length),
  };
}

type DataSettings = InspectSettings & { readonly data: string };

async function inspectData(
  settings: DataSettings,
  loaded: LoadedModel | undefined,
  context: RunContext,
): Promise<DataInspection> {
  const trained = loaded !== undefined && answersLabels(loaded.network.head) ? loaded : undefined;
  const sets = await readLookedAt(settings, trained?.network.head, context);
  const reads = loaded && {
    tokenizer: tokenizerOf(loaded.network),
    length: lengthOf(loaded.network, settings.maxLength),
  };
  const model =
    trained && reads
      ? await askModel(trained, [sets.train, sets.dev], reads, settings, context)
      : await foldedOpinion(sets.train, sets.dev, context.signal);
  return lookAt(sets, { tokens: (set) => reads && countTokens(set, reads), model });
}

/** Data in place of a network: linear models have their own words, and cut nothing. */
async function inspectWithFloor(
  folder: string,
  settings: DataSettings,
  context: RunContext,
): Promise<DataInspection> {
  const { place, model } = await openFloor(folder, settings);
  const head = headFor(model);
  const sets = await readLookedAt(settings, head, context);
  const opinion = await opinionOf({ model: place.name, kind: "given" }, [sets.train, sets.dev], async (set) =>
    reorderColumns(floorLogits(model, set.examples.map(asText)), classColumns(head, set)),
  );
  return lookAt(sets, { tokens: () => undefined, model: opinion });
}

/** Both splits as they are, with the labels of a model where one is asked. */
async function readLookedAt(
  settings: DataSettings,
  head: Head | undefined,
  context: RunContext,
): Promise<LookedAt> {
  const like = head && labellingOf(head);
  const { train, dev, columns } = settings.embedding
    ? await readPlainTexts(settings, context)
    : await readSets({ ...settings, skipUnlabelled: true }, like, context);
  for (const text of new Set([...(train.notes ?? []), ...(dev?.notes ?? [])]))
    context.report?.({ kind: "note", text });
  if (train.examples.length === 0)
    throw new InputError("data/none", `data: expected rows to look at, got none (${train.name})`);
  const first = (set: Dataset): Dataset => ({ ...set, examples: set.examples.slice(0, settings.limit) });
  return {
    train: first(train),
    dev: dev && first(dev),
    columns: columns ? { text: columns.text, textPair: columns.pair ?? null, label: columns.label } : null,
  };
}

/** Texts that need no labels, as they come. */
async function readPlainTexts(settings: DataSettings, context: RunContext): Promise<ReadSets> {
  const { data, validation } = settings;
  const read = async (path: string): Promise<Dataset> => {
    const texts = await readCorpus({ ...settings, data: path }, context);
    const examples = texts.map((text, i) => ({ text, label: [], where: `text ${i + 1} of ${path}` }));
    return { name: path, task: "embedding", labels: [], examples };
  };
  const dev = validation === undefined ? undefined : await read(validation);
  return { train: await read(data), dev, files: [] };
}

function answersLabels({ kind }: Head): boolean {
  return kind !== "none" && kind !== "mlm";
}

/** Where training would cut the texts, or did. */
function lengthOf(network: Network, asked: number | undefined): number {
  return answersLabels(network.head) ? lengthFor(network, asked) : usualLength(network, asked);
}

/** How a model reads texts. */
interface Reading {
  readonly tokenizer: Tokenizer;
  /** Where it cuts them, in tokens. */
  readonly length: number;
}

/** Tokens of a text that is not cut. */
const ALL = 1e9;

function countTokens({ examples }: Dataset, { tokenizer, length: at }: Reading): CountedTokens {
  const read = examples.map(({ text, pair, words }) =>
    words === undefined ? tokenizer.encode(text, pair, at) : tokenizer.encodeWords(words, at),
  );
  const rows = read.filter(({ cut }) => cut > 0).length;
  const whole = examples.map(({ text, pair, words }, i) => {
    const { ids, cut } = requireItem(read, i, "texts");
    if (cut === 0) return ids.length;
    // How much is cut is counted so far and no further.
    const all = words === undefined ? tokenizer.encode(text, pair, ALL) : tokenizer.encodeWords(words, ALL);
    return all.ids.length + all.cut;
  });
  return { spread: spreadOf(whole), cut: { at, rows } };
}

/** What a trained model says of the labels of both splits. */
async function askModel(
  { network, name }: LoadedModel,
  sets: readonly (Dataset | undefined)[],
  { tokenizer, length }: Reading,
  settings: DataSettings,
  context: RunContext,
): Promise<ModelLook | null> {
  const engine = new Engine({ threads: settings.threads, provider: settings.device });
  try {
    const model = await openNetwork(engine, network);
    const whole = new Map(
      sets.filter((set) => set !== undefined).map((set) => [apart(set, { tokenizer, length }), set]),
    );
    return await opinionOf({ model: name, kind: "given" }, [...whole.keys()], async (asked) => {
      const set = requireEntry(whole, asked, "set of");
      const answered = await answersOf(
        model,
        encodeDataset(set, tokenizer, length),
        settings.batchSize,
        context,
      );
      return reorderColumns(answered, classColumns(network.head, set));
    });
  } finally {
    await engine.close();
  }
}

/** Rows of which each has a label: of labelled words the words that are not cut. */
function apart(set: Dataset, { tokenizer, length }: Reading): Dataset {
  if (set.task !== "tokens") return set;
  return wordsApart(set, ({ text, words = [text] }) => {
    const { starts } = tokenizer.encodeWords(words, length);
    return (word) => requireItem(starts, word, "words") >= 0;
  });
}

/** Rows that are answered before it is said how far the work is. */
const CHUNK = 2048;

async function answersOf(
  model: Answering,
  set: EncodedSet,
  batchSize: number,
  { report, signal }: RunContext,
): Promise<Float32Array> {
  const total = set.examples.length;
  const parts: Float32Array[] = [];
  for (let done = 0; done < total; done += CHUNK) {
    const examples = set.examples.slice(done, done + CHUNK);
    parts.push(await logitsOf(model, { ...set, examples }, batchSize, signal));
    report?.({ kind: "count", what: "rows", done: done + examples.length, total });
  }
  const all = new Float32Array(parts.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
