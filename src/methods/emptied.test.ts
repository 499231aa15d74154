/** Models that have lost all heads, or all neurons, of a layer: products of SNIP are such, and are models like any other. */

import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { keepUnits } from "../network/shrink.ts";
import { trialOf } from "../obligations/trial.ts";
import { METHODS } from "./registry.ts";

const TRIED = [
  ["finetune", {}],
  ["features", {}],
  ["adapting-by-pruning", { sparsity: "0.5" }],
  ["head-importance", { ratio: "0.3", measure: "0.4" }],
  ["l0", { sparsity: "0.5", start: "0" }],
  ["magnitude", { sparsity: "0.5", until: "0.6" }],
  ["movement", { sparsity: "0.5", until: "0.5", refresh: "1" }],
  ["quantization-aware", {}],
  ["snip", { ratio: "0.3" }],
  ["sparsebert", { sparsity: "0.5" }],
] as const;

test.each(TRIED)(
  "%s trains a model without the heads of one layer and the neurons of another",
  async (id, set) => {
    const network = (seed: number) =>
      keepUnits(smallNetwork(CLASSES, 3, 0.1, seed), [
        { heads: "none", neurons: "all" },
        { heads: "all", neurons: "none" },
        { heads: "all", neurons: "all" },
      ]);
    const { network: product, logits = [] } = await trialOf(METHODS[id], {
      set,
      head: CLASSES,
      layers: 3,
      network,
    }).product();
    const [first, second] = product.config.layers;
    expect([first?.heads, second?.ffn]).toEqual([0, 0]);
    expect(logits.every(Number.isFinite)).toBe(true);
  },
);
