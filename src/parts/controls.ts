/**
 * Controls of a mask that is found: the same number of connections in other places, or other weights behind them. What
 * accuracy they keep says whether the place mattered, or the weights.
 *
 *   Paper    Gao, Colombo & Wang, 2021, §5.3 and appendix, Tables 3 and 4 · https://arxiv.org/abs/2105.03343
 *
 *   shuffle  the mask is permuted within each matrix ("within each layer", they write, which may mean more at once)
 *   reinit   each weight is multiplied by N(1, 0.01), with 0.01 read as the deviation
 *   redraw   ours, as reinit changes little: weights drawn anew, as large as each matrix's were
 *
 * Not here: when, and what is trained after it (the methods).
 */

import { mapPairs, requireItem } from "../base/present.ts";
import { fold, type Key, normals, permutation } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { Workbench } from "../contract/method.ts";

export const CONTROLS = ["none", "shuffle", "reinit", "redraw"] as const;
export type Control = (typeof CONTROLS)[number];

/** What is controlled: matrices, and before their names what the tensors that decide their masks are called. */
export interface Controlled {
  readonly names: readonly string[];
  readonly scores: string;
  readonly key: Key;
  /** What is trained after it, as it begins. */
  readonly head: ReadonlyMap<string, FloatTensor>;
}

/** Share of the peak rate where the search and the training of the head have `search` steps each: twice a run's own. */
export function rateOfHalf(
  { search, warmup }: { readonly search: number; readonly warmup: number },
  step: number,
): number {
  return linearRate({ peak: 1, steps: search, warmup }, step < search ? step : step - search);
}

/** Whether a control writes weights, not scores. */
export function changesWeights(control: Control): boolean {
  return control === "reinit" || control === "redraw";
}

/** Applies a control to the matrices or their scores; the head and the optimizer start anew. */
export async function applyControl(
  control: Control,
  { names, scores, key, head }: Controlled,
  bench: Workbench,
): Promise<void> {
  if (control === "none") return;
  for (const name of names) {
    const own = fold(fold(key, "control"), name);
    if (control === "shuffle") {
      const before = await bench.read(scores + name);
      const order = permutation(own, before.length);
      await bench.write(
        scores + name,
        before.map((_, i) => requireItem(before, requireItem(order, i, "order"), "scores")),
      );
    } else {
      const weights = await bench.read(name);
      await bench.write(name, control === "redraw" ? drawn(own, weights) : shaken(own, weights));
    }
  }
  for (const [name, { data }] of head) await bench.write(name, data.slice());
  await bench.forget();
}

function shaken(key: Key, weights: Float32Array): Float32Array {
  return mapPairs(weights, normals(key, weights.length, 0.01), "noise", (w, x) => w * (1 + x));
}

/** The mean of a checkpoint's weights is 0. */
function drawn(key: Key, weights: Float32Array): Float32Array {
  return normals(key, weights.length, Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / weights.length));
}
