/**
 * Which learning rate? Fine-tuning and the methods whose rate is not fine-tuning's, each at three rates on one seed. The
 * best of fine-tuning is the task's rate in plan.ts, and every other table trains with it.
 *
 * Not here: the tables that use what was found.
 */

import { HEAD_RATE } from "../../parts/rates.ts";
import { MASK_TRAINING } from "./adapting-by-pruning.ts";
import { BEST_IS_KEPT, type Paper, type Row, type Work } from "./plan.ts";
import type { TaskName } from "./task-plans.ts";

/** A method's rate is looked for on one seed of the two tasks that are cheap to train. */
const SEARCH: Pick<Work, "seeds" | "tasks"> = { seeds: 1, tasks: ["cola", "mrpc"] satisfies TaskName[] };

/** Heads over frozen weights take larger steps than weights do; so does the penalty of SNIP, perhaps. */
const MASK_RATES = [3e-4, 1e-3, 3e-3];
const SNIP_RATES = [2e-5, 1e-4, 2e-4];
const DENSE_RATES = [2e-5, 5e-5, 1e-4];

function rowsFor(): Row[] {
  return [
    { label: "fine-tuned, the task's rate" },
    ...DENSE_RATES.map((rate) => ({ label: `fine-tuned, ${rateText(rate)}`, rate })),
    ...MASK_RATES.map((learningRate) => ({
      label: `Adapting by Pruning, 0.5, ${rateText(learningRate)}`,
      work: {
        // At the tables' rate it is their job.
        slug: `adapting-by-pruning-0.5${learningRate === HEAD_RATE ? "" : `-${rateText(learningRate)}`}`,
        method: "adapting-by-pruning",
        set: {},
        sparsity: 0.5,
        ...MASK_TRAINING,
        learningRate,
        ...SEARCH,
      },
    })),
    ...SNIP_RATES.map((learningRate) => ({
      label: `SNIP, 0.5, ${rateText(learningRate)}`,
      work: {
        slug: `snip-0.5-${rateText(learningRate)}`,
        method: "snip",
        set: { ratio: "0.5" },
        longer: 2,
        learningRate,
        ...SEARCH,
      },
    })),
  ];
}

function rateText(rate: number): string {
  return rate.toExponential();
}

export const RATES: Paper = {
  id: "rates",
  title: "Learning rates",
  citation: "no paper",
  tasks: ["sst2", "cola", "mrpc", "stsb", "rte"],
  metrics: {},
  rows: rowsFor,
  published: [],
  differs: ["One seed: a difference of one or two points says little.", BEST_IS_KEPT],
};
