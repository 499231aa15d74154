/**
 * How each task is trained in the tables: epochs, learning rate, rows, seeds, and how long an example takes.
 *
 * Not here: how a row departs from it (plan.ts, and the papers beside it).
 */

import type { GlueTask } from "../../data/glue.ts";

/** What a table is about: a task of GLUE, or the reviews that come with the package. */
export type TaskName = GlueTask | "sentiment";

/** What every row of a task is trained with, where the row says nothing else. */
interface TaskPlan {
  readonly epochs: number;
  /** The best of the table of rates, on one seed. */
  readonly learningRate: number;
  readonly limit?: number;
  readonly seeds: number;
  /** Training examples, for the time left. */
  readonly examples: number;
  /** Milliseconds of training for one example with 6 layers x 384 on one thread, about; for the time left. */
  readonly milliseconds: number;
  /** Of each text, where a row has augmented data: 2 copies of an example, be it one text or two. */
  readonly copies?: 1 | 2;
}

/** Drawn for 6 layers x 384 (all-MiniLM-L6-v2), and so that all tables together can be paid for (plan.test.ts). */
export const TASK_PLANS: Readonly<Record<TaskName, TaskPlan>> = {
  sst2: { epochs: 2, limit: 10_000, learningRate: 5e-5, seeds: 3, examples: 67_349, milliseconds: 20 },
  cola: { epochs: 3, learningRate: 5e-5, seeds: 3, examples: 8_551, milliseconds: 18, copies: 2 },
  mrpc: { epochs: 3, learningRate: 1e-4, seeds: 3, examples: 3_668, milliseconds: 55, copies: 1 },
  rte: { epochs: 3, learningRate: 5e-5, seeds: 3, examples: 2_490, milliseconds: 75, copies: 1 },
  stsb: { epochs: 3, learningRate: 1e-4, seeds: 3, examples: 5_749, milliseconds: 35, copies: 1 },
  wnli: { epochs: 3, learningRate: 5e-5, seeds: 3, examples: 635, milliseconds: 40, copies: 1 },
  qnli: { epochs: 1, limit: 25_600, learningRate: 5e-5, seeds: 2, examples: 104_743, milliseconds: 55 },
  qqp: { epochs: 1, limit: 25_600, learningRate: 5e-5, seeds: 2, examples: 363_846, milliseconds: 35 },
  mnli: { epochs: 1, limit: 25_600, learningRate: 5e-5, seeds: 2, examples: 392_702, milliseconds: 45 },
  sentiment: { epochs: 4, learningRate: 1e-4, seeds: 1, examples: 4_000, milliseconds: 28, copies: 2 },
};
