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

import type { Reader } from "../bert/config.ts";
import type { Method, MethodState } from "../contract/method.ts";
import { isHead, withReader } from "../parts/heads.ts";

export interface FeaturesConfig {
  readonly head: Reader;
}

const ID = "features";

export const FEATURES: Method<FeaturesConfig, MethodState> = {
  id: ID,
  summary: "Train the head alone, on the pre-trained encoder as it is.",
  paper: undefined,
  from: "pre-trained",
  config: {
    head: {
      default: "pooler",
      help: "pooler: the last layer's first token; mixture: a learned average of all layers'",
    },
  },
  prepare: (network, { head }, { key }) => withReader(ID, network, head, key),
  init: () => ({ tensors: new Map() }),
  trains: (_state, name) => isHead(name),
  sites: () => ({}),
  finish: (network, _state, tensors) => ({ ...network, tensors }),
};
