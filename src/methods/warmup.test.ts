/** Methods with a schedule of their own warm up as the run does. */

import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { methodById } from "./registry.ts";

const network = smallNetwork(CLASSES, 2);

test.each([
  ["lottery", { rounds: "1" }, 0],
  ["head-importance", { ratio: "0.5", measure: "0.4" }, 40],
  ["tinybert", { layers: "1", intermediate: "0.4" }, 40],
  ["adapting-by-pruning", { control: "shuffle" }, 0],
] as const)(
  "%s: the rate rises for a tenth of its steps, or for the share that is asked for",
  (id, set, begins) => {
    const facts = { steps: 100, key: keyOf(0), pretrained: network, finetuned: network };
    const rate = (warmup?: number): number | undefined =>
      methodById(id, { set })
        .bind(network, warmup === undefined ? facts : { ...facts, warmup })
        .rate?.(begins);
    expect(rate()).toBe(rate(0.1));
    expect(rate(0) ?? 0).toBeGreaterThan(2 * (rate() ?? Number.POSITIVE_INFINITY));
  },
);
