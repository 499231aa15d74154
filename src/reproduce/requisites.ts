/**
 * What a job begins with: the fine-tuned model of its task and seed, and the copies of its training examples.
 *
 * Both are made once for a folder. On a machine that has only the ledger the model is made again, and its score is
 * held to the one that stands there; copies are a function of the job, the model and the data.
 */

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { augment } from "../commands/augment.ts";
import { claim } from "../formats/claim.ts";
import { SENTIMENT } from "../options/shared.ts";
import { runPaths } from "../runs/folder.ts";
import type { RunContext } from "../runs/progress.ts";
import { copiesName } from "./identity.ts";
import { claimJob, copiesFolder, type JobSettings, jobFolder, makeRun } from "./job.ts";
import { disagreement } from "./ledger.ts";
import type { Job } from "./papers/plan.ts";
import type { JobOutcome } from "./table.ts";

/** Everything is there; another process makes it; or it cannot be had, and neither can the job. */
export type Readiness = "ready" | "elsewhere" | Extract<JobOutcome, { state: "failed" }>;

/** Makes the fine-tuned model that a compression begins with, when it is not in its folder. */
export async function withModel(
  predecessor: Job,
  known: JobOutcome,
  settings: JobSettings,
  context: RunContext,
): Promise<Readiness> {
  if (known.state === "failed") {
    const message = `the fine-tuned model it begins with failed (${predecessor.id})`;
    return { state: "failed", code: "reproduce/predecessor", message };
  }
  const model = join(runPaths(jobFolder(settings.root, predecessor.id)).model, "config.json");
  if (existsSync(model)) return "ready";
  const release = await claimJob(predecessor, settings.root);
  if (release === undefined) return "elsewhere";
  try {
    if (existsSync(model)) return "ready";
    context.report?.({ kind: "note", text: `making the model of ${predecessor.id} again` });
    const { outcome } = await makeRun(predecessor, settings, context);
    if (outcome.state === "failed") return outcome;
    for (const text of disagreement(predecessor.id, known.facts, outcome.facts, "the model made again")) {
      context.report?.({ kind: "note", text });
    }
    return "ready";
  } finally {
    await release();
  }
}

/** Makes the copies that a job trains on, when they are not there. One process at a time: they share candidates. */
export async function withCopies(job: Job, settings: JobSettings, context: RunContext): Promise<Readiness> {
  const { root, sources, model, data, threads, device } = settings;
  const { task, seed, training, augmentation } = job;
  if (augmentation === undefined) return "ready";
  const out = join(copiesFolder(root), copiesName(job, sources));
  if (existsSync(out)) return "ready";
  await mkdir(copiesFolder(root), { recursive: true });
  const release = await claim(join(copiesFolder(root), "making.claim"));
  if (release === undefined) return "elsewhere";
  try {
    if (existsSync(out)) return "ready";
    context.report?.({ kind: "note", text: `making copies for ${job.id}` });
    const examples = task === "sentiment" ? { data: SENTIMENT } : { data, task };
    const { maxLength } = sources;
    const options = { model, ...examples, limit: training.limit, maxLength, seed, threads, device, out };
    await augment({ ...options, ...augmentation }, context);
    return "ready";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { state: "failed", code: error.code, message: error.message };
  } finally {
    await release();
  }
}
