/** Small networks, made-up batches and short runs: those that methods are held to their contract with, and a cut of a batch. */

import type { TrainBatch } from "../../src/train/feeds.ts";

export { CLASSES, madeUpBatch, smallNetwork } from "../../src/obligations/small-network.ts";
export {
  type Outcome,
  runInPieces,
  runPlan,
  settingsOf,
  smallPlan,
  withTrainer,
} from "../../src/obligations/small-runs.ts";

/** Rows `from` to `to` of a batch; for texts, not for masked pieces. */
export function rowsOf(batch: TrainBatch, from: number, to: number): TrainBatch {
  const { length, ids, types, mask, labels } = batch;
  const cut = [from * length, to * length] as const;
  return {
    size: to - from,
    length,
    ids: ids.slice(...cut),
    types: types.slice(...cut),
    mask: mask.slice(...cut),
    labels: labels.slice(from, to),
  };
}
