/**
 * The nine GLUE tasks as one table, and their TSV files as data sets.
 *
 * Wang et al., "GLUE: A multi-task benchmark and analysis platform for natural language understanding", ICLR 2019,
 * Table 1: tasks and metrics. Label names are those of the Hugging Face hub's `glue`. Quotation marks in these files
 * are text, never quoting. Test splits have no labels and are not read; neither is the diagnostic set AX.
 */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../base/errors.ts";
import type { Column } from "./cells.ts";
import type { Dataset, Measure } from "./dataset.ts";
import type { LabelRule } from "./labels.ts";
import { type RecordRules, readRows } from "./rows.ts";
import { toExamples } from "./table.ts";

/** The tasks by the names the command line takes. */
export type GlueTask = "sst2" | "cola" | "mrpc" | "rte" | "stsb" | "qnli" | "wnli" | "qqp" | "mnli";

/** `dev_mismatched` exists for MNLI alone, where `dev` is the matched one. */
export type GlueSplit = "train" | "dev" | "dev_mismatched";

/** One task: where its data lies in its files and how it is judged. */
export interface GlueSpec {
  /** Folder of the task in the benchmark's distribution, and its name in print. */
  readonly folder: string;
  readonly files: Partial<Record<GlueSplit, string>>;
  readonly text: Column;
  readonly pair?: Column;
  readonly label: Column;
  readonly rule: LabelRule;
  /** Class names by class number; empty for a regression. */
  readonly labels: readonly string[];
  readonly measure: Measure;
  readonly rules?: RecordRules;
}

const SPLITS = { train: "train.tsv", dev: "dev.tsv" };
const BINARY: LabelRule = { kind: "classification", values: ["0", "1"] };
const ENTAILMENT = ["entailment", "not_entailment"];
const ACCURACY: Measure = { task: "classification", metrics: ["accuracy"], primary: "accuracy" };
const ACCURACY_AND_F1: Measure = { task: "classification", metrics: ["accuracy", "f1"], primary: "mean" };
const NLI_LABELS = ["entailment", "neutral", "contradiction"];

/** Every task; a new one is one more entry. */
export const GLUE: Readonly<Record<GlueTask, GlueSpec>> = {
  sst2: {
    folder: "SST-2",
    files: SPLITS,
    text: "sentence",
    label: "label",
    rule: BINARY,
    labels: ["negative", "positive"],
    measure: ACCURACY,
  },
  cola: {
    folder: "CoLA",
    files: SPLITS,
    // No header: source, label, the author's own mark, sentence.
    text: 3,
    label: 1,
    rule: BINARY,
    labels: ["unacceptable", "acceptable"],
    measure: { task: "classification", metrics: ["matthews", "accuracy"], primary: "matthews" },
    rules: { fields: 4 },
  },
  mrpc: {
    folder: "MRPC",
    files: SPLITS,
    text: "#1 String",
    pair: "#2 String",
    label: "Quality",
    rule: BINARY,
    labels: ["not_equivalent", "equivalent"],
    measure: ACCURACY_AND_F1,
  },
  rte: {
    folder: "RTE",
    files: SPLITS,
    text: "sentence1",
    pair: "sentence2",
    label: "label",
    rule: { kind: "classification", values: ENTAILMENT },
    labels: ENTAILMENT,
    measure: ACCURACY,
  },
  stsb: {
    folder: "STS-B",
    files: SPLITS,
    text: "sentence1",
    pair: "sentence2",
    label: "score",
    rule: { kind: "regression", range: [0, 5] },
    labels: [],
    measure: { task: "regression", metrics: ["pearson", "spearman"], primary: "mean" },
  },
  qnli: {
    folder: "QNLI",
    files: SPLITS,
    text: "question",
    pair: "sentence",
    label: "label",
    rule: { kind: "classification", values: ENTAILMENT },
    labels: ENTAILMENT,
    measure: ACCURACY,
  },
  wnli: {
    folder: "WNLI",
    files: SPLITS,
    text: "sentence1",
    pair: "sentence2",
    label: "label",
    rule: BINARY,
    labels: ["not_entailment", "entailment"],
    measure: ACCURACY,
  },
  qqp: {
    folder: "QQP",
    files: SPLITS,
    text: "question1",
    pair: "question2",
    label: "is_duplicate",
    rule: BINARY,
    labels: ["not_duplicate", "duplicate"],
    measure: ACCURACY_AND_F1,
    rules: { skipShort: true },
  },
  mnli: {
    folder: "MNLI",
    files: { train: "train.tsv", dev: "dev_matched.tsv", dev_mismatched: "dev_mismatched.tsv" },
    text: "sentence1",
    pair: "sentence2",
    label: "gold_label",
    rule: { kind: "classification", values: NLI_LABELS },
    labels: NLI_LABELS,
    measure: ACCURACY,
  },
};

/** Whether a name is a GLUE task in its canonical spelling. */
export function isGlueTask(name: string): name is GlueTask {
  return Object.hasOwn(GLUE, name);
}

/**
 * The task a user means: `SST-2`, `sst2` and `sst-2` are one.
 * @throws {InputError} `glue/task` listing the tasks.
 */
export function glueTask(name: string): GlueTask {
  const id = name.toLowerCase().replaceAll(/[-_]/g, "");
  if (isGlueTask(id)) return id;
  const known = Object.keys(GLUE).join(", ");
  throw new InputError("glue/task", `task: expected one of ${known}, got ${JSON.stringify(name)}`);
}

/**
 * One split of a task. `folder` is the task's own or the one that holds all tasks' folders.
 * @throws {InputError} `glue/split`, `glue/folder`, or what reading the file throws.
 */
export async function readGlue(task: GlueTask, folder: string, split: GlueSplit): Promise<Dataset> {
  const spec = GLUE[task];
  const columns = spec.pair === undefined ? [spec.label, spec.text] : [spec.label, spec.text, spec.pair];
  const rules = { ...spec.rules, quotes: "text" } as const;
  const { rows } = await readRows(glueFile(task, folder, split), columns, "tsv", rules);
  return {
    name: split === "train" ? task : `${task}/${split}`,
    task: spec.measure.task,
    labels: spec.labels,
    examples: toExamples(rows, spec.rule),
    measure: spec.measure,
  };
}

/** The files of a task that are read: of both splits. @throws as `readGlue` does */
export function glueFiles(task: GlueTask, folder: string): string[] {
  return [glueFile(task, folder, "train"), glueFile(task, folder, "dev")];
}

/**
 * The file of a split.
 * @throws {InputError} `glue/split` when the task has no such split, `glue/folder` when it is in neither place.
 */
export function glueFile(task: GlueTask, folder: string, split: GlueSplit): string {
  const { files, folder: own } = GLUE[task];
  const file = files[split];
  if (file === undefined) {
    const known = Object.keys(files).join(", ");
    throw new InputError("glue/split", `${task}: expected a split among ${known}, got ${split}`);
  }
  const found = [join(folder, own, file), join(folder, file)].find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (statSync(folder, { throwIfNoEntry: false })?.isFile()) {
    const message = `${task}: expected the folder of the task's files, got one file, ${folder}; without --task it is read by its columns`;
    throw new InputError("glue/folder", message);
  }
  const expected = `${file} or ${join(own, file)} in ${folder}`;
  throw new InputError("glue/folder", `${task}: expected ${expected}, got neither`);
}
