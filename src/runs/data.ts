/** The labelled data of a run: which files, which examples train, which ones judge. */

import { ConfigError, InputError } from "../base/errors.ts";
import { counted, named } from "../base/quantity.ts";
import { fold, keyOf } from "../base/random.ts";
import { type NamedColumns, readByColumns, USUAL_COLUMNS } from "../data/columns.ts";
import { textLines } from "../data/corpus.ts";
import type { Dataset, Measure } from "../data/dataset.ts";
import { type GlueSplit, glueFiles, glueTask, readGlue } from "../data/glue.ts";
import { measureBy } from "../data/judging/judge.ts";
import { readRowsOf } from "../data/rows.ts";
import { sentimentData } from "../data/sentiment.ts";
import {
  drawEach,
  fewNotes,
  foldSplit,
  holdOut,
  rareNotes,
  type Split,
  sharedNotes,
  standardErrorText,
} from "../data/split.ts";
import { scoredPairs } from "../data/vectors.ts";
import { isHubName } from "../hub/name.ts";
import { tableOf, tablesOf } from "../hub/tables.ts";
import { SENTIMENT } from "../options/shared.ts";
import { fetching } from "./models.ts";
import type { RunContext } from "./progress.ts";
import { addAugmented } from "./sources/augmented.ts";
import {
  askedOf,
  type ColumnSettings,
  type Labelling,
  readingOf,
  readJudging,
  readLabelled,
  settingsOf,
  type TableSettings,
  withNotes,
} from "./sources/tables.ts";
import { vectorSplit } from "./sources/vectors.ts";

/** What the options say about data. */
export interface DataSettings extends TableSettings {
  readonly task?: string | undefined;
  readonly data: string;
  readonly validation?: string | undefined;
  readonly limit?: number | undefined;
  /** What judges is one of so many parts of what trains, by its number from 1. */
  readonly folds?: number | undefined;
  readonly fold?: number | undefined;
  /** A file of `espalier augment`. */
  readonly augmented?: string | undefined;
  /** The metric that decides. */
  readonly metric?: string | undefined;
  /** Examples of each class to train on. */
  readonly fewShot?: number | undefined;
  readonly seed: number;
}

/** Training and validation examples. */
export interface LabelledData {
  readonly train: Dataset;
  /** How many of the training examples are those that `augmented` adds. */
  readonly copies: number;
  readonly dev: Dataset;
  readonly measure: Measure;
  /** What the user should know about how the files were read. */
  readonly notes: readonly string[];
  /** The files both were read from, for the recipe. */
  readonly files: readonly string[];
  /**
   * The columns they were read by, for the recipe too, so that a run that goes on reads the same ones. Of a task, which has its
   * own, what others are called; none of a file that says itself where the labels of its words are.
   */
  readonly columns: Partial<ColumnSettings>;
}

/**
 * Reads both splits of the data an option record names. What `augmented` adds to the training examples is not limited.
 *
 * @param like  the labels that a model knows, where a file is read for one
 * @throws {ConfigError} `data/augmented` when copies of the examples that judge would be trained on, or for labels of words
 */
export async function readData(
  settings: DataSettings,
  like?: Labelling,
  context: RunContext = {},
): Promise<LabelledData> {
  refuseLeak(settings, isTable(settings) && !isHubName(settings.data) && settings.validation === undefined);
  const { train, dev, isDrawn, files, columns } = await readSplits(settings, like, context);
  refuseLeak(settings, isDrawn);
  const { limit, augmented, fewShot, seed } = settings;
  const judging = first(dev, limit);
  const drawn = isDrawn ? [heldOutNote(judging, settings)] : [];
  const whole = first(train, limit);
  const draw = fewShot === undefined ? undefined : drawEach(whole, fewShot, fold(keyOf(seed), "few-shot"));
  if (fewShot !== undefined && draw) drawn.push(...fewNotes(whole, fewShot, draw));
  const own = draw?.few ?? whole;
  const all = augmented === undefined ? own : await addAugmented(own, augmented);
  const rare = rareNotes({ train: all, dev: judging });
  const shared = sharedNotes({ train: all, dev: judging });
  const notes = [...new Set([...(train.notes ?? []), ...(dev.notes ?? []), ...drawn, ...rare, ...shared])];
  const read = augmented === undefined ? files : [...files, augmented];
  return {
    train: all,
    copies: all.examples.length - own.examples.length,
    dev: judging,
    measure: measureBy(train.task === "embedding" ? judging : train, settings.metric),
    files: read,
    columns: columns ? settingsOf(columns) : isTable(settings) ? {} : settingsOf(USUAL_COLUMNS),
    notes,
  };
}

/** Whether the data is a table of the user's, here or on the hub. */
function isTable({ task, data }: Pick<DataSettings, "task" | "data">): boolean {
  return task === undefined && data !== SENTIMENT;
}

/** Every example of a table is in `augmented`, with its copies: what is held out of that table would be known. */
function refuseLeak({ augmented }: DataSettings, isDrawn: boolean): void {
  if (augmented === undefined || !isDrawn) return;
  throw new ConfigError(
    "data/augmented",
    "validation: expected a file to judge by, since the augmented one has copies of what would be held out, got none",
  );
}

/** The training split alone: that of GLUE or of a data set of the hub, or the whole of a file. */
export async function readTraining(settings: DataSettings, context: RunContext = {}): Promise<Dataset> {
  return readSplit(settings, context, "train");
}

/** The part of the data that trains, or that judges: of a file both are the whole. */
async function readSplit(settings: DataSettings, context: RunContext, split: Part): Promise<Dataset> {
  const { task, data, limit } = settings;
  if (data === SENTIMENT) return first(sentimentData(keyOf(0)).train, limit);
  if (task !== undefined) return first(await readGlue(glueTask(task), data, "train"), limit);
  return first((await readLabelled(await tableOf(data, split, fetching(context)), settings)).set, limit);
}

type Part = Parameters<typeof tableOf>[1];

/**
 * The validation split alone: GLUE's dev set, that of a data set of the hub, or the whole of a file. `like` holds the labels
 * a model knows.
 * @throws {InputError} `evaluate/task` when the options ask for another kind of labels than the model has
 */
export async function readValidation(
  settings: DataSettings,
  like?: Labelling,
  context: RunContext = {},
): Promise<Dataset> {
  const { task, data, limit } = settings;
  const { task: asked } = readingOf(settings);
  if (like && asked !== "auto" && asked !== like.task) {
    const message = `model: expected one for ${asked}, as asked for, got one for ${like.task}`;
    throw new InputError("evaluate/task", message);
  }
  if (like?.task === "embedding") {
    const pairs = { ...settings, embedding: false, regression: task === undefined };
    return scoredPairs(await readValidation(pairs, undefined, context));
  }
  if (data === SENTIMENT) return first(sentimentData(keyOf(0)).dev, limit);
  if (task !== undefined) return first(await readGlue(glueTask(task), data, "dev"), limit);
  return first(
    (await readLabelled(await tableOf(data, "judge", fetching(context)), settings, like)).set,
    limit,
  );
}

/**
 * The texts of a corpus, without labels: the lines of a `.txt` or `.txt.gz` file, the training examples of a task's folder, or the
 * text columns of a table.
 */
export async function readCorpus(settings: DataSettings, context: RunContext = {}): Promise<string[]> {
  return (await readTexts(settings, context, "train")).texts;
}

/** Texts, and where they were found. */
interface FoundTexts {
  readonly texts: string[];
  readonly files: readonly string[];
  readonly columns?: NamedColumns | undefined;
}

async function readTexts(settings: DataSettings, context: RunContext, split: Part): Promise<FoundTexts> {
  const { task, data, limit } = settings;
  if (/\.txt(?:\.gz)?$/i.test(data)) return { texts: await firstLines(data, limit), files: [data] };
  if (data === SENTIMENT || task !== undefined) {
    const { examples } = await readSplit(settings, context, split);
    const texts = examples.flatMap(({ text, pair }) => (pair === undefined ? [text] : [text, pair]));
    return { texts, files: task === undefined ? [] : glueFiles(glueTask(task), data) };
  }
  const { quotes = "auto" } = settings;
  const asked = { ...askedOf(settings), label: null };
  const table = await tableOf(data, split, fetching(context));
  const { read, columns, notes } = await readByColumns(table.files, asked, quotes, ({ text, pair }) =>
    readRowsOf(table.files, pair === undefined ? [text] : [text, pair], undefined, { quotes }),
  );
  for (const text of [...table.notes, ...notes]) context.report?.({ kind: "note", text });
  const rows = read.rows.slice(0, limit);
  const texts = rows.flatMap(({ cells }) => cells.map((cell) => String(cell ?? "")));
  return { texts, files: table.files, columns };
}

async function firstLines(file: string, limit: number | undefined): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of textLines(file, limit)) lines.push(line);
  return lines;
}

/** Of what is held out. */
const SPLIT_KEY = keyOf(0);

interface Splits extends Split {
  /** Whether what judges was drawn from the table that trains. */
  readonly isDrawn: boolean;
  readonly files: readonly string[];
  readonly columns?: NamedColumns | undefined;
}

async function readSplits(
  settings: DataSettings,
  like: Labelling | undefined,
  context: RunContext,
): Promise<Splits> {
  if (settings.embedding) return readVectorSplits(settings, context);
  const { train, dev, ...read } = await readSets(settings, like, context);
  const { folds, fold: number = 1, limit, seed } = settings;
  if (folds !== undefined) {
    const key = fold(keyOf(seed), "folds");
    return { ...foldSplit(first(train, limit), number, folds, key), isDrawn: true, ...read };
  }
  if (dev !== undefined) return { train, dev, isDrawn: false, ...read };
  return { ...heldOut(train), isDrawn: true, ...read };
}

/** The splits that data has of itself, and the columns of a table. */
export interface ReadSets {
  readonly train: Dataset;
  /** Undefined for one table alone. */
  readonly dev: Dataset | undefined;
  readonly files: readonly string[];
  readonly columns?: NamedColumns | undefined;
}

/**
 * Reads all splits that the data has, with nothing drawn from one for another.
 * @throws as `readData` does
 */
export async function readSets(
  settings: DataSettings,
  like: Labelling | undefined,
  context: RunContext,
): Promise<ReadSets> {
  const { task, data } = settings;
  if (data === SENTIMENT) return { ...sentimentData(keyOf(0)), files: [] };
  if (task !== undefined) {
    const name = glueTask(task);
    const split = (s: GlueSplit): Promise<Dataset> => readGlue(name, data, s);
    return { train: await split("train"), dev: await split("dev"), files: glueFiles(glueTask(task), data) };
  }
  const { train, judge } = await tablesOf(settings, fetching(context));
  const { set: all, columns } = await readLabelled(train, settings, like);
  const dev = judge && (await readJudging(judge, columns, settings, all));
  if (judge === undefined || dev === undefined)
    return { train: all, dev: undefined, files: train.files, columns };
  if (dev.examples.length > 0) return { train: all, dev, files: [...train.files, ...judge.files], columns };
  const none = `${dev.name} has no labels to judge by`;
  if (judge.isSubstitute !== true)
    throw new InputError("label/missing", `validation: expected rows with a label, got none (${dev.name})`);
  return { train: withNotes(all, [none]), dev: undefined, files: train.files, columns };
}

/** Of a task or a table with two texts and a score in each row, these judge; of other texts, the texts themselves. */
async function readVectorSplits(settings: DataSettings, context: RunContext): Promise<Splits> {
  const { task, data, textPair } = settings;
  const validation = settings.validation ?? (await ownJudge(settings, context));
  // The second column is that of the scored pairs, where a file of them judges.
  const reading = validation === undefined ? settings : { ...settings, textPair: undefined };
  const { texts, files, columns } = await readTexts(reading, context, "train");
  const source = { name: task ?? data, texts, seed: 0 };
  const judge = { ...settings, data: validation ?? data, embedding: false, regression: task === undefined };
  if (task !== undefined) {
    const name = glueTask(task);
    const dev = await readGlue(name, data, "dev");
    const judging = dev.task === "regression" ? dev : dev.examples.map(({ text }) => text);
    return { ...vectorSplit({ ...source, judging }), files };
  }
  if (validation === undefined) return { ...vectorSplit(source), files, columns };
  const judging =
    textPair === undefined
      ? (await readTexts(judge, context, "judge")).texts
      : await readSplit(judge, context, "judge");
  const { files: judged } = await tableOf(validation, "judge", fetching(context));
  return { ...vectorSplit({ ...source, judging }), files: [...files, ...judged], columns };
}

/** The data itself, where it is a data set of the hub that has a split to judge by. */
async function ownJudge(settings: DataSettings, context: RunContext): Promise<string | undefined> {
  if (!isHubName(settings.data)) return undefined;
  const { judge } = await tablesOf(settings, fetching(context));
  return judge && settings.data;
}

/**
 * A tenth of the examples, drawn with every class in proportion, judges the others: the same for every seed, so that no
 * command judges a model by what another has trained it on.
 */
function heldOut(all: Dataset): Split {
  const count = Math.floor(all.examples.length / 10);
  if (count === 0) {
    const found = `got ${all.examples.length} (${all.name})`;
    throw new ConfigError(
      "data/few",
      `data: expected at least 10 examples, or a file for --validation, ${found}`,
    );
  }
  return holdOut(all, count, fold(SPLIT_KEY, "validation"));
}

/** What judges when no file was given for it, and how rough that is. */
function heldOutNote(
  { labels, task, name, examples }: Dataset,
  { folds, fold: number = 1 }: DataSettings,
): string {
  const shares = labels.map(
    (label, c) => `${examples.filter((each) => each.label === c).length} ${named(label)}`,
  );
  const of = task === "classification" && labels.length <= 10 ? ` (${shares.join(", ")})` : "";
  const rows = counted(examples.length, "row");
  const isJudgedByRows = task === "classification" || task === "regression";
  const error = isJudgedByRows ? `: ${standardErrorText({ task }, examples.length)}` : "";
  if (folds !== undefined) return `judging by fold ${number} of ${folds}, ${rows} of ${name}${of}${error}`;
  return `judging by ${rows} drawn from ${name}${of}${error}; --validation names a file`;
}

/** The first examples; of scored pairs so many pairs. */
function first(dataset: Dataset, limit: number | undefined): Dataset {
  if (limit === undefined) return dataset;
  const { examples, scores } = dataset;
  if (scores === undefined) return { ...dataset, examples: examples.slice(0, limit) };
  return { ...dataset, examples: examples.slice(0, 2 * limit), scores: scores.slice(0, limit) };
}
