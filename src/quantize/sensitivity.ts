/** What each layer costs alone: how far the answers of a network with this one layer in 8 bits are from those in float32. */

import type { EncodedSet } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import type { Network } from "../network/network.ts";
import { divergence, everyAnswer } from "./answers.ts";
import { type FittedLayer, withLayersIn8Bits } from "./post-training.ts";

/** One layer, alone in 8 bits. */
export interface Sensitivity {
  readonly module: string;
  /** See `DIVERGENCES`. */
  readonly cost: number;
}

/** What a sensitivity is measured with. */
export interface SensitivityPlan {
  readonly network: Network;
  readonly fitted: ReadonlyMap<string, FittedLayer>;
  readonly texts: EncodedSet;
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  /** Told after each layer. */
  readonly progress: (done: number, of: number) => void;
}

/** Every layer, the most sensitive first. @throws the reason of the signal, before the next batch */
export async function layerSensitivities(plan: SensitivityPlan): Promise<Sensitivity[]> {
  const { network, fitted, texts, threads, signal, progress } = plan;
  const count = texts.examples.length;
  // Each network is another model: one session at a time.
  const engine = new Engine({ threads, maxSessions: 1 });
  try {
    const exact = await everyAnswer(engine, network, texts, signal);
    const costs: Sensitivity[] = [];
    for (const module of fitted.keys()) {
      const rough = await everyAnswer(engine, withLayersIn8Bits(network, fitted, [module]), texts, signal);
      costs.push({ module, cost: divergence(network.head, exact, rough, count) });
      progress(costs.length, fitted.size);
    }
    return costs.sort((a, b) => b.cost - a.cost);
  } finally {
    await engine.close();
  }
}
