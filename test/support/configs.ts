/** Configurations of made-up networks for tests: BERT's usual values, and the sizes a test is about. */

import type { BertConfig } from "../../src/bert/config.ts";

type Sizes = Pick<BertConfig, "vocabSize" | "hiddenSize" | "layers" | "maxPositions">;

/** A configuration of these sizes; anything else may be given instead of the usual. */
export function configOf(sizes: Sizes & Partial<BertConfig>): BertConfig {
  return {
    typeVocab: 2,
    activation: "gelu",
    layerNormEps: 1e-12,
    hiddenDropout: 0.1,
    attentionDropout: 0.1,
    initializerRange: 0.02,
    padTokenId: 0,
    ...sizes,
  };
}
