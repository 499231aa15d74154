/** The options of what asks a finished model about texts: predict, embed, and load of a program. Kinds as in training.ts. */

import { integer, oneOf, onOff, paths, text, textsOrPairs } from "./kinds.ts";
import { type OptionsOf, optional, required, type SettingsOf, schema, withDefault } from "./schema.ts";
import { COMMON, DATA, DIMENSIONS, MODEL, MODEL_LENGTH, QUOTES, STRIDE, TRAINED_MODEL } from "./shared.ts";

/** By one word in the flag's place: together they leave no room for what a flag means. */
const AGGREGATION = { ...oneOf("none", "simple", "first", "average", "max"), placeholder: "way" };

/** Labels for texts, or for their tokens. */
export const PREDICT = schema(
  "predict",
  {
    model: required(MODEL, `a fine-tuned model: ${TRAINED_MODEL}`),
    texts: optional(textsOrPairs("text"), "the texts; a tab separates the two of a pair", {
      absent: "the lines of standard input, or the rows of --data",
    }),
    data: optional(text("file"), "CSV, TSV, JSON or Parquet file whose rows are labelled"),
    text: optional(text("column"), "column of the text, in --data", { absent: DATA.text.absent }),
    textPair: optional(text("column"), "column of the second text, in --data", {
      absent: "one text per row",
    }),
    out: optional(
      text("file", "a .csv, .tsv or .jsonl file"),
      "file to write: the columns of --data, and what the model says",
    ),
    force: withDefault(onOff(), false, "replace a file that is already there"),
    aggregation: optional(
      AGGREGATION,
      "of a model that labels tokens: none (each alone), simple (neighbours of one kind), or words by their first, average or max (surest) token",
      { absent: "first" },
    ),
    quotes: QUOTES,
    mask: optional(paths("file"), "mask file, for a base model; may be repeated, and each answers", {
      absent: "none",
    }),
    batchSize: withDefault(integer(1, 65_536), 32, "examples of one batch", { unit: "examples" }),
    ...MODEL_LENGTH,
    ...STRIDE,
    ...COMMON,
  },
  ({ texts, data }, name) => {
    const [them, file] = [name("texts"), name("data")];
    if (texts !== undefined && data !== undefined) return `${them}: expected them or ${file}, got both`;
    return (texts ?? data) ? undefined : `${them}: expected one text or more, or ${file}, got neither`;
  },
  ({ data }, name) =>
    data?.startsWith("hf:")
      ? `${name("data")}: expected a file, got a data set of the hub, ${data}`
      : undefined,
  ({ data, out }, name) => {
    if (data === undefined) return out && `${name("data")}: expected a file beside ${name("out")}, got none`;
    if (out !== undefined && /\.(csv|tsv|jsonl)$/i.test(out)) return undefined;
    return `${name("out")}: expected a .csv, .tsv or .jsonl file to write, got ${out ?? "none"}`;
  },
  ({ data, text: column, textPair, quotes, force }, name) => {
    if (data !== undefined) return undefined;
    const given = Object.entries({
      text: column,
      textPair,
      quotes: quotes === "auto" ? undefined : quotes,
      force: force || undefined,
    }).find(([, value]) => value !== undefined);
    return given && `${name("data")}: expected a file beside ${name(given[0])}, got none`;
  },
  ({ data, mask = [] }, name) =>
    data === undefined || mask.length < 2
      ? undefined
      : `${name("mask")}: expected one with ${name("data")}, got ${mask.length}`,
);
export type PredictOptions = OptionsOf<typeof PREDICT.fields>;
export type PredictSettings = SettingsOf<typeof PREDICT.fields>;

/** Vectors of texts. */
export const EMBED = schema("embed", {
  model: required(MODEL, `an encoder without a head: ${TRAINED_MODEL}`),
  texts: required(textsOrPairs("text"), "the texts; a tab separates the two of a pair"),
  batchSize: PREDICT.fields.batchSize,
  dimensions: DIMENSIONS,
  ...MODEL_LENGTH,
  ...COMMON,
});
export type EmbedOptions = OptionsOf<typeof EMBED.fields>;
export type EmbedSettings = SettingsOf<typeof EMBED.fields>;

/** One model, ready to answer texts: what the program's `load` takes beside its name. */
export const LOAD = schema("load", {
  mask: optional(text("file"), "mask file, for a base model", { absent: "none" }),
  batchSize: PREDICT.fields.batchSize,
  ...MODEL_LENGTH,
  ...STRIDE,
  threads: withDefault(integer(1, 256), 1, COMMON.threads.meaning),
  device: COMMON.device,
});
