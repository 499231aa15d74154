/** The options of `reproduce`. */

import { integer, number, oneOf, onOff, text, words } from "./kinds.ts";
import { type OptionsOf, optional, required, type SettingsOf, schema, withDefault } from "./schema.ts";
import { ANY_MODEL, COMMON, LARGEST, MODEL, SENTIMENT } from "./shared.ts";

/** A paper's table, run at the scale of a model, beside the numbers that were published. */
export const REPRODUCE = schema("reproduce", {
  paper: required(
    oneOf(
      "core",
      "whole",
      "rates",
      "adapting-by-pruning",
      "sparsebert",
      "snip",
      "theseus",
      "sub-networks",
      "blocks",
      "baselines",
    ),
    "the table",
  ),
  model: withDefault(MODEL, "embedded", `the pre-trained encoder: ${ANY_MODEL}`),
  data: withDefault(
    text("path", "a folder"),
    SENTIMENT,
    "folder of GLUE's tasks; what is embedded shows that it runs and no more",
  ),
  tasks: optional(words("names"), "GLUE tasks, separated by commas", { absent: "those of the table" }),
  seeds: optional(integer(1, 1000), "seeds of each task, from --seed up", {
    absent: "1 to 3, by task and row",
  }),
  quick: withDefault(onOff(), false, "one task, one seed, one epoch, few examples: to see it run"),
  out: withDefault(text("path"), "runs/reproduce", "folder of the jobs and tables; papers may share it"),
  learningRate: optional(number(0, 1, { above: true }), "highest learning rate where a row has none", {
    absent: "5e-5, or the task's best",
  }),
  limit: optional(integer(1, LARGEST), "use only the first examples of each split", {
    unit: "examples",
    absent: "10000 of sst2, 25600 of other large tasks",
  }),
  only: optional(
    words("words"),
    "run only the jobs with one of these in their names, whole between hyphens; --plan lists them",
    {
      absent: "all",
    },
  ),
  plan: withDefault(onOff(), false, "say what is to run and how long it should take, and run nothing"),
  retry: withDefault(onOff(), false, "run again what failed"),
  latency: withDefault(
    onOff(),
    true,
    "make each model's files, in 8 bits too, and time them in turns: minutes for each job",
  ),
  keep: withDefault(onOff(), false, "keep every compressed model, not its measurements and masks alone"),
  ...COMMON,
});
export type ReproduceOptions = OptionsOf<typeof REPRODUCE.fields>;
export type ReproduceSettings = SettingsOf<typeof REPRODUCE.fields>;
