/**
 * The options of the commands that train (the rest: models.ts, reproducing.ts, shared.ts): each one's kind, default, unit and meaning, once.
 *
 * `XOptions` is what a caller passes (defaults may be left out), `XSettings` is what the run works with and what
 * recipe.json records; `resolveOptions(X, options)` leads from one to the other. A command line flag is the field's
 * name in kebab case. Not here: the settings of a compression method, which belong to the method (`set`).
 */

import { AIMS, chosenRule } from "./choosing.ts";
import { integer, number, oneOf, onOff, pairs, sizes, someOf, text } from "./kinds.ts";
import { foldsRule, PRACTICE } from "./practice.ts";
import {
  grouped,
  type Naming,
  type OptionsOf,
  optional,
  required,
  type SettingsOf,
  schema,
  withDefault,
} from "./schema.ts";
import { ANY_MODEL, COMMON, cutAt, DATA, dataRule, LARGEST, MODEL, TRAINED_LENGTH } from "./shared.ts";

const OUTPUT = grouped("Run", {
  out: required(text("run", "a folder"), "folder of the run, made when absent"),
  force: withDefault(onOff(), false, "replace a run that is already in the folder"),
  keepCheckpoints: withDefault(onOff(), false, "keep the checkpoints of a run that is finished"),
  report: withDefault(onOff(), true, "write report.html, the run as a page, at its end"),
});

/** By one word in the flag's place: together they leave no room for what it means. */
const FLOORS = { ...someOf("none", "tf-idf", "static"), placeholder: "names" };

const LEARNING_RATE = number(0, 1, { above: true });
/** Of fine-tuning, and of a method that has none of its own. */
export const USUAL_RATE = 5e-5;
/** The same of the embedded model, which is narrow and knows little: SST-2 and its reviews, results/small-data.md. */
export const EMBEDDED_RATE = 5e-4;
/** Examples of one batch. */
export const USUAL_BATCH = 32;
const BATCH_SIZE = integer(1, 65_536);
const USUAL_TEXT = `${USUAL_RATE.toExponential()}, or ${EMBEDDED_RATE.toExponential()} for embedded`;

/** Everything that shapes training on labelled data. */
const TRAINING = {
  ...grouped("Data", {
    validation: optional(text("path"), "file to evaluate on, of data without --task", {
      absent: "what a data set of the hub has, else a tenth of the data, the same for every seed",
    }),
    augmented: optional(text("file"), "file of espalier augment, added to the training examples", {
      absent: "the training examples alone",
    }),
  }),
  ...grouped("Training", {
    epochs: optional(number(0, 10_000, { above: true }), "passes over the training data", {
      absent: "3; of few examples more, until there are 120 steps, or 600 of compress",
    }),
    batchSize: withDefault(BATCH_SIZE, USUAL_BATCH, "examples of one batch", { unit: "examples" }),
    learningRate: optional(LEARNING_RATE, "highest learning rate of AdamW", { absent: USUAL_TEXT }),
    weightDecay: withDefault(number(0, 1), 0.01, "decoupled weight decay, not on biases and layer norms"),
    warmup: withDefault(number(0, 1, { below: true }), 0.1, "share of the steps in which the rate rises"),
    clip: withDefault(number(0, 1e9), 1, "largest norm of the gradient; 0 does not clip"),
    accumulate: withDefault(integer(1, 65_536), 1, "batches that make one step", { unit: "batches" }),
    evalEvery: optional(integer(1, LARGEST), "evaluate and save after this many steps", {
      unit: "steps",
      absent: "once per epoch",
    }),
    patience: optional(integer(1, LARGEST), "stop after this many evaluations without a better one", {
      unit: "evaluations",
      absent: "never stop early",
    }),
    bucket: withDefault(onOff(), true, "batch examples of similar length together"),
  }),
  ...PRACTICE,
  ...grouped("Judging", {
    floor: optional(
      FLOORS,
      "what needs no Transformer and is held against the model: tf-idf, static, or none",
      {
        absent: "tf-idf",
      },
    ),
    latency: withDefault(onOff(), true, "time the models side by side at the end"),
    allowConstant: withDefault(onOff(), false, "accept a model that says the same of everything"),
  }),
};

/** Copies with words replaced are of all examples: they would bring back what was not drawn. */
function drawnRule(
  { fewShot, augmented }: { readonly fewShot?: number; readonly augmented?: string },
  name: Naming,
): string | undefined {
  if (fewShot === undefined || augmented === undefined) return undefined;
  return `${name("fewShot")}: expected it without ${name("augmented")}, whose copies are of all examples, got both`;
}

/** `none` among others would be a floor and none. */
function floorRule({ floor = [] }: { readonly floor?: readonly string[] }, name: Naming): string | undefined {
  if (floor.length < 2 || !floor.includes("none")) return undefined;
  return `${name("floor")}: expected none alone, got ${floor.join(", ")}`;
}

const IN_8_BITS = withDefault(
  onOff(),
  false,
  "let the product's layers compute in 8 bits too, as espalier quantize does, in quantized/ of the run",
);

/** Fine-tuning: one model, one labelled data set. */
export const FINETUNE = schema(
  "finetune",
  {
    model: required(MODEL, `the pre-trained encoder: ${ANY_MODEL}`),
    ...DATA,
    ...TRAINED_LENGTH,
    ...OUTPUT,
    quantize: IN_8_BITS,
    ...TRAINING,
    ...COMMON,
  },
  dataRule,
  drawnRule,
  foldsRule,
  floorRule,
);
export type FinetuneOptions = OptionsOf<typeof FINETUNE.fields>;
export type FinetuneSettings = SettingsOf<typeof FINETUNE.fields>;

/** Compression: fine-tuning under a method. */
export const COMPRESS = schema(
  "compress",
  {
    model: required(MODEL, `the pre-trained encoder: ${ANY_MODEL}`),
    ...grouped("Method", {
      method: optional(
        text("id", "the name of a method, or the path of a module"),
        "the compression method: a name, or a module with one of your own, such as ./mine.js",
        { absent: "what docs/choosing.md recommends" },
      ),
      ...AIMS,
      sparsity: optional(number(0, 1, { below: true }), "share of the method's weights to remove", {
        absent: "the method's own default",
      }),
      set: withDefault(pairs(), {}, "a setting of the method; may be repeated"),
      finetuned: optional(MODEL, "a model already fine-tuned on this data: where to start, and the teacher", {
        absent: "fine-tune the model first",
      }),
      finetuneRate: optional(LEARNING_RATE, "highest learning rate of the fine-tuning that comes first", {
        absent: `as --learning-rate where the method has no rate of its own, else ${USUAL_TEXT}`,
      }),
      finetuneEpochs: optional(
        number(0, 10_000, { above: true }),
        "passes of the fine-tuning that comes first",
        {
          absent: "as --epochs where it is given, else as finetune has them",
        },
      ),
      finetuneBatchSize: optional(BATCH_SIZE, "examples of one batch of the fine-tuning that comes first", {
        unit: "examples",
        absent: `as --batch-size where it is given, else ${USUAL_BATCH}`,
      }),
      quantize: IN_8_BITS,
      widths: optional(sizes(), "of vectors: dimensions that they may be cut to later, such as 128,64", {
        absent: "whole vectors alone",
      }),
    }),
    ...DATA,
    ...cutAt("that of --finetuned; else 128, or what the model takes where that is less"),
    ...OUTPUT,
    ...TRAINING,
    ...grouped("Training", {
      learningRate: optional(LEARNING_RATE, "highest learning rate of AdamW", {
        absent: `the method's own, which docs/methods.md tells; else ${USUAL_TEXT}`,
      }),
      batchSize: optional(BATCH_SIZE, "examples of one batch", {
        unit: "examples",
        absent: `the method's own, which docs/methods.md tells; else ${USUAL_BATCH}`,
      }),
    }),
    ...COMMON,
  },
  dataRule,
  drawnRule,
  foldsRule,
  floorRule,
  chosenRule,
  ({ finetuned, folds }, name) =>
    finetuned === undefined || folds === undefined
      ? undefined
      : `${name("folds")}: expected it without ${name("finetuned")}, got both: ${finetuned} may know the examples that judge`,
  ({ finetuned, ...settings }, name) => {
    if (finetuned === undefined) return undefined;
    const own = (["finetuneEpochs", "finetuneRate", "finetuneBatchSize"] as const).find(
      (key) => settings[key] !== undefined,
    );
    return own === undefined
      ? undefined
      : `${name(own)}: expected it without ${name("finetuned")}, got both: ${finetuned} is not fine-tuned again`;
  },
  ({ widths, embedding }, name) =>
    widths !== undefined && !embedding
      ? `${name("widths")}: expected it with ${name("embedding")}, got it alone`
      : undefined,
  ({ finetuned, embedding }, name) =>
    embedding && finetuned !== undefined
      ? `${name("finetuned")}: expected it without ${name("embedding")}, got both: --model is its own teacher`
      : undefined,
);
export type CompressOptions = OptionsOf<typeof COMPRESS.fields>;
export type CompressSettings = SettingsOf<typeof COMPRESS.fields>;

/** More training examples: copies with words replaced, as TinyBERT makes them. */
export const AUGMENT = schema(
  "augment",
  {
    model: required(MODEL, `a masked language model: ${ANY_MODEL}`),
    ...DATA,
    ...TRAINED_LENGTH,
    out: required(text("file", "a .jsonl file"), "JSON lines file to write, for --augmented or --data"),
    force: withDefault(onOff(), false, "replace a file that is already there"),
    copies: withDefault(integer(1, 10_000), 30, "copies of a text; of a pair each text has as many"),
    candidates: withDefault(integer(1, 1000), 15, "words that a word may be replaced by"),
    rate: withDefault(number(0, 1, { above: true }), 0.4, "probability that a word is replaced"),
    glove: optional(text("file"), "word vectors, for words of several pieces: word x1 x2 ... per line", {
      absent: "the model's word embeddings",
    }),
    context: withDefault(
      oneOf("pair", "alone"),
      "pair",
      "what the model reads: the masked text and the text as it is, or the masked text alone",
    ),
    batchSize: withDefault(integer(1, 65_536), 32, "masked texts of one batch", { unit: "texts" }),
    ...COMMON,
  },
  dataRule,
  ({ tokens }, name) =>
    tokens
      ? `${name("tokens")}: expected labels of whole texts, since copies have other words, got it`
      : undefined,
  ({ out }, name) =>
    out.endsWith(".jsonl") ? undefined : `${name("out")}: expected a name ending in .jsonl, got ${out}`,
);
export type AugmentOptions = OptionsOf<typeof AUGMENT.fields>;
export type AugmentSettings = SettingsOf<typeof AUGMENT.fields>;

/** Masked-language-model pre-training of a small encoder on plain text. */
export const PRETRAIN = schema(
  "pretrain",
  {
    corpus: required(text("file", "a text file"), "plain text, one paragraph per line"),
    ...OUTPUT,
    vocabSize: withDefault(integer(100, 1_000_000), 8000, "word pieces to learn", { unit: "pieces" }),
    hidden: withDefault(integer(8, 8192), 128, "width of the encoder"),
    layers: withDefault(integer(1, 96), 4, "layers of the encoder"),
    heads: withDefault(integer(1, 128), 4, "attention heads of a layer; they divide --hidden"),
    ffn: withDefault(integer(8, 65_536), 512, "width of the feed-forward layers"),
    maxLength: withDefault(integer(16, 8192), 128, "longest sequence, and number of positions", {
      unit: "tokens",
    }),
    shortLength: withDefault(integer(16, 8192), 64, "length of the sequences of most steps", {
      unit: "tokens",
    }),
    longShare: withDefault(number(0, 1), 0.25, "share of the steps, spread evenly, at the full length"),
    steps: withDefault(integer(1, LARGEST), 10_000, "steps of the optimizer"),
    batchTokens: withDefault(integer(16, 1_000_000), 1024, "tokens of one step", { unit: "tokens" }),
    learningRate: withDefault(number(0, 1, { above: true }), 1e-3, "highest learning rate of AdamW"),
    weightDecay: withDefault(number(0, 1), 0.01, "decoupled weight decay, not on biases and layer norms"),
    warmup: withDefault(number(0, 1, { below: true }), 0.03, "share of the steps in which the rate rises"),
    clip: withDefault(number(0, 1e9), 1, "largest norm of the gradient; 0 does not clip"),
    maskRate: withDefault(number(0, 1, { above: true, below: true }), 0.15, "share of the tokens to predict"),
    ppmi: withDefault(
      onOff(),
      true,
      "start embeddings and output biases from counts of words and their neighbours",
    ),
    storage: withDefault(oneOf("float32", "float16"), "float32", "number format of the written tensors"),
    evalEvery: withDefault(integer(1, LARGEST), 500, "evaluate and save after this many steps", {
      unit: "steps",
    }),
    limit: optional(integer(1, LARGEST), "use only the first lines of the corpus", {
      unit: "lines",
      absent: "all",
    }),
    ...COMMON,
  },
  ({ hidden, heads }, name) =>
    hidden % heads === 0
      ? undefined
      : `${name("hidden")}: expected a multiple of ${name("heads")}=${heads}, got ${hidden}`,
  ({ batchTokens, maxLength }, name) =>
    batchTokens >= maxLength
      ? undefined
      : `${name("batchTokens")}: expected at least ${name("maxLength")}=${maxLength}, got ${batchTokens}`,
);
export type PretrainOptions = OptionsOf<typeof PRETRAIN.fields>;
export type PretrainSettings = SettingsOf<typeof PRETRAIN.fields>;

/** Resuming a run that was stopped; everything else, the seed above all, is in its recipe. */
export const RESUME = schema("resume", {
  run: required(text("run"), "folder of a run that was stopped"),
  threads: optional(integer(1, 256), "threads of the engine; another number changes the last digits", {
    absent: "as before",
  }),
  device: optional(oneOf("cpu", "webgpu", "cuda"), "where the engine computes", { absent: "as before" }),
});
export type ResumeOptions = OptionsOf<typeof RESUME.fields>;
export type ResumeSettings = SettingsOf<typeof RESUME.fields>;

/** The whole way, small: a model, its fine-tuning, its compression and the table at the end. */
export const DEMO = schema("demo", {
  out: withDefault(text("path"), "runs/demo", "folder of the demonstration's runs"),
  force: withDefault(onOff(), false, "replace a demonstration that is already in the folder"),
  report: OUTPUT.report,
  ...COMMON,
});
export type DemoOptions = OptionsOf<typeof DEMO.fields>;
