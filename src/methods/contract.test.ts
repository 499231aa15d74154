/** What every method owes, checked for all of them: one table, and each row is held to all obligations. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { brokenBlocks } from "../../test/support/blocks.ts";
import {
  CLASSES,
  madeUpBatch,
  type Outcome,
  runInPieces,
  runPlan,
  settingsOf,
  smallNetwork,
  smallPlan,
  withTrainer,
} from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { parameters } from "../bert/names.ts";
import type { BoundMethod } from "../contract/method.ts";
import { BUFFERS } from "../train/placement.ts";
import { type TrainerSettings, tensorsOf } from "../train/trainer.ts";
import { METHODS, type MethodId, methodById } from "./registry.ts";

const root = mkdtempSync(join(tmpdir(), "espalier-contract-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const STEPS = 5;
const LAYERS = 2;

/** Settings under which each method is held to its contract, for a network of two layers. A new method adds a row. */
const SETTINGS: Readonly<Record<MethodId, readonly Readonly<Record<string, string>>[]>> = {
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
    { sparsity: "0.6", rounds: "2", block: "4" },
  ],
  magnitude: [
    { sparsity: "0.8", until: "0.6" },
    { sparsity: "0.8", schedule: "one-shot", ranking: "global", distil: "true" },
    { sparsity: "0.8", scope: "all", frozen: "true", times: "2" },
    { sparsity: "0.8", until: "0.6", block: "4" },
    { sparsity: "0.7", schedule: "one-shot", ranking: "global", scope: "all", block: "2" },
  ],
  movement: [
    { sparsity: "0.5", until: "0.5", refresh: "1" },
    { sparsity: "0.5", until: "0.5", refresh: "1", soft: "true", distil: "true" },
    { sparsity: "0.7", until: "0.5", refresh: "1", block: "4" },
    { sparsity: "0.5", until: "0.5", refresh: "1", soft: "true", block: "2" },
  ],
  pkd: [{ layers: "2" }, { layers: "2", strategy: "last" }],
  random: [
    { sparsity: "0.5" },
    { sparsity: "0.5", scope: "all", frozen: "true" },
    { sparsity: "0.5", scope: "all", block: "4" },
  ],
  snip: [{ ratio: "0.4" }, { ratio: "0.5", unit: "attention+ffn", spectral: "false", ranking: "kind" }],
  sparsebert: [
    { sparsity: "0.8" },
    { sparsity: "0.8", init: "fine-tuned", when: "before" },
    { sparsity: "0.8", distil: "false" },
    { sparsity: "0.8", block: "2" },
    { sparsity: "0.8", block: "4", init: "fine-tuned", when: "before" },
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

interface Case {
  readonly set: Readonly<Record<string, string>>;
  readonly method: BoundMethod;
  readonly settings: (seed?: number) => TrainerSettings;
  readonly head: Head;
}

function caseOf(id: string, set: Readonly<Record<string, string>>, head: Head): Case {
  const network = smallNetwork(head, LAYERS);
  const facts = {
    steps: STEPS,
    learningRate: 1e-2,
    pretrained: network,
    finetuned: smallNetwork(head, LAYERS, 0.1, 10),
  };
  const method = (seed: number): BoundMethod =>
    methodById(id, { set }).bind(network, { ...facts, key: keyOf(seed) });
  return { set, method: method(1), head, settings: (seed = 1) => settingsOf(method(seed), seed) };
}

/** The first row of a method is held to its obligations under every head, the others under the usual one. */
function headsOf(id: string, row: number): readonly Head[] {
  if (row > 0) return [CLASSES];
  return id === "truncate" ? HEADS : [...HEADS, MIXTURE];
}

const CASES = Object.keys(METHODS).flatMap((id) =>
  // Keys of `METHODS` are its ids.
  SETTINGS[id as MethodId].flatMap((set, row) =>
    headsOf(id, row).map((head) => {
      const name = `${id} ${JSON.stringify(set)} ${head === MIXTURE ? "mixture" : head.kind}`;
      return [name, caseOf(id, set, head)] as const;
    }),
  ),
);

/** The whole run of a case from seed 1, made once. */
const wholeRuns = new Map<string, Promise<Outcome>>();
function wholeRun(name: string, { settings, head }: Case): Promise<Outcome> {
  const run = wholeRuns.get(name) ?? runPlan(settings(), smallPlan(head, STEPS));
  wholeRuns.set(name, run);
  return run;
}

function same(a: FloatTensor | undefined, b: FloatTensor | undefined): boolean {
  return a?.data.every((x, i) => x === b?.data[i]) ?? false;
}

test.each(CASES)(
  "%s: gradients reach every trained tensor, key biases apart",
  async (_, { method, settings, head }) => {
    const unreached = await withTrainer(settings(), async (trainer) => {
      const plan = smallPlan(head, STEPS);
      for (let step = 0; step < STEPS; step++) await trainer.step(plan.batches(step), 1e-3);
      const { buffers } = await trainer.state();
      const trained = [...tensorsOf(method).keys()].filter(method.trains);
      const now = await trainer.tensors();
      return trained.filter((name) => {
        if (method.rule(name)?.kind === "descent") return same(now.get(name), tensorsOf(method).get(name));
        const view = trainer.placement.views.get(name);
        const buffer = view?.buffer === BUFFERS.table ? `${BUFFERS.table}.m` : BUFFERS.mean;
        const [offset, size] = [view?.offset ?? 0, tensorsOf(method).get(name)?.data.length ?? 0];
        const mean = buffers.get(buffer)?.subarray(offset, offset + size);
        // A softmax does not see what is added to all of its row: a key's bias has no gradient but rounding.
        return !name.endsWith("self.key.bias") && !mean?.some((m) => Math.abs(m) > 1e-9);
      });
    });
    expect(unreached).toEqual([]);
  },
);

test.each(CASES)(
  "%s: the untrained keeps its bytes under decay, the trained moves, the network is not written to",
  async (name, it) => {
    const { method } = it;
    const before = tensorsOf(it.settings().method);
    const copies = new Map(
      [...before].map(([name, { shape, data }]) => [name, floatTensor(shape, data.slice())]),
    );
    const { tensors } = await wholeRun(name, it);
    expect([...tensors.keys()]).toEqual([...before.keys()]);
    for (const [name, tensor] of before) expect(tensor).toEqual(copies.get(name));
    const moved = [...tensors].filter(([name, tensor]) => !same(tensor, copies.get(name)));
    const moves = [...tensors.keys()].filter((name) => method.trains(name) || method.keeps(name));
    expect(moved.filter(([name]) => !moves.includes(name))).toEqual([]);
    // A tensor whose rate a method can stop may be back where it began: a ticket's is.
    const held = moves.filter((name) => !moved.some(([other]) => other === name));
    expect(held.filter((name) => method.rule(name)?.scaledBy === undefined)).toEqual([]);
  },
);

test.each(CASES.filter(([, { head }]) => head.kind === "classification"))(
  "%s: the finished network's tensors fit its configuration; logits as in training within 1e-5",
  async (_, { settings, head }) => {
    const batch = madeUpBatch(head, 77, 8);
    const { logits, product } = await withTrainer(settings(), async (trainer) => {
      const plan = smallPlan(head, STEPS);
      for (let step = 0; step < STEPS; step++) await trainer.step(plan.batches(step), 1e-2);
      return { logits: await trainer.logits(batch), product: trainer.finish(await trainer.tensors()) };
    });
    const shapes = new Map([...product.tensors].map(([name, { shape }]) => [name, [...shape]]));
    expect(shapes).toEqual(parameters(product.config, product.head));
    const plain = methodById("finetune").bind(product, { steps: 1, key: keyOf(0) });
    const again = await withTrainer(settingsOf(plain, undefined), (trainer) => trainer.logits(batch));
    expect(again.length).toBe(8 * 3);
    expect(Math.max(...again.map((x, i) => Math.abs(x - (logits[i] ?? Number.NaN))))).toBeLessThan(1e-5);
  },
);

test.each(CASES)(
  "%s: pruned weights are exactly 0, as many as asked, in whole blocks; frozen ones as they were",
  async (_, { method, set, settings, head }) => {
    const { masks = new Map(), tensors } = await withTrainer(settings(), async (trainer) => {
      const plan = smallPlan(head, STEPS);
      for (let step = 0; step < STEPS; step++) await trainer.step(plan.batches(step), 1e-2);
      return trainer.finish(await trainer.tensors());
    });
    expect(masks.size > 0).toBe("sparsity" in set);
    let [zeros, total] = [0, 0];
    for (const [name, { data }] of masks) {
      const now = tensors.get(name)?.data ?? [];
      const then = method.network.tensors.get(name)?.data ?? [];
      expect([...now].map((w) => (w === 0 ? 0 : 1))).toEqual([...data]);
      expect(brokenBlocks(tensors.get(name), Number(set.block ?? 1))).toBe(0);
      if (!method.trains(name) && !method.keeps(name)) {
        expect([...now].every((w, i) => w === 0 || w === then[i])).toBe(true);
      }
      zeros += data.filter((bit: number) => bit === 0).length;
      total += data.length;
    }
    expect(Math.abs(zeros - total * Number(set.sparsity ?? 0))).toBeLessThanOrEqual(
      masks.size * Number(set.block ?? 1),
    );
  },
);

test.each(CASES)("%s: the same seed gives the same bytes, another seed others", async (name, it) => {
  const plan = smallPlan(it.head, STEPS);
  const first = await wholeRun(name, it);
  expect(await runPlan(it.settings(1), plan)).toEqual(first);
  const other = await runPlan(it.settings(2), plan);
  expect(other.state.buffers.get("w")).not.toEqual(first.state.buffers.get("w"));
});

test.each(CASES)(
  "%s: stopped, saved and resumed after every step and evaluation, a run gives the same bytes",
  async (name, it) => {
    const folder = join(root, `${CASES.findIndex(([other]) => other === name)}`);
    const pieces = await runInPieces(it.settings(), smallPlan(it.head, STEPS), folder);
    expect(pieces.events.filter(({ kind }) => kind === "step")).toHaveLength(STEPS);
    expect(pieces).toEqual(await wholeRun(name, it));
  },
);
