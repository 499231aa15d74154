/**
 * The core table's rows of the four papers on all rows of SST-2, once: the scores that are known from elsewhere are of the
 * whole task, and a method that needs many steps has them there.
 *
 * Not here: the rivals, and more seeds (core.ts).
 */

import { CORE } from "./core.ts";
import { BEST_IS_KEPT, type Paper, type Row } from "./plan.ts";

/** Of what compresses: Adapting by Pruning's own on SST-2, and five times the steps of the core table for the others. */
const EPOCHS = 3;

/** What the core table has on each of its tasks, its rivals have on three. */
function rowsFor(depth: number): Row[] {
  return CORE.rows(depth).flatMap(({ label, work }) => {
    if (work === undefined) return [{ label }];
    const { longer: _, tasks, ...own } = work;
    return tasks === undefined ? [{ label, work: { ...own, epochs: EPOCHS } }] : [];
  });
}

export const WHOLE: Paper = {
  id: "whole",
  title: "All rows of SST-2",
  citation: "no paper",
  tasks: ["sst2"],
  whole: true,
  metrics: {},
  rows: rowsFor,
  published: [],
  differs: [
    "All 67,349 rows, one seed: fine-tuning for 2 epochs, everything else for 3, with the learning rates of the core table, which were looked for on fewer rows.",
    BEST_IS_KEPT,
  ],
};
