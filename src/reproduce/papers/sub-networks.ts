/**
 * The runs behind the study of sub-networks: which weights do four methods leave, at three sparsities?
 *
 *   Question  Gao, Colombo & Wang, Adapting by Pruning, §5 and Figure 3 · https://arxiv.org/abs/2105.03343
 *   Page      `espalier topology JOBS --study PAGE` draws it from the masks that these runs leave
 *
 * What other tables have at the same sparsity is the same job. The controls are those of the paper's Tables 3 and 4. Not
 * here: what is measured on the masks (topology/), and the page (study/).
 */

import { sparseRate } from "../../parts/rates.ts";
import { controlRows, frozenRows, MASK_TRAINING } from "./adapting-by-pruning.ts";
import { DISTILLED_FROM_THE_START } from "./core.ts";
import { BEST_IS_KEPT, type Paper, type Row } from "./plan.ts";

/** The ends of the paper's Figure 3, and where its methods part. */
const SPARSITIES = [0.2, 0.9, 0.99];
/** Where the mask still carries the accuracy and chance no longer does. */
const CONTROLLED = 0.9;

function rowsAt(sparsity: number): Row[] {
  const frozen = frozenRows(sparsity).filter(({ work }) => work?.method !== "random");
  const trained: Row = {
    label: "SparseBERT",
    work: {
      slug: `sparsebert-${sparsity}`,
      method: "sparsebert",
      set: DISTILLED_FROM_THE_START,
      sparsity,
      longer: 2,
      ...(sparsity < CONTROLLED ? {} : { learningRate: sparseRate(sparsity) }),
    },
  };
  return [...frozen, trained].map((row) => ({ ...row, label: `${row.label}, ${sparsity}` }));
}

/**
 * A tenth of the deviation of the initial scores. At the printed one and these numbers of steps most of a mask is the draw it
 * begins with, and its places tell of no task (results/notes/adapting-by-pruning.md).
 */
const LEARNT: Row = {
  label: `Adapting by Pruning, deviation 0.0001, ${CONTROLLED}`,
  work: {
    slug: `adapting-by-pruning-tenth-${CONTROLLED}`,
    method: "adapting-by-pruning",
    set: { deviation: "0.0001" },
    sparsity: CONTROLLED,
    ...MASK_TRAINING,
    seeds: 2,
  },
};

export const SUB_NETWORKS: Paper = {
  id: "sub-networks",
  title: "Sub-networks",
  citation: "no paper; the question is that of Gao, Colombo & Wang, 2021, https://arxiv.org/abs/2105.03343",
  tasks: ["sst2", "cola", "mrpc"],
  metrics: {},
  rows: () => [{ label: "fine-tuned" }, ...SPARSITIES.flatMap(rowsAt), LEARNT, ...controlRows(CONTROLLED)],
  published: [],
  differs: [
    "With a tenth of the deviation, which is ours, the scores of Adapting by Pruning begin so close together that most of its mask is learnt; at the printed one most of it is the draw that it begins with.",
    "SparseBERT's share counts the matrices of the encoder, that of the others every weight, embeddings included.",
    "The controls shuffle the mask inside each matrix, and multiply each weight by N(1, 0.01); a new head is then trained for as long as a run without a control takes. They have one seed, and the smaller deviation two.",
    BEST_IS_KEPT,
  ],
};
