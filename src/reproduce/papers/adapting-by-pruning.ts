/**
 * Adapting by Pruning: masks over frozen weights, against random masks, magnitude and lottery tickets.
 *
 *   Paper    Gao, Colombo & Wang, 2021 · https://arxiv.org/abs/2105.03343
 *   Numbers  appendix Table 2 (main), Tables 3 and 4 (ablations); development sets, mean of 5 seeds (random: 100)
 *
 * Their sparsity counts every weight of BERT, embeddings included. Not here: the method.
 */

import type { GlueTask } from "../../data/glue.ts";
import { HEAD_RATE, TICKET_RATE } from "../../parts/rates.ts";
import { BEST_IS_KEPT, type Paper, type PublishedRow, publishRow, type Row, type Work } from "./plan.ts";

const TASKS: readonly GlueTask[] = ["stsb", "sst2", "mnli"];

const MAIN = "appendix Table 2";
const SHUFFLED = "shuffle ablation, Tables 3 and 4";
const RESTARTED = "re-initialisation ablation, Tables 3 and 4";
const ONE_WAY = "no-recovery ablation, Tables 3 and 4";

type Numbers = readonly [stsb: number, sst2: number, mnli: number];

interface AtSparsity {
  readonly random: Numbers;
  readonly lottery: Numbers;
  readonly magnitude: Numbers;
  readonly ours: Numbers;
  readonly shuffled: Numbers;
  readonly oneWay: Numbers;
}

/** STS-B Spearman, SST-2 accuracy, MNLI accuracy (both development sets together), all times 100. */
const PRINTED: ReadonlyMap<number, AtSparsity> = new Map([
  [
    0.5,
    {
      random: [12.6, 55.8, 34.1],
      lottery: [70.7, 82.5, 64.1],
      magnitude: [70.6, 81.9, 64.8],
      ours: [83.7, 85.6, 70.9],
      shuffled: [31.2, 80.8, 60.1],
      oneWay: [80.4, 81.5, 69.0],
    },
  ],
  [
    0.7,
    {
      random: [1.6, 50.9, 33.1],
      lottery: [38.3, 80.6, 55.1],
      magnitude: [60.7, 79.3, 56.4],
      ours: [72.0, 84.3, 69.6],
      shuffled: [28.2, 78.7, 55.4],
      oneWay: [62.8, 80.3, 65.3],
    },
  ],
  [
    0.9,
    {
      random: [0.9, 50.9, 32.2],
      lottery: [20.3, 71.7, 45.8],
      magnitude: [14.7, 72.2, 43.6],
      ours: [62.4, 83.6, 67.9],
      shuffled: [26.8, 72.0, 40.3],
      oneWay: [56.3, 79.0, 62.8],
    },
  ],
  [
    0.95,
    {
      random: [0.2, 50.9, 33.3],
      lottery: [7.7, 69.1, 35.7],
      magnitude: [9.5, 50.9, 34.3],
      ours: [60.0, 83.1, 67.1],
      shuffled: [21.3, 58.9, 31.8],
      oneWay: [51.9, 78.3, 62.1],
    },
  ],
  [
    0.99,
    {
      random: [0.6, 50.6, 33.7],
      lottery: [6.7, 50.9, 34.8],
      magnitude: [-2.2, 50.9, 34.1],
      ours: [54.7, 81.0, 62.8],
      shuffled: [15.5, 50.9, 35.3],
      oneWay: [41.7, 75.9, 57.5],
    },
  ],
]);

/** Where the ablations are run, and every seed of the method itself: half, and where almost nothing is left. */
const ENDS = [0.5, 0.95];

interface Contender {
  readonly label: string;
  readonly slug: string;
  readonly method: string;
  readonly set: Readonly<Record<string, string>>;
  readonly training: MaskTraining;
  readonly published: (at: AtSparsity) => PublishedRow;
}

type MaskTraining = Required<Pick<Work, "learningRate" | "longer">> & Pick<Work, "batchSize">;

const MASK = "adapting-by-pruning";
/** The paper's conditions for its baselines: its denominator, its head, no weight changed. */
export const FROZEN = { frozen: "true", scope: "all", head: "mixture" };
/** Of the search for a mask: the method's own batches of 8, for it needs steps (results/notes/adapting-by-pruning.md). */
export const MASK_TRAINING = { learningRate: HEAD_RATE, longer: 2, batchSize: 8 } satisfies MaskTraining;
/** Of a head over what stays as it is. */
export const HEAD_TRAINING = { learningRate: HEAD_RATE, longer: 2 } satisfies MaskTraining;
/** Half of the run finds the mask, as long as without a control; half trains a new head. */
const CONTROL_TRAINING: MaskTraining = { ...MASK_TRAINING, longer: 4 };
/** Its rounds train every weight, in batches as everywhere. */
export const TICKET_TRAINING = { learningRate: TICKET_RATE, longer: 2 } satisfies MaskTraining;

const CONTENDERS: readonly Contender[] = [
  {
    label: "Adapting by Pruning",
    slug: MASK,
    method: MASK,
    set: {},
    training: MASK_TRAINING,
    published: ({ ours }) => publishRow(MAIN, TASKS, ours),
  },
  {
    label: "magnitude, frozen",
    slug: "magnitude-frozen",
    method: "magnitude",
    set: { ...FROZEN, ranking: "global" },
    training: HEAD_TRAINING,
    published: ({ magnitude }) => publishRow(MAIN, TASKS, magnitude),
  },
  {
    label: "lottery (IMP), frozen",
    slug: "lottery-frozen",
    method: "lottery",
    set: FROZEN,
    training: TICKET_TRAINING,
    published: ({ lottery }) => publishRow(MAIN, TASKS, lottery),
  },
  {
    label: "random, frozen",
    slug: "random-frozen",
    method: "random",
    set: FROZEN,
    training: HEAD_TRAINING,
    published: ({ random }) => publishRow(MAIN, TASKS, random),
  },
];

const ABLATIONS: readonly Contender[] = [
  {
    label: "without recovery",
    slug: `${MASK}-no-recovery`,
    method: MASK,
    set: { recovery: "false" },
    training: MASK_TRAINING,
    published: ({ oneWay }) => publishRow(ONE_WAY, TASKS, oneWay),
  },
  {
    label: "mask shuffled",
    slug: `${MASK}-shuffled`,
    method: MASK,
    set: { control: "shuffle" },
    training: CONTROL_TRAINING,
    published: ({ shuffled }) => publishRow(SHUFFLED, TASKS, shuffled),
  },
  {
    label: "weights re-initialised",
    slug: `${MASK}-reinitialised`,
    method: MASK,
    set: { control: "reinit" },
    training: CONTROL_TRAINING,
    // Printed as one number for every sparsity; for STS-B only as "about 0", which is no number.
    published: () => publishRow(RESTARTED, TASKS, [null, 49.1, 32.8]),
  },
  {
    label: "weights drawn anew",
    slug: `${MASK}-redrawn`,
    method: MASK,
    set: { control: "redraw" },
    training: CONTROL_TRAINING,
    published: () => ({}),
  },
];

function rowAt(sparsity: number, at: AtSparsity, contender: Contender): Row {
  const work = workAt(contender, sparsity);
  return {
    label: `${contender.label}, ${sparsity}`,
    work: ENDS.includes(sparsity) && contender.slug === MASK ? work : { ...work, seeds: 1 },
    published: contender.published(at),
  };
}

function workAt({ slug, method, set, training }: Contender, sparsity: number): Work {
  return { slug: `${slug}-${sparsity}`, method, set, sparsity, ...training };
}

/** The methods that freeze the weights, at one sparsity, for other tables. */
export function frozenRows(sparsity: number): Row[] {
  return CONTENDERS.map((contender) => ({ label: contender.label, work: workAt(contender, sparsity) }));
}

/** The paper's controls, with one seed: each takes twice the time of what it controls. */
export function controlRows(sparsity: number): Row[] {
  return ABLATIONS.filter(({ set }) => set.control === "shuffle" || set.control === "reinit").map(
    (contender) => ({
      label: `${contender.label}, ${sparsity}`,
      work: { ...workAt(contender, sparsity), seeds: 1 },
    }),
  );
}

function rowsAt(contenders: readonly Contender[], sparsities: readonly number[]): Row[] {
  return contenders.flatMap((contender) =>
    [...PRINTED].flatMap(([s, at]) => (sparsities.includes(s) ? [rowAt(s, at, contender)] : [])),
  );
}

export const ADAPTING_BY_PRUNING: Paper = {
  id: "adapting-by-pruning",
  title: "Adapting by Pruning: A Case Study on BERT",
  citation: "Gao, Colombo & Wang, 2021, https://arxiv.org/abs/2105.03343",
  tasks: ["sst2", "stsb"],
  metrics: { stsb: "spearman" },
  rows: () => [
    { label: "fine-tuned, not pruned", published: publishRow(MAIN, TASKS, [85.5, 92.6, 84.3]) },
    {
      label: "feature extraction, not pruned",
      work: { slug: "features", method: "features", set: { head: "mixture" }, ...HEAD_TRAINING },
      published: publishRow(MAIN, TASKS, [76.1, 86.7, 58.5]),
    },
    ...rowsAt(CONTENDERS, [...PRINTED.keys()]),
    ...rowsAt(ABLATIONS, ENDS),
  ],
  published: [],
  differs: [
    "The paper prunes BERT-base; here it is the model named above. Compare orders and the share of the dense score that is kept, not scores.",
    "The number behind a row's name is the share of pruned weights as the method counts it; what was reached is measured under two denominators, each in a column of its own. The paper's sparsity counts every weight, embeddings included. In a small model most weights are embeddings, so at the same share its encoder can be left much fuller or much emptier than BERT-base's.",
    "The paper's tasks are STS-B, SST-2 and MNLI; a task it does not have has no published column.",
    "The paper trains SST-2 for 3 epochs and STS-B for 5, in batches of 8, with a step found on held-out data; here masks are searched for in batches of 8 too, all rows train for twice the epochs of fine-tuning, and α is the paper's 2e-5 after a search by hand on single seeds found none better. Heads over frozen weights learn at 1e-3, where the paper's β is 2e-5 as its α is. Lottery tickets, which are found by training everything, have 3e-4 and those epochs for all of their rounds.",
    BEST_IS_KEPT,
    "The head of every frozen row is the paper's, a learned mean over all layers under a hidden layer as wide as the model. It reads first tokens there, and here the means over a text where the model was trained to be read by those. The fine-tuned row has BERT's own pooler and classifier.",
    "What is shuffled, re-initialised or drawn anew trains twice as long again: the first half finds the mask, as the row without a control does, and the second trains a new head as long again. Masks are shuffled within each matrix; the paper says within each layer.",
    "Of MNLI the paper's scores are of both development sets together, here of the matched one alone.",
    "Magnitude over frozen weights ranks the pre-trained values, which never move. How the paper's MP found its mask is not printed; that is our reading.",
    "Re-initialised weights are multiplied by N(1, 0.01), as the text reads to us; that they are drawn anew, with each matrix's deviation, is a row of ours.",
    "The lottery's rounds are fewer and larger than the paper's 20 % each, and share the row's epochs instead of running to convergence.",
    "The paper gives the mean of 5 seeds (random masks: 100). Here the method itself has 3 at 0.5 and 0.95, and everything else one.",
  ],
};
