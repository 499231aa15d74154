/**
 * From a paper's table to a list of runs: which job with which seed on which task, and which cell each one fills.
 *
 * Pure: the same paper and request give the same jobs with the same names. A name says all that sets a job apart
 * (`sst2-s0-movement-0.95`), so papers that ask for the same job share it; equal names must mean equal jobs, and a
 * test holds all papers to it. Not here: running them (../reproduce.ts), the papers themselves (beside this file).
 */

import type { MetricName } from "../../data/dataset.ts";
import { GLUE, type GlueTask, isGlueTask } from "../../data/glue.ts";
import { USUAL_BATCH } from "../../options/training.ts";
import { TASK_PLANS, type TaskName } from "./task-plans.ts";

/** The metric a paper prints, by the name it has in a run's result; `mean` is that of all of the task's metrics. */
export type Judged = MetricName | "mean";

/** One number a paper prints, times 100 as all metrics here, and where it stands. */
export interface Published {
  readonly value: number;
  readonly source: string;
}

/** What a paper prints of one method, by task. */
export type PublishedRow = Readonly<Partial<Record<GlueTask, Published>>>;

/** A method under its settings, and how far its training departs from the task's plan. */
export interface Work {
  /** Names the job within its task and seed. */
  readonly slug: string;
  readonly method: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly sparsity?: number;
  /** Instead of the task's own. */
  readonly learningRate?: number;
  /** Times the task's epochs. */
  readonly longer?: number;
  /** With copies of the examples in which words are replaced; planned for tasks whose size can pay for them. */
  readonly augmented?: true;
  /** Instead of the task's own and of `longer`. */
  readonly epochs?: number;
  /** Instead of 32: more steps of fewer examples. */
  readonly batchSize?: number;
  /** Fewer than the task's own, unless the user says how many: beside rows that carry the comparison. */
  readonly seeds?: number;
  /** The tasks that have the row; absent means all. */
  readonly tasks?: readonly TaskName[];
}

/** One row of our table. Without `work` it is the fine-tuned model itself; with a rate, the first seed's. */
export interface Row {
  readonly label: string;
  readonly work?: Work;
  readonly rate?: number;
  readonly published?: PublishedRow;
}

/** Numbers printed elsewhere that no run of ours answers: shown apart, with what their shares count. */
export interface PublishedTable {
  readonly title: string;
  readonly source: string;
  readonly tasks: readonly string[];
  /** A label and one number for each task; null where the paper has none. */
  readonly rows: readonly (readonly [string, ...(number | null)[]])[];
}

/** The papers by the names the command line takes. */
export type PaperId =
  | "core"
  | "whole"
  | "rates"
  | "adapting-by-pruning"
  | "sparsebert"
  | "snip"
  | "theseus"
  | "sub-networks"
  | "blocks"
  | "baselines";

/** A paper: what it printed, what we run, and what differs. */
export interface Paper {
  readonly id: PaperId;
  readonly title: string;
  readonly citation: string;
  /** Where it is drawn when nobody says. */
  readonly tasks: readonly TaskName[];
  /** On all rows of tasks that the other tables cut, with one seed; its jobs have names of their own. */
  readonly whole?: true;
  /** The metric the paper prints, where it is not the task's own. */
  readonly metrics: Readonly<Partial<Record<GlueTask, Judged>>>;
  /** For an encoder of so many layers. */
  readonly rows: (depth: number) => readonly Row[];
  readonly published: readonly PublishedTable[];
  /** How what is run here departs from what was published, in sentences. */
  readonly differs: readonly string[];
}

/** What the user asked for. */
export interface PlanRequest {
  /** Layers of the model. */
  readonly depth: number;
  readonly tasks: readonly TaskName[];
  /** Seeds of every task; absent means each task's own number. */
  readonly seeds?: number | undefined;
  /** The first seed; the others follow. */
  readonly seed: number;
  /** The first task alone, one seed, one epoch, few examples. */
  readonly quick: boolean;
  readonly learningRate?: number | undefined;
  readonly limit?: number | undefined;
}

/** How a job trains. */
export interface JobTraining {
  readonly epochs: number;
  readonly learningRate: number;
  readonly limit?: number;
  readonly batchSize?: number;
}

/** How the copies of a job's training examples are made; the options of `espalier augment`. */
export interface Augmentation {
  /** Of each text of an example. */
  readonly copies: number;
  readonly candidates: number;
  readonly rate: number;
  readonly context: "pair" | "alone";
}

/** One run. */
export interface Job {
  readonly id: string;
  readonly task: TaskName;
  readonly seed: number;
  readonly training: JobTraining;
  readonly augmentation?: Augmentation;
  /** Absent for fine-tuning; `after` names the fine-tuned model that the compression begins with. */
  readonly compression?: Pick<Work, "method" | "set" | "sparsity"> & { readonly after: string };
}

/** One row of a task's table: the jobs behind it, one for each seed. */
export interface PlannedRow {
  readonly label: string;
  readonly jobs: readonly string[];
  readonly published: Published | undefined;
  /** The fine-tuned model at the task's own rate: what the other rows are held against. */
  readonly isDense: boolean;
}

/** The table of one task. */
export interface PlannedTable {
  readonly task: TaskName;
  readonly metric: Judged;
  readonly rows: readonly PlannedRow[];
}

/** Everything to run, in order, and where it goes. */
export interface Plan {
  readonly paper: Paper;
  readonly jobs: readonly Job[];
  readonly tables: readonly PlannedTable[];
}

/** What is asked of a paper, and on how much of a task. */
type Asked = PlanRequest & Pick<Paper, "whole">;

/** An example and its copies: an epoch is so many times as long. */
const AUGMENTED_TIMES = 3;
/** The authors' number of candidates and probability; words are proposed for the masked text alone, in half the time. */
const COPYING: Omit<Augmentation, "copies"> = { candidates: 15, rate: 0.4, context: "alone" };

/** Seconds of a job beside training: reading, evaluating, writing, compressing what was written. */
const SECONDS_BESIDE = 12;
/** Of a step of smaller batches, beside its examples: the optimizer's pass over all that is trained. */
const SECONDS_A_STEP = 0.15;
/**
 * Of the time an example takes, where only a head is trained: no gradient goes through the encoder. Beside other work such
 * rows took half of their plan where all others took twice theirs.
 */
const SHARE_OF_A_HEAD = 0.25;
/** A job's part of finding what words may be replaced by, once for all seeds and rows of a task. */
const SECONDS_COPYING = 25;

/** Examples of each split when there is little time. */
const QUICK_LIMIT = 300;

/** Differs from every paper in the same way. */
export const BEST_IS_KEPT =
  "Of the evaluations after each epoch the best is kept that has the compression asked for, on the development set itself. Rows that prune up to their end, as SparseBERT, movement, masks and lottery tickets over frozen weights do, have one such evaluation; dense and shallow models have one an epoch, which favours them a little.";

/** Differs wherever movement pruning is a row. */
export const MOVEMENT_IS_SHORT =
  "Movement pruning is published with ten epochs for its scores. Within the few epochs of these rows it goes wrong, in PyTorch with the authors' masks too, and with seven and ten at 50 % it does not (SST-2, an earlier model; archive/papers.md): its rows say nothing of the method.";

/**
 * The jobs of a paper: fine-tuned models first, then seed after seed, so that a whole table of one seed stands before the
 * second begins. Within a seed those come last that have fewer seeds.
 */
export function planOf(paper: Paper, asked: PlanRequest): Plan {
  const request: Asked = { ...asked, ...(paper.whole ? { whole: true } : {}) };
  const tasks = request.quick ? request.tasks.slice(0, 1) : request.tasks;
  const pairs = tasks
    .flatMap((task) => seedsOf(task, request).map((seed) => ({ task, seed })))
    .toSorted((a, b) => a.seed - b.seed);
  const rows = (task: TaskName): Row[] =>
    paper.rows(request.depth).filter(({ work }) => isPlanned(work, task));
  const works = (task: TaskName): Work[] => rows(task).flatMap(({ work }) => work ?? []);
  const jobs = [
    ...tasks.flatMap((task) =>
      rows(task).flatMap(({ rate }) =>
        rate === undefined ? [] : [fineTuning(task, request.seed, request, rate)],
      ),
    ),
    ...pairs.map(({ task, seed }) => fineTuning(task, seed, request)),
    ...[...new Set(pairs.map(({ seed }) => seed))].flatMap((seed) =>
      pairs
        .filter((pair) => pair.seed === seed)
        .flatMap(({ task }) => works(task).map((work) => ({ task, work })))
        .filter(({ task, work }) => seedsOf(task, request, work).includes(seed))
        .toSorted((a, b) => Number(a.work.seeds !== undefined) - Number(b.work.seeds !== undefined))
        .map(({ task, work }) => compression(work, task, seed, request)),
    ),
  ];
  return {
    paper,
    // In a very shallow encoder half of the layers and a third of them can be the same job.
    jobs: jobs.filter(({ id }, i) => jobs.findIndex((job) => job.id === id) === i),
    tables: tasks.map((task) => tableOf(paper, rows(task), task, request)),
  };
}

/** Each run of some plans once, whatever tables share it. */
export function distinctJobs(plans: readonly Plan[]): Job[] {
  return [...new Map(plans.flatMap(({ jobs }) => jobs).map((job) => [job.id, job])).values()];
}

/** Whether a task has the row: where the row says so, and augmented data only where it can be paid for. */
function isPlanned(work: Work | undefined, task: TaskName): boolean {
  const isAmong = work?.tasks === undefined || work.tasks.includes(task);
  return isAmong && (work?.augmented === undefined || TASK_PLANS[task].copies !== undefined);
}

/** A fraction of the layers, at least one; `exact` when it is a whole number of them. */
export function layersLeft(
  depth: number,
  parts: number,
): { readonly layers: number; readonly exact: boolean } {
  return { layers: Math.max(1, Math.floor(depth / parts)), exact: depth % parts === 0 };
}

function seedsOf(task: TaskName, { seeds, seed, quick, whole }: Asked, work?: Work): number[] {
  const own = whole ? 1 : Math.min(work?.seeds ?? Number.POSITIVE_INFINITY, TASK_PLANS[task].seeds);
  return Array.from({ length: quick ? 1 : (seeds ?? own) }, (_, i) => seed + i);
}

function tableOf({ metrics }: Paper, rows: readonly Row[], task: TaskName, request: Asked): PlannedTable {
  const metric = isGlueTask(task) ? (metrics[task] ?? GLUE[task].measure.primary) : "accuracy";
  return {
    task,
    metric,
    rows: rows.map(({ label, work, rate, published }) => ({
      label,
      jobs:
        rate === undefined
          ? seedsOf(task, request, work).map((seed) => jobId(task, seed, work, request))
          : [fineTuning(task, request.seed, request, rate).id],
      published: isGlueTask(task) ? published?.[task] : undefined,
      isDense: work === undefined && rate === undefined,
    })),
  };
}

function jobId(task: TaskName, seed: number, work: Work | undefined, { quick, whole }: Asked): string {
  const all = whole ? "-all" : "";
  const longer = work?.longer === undefined ? "" : `-x${work.longer}`;
  const epochs = work?.epochs === undefined ? "" : `-e${work.epochs}`;
  const batch = work?.batchSize === undefined ? "" : `-b${work.batchSize}`;
  return `${task}${all}-s${seed}-${work?.slug ?? "finetuned"}${longer}${epochs}${batch}${quick ? "-quick" : ""}`;
}

/** Fine-tuning at the task's rate, or at another: of the same rate it is the same job. */
function fineTuning(task: TaskName, seed: number, request: Asked, rate?: number): Job {
  const training = trainingOf(task, undefined, request);
  const id = jobId(task, seed, undefined, request);
  if (rate === undefined || rate === training.learningRate) return { id, task, seed, training };
  return { id: `${id}-${rate.toExponential()}`, task, seed, training: { ...training, learningRate: rate } };
}

function compression(work: Work, task: TaskName, seed: number, request: Asked): Job {
  const { method, set, sparsity, augmented } = work;
  const { copies } = TASK_PLANS[task];
  return {
    id: jobId(task, seed, work, request),
    task,
    seed,
    training: trainingOf(task, work, request),
    ...(augmented && copies !== undefined ? { augmentation: { copies, ...COPYING } } : {}),
    compression: {
      method,
      after: jobId(task, seed, undefined, request),
      ...(set === undefined ? {} : { set }),
      ...(sparsity === undefined ? {} : { sparsity }),
    },
  };
}

function trainingOf(task: TaskName, work: Work | undefined, request: Asked): JobTraining {
  const { epochs, learningRate, limit: own } = TASK_PLANS[task];
  const usual = request.whole ? undefined : own;
  const limit = request.limit ?? (request.quick ? QUICK_LIMIT : usual);
  return {
    epochs: request.quick ? 1 : (work?.epochs ?? epochs * (work?.longer ?? 1)),
    learningRate: work?.learningRate ?? request.learningRate ?? learningRate,
    ...(limit === undefined ? {} : { limit }),
    ...(work?.batchSize === undefined ? {} : { batchSize: work.batchSize }),
  };
}

/** How long a job takes with 6 layers x 384 on one thread, about: for the time left, not for any result. */
export function secondsOf({ task, training, augmentation, compression }: Job): number {
  const { examples, milliseconds } = TASK_PLANS[task];
  const times = augmentation === undefined ? 1 : AUGMENTED_TIMES;
  const seen = Math.min(examples, training.limit ?? examples) * training.epochs * times;
  const { batchSize = USUAL_BATCH } = training;
  const moreSteps = seen * (1 / batchSize - 1 / USUAL_BATCH);
  return (
    ((seen * milliseconds) / 1000) * (trainsHead(compression) ? SHARE_OF_A_HEAD : 1) +
    moreSteps * SECONDS_A_STEP +
    SECONDS_BESIDE +
    (augmentation === undefined ? 0 : SECONDS_COPYING)
  );
}

/** Whether nothing is trained but a head over frozen weights; lottery tickets are found by training all. */
function trainsHead(compression: Job["compression"]): boolean {
  if (compression?.method === "features") return true;
  return compression?.set?.frozen === "true" && compression.method !== "lottery";
}

/** The row of a published table as it stands beside ours: one number for each of the table's tasks. */
export function publishRow(
  source: string,
  tasks: readonly GlueTask[],
  values: readonly (number | null)[],
): PublishedRow {
  const entries = tasks.flatMap((task, i) => {
    const value = values[i];
    return value === null || value === undefined ? [] : [[task, { value, source }] as const];
  });
  return Object.fromEntries(entries);
}
