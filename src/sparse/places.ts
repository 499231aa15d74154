/**
 * What places do in the attention of the runtime, as tables that kernels read: angles of rotary positions, and numbers
 * that a distance adds to a score. Browser-safe. Not here: which model has which (bert/facts.ts), the kernels (assembly/).
 */

import { HIDDEN_SCORE } from "../bert/distances.ts";
import { PANEL } from "./panels.ts";

/** Lanes beyond a text, and queries before it whose lanes nobody reads: numbers that a row has more at each end. */
const SPARE = 2 * PANEL;

/** Cosines and sines of place · rate in float32, [panels of places][rates][cos × 16, sin × 16]. */
export function angleTable(rates: Float32Array, panels: number): Float32Array {
  const table = new Float32Array(panels * rates.length * 2 * PANEL);
  let at = 0;
  for (let panel = 0; panel < panels; panel++) {
    for (const rate of rates) {
      for (let lane = 0; lane < PANEL; lane++, at++) {
        const angle = Math.fround((panel * PANEL + lane) * rate);
        table[at] = Math.cos(angle);
        table[at + PANEL] = Math.sin(angle);
      }
      at += PANEL;
    }
  }
  return table;
}

/** Rows of numbers by distance, made when they are asked for, the asking token's place less the other's, and where distance 0 is in each. */
export interface TermRows {
  readonly rows: () => Float32Array;
  /** Numbers of a row, and before distance 0 of it. */
  readonly length: number;
  readonly origin: number;
}

/** What a layer's places are. */
export interface LayerPlaces {
  /** Tokens that one sees on each side; absent: all. */
  readonly window?: number | undefined;
  readonly maxPositions: number;
  readonly heads: number;
}

/**
 * What is added to a layer's scores, a row for each head or one for all; undefined where it is nothing. A window's row
 * reaches so far beyond it as the other queries of a panel let keys be seen.
 *
 * @param relative  of a head and a distance
 */
export function termsOf(
  { window, maxPositions, heads }: LayerPlaces,
  relative?: (head: number, distance: number) => number,
): TermRows | undefined {
  if (window === undefined && relative === undefined) return undefined;
  const farthest = window === undefined ? maxPositions - 1 : window + SPARE;
  const hidden = (distance: number): number =>
    window !== undefined && Math.abs(distance) > window ? -HIDDEN_SCORE : 0;
  return termRows(
    relative ? heads : 1,
    farthest,
    (head, distance) => (relative?.(head, distance) ?? 0) + hidden(distance),
  );
}

/** Rows of `term(row, distance)` for distances of at most `farthest`, and 0 beyond. */
function termRows(
  count: number,
  farthest: number,
  term: (row: number, distance: number) => number,
): TermRows {
  const origin = farthest + SPARE;
  const length = 2 * origin + 1;
  const rows = (): Float32Array => {
    const made = new Float32Array(count * length);
    for (let row = 0; row < count; row++) {
      for (let distance = -farthest; distance <= farthest; distance++)
        made[row * length + origin + distance] = term(row, distance);
    }
    return made;
  };
  return { rows, length, origin };
}
