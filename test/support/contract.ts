/** The contract's checks of the project's own methods: every method under several settings and heads. */

import { describe, expect, test } from "vitest";
import type { BlockShape } from "../../src/base/blocks.ts";
import type { Head } from "../../src/bert/config.ts";
import { METHODS, type MethodId } from "../../src/methods/registry.ts";
import { contractTestsOf } from "../../src/obligations/contract-tests.ts";
import { CLASSES } from "../../src/obligations/small-network.ts";

type Settings = Readonly<Record<string, string>>;

/** Settings with blocks of some shapes: each method has one of a column and one across; all in all are in methods/blocks.test.ts. */
function inBlocks(set: Settings, ...shapes: readonly BlockShape[]): Settings[] {
  return shapes.map((block) => ({ ...set, block }));
}

/** Settings under which each method is held to its contract, for a network of two layers. A new method adds a row. */
const SETTINGS: Readonly<Record<MethodId, readonly Settings[]>> = {
  "adapting-by-pruning": [
    { sparsity: "0.5" },
    { sparsity: "0.7", step: "sgd", alpha: "1", recovery: "false", scope: "encoder" },
    { sparsity: "0.3", step: "adam", control: "shuffle" },
    { sparsity: "0.3", control: "reinit", times: "2" },
  ],
  distil: [{ layers: "2" }, { layers: "1" }],
  distilbert: [{ layers: "2" }, { layers: "1", init: "fine-tuned" }],
  features: [{}, { head: "mixture" }],
  finetune: [{}],
  "head-gates": [
    { ratio: "0.5", start: "0" },
    { ratio: "0.25", start: "0", penalty: "1", gateRate: "1" },
  ],
  "head-importance": [
    { ratio: "0.5", measure: "0.4" },
    { ratio: "0.75", atLeast: "0", normalise: "false" },
  ],
  l0: [
    { sparsity: "0.5", start: "0" },
    { sparsity: "0.8", start: "0", ranking: "matrix", distil: "true", until: "0.4", gated: "0.5" },
  ],
  layerdrop: [{ layers: "1" }],
  lottery: [
    { sparsity: "0.5", rounds: "2" },
    { sparsity: "0.5", rounds: "1", frozen: "true", head: "mixture" },
    ...inBlocks({ sparsity: "0.6", rounds: "2" }, "4x1", "1x4"),
  ],
  magnitude: [
    { sparsity: "0.8", until: "0.6" },
    { sparsity: "0.8", schedule: "one-shot", ranking: "global", distil: "true" },
    { sparsity: "0.8", scope: "all", frozen: "true", times: "2" },
    ...inBlocks({ sparsity: "0.8", until: "0.6" }, "4x4"),
    ...inBlocks({ sparsity: "0.7", schedule: "one-shot", ranking: "global", scope: "all" }, "2x1"),
  ],
  movement: [
    { sparsity: "0.5", until: "0.5", refresh: "1" },
    { sparsity: "0.5", until: "0.5", refresh: "1", soft: "true", distil: "true" },
    ...inBlocks({ sparsity: "0.7", until: "0.5", refresh: "1" }, "4x1"),
    ...inBlocks({ sparsity: "0.5", until: "0.5", refresh: "1", soft: "true" }, "1x4"),
  ],
  pkd: [{ layers: "2" }, { layers: "2", strategy: "last" }],
  "quantization-aware": [{ alpha: "0" }, { alpha: "0.5" }],
  random: [
    { sparsity: "0.5" },
    { sparsity: "0.5", scope: "all", frozen: "true" },
    ...inBlocks({ sparsity: "0.5", scope: "all" }, "2x1", "4x4"),
  ],
  snip: [{ ratio: "0.4" }, { ratio: "0.5", unit: "attention+ffn", spectral: "off", ranking: "global" }],
  sparsebert: [
    { sparsity: "0.8" },
    { sparsity: "0.8", init: "fine-tuned", when: "before" },
    { sparsity: "0.8", distil: "false", rate: "linear" },
    ...inBlocks({ sparsity: "0.8" }, "1x4"),
    ...inBlocks({ sparsity: "0.8", init: "fine-tuned", when: "before" }, "4x1"),
  ],
  theseus: [
    { layers: "1", base: "0.5", full: "1", init: "fine-tuned" },
    { layers: "1", base: "0.5", full: "1", init: "fine-tuned", clipOver: "all" },
    { layers: "1", base: "0.5", full: "0.8", init: "fine-tuned", schedule: "anti-curriculum" },
    { layers: "1", base: "0.5", full: "1", init: "fine-tuned", schedule: "constant", swap: "1" },
  ],
  tinybert: [
    { layers: "2", intermediate: "0.4" },
    { layers: "1", intermediate: "0.4", start: "first" },
  ],
  truncate: [{ layers: "1" }],
};

/** A masked language model reads its word embeddings twice, so that they have no table of their own. */
const HEADS: readonly Head[] = [CLASSES, { kind: "mlm" }];

/** Reads every layer, so one row of settings per method has it. One layer leaves nothing to mix: not for truncation to it. */
const MIXTURE: Head = { kind: "classification", labels: ["a", "b", "c"], reader: "mixture" };

/** The first row of a method is held to its obligations under every head, the others under the usual one. */
function headsOf(id: string, row: number): readonly Head[] {
  if (row > 0) return [CLASSES];
  return id === "truncate" ? HEADS : [...HEADS, MIXTURE];
}

/** What no head has a say in, and takes half of the time: held under the usual head, and where the pieces have no table. */
const ONCE = /mixture: (?:stopped anywhere|the same seed)|mlm: the same seed/;
/** What a resumed run of the same bytes shows too, but for another seed's: held for the first row of a method. */
const FIRST = /the same seed/;

/** Whether a method has a sparsity to reach: these take half of the time, and have a file of tests of their own. */
export function isSparse(id: string): boolean {
  return Object.entries(METHODS).some(([known, { fields }]) => known === id && "sparsity" in fields);
}

/** Tests of the methods that `isMeant` says. */
export function testContracts(isMeant: (id: string) => boolean): void {
  const meant = Object.entries(METHODS).filter(([id]) => isMeant(id));
  test("there are methods to hold to the contract", () => expect(meant.length).toBeGreaterThan(3));
  test("a method that prunes in blocks is held to it in one column and across columns", () => {
    const untried = meant.flatMap(([id, { fields }]) => {
      const tried = SETTINGS[id as MethodId].map(({ block = "1" }) => block);
      const isTried =
        tried.some((block) => /^[24]x1$/.test(block)) && tried.some((block) => /x4$/.test(block));
      return "block" in fields && !isTried ? [id] : [];
    });
    expect(untried).toEqual([]);
  });
  describe.each(meant)("%s", (id, method) => {
    // Keys of `METHODS` are its ids.
    const rows = SETTINGS[id as MethodId];
    for (const [row, set] of rows.entries()) {
      for (const { name, run } of contractTestsOf(method, { settings: [set], heads: headsOf(id, row) })) {
        if (ONCE.test(name) || (row > 0 && FIRST.test(name))) continue;
        test(name, async () => {
          await expect(run()).resolves.toBeUndefined();
        });
      }
    }
  });
}
