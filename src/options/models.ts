/** The options of the commands that begin with a finished model: evaluate, export, shrink, bench, inspect. Those that ask it are in answering.ts; kinds as in training.ts. */

import { PREDICT } from "./answering.ts";
import {
  blockShape,
  integer,
  integers,
  number,
  oneNumber,
  oneOf,
  onOff,
  paths,
  someOf,
  text,
  words,
} from "./kinds.ts";
import { foldsRule } from "./practice.ts";
import { type OptionsOf, optional, required, type SettingsOf, schema, withDefault } from "./schema.ts";
import {
  ANY_MODEL,
  COMMON,
  DATA,
  DIMENSIONS,
  dataRule,
  MODEL,
  MODEL_LENGTH,
  STRIDE,
  TRAINED_MODEL,
} from "./shared.ts";

const MASK = text("file", "a mask file, or the run that left one");
const NUMBERS = oneOf("float32", "float16", "int8");

/** By one word in the flag's place: together they leave no room for what a flag means. */
const FORMAT = { ...oneOf("onnx", "onnx-int8", "onnx-qdq", "safetensors", "esp"), placeholder: "format" };

/** Likewise. */
const ENGINES = { ...someOf("onnx", "int8", "int8-qdq", "transformers.js", "sparse"), placeholder: "names" };

/** The metrics of a fine-tuned model on labelled data. */
export const EVALUATE = schema(
  "evaluate",
  {
    model: required(MODEL, `a fine-tuned model: ${TRAINED_MODEL}`),
    mask: optional(MASK, "mask file, for a base model in place of a fine-tuned one", { absent: "none" }),
    ...DATA,
    ...MODEL_LENGTH,
    ...STRIDE,
    batchSize: withDefault(integer(1, 65_536), 32, "examples of one batch", { unit: "examples" }),
    dimensions: DIMENSIONS,
    ...COMMON,
  },
  dataRule,
);
export type EvaluateOptions = OptionsOf<typeof EVALUATE.fields>;
export type EvaluateSettings = SettingsOf<typeof EVALUATE.fields>;

/** One model, written for other programs. */
export const EXPORT = schema(
  "export",
  {
    model: required(MODEL, ANY_MODEL),
    to: required(FORMAT, "onnx, onnx-int8, onnx-qdq, safetensors or esp"),
    out: optional(text("path"), "where to write", { absent: "inside the run or folder" }),
    force: withDefault(
      onOff(),
      false,
      "replace what is already at --out: the file, or another model in the folder",
    ),
    opset: optional(
      oneNumber(17, 18, 19, 20),
      "of onnx: version of its operators; 17 and 18 are read by ONNX Runtime from 1.14 on, 20 from 1.17 on",
      { absent: "17" },
    ),
    values: optional(NUMBERS, "of esp: how numbers of sparse matrices are stored", { absent: "float16" }),
    quantize: withDefault(
      onOff(),
      false,
      "of esp: let all linear layers of the encoder compute in 8 bits, without calibration",
    ),
    tables: optional(NUMBERS, "of esp: how numbers of other matrices are stored", { absent: "as --values" }),
    block: optional(blockShape(), "of esp: blocks that sparse matrices are stored in, outputs x inputs", {
      absent: "the largest that fits the zeros of each matrix",
    }),
    ...COMMON,
  },
  ({ to, opset }, name) =>
    opset === undefined || to.startsWith("onnx")
      ? undefined
      : `${name("to")}: expected onnx, onnx-int8 or onnx-qdq with ${name("opset")}, got ${to}`,
  ({ to, quantize }, name) =>
    to === "esp" || !quantize
      ? undefined
      : `${name("to")}: expected esp with ${name("quantize")}, got ${to}; espalier quantize calibrates a model for other files`,
  ({ to, values, tables, block }, name) => {
    const given = values ?? tables ?? block;
    if (to === "esp" || given === undefined) return undefined;
    const own = `${name("values")}, ${name("tables")} or ${name("block")}`;
    return `${name("to")}: expected esp with ${own}, got ${to}`;
  },
);
export type ExportOptions = OptionsOf<typeof EXPORT.fields>;
export type ExportSettings = SettingsOf<typeof EXPORT.fields>;

/** A model without what does nothing, and without the word pieces that a corpus does not use. */
export const SHRINK = schema(
  "shrink",
  {
    model: required(MODEL, ANY_MODEL),
    out: required(text("folder"), "folder of the smaller model, made when absent"),
    force: withDefault(onOff(), false, "replace a model that is already in the folder"),
    vocabulary: optional(paths("path"), "keep only the pieces of these texts; may be repeated", {
      absent: "all pieces stay",
    }),
    minCount: withDefault(
      integer(1, 1_000_000_000),
      1,
      "of the pieces of these texts keep those that occur so often",
    ),
    ...DATA,
    ...MODEL_LENGTH,
    data: optional(text("path", "a folder or file"), "labelled text to evaluate on, before and after", {
      absent: "no evaluation",
    }),
    batchSize: withDefault(integer(1, 65_536), 32, "examples of one batch", { unit: "examples" }),
    ...COMMON,
  },
  dataRule,
  ({ task, data, vocabulary }, name) =>
    task === undefined || data !== undefined || vocabulary !== undefined
      ? undefined
      : `${name("data")}: expected a path beside ${name("task")}, or ${name("vocabulary")}, got neither`,
  ({ minCount, vocabulary }, name) =>
    minCount === 1 || vocabulary !== undefined
      ? undefined
      : `${name("vocabulary")}: expected texts in which pieces occur beside ${name("minCount")}, got none`,
);
export type ShrinkOptions = OptionsOf<typeof SHRINK.fields>;
export type ShrinkSettings = SettingsOf<typeof SHRINK.fields>;

/** A model whose layers compute in 8 bits, without training. */
export const QUANTIZE = schema(
  "quantize",
  {
    model: required(MODEL, ANY_MODEL),
    out: required(text("folder"), "folder of the quantized model, made when absent"),
    force: withDefault(onOff(), false, "replace a model that is already in the folder"),
    ...DATA,
    data: optional(
      text("path", "a folder or file"),
      "labelled text: its training part calibrates, the other judges",
      {
        absent: "a model without labels, calibrated on --texts",
      },
    ),
    validation: optional(text("path"), "file to judge by, for data without --task", {
      absent: "what a data set of the hub has, else a tenth of the data, the same for every seed",
    }),
    folds: optional(integer(2, 1000), "of a run's fold: judge by the same one of so many parts of the data", {
      absent: "no fold",
    }),
    fold: optional(integer(1, 1000), "which of them, drawn by the seed as that run drew it"),
    texts: optional(
      text("path", "a folder or file"),
      "of a bare encoder: texts to calibrate on and to judge by",
      {
        absent: "the texts of --data",
      },
    ),
    calibration: withDefault(integer(1, 100_000), 256, "texts to calibrate on, drawn by the seed", {
      unit: "texts",
    }),
    metric: optional(text("name", "a metric"), "metric of the labels that judges, and more of it is better", {
      absent: "the task's own",
    }),
    ranges: withDefault(
      oneOf("percentile", "mse", "minmax"),
      "percentile",
      "how the fixed ranges of the QDQ file are chosen",
    ),
    biasCorrection: withDefault(onOff(), true, "take from each bias what rounding adds to every text"),
    maxDrop: withDefault(
      number(0, 100),
      0.5,
      "points of the metric that may be lost; layers stay in float32 until no more is",
      { unit: "points" },
    ),
    ...MODEL_LENGTH,
    latency: withDefault(onOff(), true, "time the files side by side at the end"),
    ...COMMON,
  },
  dataRule,
  foldsRule,
  ({ data, texts, task }, name) => {
    if ((data ?? texts) === undefined)
      return `${name("data")}: expected labelled text, or ${name("texts")} for a bare encoder, got neither`;
    return task !== undefined && data === undefined
      ? `${name("data")}: expected a path beside ${name("task")}, got none`
      : undefined;
  },
  (settings, name) => {
    if (settings.texts === undefined) return undefined;
    const other = (["data", "validation", "folds", "metric"] as const).find(
      (key) => settings[key] !== undefined,
    );
    return (
      other &&
      `${name(other)}: expected none beside ${name("texts")}, half of which judge, got ${settings[other]}`
    );
  },
);
export type QuantizeOptions = OptionsOf<typeof QUANTIZE.fields>;
export type QuantizeSettings = SettingsOf<typeof QUANTIZE.fields>;

/** Latency, throughput, load time, memory and bytes of models and engines side by side, on this machine. */
export const BENCH = schema("bench", {
  models: required(
    paths("models"),
    "folders, runs, .esp files, hf:owner/name or embedded; the first is what the others are held to",
  ),
  engines: optional(ENGINES, "what runs each model: onnx, int8, int8-qdq, transformers.js, sparse", {
    absent: "onnx, and for one model alone all others that can beside it",
  }),
  batchSizes: withDefault(integers(1, 65_536), [1, 8, 32], "batch sizes", { unit: "examples" }),
  lengths: optional(integers(2, 1_000_000), "sequence lengths", {
    unit: "tokens",
    absent: "32 and 128, or what the models take where that is less",
  }),
  repetitions: withDefault(integer(3, 100_000), 30, "timed runs of each case, after a few that do not count"),
  caseSeconds: withDefault(
    number(0, 86_400, { above: true }),
    10,
    "time for one contender's runs of a case; fewer are then made, but at least six",
    { unit: "seconds" },
  ),
  ...COMMON,
});
export type BenchOptions = OptionsOf<typeof BENCH.fields>;
export type BenchSettings = SettingsOf<typeof BENCH.fields>;

const { skipUnlabelled: _, ...LOOKED_AT } = DATA;

/** What is in a model, without running it; or what is in data, beside a model or alone. */
export const INSPECT = schema(
  "inspect",
  {
    model: optional(
      MODEL,
      `${ANY_MODEL}; beside --data, what counts tokens and, once trained, doubts labels`,
      { absent: "the data alone" },
    ),
    ...LOOKED_AT,
    data: optional(DATA.data.kind, `labelled text to look at: ${DATA.data.meaning}`, {
      absent: "the model alone",
    }),
    validation: optional(text("path"), "file to judge by, looked at beside the data", {
      absent: "what the data has of itself",
    }),
    maxLength: optional(integer(3, 1_000_000), "length for counting a model's operations, or what is cut", {
      unit: "tokens",
      absent: "what the model was trained with, at most 128 of one that was not",
    }),
    batchSize: PREDICT.fields.batchSize,
    ...COMMON,
  },
  dataRule,
  ({ model, data }, name) =>
    model === undefined && data === undefined
      ? `${name("model")}: expected a model or ${name("data")}, got neither`
      : undefined,
  (settings, name) => {
    const { model, data, maxLength } = settings;
    const beside = (["task", "validation", "text", "textPair", "label", "limit"] as const).find(
      (key) => settings[key] !== undefined,
    );
    if (data === undefined)
      return beside && `${name("data")}: expected a path beside ${name(beside)}, got none`;
    return model === undefined && maxLength !== undefined
      ? `${name("model")}: expected one beside ${name("maxLength")}, whose tokens are counted, got none`
      : undefined;
  },
);
export type InspectOptions = OptionsOf<typeof INSPECT.fields>;
export type InspectSettings = SettingsOf<typeof INSPECT.fields>;

/** What is left of pruned models, and what they share. */
export const TOPOLOGY = schema(
  "topology",
  {
    models: required(paths("models"), "models, runs, or folders of runs; of a study, its records too"),
    against: optional(paths("model"), "what each model is compared with; may be repeated", {
      absent: "the models with each other",
    }),
    tasks: optional(words("names"), "only runs of these tasks, separated by commas", { absent: "all" }),
    study: optional(
      text("page", "an .md file"),
      "write a page about all masked runs, with its records and pictures beside it",
    ),
    spectra: withDefault(
      onOff(),
      false,
      "measure spectra too, of a study those of its masks; seconds to minutes for each",
    ),
    importance: withDefault(
      onOff(),
      false,
      "compare the sizes of the weights of two models too; seconds for each pair",
    ),
    ...DATA,
    data: optional(
      text("path", "a folder or file"),
      "labelled text: controls of the masks, states, lines between",
      {
        absent: "no model is run",
      },
    ),
    ...MODEL_LENGTH,
    ...COMMON,
  },
  dataRule,
  ({ task, data }, name) =>
    task === undefined || data !== undefined
      ? undefined
      : `${name("data")}: expected a path beside ${name("task")}, got none`,
  ({ study, data }, name) =>
    study !== undefined && data !== undefined
      ? `${name("data")}: expected none with ${name("study")}, which runs no model, got one`
      : undefined,
  ({ study, against }, name) =>
    study !== undefined && against !== undefined
      ? `${name("against")}: expected none with ${name("study")}, which compares what differs in one thing, got one`
      : undefined,
  ({ study }, name) =>
    study === undefined || /\.md$/i.test(study)
      ? undefined
      : `${name("study")}: expected a name ending in .md, got ${study}`,
  ({ study, models }, name) => {
    if (study !== undefined) return undefined;
    const records = models.find((ref) => ref.endsWith(".jsonl"));
    return (
      records && `${name("models")}: expected ${name("study")} with a study's records, got ${records} alone`
    );
  },
);
export type TopologyOptions = OptionsOf<typeof TOPOLOGY.fields>;
export type TopologySettings = SettingsOf<typeof TOPOLOGY.fields>;
