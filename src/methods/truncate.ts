/**
 * Truncation: keep the first layers of the pre-trained encoder, drop the others, fine-tune what is left.
 *
 *   From   the baseline "fine-tuning" of Xu et al., EMNLP 2020, experiments · https://arxiv.org/abs/2002.02925; of bottom, top
 *          and interleaved layers they found the bottom ones best, so those are kept
 *
 * Departures: none. Not here: distillation into the truncated encoder (distil.ts).
 */

import type { Method, MethodState } from "../contract/method.ts";
import { HALF, HALF_HELP, layersOf, shallower } from "../parts/students.ts";

export interface TruncateConfig {
  readonly layers: number;
}

export const TRUNCATE: Method<TruncateConfig, MethodState> = {
  id: "truncate",
  summary: "Keep the first layers of the pre-trained model and fine-tune them.",
  paper: undefined,
  from: "pre-trained",
  config: { layers: { default: HALF, help: `layers kept, counted from the bottom (${HALF_HELP})` } },
  prepare: (network, { layers }) => shallower(network, layersOf("truncate", layers, network), "first"),
  init: () => ({ tensors: new Map() }),
  trains: () => true,
  sites: () => ({}),
  finish: (network, _state, tensors) => ({ ...network, tensors }),
};
