/** Settings of the methods that tables of tasks and of encoders have columns for. */

import type { MethodId } from "../../src/methods/registry.ts";

/** The methods of the four papers and what they are compared with most, in settings for two layers. */
export const SETTINGS: Partial<Readonly<Record<MethodId, Readonly<Record<string, string>>>>> = {
  finetune: {},
  "adapting-by-pruning": { sparsity: "0.5" },
  sparsebert: { sparsity: "0.5", times: "2" },
  snip: {},
  theseus: { layers: "1", base: "0.5", full: "1", init: "fine-tuned" },
  magnitude: { sparsity: "0.5", until: "0.6", distil: "true" },
};
