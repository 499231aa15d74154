/**
 * The dense AdamW step over the flat buffers of a placement, piece by piece: the runs that make it.
 *
 * Not here: the arithmetic (adamw.ts), the table of word embeddings (row-adamw.ts).
 */

import type { Tensor } from "../base/tensor.ts";
import type { RunRequest, Session } from "../engine/engine.ts";
import type { View } from "../engine/protocol.ts";
import { type AdamW, type StepFactors, stepFactors } from "./adamw.ts";
import { BUFFERS, type Placement } from "./placement.ts";

/** Weights per run: 1 MB, which stays in the cache with its temporaries. */
const PIECE = 262_144;

/** What one step needs to know beside its gradients. */
export interface StepFacts {
  readonly adamw: AdamW;
  /** Learning rate. */
  readonly rate: number;
  /** Steps done, this one included. */
  readonly t: number;
  /** Factor of the gradient. */
  readonly clip: number;
}

/** The runs of one step: weights that decay first, then the others. */
export function optimizerCalls(
  session: Session,
  { decayed, total }: Placement,
  { adamw, rate, t, clip }: StepFacts,
): RunRequest[] {
  const calls = (start: number, end: number, decay: number): RunRequest[] => {
    const factors = stepFactors({ ...adamw, decay }, rate, t, clip);
    return pieces(start, end).map((piece) => optimizerCall(session, piece, factors));
  };
  return [...calls(0, decayed, adamw.decay), ...calls(decayed, total, 0)];
}

/** [start, end) in equal pieces of at most `PIECE`. */
function pieces(start: number, end: number): [number, number][] {
  const count = Math.ceil((end - start) / PIECE);
  const size = Math.ceil((end - start) / Math.max(1, count));
  return Array.from({ length: count }, (_, i) => {
    const from = start + i * size;
    return [from, Math.min(end, from + size)];
  });
}

function optimizerCall(
  session: Session,
  [start, end]: readonly [number, number],
  factors: StepFactors,
): RunRequest {
  const at = (buffer: string): View => ({ buffer, offset: start, shape: [end - start] });
  const feeds: Record<string, View | Tensor> = {
    w: at(BUFFERS.weights),
    m: at(BUFFERS.mean),
    v: at(BUFFERS.square),
    g: at(BUFFERS.gradients),
  };
  for (const [name, value] of Object.entries(factors)) {
    feeds[name] = { dtype: "float32", shape: [], data: Float32Array.of(value) };
  }
  return {
    session,
    feeds,
    into: { "w'": at(BUFFERS.weights), "m'": at(BUFFERS.mean), "v'": at(BUFFERS.square) },
  };
}
