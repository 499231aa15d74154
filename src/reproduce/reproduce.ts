/** `espalier reproduce`: a paper's table at the scale of a model, several seeds, beside the published numbers. */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { classOf, measureOf } from "../data/dataset.ts";
import { glueTask } from "../data/glue.ts";
import { writeFileAtomic } from "../formats/files.ts";
import { jsonText } from "../formats/json.ts";
import { constantMetrics } from "../measure/constant.ts";
import { countParameters } from "../network/network.ts";
import { REPRODUCE, type ReproduceOptions, type ReproduceSettings } from "../options/reproducing.ts";
import { resolveOptions } from "../options/schema.ts";
import { SENTIMENT } from "../options/shared.ts";
import { readValidation } from "../runs/data.ts";
import { loadModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import { requireFolder } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { readSources, type Sources } from "./identity.ts";
import { earlierOutcome, enterFolders, isClaimed, type JobSettings, readLedger } from "./job.ts";
import { appendLine, type LedgerLine, ledgerPath, type TaskLine } from "./ledger.ts";
import { PAPERS } from "./papers/papers.ts";
import { type Job, type Paper, type Plan, planOf, secondsOf } from "./papers/plan.ts";
import type { TaskName } from "./papers/task-plans.ts";
import { openJobs } from "./queue.ts";
import {
  countOf,
  type JobOutcome,
  type ReproducedModel,
  type Reproduction,
  reproductionOf,
} from "./table.ts";
import { reproductionText } from "./table-text.ts";

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
 * @throws {InterruptedError} `run/interrupted` when asked to stop; the job at hand and the table so far are saved;
 *   `reproduce/stopped` before the first job
 * @throws {ConfigError} `reproduce/other` for a folder with jobs of other settings, `reproduce/tasks`; {InputError}
 *   for a model or data that cannot be read
 * @example await reproduce({ paper: "theseus", model: "embedded", data: "glue", tasks: ["mrpc"] });
 */
export async function reproduce(options: ReproduceOptions, context: RunContext = {}): Promise<Reproduction> {
  const settings = resolveOptions(REPRODUCE, options);
  return perform("reproduce", context, () => reproducePaper(PAPERS[settings.paper], settings, context));
}

/** What `reproduce` would run. */
export interface PlannedWork {
  readonly paper: string;
  /** In the order in which they run. */
  readonly open: readonly PlannedJob[];
  /** Of the jobs that are meant, as `open` is. */
  readonly done: number;
  readonly failed: number;
  /** Of all that is open, about, on one thread of a usual server; the first jobs tell the true speed. */
  readonly seconds: number;
}

/** One of its jobs. */
export interface PlannedJob {
  readonly id: string;
  readonly epochs: number;
  readonly learningRate: number;
  readonly seconds: number;
}

/**
 * What `reproduce` with the same options would run, and how long that should take. Runs nothing.
 *
 * @throws as `reproduce` does
 * @example const { open, seconds } = await planReproduction({ paper: "core", model: "embedded", data: "glue" });
 */
export async function planReproduction(
  options: ReproduceOptions,
  context: RunContext = {},
): Promise<PlannedWork> {
  const settings = resolveOptions(REPRODUCE, options);
  const work = () => openTable(PAPERS[settings.paper], settings, context);
  const { plan, outcomes } = await perform("reproduce", context, work, { engine: false });
  const meant = meantJobs(plan, settings);
  const open = meant
    .filter(({ id }) => !outcomes.has(id))
    .map((job) => ({ id: job.id, ...timingOf(job), seconds: secondsOf(job) }));
  const seconds = open.reduce((sum, job) => sum + job.seconds, 0);
  const { done, failed } = countOf(meant, outcomes);
  return { paper: settings.paper, open, done, failed, seconds };
}

function timingOf({ training: { epochs, learningRate } }: Job): Pick<PlannedJob, "epochs" | "learningRate"> {
  return { epochs, learningRate };
}

/** As `reproduce`, for a paper that need not be among the known ones. */
export async function reproducePaper(
  paper: Paper,
  given: ReproduceSettings,
  context: RunContext,
): Promise<Reproduction> {
  const { settings, plan, shared, model, outcomes, constants } = await openTable(paper, given, context);
  const saved = async (): Promise<Reproduction> => {
    const table = reproductionOf({ plan, quick: settings.quick, model, outcomes, constants });
    await save(table, settings);
    return table;
  };
  const jobs = meantJobs(plan, settings);
  let table = await saved();
  if (settings.plan) return table;
  for await (const [id, outcome] of openJobs({ jobs }, shared, outcomes, context)) {
    outcomes.set(id, outcome);
    table = await saved();
  }
  return table;
}

/**
 * The jobs with one of the words of `only` in their names, and the fine-tuned models that they begin with.
 *
 * @throws {ConfigError} `reproduce/only` when there is none
 */
function meantJobs({ jobs }: Pick<Plan, "jobs">, { only }: Pick<ReproduceSettings, "only">): readonly Job[] {
  if (only === undefined) return jobs;
  const named = jobs.filter(({ id }) => only.some((word) => `-${id}-`.includes(`-${word}-`)));
  if (named.length === 0) {
    const expected = `a part of a job's name, such as ${jobs.at(-1)?.id}`;
    throw new ConfigError("reproduce/only", `only: expected ${expected}, got ${only.join(", ")}`);
  }
  const before = new Set(named.map(({ compression }) => compression?.after));
  return jobs.filter((job) => named.includes(job) || before.has(job.id));
}

/** A table's plan, what all its jobs share, and what became of them so far. */
interface OpenTable {
  readonly settings: ReproduceSettings;
  readonly plan: Plan;
  readonly shared: JobSettings;
  readonly model: ReproducedModel;
  readonly outcomes: Map<string, JobOutcome>;
  readonly constants: ReadonlyMap<string, Readonly<Record<string, number>>>;
}

async function openTable(paper: Paper, given: ReproduceSettings, context: RunContext): Promise<OpenTable> {
  const settings = resolvePaths(given);
  requireFolder(settings.out);
  const tasks = tasksOf(settings, paper);
  const { network, ...place } = await loadModel(settings.model, context);
  const { layers, hiddenSize: hidden, maxPositions } = network.config;
  const plan = planOf(paper, { ...settings, tasks, depth: layers.length });
  const judged = plan.tables.map(({ task }) => task);
  const read = await readSources({ model: place.path, data: settings.data }, judged);
  const sources = { ...read, maxLength: Math.min(LONGEST, maxPositions), quick: settings.quick };
  const { out: root, model: ref, data, threads, device, retry, keep, latency } = settings;
  const shared = {
    root,
    model: ref,
    data,
    threads,
    device,
    retry,
    keep,
    latency,
    sources,
    original: network,
  };
  const parameters = countParameters(network).total;
  const model = { name: place.name, layers: layers.length, hidden, parameters };
  const constants = await constantScores(plan, settings);
  await mkdir(root, { recursive: true });
  await introduce(root, model, sources, constants, context);
  return { settings, plan, shared, model, outcomes: await earlierOutcomes(plan, shared), constants };
}

/** Enters the model and the tasks into the ledger, where they are not yet, and reports what it has to note. */
async function introduce(
  root: string,
  model: ReproducedModel,
  { model: digest, data, maxLength, quick }: Sources,
  constants: ReadonlyMap<string, Readonly<Record<string, number>>>,
  { report }: RunContext,
): Promise<void> {
  const { models, tasks, notes } = await readLedger(root);
  for (const text of notes) report?.({ kind: "note", text });
  const isKnown = models.some((line) => line.digest === digest && line.maxLength === maxLength);
  const lines: LedgerLine[] = isKnown ? [] : [{ kind: "model", digest, model, maxLength }];
  for (const [task, digest] of data) {
    const isSame = (line: TaskLine) => line.task === task && line.quick === quick && line.digest === digest;
    if (!tasks.some(isSame)) {
      lines.push({ kind: "task", task, quick, digest, constant: constants.get(task) ?? {} });
    }
  }
  for (const line of lines) appendLine(ledgerPath(root), line);
}

/** Paths are recorded with every job and compared later, so they do not depend on where the command was typed. */
function resolvePaths(settings: ReproduceSettings): ReproduceSettings {
  const path = (ref: string): string => (existsSync(ref) ? resolve(ref) : ref);
  return { ...settings, model: path(settings.model), data: path(settings.data) };
}

/** @throws {ConfigError} `reproduce/tasks`; {InputError} `glue/task` */
function tasksOf({ tasks, data }: ReproduceSettings, paper: Paper): readonly TaskName[] {
  if (data !== SENTIMENT) return tasks === undefined ? paper.tasks : [...new Set(tasks.map(glueTask))];
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
    const shared = { data, seed, limit };
    const dev = await readValidation(task === "sentiment" ? shared : { ...shared, task });
    if (dev.task !== "classification") continue;
    scores.set(task, constantMetrics(measureOf(dev), dev.labels.length, dev.examples.map(classOf)));
  }
  return scores;
}

/** What the ledger and the folders say of the jobs; a folder that a process works on is not asked. */
async function earlierOutcomes({ jobs }: Plan, settings: JobSettings): Promise<Map<string, JobOutcome>> {
  await enterFolders(jobs, settings);
  const ledger = await readLedger(settings.root);
  const outcomes = new Map<string, JobOutcome>();
  for (const job of jobs) {
    if (!ledger.jobs.has(job.id) && isClaimed(job.id, settings.root)) continue;
    const outcome = await earlierOutcome(job, settings, ledger);
    if (outcome !== undefined) outcomes.set(job.id, outcome);
  }
  return outcomes;
}

async function save(table: Reproduction, settings: ReproduceSettings): Promise<void> {
  const path = tablePath(settings);
  await writeFileAtomic(`${path}.json`, jsonText(table));
  await writeFileAtomic(`${path}.md`, reproductionText(table));
}
