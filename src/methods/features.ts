/**
 * Feature extraction: the encoder stays as it was pre-trained, and the head alone is trained on what it reads there.
 *
 *   Paper    the baseline of Gao, Colombo & Wang, 2021 · https://arxiv.org/abs/2105.03343
 *   From     the pre-trained encoder under a new head
 *   To       the same encoder with a trained head: nothing is smaller; it says what the encoder knows before it adapts
 *   Learns   the head: pooler and classifier, or a mixture of all layers with its hidden layer and the classifier
 *
 * Departures: the pooler is BERT's own. That paper's head, here `head=mixture`, has a hidden layer of the encoder's size.
 */

import type { Method, MethodState } from "../contract/method.ts";
import { HEAD_HELP, type HeadSetting, isHead, withReader } from "../parts/heads.ts";
import { RATE_OF_HEADS } from "../parts/rates.ts";

export interface FeaturesConfig {
  readonly head: HeadSetting;
}

const ID = "features";

export const FEATURES: Method<FeaturesConfig, MethodState> = {
  id: ID,
  summary: "Train the head alone, on the pre-trained encoder as it is.",
  paper: undefined,
  from: "pre-trained",
  config: {
    head: { default: "pooler", help: HEAD_HELP },
  },
  learningRate: RATE_OF_HEADS,
  prepare: (network, { head }, facts) => withReader(ID, network, head, facts),
  init: () => ({ tensors: new Map() }),
  trains: (_state, name) => isHead(name),
  sites: () => ({}),
  finish: (network, _state, tensors) => ({ ...network, tensors }),
};
