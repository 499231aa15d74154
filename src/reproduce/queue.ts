/**
 * The jobs of a table one after the other, shared with whatever other process works in the same folder.
 *
 * Not here: one job (job.ts), what it begins with (requisites.ts), the table (reproduce.ts).
 */

import { setTimeout } from "node:timers/promises";
import { InterruptedError } from "../base/errors.ts";
import type { ProgressEvent, RunContext } from "../runs/progress.ts";
import { claimJob, earlierOutcome, type JobSettings, readLedger, runJob } from "./job.ts";
import { type Job, type Plan, secondsOf } from "./papers/plan.ts";
import { type Readiness, withCopies, withModel } from "./requisites.ts";
import { countOf, type JobOutcome, type Outcomes, type Reproduction } from "./table.ts";

/**
 * Runs what has no outcome yet, in the order of the plan, and gives what came of it; the caller puts that among
 * `outcomes`, which may know of other jobs too. A job that another process works on is left for later, when its result is
 * read or waited for.
 */
export async function* openJobs(
  { jobs }: Pick<Plan, "jobs">,
  settings: JobSettings,
  outcomes: Outcomes,
  context: RunContext,
): AsyncGenerator<[string, JobOutcome]> {
  const queue = jobs.filter(({ id }) => !outcomes.has(id));
  const before = countOf(jobs, outcomes);
  if (before.done + before.failed > 0) context.report?.(note(earlierText(before)));
  const clock = estimate();
  let postponed = 0;
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const { done, failed, total } = countOf(jobs, outcomes);
    const place: Place = { ended: done + failed, total, out: settings.root };
    if (context.signal?.aborted) throw stopError(place);
    // All that is left is at work elsewhere.
    if (postponed > queue.length) {
      await setTimeout(WAIT);
      postponed = 0;
    }
    const title = `job ${place.ended + 1} of ${place.total}: ${job.id}${clock.left([job, ...queue])}`;
    const started = performance.now();
    const outcome = await interruptible(
      () => settleJob({ job, title, jobs, settings, outcomes, context }),
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

function earlierText({ done, failed, total }: Reproduction["jobs"]): string {
  return `${done} of ${total} jobs are done already${failed === 0 ? "" : `, ${failed} failed`}`;
}

/** Milliseconds between two looks at what other processes have done. */
const WAIT = 2000;

interface Place {
  /** Jobs that are done, or failed. */
  readonly ended: number;
  readonly total: number;
  readonly out: string;
}

interface OpenJob {
  readonly job: Job;
  /** What to call it when it begins. */
  readonly title: string;
  /** All of the plan. */
  readonly jobs: readonly Job[];
  readonly settings: JobSettings;
  readonly outcomes: Outcomes;
  readonly context: RunContext;
}

/** The outcome of a job, run here or meanwhile elsewhere; undefined while another process works on it. */
async function settleJob(open: OpenJob): Promise<JobOutcome | undefined> {
  const { job, title, settings, context } = open;
  const release = await claimJob(job, settings.root);
  if (release === undefined) return undefined;
  try {
    const elsewhere = await earlierOutcome(job, settings, await readLedger(settings.root));
    if (elsewhere !== undefined) return elsewhere;
    const readiness = await prepareJob(open);
    if (readiness === "elsewhere") return undefined;
    if (readiness !== "ready") return readiness;
    context.report?.({ kind: "phase", name: title });
    return await runJob(job, settings, inner(context));
  } finally {
    await release();
  }
}

/** Sees to it that a job has what it begins with. */
async function prepareJob({ job, jobs, settings, outcomes, context }: OpenJob): Promise<Readiness> {
  const { compression } = job;
  const shown = inner(context);
  if (compression) {
    const predecessor = jobs.find(({ id }) => id === compression.after);
    const outcome = outcomes.get(compression.after);
    if (predecessor === undefined || outcome === undefined) return "elsewhere";
    const readiness = await withModel(predecessor, outcome, settings, shown);
    if (readiness !== "ready") return readiness;
  }
  return withCopies(job, settings, shown);
}

function note(text: string): ProgressEvent {
  return { kind: "note", text };
}

async function interruptible<T>(work: () => Promise<T>, place: Place): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof InterruptedError ? stopError(place) : error;
  }
}

function stopError({ ended, total, out }: Place): InterruptedError {
  return new InterruptedError(
    "run/interrupted",
    `stopped after ${ended} of ${total} jobs; the job at hand and the table so far are saved in ${out}; the same command goes on`,
  );
}

/** A job's own steps and notes are shown; its phases and evaluations would bury the table's. */
function inner({ report, ...context }: RunContext): RunContext {
  const shown = new Set<ProgressEvent["kind"]>(["step", "count", "download", "note"]);
  return { ...context, report: (event) => (shown.has(event.kind) ? report?.(event) : undefined) };
}

function outcomeText(outcome: JobOutcome): string {
  if (outcome.state === "failed") return `failed: ${outcome.message}`;
  const { name, after } = outcome.facts.metric;
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
