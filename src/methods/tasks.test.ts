/** Methods on every kind of task: none of their files knows one. The other obligations are held for classes (contract.ts). */

import { describe, expect, test } from "vitest";
import type { Head } from "../bert/config.ts";
import { OBLIGATIONS } from "../obligations/obligations.ts";
import { trialOf } from "../obligations/trial.ts";
import { METHODS, type MethodId } from "./registry.ts";

const HEADS: readonly Head[] = [
  { kind: "multi-label", labels: ["a", "b", "c"] },
  { kind: "tokens", labels: ["O", "B-X", "I-X"] },
  { kind: "none", pooling: { mode: "mean", normalize: true } },
];

/** The methods of the four papers and what they are compared with most, in settings for two layers. */
const SETTINGS: Partial<Readonly<Record<MethodId, Readonly<Record<string, string>>>>> = {
  finetune: {},
  "adapting-by-pruning": { sparsity: "0.5" },
  sparsebert: { sparsity: "0.5", times: "2" },
  snip: {},
  theseus: { layers: "1", base: "0.5", full: "1", init: "fine-tuned" },
  magnitude: { sparsity: "0.5", until: "0.6", distil: "true" },
};

/** Of those every method owes: what it trains has gradients, and its product answers as its graph did. */
const HELD = OBLIGATIONS.filter(({ holds }) => /^gradients reach|^finish\(\) gives/.test(holds));

describe.each(HEADS)("$kind", (head) => {
  test.each(Object.entries(SETTINGS))(
    "%s: gradients arrive, and the product answers as the graph",
    async (id, set) => {
      const method = Object.entries(METHODS).find(([name]) => name === id)?.[1];
      if (method === undefined) throw new Error(`no method ${id}`);
      const trial = trialOf(method, { set, head, layers: 2 });
      const problems = await Promise.all(HELD.map((obligation) => obligation.problems(trial)));
      expect(HELD).toHaveLength(2);
      expect(problems.flat()).toEqual([]);
    },
  );
});
