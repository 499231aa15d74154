/**
 * jobs.jsonl: what became of every job of a folder, one line each, with everything that tables need.
 *
 *   {"kind":"model",…}  the model that all jobs begin with
 *   {"kind":"task",…}   what a model scores that always gives the most frequent label
 *   {"kind":"job",…}    a run that is done, or failed
 *
 * Promise: lines are only ever appended, each in one write, so that several processes may share a file; one that a
 * crash cut off is left out. Ledgers are joined by joining the files: of lines about one job the first counts, one
 * that is done before one that failed. No line names a folder or a machine.
 *
 * Not here: running jobs (job.ts), what makes two runs the same (identity.ts).
 */

import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, RunError } from "../base/errors.ts";
import {
  aClaim,
  aCount,
  aNumber,
  anAmount,
  anything,
  aSetting,
  aText,
  ifThere,
  type JsonShape,
  mapOf,
  oneOfValues,
  readShape,
  record,
} from "../formats/json-shape.ts";
import { REMOVED } from "../measure/removed.ts";
import { METRIC, PARAMETERS } from "../measure/result.ts";
import type { EightFacts } from "./eight.ts";
import {
  differenceOf,
  type Identity,
  identityDigest,
  type MethodSettings,
  methodSettings,
} from "./identity.ts";
import type { PackedFacts } from "./packed.ts";
import type { JobFacts, JobOutcome, ReproducedModel } from "./table.ts";
import { olderVersion, type RunVersions, versionsOf } from "./versions.ts";

/** The model, and what of it a plan needs to know. */
export interface ModelLine {
  readonly kind: "model";
  /** Digest of its files. */
  readonly digest: string;
  readonly model: ReproducedModel;
  /** Longest sequence of all jobs, in tokens. */
  readonly maxLength: number;
}

/** A task as it is judged. */
export interface TaskLine {
  readonly kind: "task";
  readonly task: string;
  /** With the few examples of a quick trial. */
  readonly quick: boolean;
  /** Digest of its files. */
  readonly digest: string;
  /** By metric: what always giving the most frequent label scores; empty for a regression. */
  readonly constant: Readonly<Record<string, number>>;
}

/** A job and what became of it. */
export interface JobLine {
  readonly kind: "job";
  readonly job: string;
  readonly task: string;
  readonly seed: number;
  readonly outcome: JobOutcome;
  /** What is not at its default; the rest of the identity is known by its digest. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly data: string;
  /** Of the whole identity. */
  readonly digest: string;
  /** Version of Espalier. */
  readonly code: string;
  /** Every setting of the method, defaults included; absent for fine-tuning, and in lines that were made before this was. */
  readonly effective?: MethodSettings | undefined;
  /** Of training and of the method; see versions.ts. */
  readonly versions: RunVersions;
}

/** One line. */
export type LedgerLine = ModelLine | TaskLine | JobLine;

/** What a ledger says, the lines that count. */
export interface Ledger {
  readonly models: readonly ModelLine[];
  readonly tasks: readonly TaskLine[];
  readonly jobs: ReadonlyMap<string, JobLine>;
  /** What a reader should know: lines left out, machines that disagree. */
  readonly notes: readonly string[];
}

const FACTS: JsonShape<JobFacts> = record<JobFacts>({
  metric: METRIC,
  metrics: mapOf(aNumber),
  removed: REMOVED,
  parameters: PARAMETERS,
  work: anAmount,
  seconds: anAmount,
  threads: aCount,
  machine: ifThere(record<NonNullable<JobFacts["machine"]>>({ cpu: aText, node: aText })),
  packed: ifThere(record<PackedFacts>({ bytes: aCount, of: aCount, faster: ifThere(anAmount) })),
  eight: ifThere(
    record<EightFacts>({
      bytes: aCount,
      after: aNumber,
      layers: aCount,
      of: aCount,
      faster: ifThere(anAmount),
      fasterInOnnx: ifThere(anAmount),
    }),
  ),
});

const DONE = record<Extract<JobOutcome, { state: "done" }>>({ state: oneOfValues("done"), facts: FACTS });
const FAILED = record<Extract<JobOutcome, { state: "failed" }>>({
  state: oneOfValues("failed"),
  code: aText,
  message: aText,
});

const OUTCOME: JsonShape<JobOutcome> = {
  problem: (value, path) => (FAILED.problem(value, path) ? DONE.problem(value, path) : undefined),
};

const MODEL = record<ReproducedModel>({ name: aText, layers: aCount, hidden: aCount, parameters: aCount });

const MODEL_LINE = record<ModelLine>({
  kind: oneOfValues("model"),
  digest: aText,
  model: MODEL,
  maxLength: aCount,
});

const TASK_LINE = record<TaskLine>({
  kind: oneOfValues("task"),
  task: aText,
  quick: aClaim,
  digest: aText,
  constant: mapOf(aNumber),
});

const JOB_LINE = record<JobLine>({
  kind: oneOfValues("job"),
  job: aText,
  task: aText,
  seed: aCount,
  outcome: OUTCOME,
  settings: mapOf(anything),
  model: aText,
  data: aText,
  digest: aText,
  code: aText,
  effective: ifThere(mapOf(aSetting)),
  versions: mapOf(aCount),
});

/** The ledger of a folder of jobs. */
export function ledgerPath(root: string): string {
  return join(root, "jobs.jsonl");
}

/**
 * Reads a ledger's text.
 *
 * @throws {FormatError} `reproduce/ledger` for a line that is whole and none of a ledger
 * @throws {ConfigError} `reproduce/mixed` when a job stands in it with two settings
 */
export function parseLedger(text: string, where: string): Ledger {
  const models = new Map<string, ModelLine>();
  const tasks = new Map<string, TaskLine>();
  const jobs = new Map<string, JobLine>();
  const notes: string[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const place = `${where}, line ${i + 1}`;
    const parsed = parseLine(line, place);
    if (parsed === undefined) notes.push(`${place} is not whole and is left out`);
    else if (parsed.kind === "model") setOnce(models, `${parsed.digest} ${parsed.maxLength}`, parsed);
    else if (parsed.kind === "task")
      setOnce(tasks, `${parsed.task} ${parsed.quick} ${parsed.digest}`, parsed);
    else notes.push(...enter(jobs, parsed, place));
  }
  return { models: [...models.values()], tasks: [...tasks.values()], jobs, notes };
}

function parseLine(line: string, where: string): LedgerLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // a crash cut it off
    throw error;
  }
  const code = "reproduce/ledger";
  const { kind } = readShape(KIND, value, where, code);
  if (kind === "model") return readShape(MODEL_LINE, value, where, code);
  return kind === "task" ? readShape(TASK_LINE, value, where, code) : readShape(JOB_LINE, value, where, code);
}

const KIND = record<Pick<LedgerLine, "kind">>({ kind: oneOfValues("model", "task", "job") });

function setOnce<T>(lines: Map<string, T>, key: string, line: T): void {
  if (!lines.has(key)) lines.set(key, line);
}

/** Puts a job among the others; returns what there is to note. */
function enter(jobs: Map<string, JobLine>, line: JobLine, where: string): string[] {
  const known = jobs.get(line.job);
  if (known === undefined) {
    jobs.set(line.job, line);
    return [];
  }
  if (known.digest !== line.digest) {
    throw new ConfigError(
      "reproduce/mixed",
      `job ${line.job}: ${differenceOf(known, line)} (${where}); keep runs of different settings in ledgers of their own`,
    );
  }
  if (known.outcome.state === "failed") {
    jobs.set(line.job, line.outcome.state === "done" ? line : known);
    return [];
  }
  return line.outcome.state === "done"
    ? disagreement(line.job, known.outcome.facts, line.outcome.facts, "another line")
    : [];
}

/** A note when two runs of one job have different scores, as those of two kinds of processor can. */
export function disagreement(job: string, known: JobFacts, other: JobFacts, whose: string): string[] {
  const [a, b] = [known.metric.after, other.metric.after];
  return a === b ? [] : [`${job}: ${known.metric.name} ${a} counts, ${whose} has ${b}`];
}

/**
 * What the ledger says of a job; undefined when nothing.
 *
 * @throws {ConfigError} `reproduce/other` when its run had other settings, another model or other data,
 *   `reproduce/version` when it was made by older code that gave other numbers
 */
export function ledgerOutcome({ jobs }: Ledger, job: string, identity: Identity): JobOutcome | undefined {
  const line = jobs.get(job);
  if (line === undefined) return undefined;
  if (line.digest !== identityDigest(identity)) throw otherRun(job, identity, line, "jobs.jsonl");
  requireVersions(line, identity);
  if (line.effective !== undefined) requireEffective(job, line.effective, methodSettings(identity) ?? {});
  return line.outcome;
}

function requireVersions({ job, versions }: JobLine, { settings }: Identity): void {
  const older = olderVersion(versions, versionsOf(settings.method));
  if (older === undefined) return;
  throw new ConfigError(
    "reproduce/version",
    `job ${job}: expected a run with ${older} (jobs.jsonl); take the job's line out to run it again, or choose another --out`,
  );
}

/**
 * A setting that has come since is let pass: it was not there to be another. Settings are compared as they are typed: one
 * that was a number and is a name now, as `block`, is the same where both are typed alike.
 */
function requireEffective(job: string, then: MethodSettings, now: MethodSettings): void {
  const name = Object.keys(then).find((key) => String(then[key]) !== String(now[key]));
  if (name === undefined) return;
  const [got, expected] = [then[name], now[name] ?? "none"];
  throw new ConfigError(
    "reproduce/other",
    `job ${job}: expected the method's default ${name} ${expected}, got a run with ${got} (jobs.jsonl); take the job's line out to run it again, or choose another --out`,
  );
}

/** The error for a run that is there under a job's name and is another. */
export function otherRun(job: string, expected: Identity, got: Identity, where: string): ConfigError {
  const message = `job ${job}: ${differenceOf(expected, got)} (${where}); choose another --out`;
  return new ConfigError("reproduce/other", message);
}

/** One line of the file. */
export function lineText(line: LedgerLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** The lines that count, jobs in the order of their names: what a ledger is published as. */
export function ledgerText({ models, tasks, jobs }: Ledger): string {
  const sorted = [...jobs.values()].toSorted((a, b) => (a.job < b.job ? -1 : 1));
  return [...models, ...tasks, ...sorted].map(lineText).join("");
}

/**
 * Appends a line in one write. After a line that was cut off, it begins one of its own.
 *
 * @throws {RunError} `reproduce/disk` when the disk takes only a part of it
 */
export function appendLine(path: string, line: LedgerLine): void {
  const file = openSync(path, "a+");
  try {
    const { size } = fstatSync(file);
    const last = Buffer.alloc(1);
    const isCut = size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 10;
    const bytes = Buffer.from(`${isCut ? "\n" : ""}${lineText(line)}`);
    const written = writeSync(file, bytes);
    fsyncSync(file);
    if (written === bytes.length) return;
    throw new RunError(
      "reproduce/disk",
      `ledger: expected to write ${bytes.length} bytes, got ${written} written (${path})`,
    );
  } finally {
    closeSync(file);
  }
}
