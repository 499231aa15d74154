/** Options that several commands have: the model, the data, where texts are cut, what every command takes. */

import { availableParallelism } from "node:os";
import { integer, oneOf, onOff, text } from "./kinds.ts";
import { grouped, type Naming, optional, required, withDefault } from "./schema.ts";

/** The largest whole number that is exact. */
export const LARGEST = Number.MAX_SAFE_INTEGER;
/** A trained model, wherever it is, in words. */
export const TRAINED_MODEL = "a folder, a run, an .esp file or hf:owner/name";
/** A model, wherever it is, in words. */
export const ANY_MODEL = "a folder, a run, an .esp file, hf:owner/name or embedded";
/** A model, wherever it is. */
export const MODEL = text("model", ANY_MODEL);

/** What every command takes. */
export const COMMON = {
  threads: withDefault(integer(1, 256), Math.min(8, availableParallelism()), "threads of the engine", {
    absent: "the cores of this machine, at most 8",
  }),
  seed: withDefault(integer(0, LARGEST), 0, "root of every random number"),
  device: withDefault(oneOf("cpu", "webgpu", "cuda"), "cpu", "where the engine computes"),
};

/** How a CSV or TSV file is written. */
export const QUOTES = withDefault(
  oneOf("auto", "cells", "text"),
  "auto",
  "quotation marks of CSV and TSV stand around cells, or are text",
  { absent: "told from the file" },
);

/** Where texts are cut. `absent` says what decides when it is not typed; no model takes more than its positions. */
export function cutAt(absent: string) {
  const meaning = "longest sequence; what is longer is cut";
  return grouped("Data", {
    maxLength: optional(integer(3, 1_000_000), meaning, { unit: "tokens", absent }),
  });
}

/** Of a model that is trained: its product keeps the length. */
export const TRAINED_LENGTH = cutAt("128, or what the model takes where that is less");
/** Of a model that is only run. */
export const MODEL_LENGTH = cutAt("what the model was trained with");

/** Where labelled examples come from. */
export const DATA = grouped("Data", {
  task: optional(text("name"), "GLUE task, such as sst2; it knows its files, columns and metric", {
    absent: "the data is one file with the columns below",
  }),
  data: required(
    text("path", "a folder or file"),
    "folder of the task's files, or one CSV, TSV, JSON or Parquet file, or hf:owner/name",
  ),
  text: optional(text("column"), "column of the text, for data without --task", {
    absent: "text, or the one that is obvious",
  }),
  textPair: optional(text("column"), "column of the second text", { absent: "one text per example" }),
  label: optional(text("column"), "column of the label, for data without --task", {
    absent: "label, or the one that is obvious",
  }),
  regression: withDefault(onOff(), false, "take labels as values, whole numbers too"),
  classification: withDefault(onOff(), false, "take labels as classes, numbers with a fraction too"),
  multiLabel: withDefault(onOff(), false, "any number of labels for each text: a list, a|b, or --label a,b"),
  tokens: withDefault(onOff(), false, "a label for each word: CoNLL, or JSON lines with tokens or spans"),
  embedding: withDefault(onOff(), false, "keep the vectors of a sentence encoder; the data needs no labels"),
  skipUnlabelled: withDefault(onOff(), false, "leave rows without a label out, and say how many"),
  quotes: QUOTES,
  limit: optional(integer(1, LARGEST), "use only the first examples of each split", {
    unit: "examples",
    absent: "all",
  }),
});

/** How much of a vector is wanted. */
export const DIMENSIONS = optional(integer(1, LARGEST), "numbers of a vector, from its front", {
  absent: "all",
});

/** Options that say what labels are. */
export const KINDS = ["regression", "classification", "multiLabel", "tokens", "embedding"] as const;

/** The options on labels and columns. */
interface Labelling extends Readonly<Record<(typeof KINDS)[number], boolean>> {
  readonly task?: string | undefined;
  readonly data?: string | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  readonly validation?: string | undefined;
}

/** The name under which `--data` means the small synthetic sentiment set that comes with the package. */
export const SENTIMENT = "embedded:sentiment";

/** What they leave no room for. */
export function dataRule(settings: Labelling, name: Naming): string | undefined {
  const { task, text = "text", textPair, label = "label" } = settings;
  const [kind, other] = KINDS.filter((each) => settings[each]);
  const own = task ?? (settings.data === SENTIMENT ? SENTIMENT : undefined);
  if (settings.validation !== undefined && own !== undefined)
    return `${name("validation")}: expected none beside ${own}, which has a set of its own to judge by, got ${settings.validation}`;
  if (kind !== undefined && other !== undefined)
    return `${name(kind)}: expected it or ${name(other)}, got both`;
  if (task === undefined) {
    const same = text === label || textPair === label ? "label" : text === textPair ? "textPair" : undefined;
    return (
      same &&
      `${name(same)}: expected a column of its own, got ${same === "label" ? label : textPair}, which is a text's`
    );
  }
  const column = (["text", "textPair", "label"] as const).find((key) => settings[key] !== undefined);
  if (column !== undefined)
    return `${name(column)}: expected none beside ${name("task")}, whose columns are known, got ${settings[column]}`;
  if (settings.data?.startsWith("hf:"))
    return `${name("task")}: expected none with a data set of the hub, whose files say what they hold, got ${task}`;
  // The texts of a task have vectors, whatever their labels are.
  if (kind === undefined || kind === "embedding") return undefined;
  return `${name(kind)}: expected data without ${name("task")}, got ${task}, which knows what its labels are`;
}

/** Texts in windows. */
export const STRIDE = grouped("Data", {
  stride: optional(
    integer(0, 1_000_000),
    "read a longer text in windows, of which neighbours share so many tokens, and take the mean of what they say",
    { unit: "tokens", absent: "longer texts are cut" },
  ),
});
