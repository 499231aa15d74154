/**
 * The accuracy gate: the fewest layers stay in float32, the most sensitive first, with which a model loses no more than it may.
 *
 * Numbers of layers are tried from none on, doubling, and then between the last that lost too much and the first that did not:
 * a dozen evaluations for seventy layers. Not here: what sensitive means (sensitivity.ts), what is lost (commands/).
 */

import { RunError } from "../base/errors.ts";

/** One number of layers in float32, and what was lost with it. */
export interface GateTry {
  /** Layers in float32, the most sensitive. */
  readonly kept: number;
  readonly score: number;
  /** Points lost: 100 × (score of float32 - this score). */
  readonly drop: number;
}

export interface Gate {
  /** Layers that could be in 8 bits. */
  readonly layers: number;
  /** Of the float32 network, as a share of 1. */
  readonly before: number;
  /** Points that may be lost. */
  readonly maxDrop: number;
  /** What the gate is held by, for messages. */
  readonly metric: string;
  /** The score with so many layers in float32. */
  readonly scoreWith: (kept: number) => Promise<number>;
}

/**
 * The tries, in their order; the one that counts is the last.
 * @throws {RunError} `quantize/drop` when a model with one layer in 8 bits loses too much
 */
export async function passGate({ layers, before, maxDrop, metric, scoreWith }: Gate): Promise<GateTry[]> {
  const tries: GateTry[] = [];
  const passes = async (kept: number): Promise<boolean> => {
    const score = await scoreWith(kept);
    tries.push({ kept, score, drop: 100 * (before - score) });
    return 100 * (before - score) <= maxDrop + 1e-9;
  };
  let [tooFew, enough] = [-1, 0];
  while (!(await passes(enough))) {
    tooFew = enough;
    enough = enough === 0 ? 1 : Math.min(2 * enough, layers - 1);
    if (tooFew >= layers - 1) throw lost(tries, maxDrop, metric, layers);
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (await passes(middle)) enough = middle;
    else tooFew = middle;
  }
  const best = tries.findLast(({ kept }) => kept === enough);
  return best === undefined ? tries : [...tries.filter((each) => each !== best), best];
}

function lost(tries: readonly GateTry[], maxDrop: number, metric: string, layers: number): RunError {
  const drop = Math.min(...tries.map((each) => each.drop)).toFixed(2);
  return new RunError(
    "quantize/drop",
    `${metric}: expected at most ${maxDrop} points lost, got ${drop} at least, with ${layers - 1} of ${layers} layers in float32 too; \`espalier quantize --max-drop\` allows more`,
  );
}
