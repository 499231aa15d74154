/**
 * What the rows of the core table came to. Written by `npm run results:tables` from results/ledger.jsonl; nothing here is
 * typed by hand.
 */

import type { Recommendation } from "./choose.ts";

/** The model behind the rows, and its layers. */
export interface Figures {
  readonly model: string;
  readonly layers: number;
  /** Its fine-tuned .esp file, as a share of its bytes in float32. */
  readonly whole: number;
  readonly rows: readonly Recommendation[];
}

export const FIGURES: Figures = {
  model: "all-MiniLM-L6-v2",
  layers: 6,
  whole: 0.425,
  rows: [],
};
