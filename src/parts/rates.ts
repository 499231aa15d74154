/**
 * Learning rates that methods of a kind share, where fine-tuning's does not do: of a run that is given none, and of the
 * tables.
 */

import type { Own } from "../contract/method.ts";

/** Only a head is trained by the optimizer where weights are frozen, and a head can take larger steps. */
export const HEAD_RATE = 1e-3;

/** Lottery tickets are found by training everything, so their rate cannot be a head's alone. */
export const TICKET_RATE = 3e-4;

/**
 * Where a tenth of the weights goes on training, and where a twentieth does: of 5e-5 to 2e-3 the best that was found for
 * SparseBERT at 95 %; at 90 % it is open (one seed each; results/notes/sparsebert.md).
 */
export function sparseRate(sparsity: number): number {
  return sparsity >= 0.95 ? FEWEST_RATE : FEW_RATE;
}

const FEW_RATE = 5e-4;
const FEWEST_RATE = 1e-3;

/** Share of zeros from which on it was tried. */
const MANY_ZEROS = 0.9;

/** Of a head over a frozen encoder. */
export const RATE_OF_HEADS: Own<unknown> = {
  of: () => HEAD_RATE,
  help: "1e-3: the head alone trains at it, and a head can take larger steps than weights do (5e-5 before)",
};

/** Of what most weights are taken from. */
export const RATE_OF_ZEROS: Own<{ readonly sparsity: number }> = {
  of: ({ sparsity }) => (sparsity >= MANY_ZEROS ? sparseRate(sparsity) : undefined),
  help: `${FEW_RATE.toExponential()} from sparsity 0.9 on and ${FEWEST_RATE.toExponential()} from 0.95 on, the best found for SparseBERT on single seeds of four tasks, 690 to 1,608 steps; at 0.9 1e-3 was better on one task and worse on another (results/notes/sparsebert.md; 5e-5 before, then 5e-4 for both; a run of many more steps may not need it)`,
};

/** The same, or of a head over what is left. */
export const RATE_OF_ZEROS_OR_HEADS: Own<{ readonly sparsity: number; readonly frozen: boolean }> = {
  of: (config) => (config.frozen ? HEAD_RATE : RATE_OF_ZEROS.of(config)),
  help: `1e-3 with frozen; else ${RATE_OF_ZEROS.help}`,
};
