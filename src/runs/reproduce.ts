/** `espalier reproduce`: a paper's table at the scale of a model, several seeds, beside the published numbers. */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ConfigError, InterruptedError } from "../base/errors.ts";
import { type Dataset, measureOf } from "../data/dataset.ts";
import { glueTask } from "../data/glue.ts";
import { taskMetrics } from "../data/metrics.ts";
import { writeFileAtomic } from "../formats/files.ts";
import { countParameters } from "../network/network.ts";
import { readValidation, SENTIMENT } from "./data.ts";
import { resolveOptions } from "./fields.ts";
import { claimJob, earlierOutcome, isClaimed, type JobSettings, type Original, runJob } from "./jobs.ts";
import { loadModel } from "./models.ts";
import { REPRODUCE, type ReproduceOptions, type ReproduceSettings } from "./options.ts";
import { PAPERS } from "./papers/papers.ts";
import {
  DEFAULT_TASKS,
  type Job,
  type Paper,
  type Plan,
  planOf,
  secondsOf,
  type TaskName,
} from "./papers/plan.ts";
import type { ProgressEvent, RunContext } from "./progress.ts";
import { type JobOutcome, type Reproduction, reproductionOf } from "./reproduction.ts";
import { reproductionText } from "./reproduction-text.ts";

/** Tokens of the longest sequence, where the model has as many positions: what all papers here train GLUE with. */
const LONGEST = 128;

/** Where a table lies, without its ending. */
export function tablePath({ out, paper, quick }: Pick<ReproduceSettings, "out" | "paper" | "quick">): string {
  return join(out, quick ? `${paper}-quick` : paper);
}

/**
 * Runs every job of a paper's table that is not done yet, and leaves the table as Markdown and JSON. Called again with
 * the same options it goes on where it stopped. A folder may be shared by all papers, which then share their jobs, and
 * by several processes at once, which then share the work.
 *
 * @throws {InterruptedError} `run/interrupted` when asked to stop; the job at hand and the table so far are saved
 * @throws {ConfigError} `reproduce/other` for a folder with jobs of other settings, `reproduce/tasks`; {InputError}
 *   for a model or data that cannot be read
 * @example await reproduce({ paper: "theseus", model: "models/small", data: "glue", tasks: ["mrpc"] });
 */
export function reproduce(options: ReproduceOptions, context: RunContext = {}): Promise<Reproduction> {
  const settings = resolveOptions(REPRODUCE, options);
  return reproducePaper(PAPERS[settings.paper], settings, context);
}

/** As `reproduce`, for a paper that need not be among the known ones. */
export async function reproducePaper(
  paper: Paper,
  given: ReproduceSettings,
  context: RunContext,
): Promise<Reproduction> {
  const settings = located(given);
  const tasks = tasksOf(settings);
  const { network, name } = await loadModel(settings.model, context);
  const { layers, hiddenSize: hidden, maxPositions } = network.config;
  const plan = planOf(paper, { ...settings, tasks, depth: layers.length });
  const model = { name, layers: layers.length, hidden, parameters: countParameters(network).total };
  const maxLength = Math.min(LONGEST, maxPositions);
  const jobSettings: JobSettings = { ...settings, root: settings.out, maxLength };
  const constants = await constantScores(plan, settings);
  const outcomes = await earlierOutcomes(plan, jobSettings, network);
  const saved = async (): Promise<Reproduction> => {
    const table = reproductionOf({ plan, quick: settings.quick, model, outcomes, constants });
    await save(table, settings);
    return table;
  };
  await mkdir(settings.out, { recursive: true });
  let table = await saved();
  for await (const [id, outcome] of openJobs(plan, jobSettings, network, outcomes, context)) {
    outcomes.set(id, outcome);
    table = await saved();
  }
  return table;
}

/** Paths are recorded with every job and compared later, so they do not depend on where the command was typed. */
function located(settings: ReproduceSettings): ReproduceSettings {
  const path = (ref: string): string => (existsSync(ref) ? resolve(ref) : ref);
  return { ...settings, model: path(settings.model), data: path(settings.data) };
}

/** @throws {ConfigError} `reproduce/tasks`; {InputError} `glue/task` */
function tasksOf({ tasks, data }: ReproduceSettings): readonly TaskName[] {
  if (data !== SENTIMENT) return tasks === undefined ? DEFAULT_TASKS : [...new Set(tasks.map(glueTask))];
  if (tasks === undefined) return ["sentiment"];
  throw new ConfigError(
    "reproduce/tasks",
    "data: expected a folder with GLUE's tasks, got the embedded reviews",
  );
}

/** For each task what a model scores that always gives the most frequent label; nothing for a regression. */
async function constantScores(
  { tables, jobs }: Plan,
  { data, seed }: ReproduceSettings,
): Promise<Map<string, Readonly<Record<string, number>>>> {
  const scores = new Map<string, Readonly<Record<string, number>>>();
  for (const { task } of tables) {
    const limit = jobs.find((job) => job.task === task)?.training.limit;
    const shared = { data, text: "text", label: "label", seed, limit };
    const dev = await readValidation(task === "sentiment" ? shared : { ...shared, task });
    if (dev.task === "classification") scores.set(task, constantMetrics(dev));
  }
  return scores;
}

function constantMetrics(dev: Dataset): Record<string, number> {
  const truth = dev.examples.map(({ label }) => label);
  const counts = dev.labels.map((_, label) => truth.filter((one) => one === label).length);
  const most = counts.indexOf(Math.max(...counts));
  const classes = counts.length;
  const logits = Float32Array.from({ length: truth.length * classes }, (_, i) =>
    Number(i % classes === most),
  );
  return taskMetrics(measureOf(dev), logits, truth);
}

async function earlierOutcomes(
  { jobs }: Plan,
  settings: JobSettings,
  original: Original,
): Promise<Map<string, JobOutcome>> {
  const outcomes = new Map<string, JobOutcome>();
  for (const job of jobs) {
    if (isClaimed(job, settings)) continue;
    const outcome = await earlierOutcome(job, settings, original);
    if (outcome !== undefined) outcomes.set(job.id, outcome);
  }
  return outcomes;
}

/**
 * Runs what has no outcome yet, in the order of the plan, and gives what came of it; the caller puts that among
 * `outcomes`. A job that another process works on is left for later, when its result is read or waited for.
 */
async function* openJobs(
  { jobs }: Plan,
  settings: JobSettings,
  original: Original,
  outcomes: ReadonlyMap<string, JobOutcome>,
  context: RunContext,
): AsyncGenerator<[string, JobOutcome]> {
  const queue = jobs.filter(({ id }) => !outcomes.has(id));
  if (outcomes.size > 0) context.report?.(note(`${outcomes.size} of ${jobs.length} jobs are done already`));
  const clock = estimate();
  let postponed = 0;
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const place: Place = { done: outcomes.size, total: jobs.length, out: settings.root };
    if (context.signal?.aborted) throw stopped(place);
    // All that is left is at work elsewhere.
    if (postponed > queue.length) {
      await setTimeout(WAIT);
      postponed = 0;
    }
    const title = `job ${place.done + 1} of ${place.total}: ${job.id}${clock.left([job, ...queue])}`;
    const started = performance.now();
    const outcome = await interruptible(
      () => settled({ job, title, settings, original, outcomes, context }),
      place,
    );
    if (outcome === undefined) {
      queue.push(job);
      postponed += 1;
      continue;
    }
    postponed = 0;
    clock.done(job, performance.now() - started);
    context.report?.(note(`${job.id}: ${outcomeText(outcome)}`));
    yield [job.id, outcome];
  }
}

/** Milliseconds between two looks at what other processes have done. */
const WAIT = 2000;

interface Place {
  readonly done: number;
  readonly total: number;
  readonly out: string;
}

interface OpenJob {
  readonly job: Job;
  /** What to call it when it begins. */
  readonly title: string;
  readonly settings: JobSettings;
  readonly original: Original;
  readonly outcomes: ReadonlyMap<string, JobOutcome>;
  readonly context: RunContext;
}

/** The outcome of a job, run here or meanwhile elsewhere; undefined while another process works on it. */
async function settled(open: OpenJob): Promise<JobOutcome | undefined> {
  const { job, title, settings, original, outcomes, context } = open;
  if (job.compression) {
    const predecessor = outcomes.get(job.compression.after);
    if (predecessor === undefined) return undefined;
    if (predecessor.state === "failed") return withoutPredecessor(job);
  }
  const release = await claimJob(job, settings);
  if (release === undefined) return undefined;
  try {
    const elsewhere = await earlierOutcome(job, settings, original);
    if (elsewhere !== undefined) return elsewhere;
    context.report?.({ kind: "phase", name: title });
    return await runJob(job, settings, original, inner(context));
  } finally {
    await release();
  }
}

function note(text: string): ProgressEvent {
  return { kind: "note", text };
}

function withoutPredecessor({ compression }: Job): JobOutcome {
  const message = `the fine-tuned model it begins with failed (${compression?.after ?? ""})`;
  return { state: "failed", code: "reproduce/predecessor", message };
}

async function interruptible<T>(work: () => Promise<T>, place: Place): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof InterruptedError ? stopped(place) : error;
  }
}

function stopped({ done, total, out }: Place): InterruptedError {
  return new InterruptedError(
    "run/interrupted",
    `stopped after ${done} of ${total} jobs; the job at hand and the table so far are saved in ${out}; the same command goes on`,
  );
}

/** A job's own steps and notes are shown; its phases and evaluations would bury the table's. */
function inner({ report, ...context }: RunContext): RunContext {
  const shown = new Set<ProgressEvent["kind"]>(["step", "download", "note"]);
  return { ...context, report: (event) => (shown.has(event.kind) ? report?.(event) : undefined) };
}

function outcomeText(outcome: JobOutcome): string {
  if (outcome.state === "failed") return `failed: ${outcome.message}`;
  const { name, after } = outcome.result.metric;
  return `${name} ${(100 * after).toFixed(1)}`;
}

/** The time left, from what the plan says of each job and how long those of this call took. */
function estimate() {
  let [planned, took] = [0, 0];
  return {
    done: (job: Job, milliseconds: number): void => {
      planned += secondsOf(job);
      took += milliseconds;
    },
    left: (jobs: readonly Job[]): string => {
      if (planned === 0) return "";
      const minutes = Math.ceil(
        (jobs.reduce((sum, job) => sum + secondsOf(job), 0) * took) / planned / 60_000,
      );
      return `, about ${minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`} left`;
    },
  };
}

async function save(table: Reproduction, settings: ReproduceSettings): Promise<void> {
  const path = tablePath(settings);
  const encoder = new TextEncoder();
  await writeFileAtomic(`${path}.json`, [encoder.encode(`${JSON.stringify(table, null, 2)}\n`)]);
  await writeFileAtomic(`${path}.md`, [encoder.encode(reproductionText(table))]);
}
