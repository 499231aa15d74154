/**
 * All methods, tasks and compressions in one table: every row of every paper once, ordered by what it removed.
 *
 * Half of it never passes for the whole: a value says how many of its runs are missing, and so does the count on top.
 * Pure: from plans and outcomes to Markdown. Not here: the papers' own tables, which have published numbers beside ours
 * (table.ts).
 */

import { requireItem, requireValue } from "../base/present.ts";
import { fixed, percent } from "../base/quantity.ts";
import { mean, spread } from "../base/statistics.ts";
import { markdownTable } from "../formats/markdown.ts";
import { distinctJobs, type Job, type Plan } from "./papers/plan.ts";
import type { TaskName } from "./papers/task-plans.ts";
import { countOf, factsOf, type JobFacts, type Outcomes } from "./table.ts";
import { progressText } from "./table-text.ts";

/** The table, the count before it and what it means after it. */
export function comparisonText(plans: readonly Plan[], outcomes: Outcomes): string {
  const jobs = distinctJobs(plans);
  const tasks = [...new Set(jobs.map(({ task }) => task))];
  const labels = labelsOf(plans);
  const lines = worksOf(jobs).map(([work, own]) => ({
    removed: removedBy(own, outcomes, "encoder"),
    cells: [
      labels.get(work) ?? work,
      shareText(removedBy(own, outcomes, "encoder")),
      shareText(removedBy(own, outcomes, "all")),
      ...tasks.map((task) => scoreText(own.filter(isOf(task)), outcomes)),
      tasks.map((task) => secondsText(own.filter(isOf(task)), outcomes)).join(", "),
      settingsText(own, jobs),
    ],
  }));
  // What is not run yet has removed nothing that is known, and comes last.
  const sorted = lines.toSorted((a, b) => (a.removed ?? 2) - (b.removed ?? 2));
  const header = [
    "",
    "removed of the encoder's",
    "of all matrices",
    ...tasks.map((task) => headingOf(task, jobs, outcomes)),
    "seconds",
    "settings",
  ];
  const rows = sorted.map(({ cells }) => cells);
  const table = markdownTable(header, rows, [header.length - 1]);
  return `Runs: ${progressText(countOf(jobs, outcomes))}.\n\n${table}\n\n${keyText(tasks, jobs)}`;
}

/** A job's name without its task and seed: what is the same in all runs of a row. */
function workOf({ id, task, seed }: Job): string {
  return id.slice(`${task}-s${seed}-`.length);
}

/** The jobs of each row, in the order of the plans. */
function worksOf(jobs: readonly Job[]): [string, Job[]][] {
  const works = new Map<string, Job[]>();
  for (const job of jobs) works.set(workOf(job), [...(works.get(workOf(job)) ?? []), job]);
  return [...works];
}

/** The first paper's name for a row. */
function labelsOf(plans: readonly Plan[]): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const { jobs, tables } of plans) {
    const works = new Map(jobs.map((job) => [job.id, workOf(job)]));
    for (const { label, jobs: own } of tables.flatMap(({ rows }) => rows)) {
      const work = works.get(requireItem(own, 0, "jobs of a row"));
      if (work !== undefined && !labels.has(work)) labels.set(work, label.trim());
    }
  }
  return labels;
}

const isOf =
  (task: TaskName) =>
  (job: Job): boolean =>
    job.task === task;

function factsOfJobs(jobs: readonly Job[], outcomes: Outcomes): JobFacts[] {
  return factsOf(
    jobs.map(({ id }) => id),
    outcomes,
  );
}

/** Mean over all tasks and seeds; undefined as long as no run is done. */
function removedBy(jobs: readonly Job[], outcomes: Outcomes, of: "encoder" | "all"): number | undefined {
  const shares = factsOfJobs(jobs, outcomes).map(({ removed }) => removed[of]);
  return shares.length === 0 ? undefined : mean(shares);
}

function shareText(share: number | undefined): string {
  return share === undefined ? "–" : percent(share, { decimals: 1 });
}

/** Mean and deviation of the task's metric; nothing where the task has no such row. */
function scoreText(jobs: readonly Job[], outcomes: Outcomes): string {
  if (jobs.length === 0) return "";
  const facts = factsOfJobs(jobs, outcomes);
  const values = facts.flatMap(
    ({ metrics, metric }) => 100 * requireValue(metrics[metric.name], metric.name),
  );
  return facts.length === jobs.length
    ? spread(values)
    : `${spread(values)} (${facts.length} of ${jobs.length} runs)`;
}

function secondsText(jobs: readonly Job[], outcomes: Outcomes): string {
  const seconds = factsOfJobs(jobs, outcomes).map((facts) => facts.seconds);
  return seconds.length === 0 ? "–" : fixed(mean(seconds), 0);
}

/** `sst2, accuracy`. */
function headingOf(task: TaskName, jobs: readonly Job[], outcomes: Outcomes): string {
  const [facts] = factsOfJobs(jobs.filter(isOf(task)), outcomes);
  return facts === undefined ? task : `${task}, ${facts.metric.name}`;
}

/** What sets a row's runs apart from fine-tuning on the same task, as it is typed. */
function settingsText(own: readonly Job[], jobs: readonly Job[]): string {
  const [job] = own;
  if (job?.compression === undefined) return "";
  const { method, sparsity, set = {}, after } = job.compression;
  const dense = jobs.find(({ id }) => id === after)?.training;
  const { learningRate, epochs, batchSize } = job.training;
  const parts = [
    `--method ${method}`,
    ...(sparsity === undefined ? [] : [`--sparsity ${sparsity}`]),
    ...Object.entries(set).map(([name, value]) => `--set ${name}=${value}`),
    ...(learningRate === dense?.learningRate ? [] : [`--learning-rate ${learningRate}`]),
    ...(epochs === dense?.epochs ? [] : [`--epochs ×${epochs / (dense?.epochs ?? epochs)}`]),
    ...(batchSize === undefined ? [] : [`--batch-size ${batchSize}`]),
    ...(job.augmentation === undefined ? [] : ["--augmented COPIES"]),
  ];
  return `\`${parts.join(" ")}\``;
}

function keyText(tasks: readonly TaskName[], jobs: readonly Job[]): string {
  const trainings = tasks.map((task) => {
    const own = jobs.filter(isOf(task));
    const { epochs, limit, learningRate } = own.find(({ compression }) => !compression)?.training ?? {};
    const examples = limit === undefined ? "all examples" : `\`--limit ${limit}\``;
    const seeds = new Set(own.map(({ seed }) => seed)).size;
    return `${task} ${examples}, \`--epochs ${epochs} --learning-rate ${learningRate}\`, ${seeds} seeds`;
  });
  return `Metrics × 100, mean ± standard deviation over seeds; without ± it is one seed. Removed: share of the weights, each column with its own denominator, mean over all runs of the row. Seconds: mean of whole runs on one thread, for ${tasks.join(", ")}, on machines that differ by a factor of two and had other work beside. A row is \`npx espalier compress MODEL --finetuned RUN --task TASK --data glue --threads 1 --seed N\` with its settings, and for ${trainings.join("; ")}.`;
}
