import { expect, test } from "vitest";
import { CLASSES, madeUpBatch, settingsOf, smallNetwork, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { openShift } from "../parts/hard-concrete.ts";
import { matricesIn } from "../parts/matrices.ts";
import { methodById } from "./registry.ts";

const NETWORK = smallNetwork(CLASSES, 2, 0);
const NAMES = matricesIn(NETWORK.tensors, "encoder");

function bound(set: Readonly<Record<string, string>>, steps = 10) {
  return methodById("l0", { set }).bind(NETWORK, {
    steps,
    key: keyOf(1),
    learningRate: 1e-3,
    finetuned: NETWORK,
  });
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

test("before the mask is fixed the model is evaluated with its settled gates, within 1e-5", async () => {
  const method = bound({ start: "0.5" });
  const batch = madeUpBatch(CLASSES, 7, 8);
  const gated = await withTrainer(settingsOf(method, 1), (trainer) => trainer.logits(batch));
  const tensors = new Map(NETWORK.tensors);
  for (const name of NAMES) {
    const [w, gates] = [tensors.get(name), method.tensors.get(`gate.${name}`)];
    const settled = w?.data.map((x, i) => x * (sigmoid(gates?.data[i] ?? 0) * 1.2 - 0.1));
    if (w && settled) tensors.set(name, floatTensor(w.shape, settled));
  }
  const plain = methodById("finetune").bind({ ...NETWORK, tensors }, { steps: 1, key: keyOf(0) });
  const expected = await withTrainer(settingsOf(plain, undefined), (trainer) => trainer.logits(batch));
  expect(gated).toHaveLength(24);
  expect(Math.max(...gated.map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN))))).toBeLessThan(1e-5);
});

test("the penalty is λ times the open gates above the step's share, none below it, within 1e-3", async () => {
  const losses = (penalty: string, start: string): Promise<number[]> =>
    withTrainer(settingsOf(bound({ start, penalty, until: "0.2", sparsity: "0.5" }), 1), async (trainer) => {
      const found: number[] = [];
      for (let step = 0; step < 3; step++)
        found.push((await trainer.step([madeUpBatch(CLASSES, 2, 8)], 0)).loss);
      return found;
    });
  const added = async (start: string): Promise<number[]> => {
    const [plain, penalised] = [await losses("0", start), await losses("2", start)];
    return penalised.map((loss, i) => loss - (plain[i] ?? Number.NaN));
  };
  const open = sigmoid(openShift(2 / 3)); // 0.83: log α is near 0
  const expected = [0, 2 * (open - (1 - 0.5 * (1 - 0.5 ** 3))), 2 * (open - 0.5)];
  for (const [i, more] of (await added("0")).entries())
    expect(more).toBeCloseTo(expected[i] ?? Number.NaN, 3);
  for (const more of await added("-3")) expect(more).toBeCloseTo(0, 6);
});

test("a matrix counts as much as any other in the penalty, whatever its size, within 1e-3", async () => {
  // The gates of one matrix are open, all others closed; 0.02 may be open without a penalty.
  const chosen = NAMES.find((name) => name.endsWith("intermediate.dense.weight"));
  const method = bound({ start: "-15" });
  const gates = new Map(method.tensors);
  for (const [name, { shape, data }] of method.tensors)
    if (name === `gate.${chosen}`)
      gates.set(
        name,
        floatTensor(
          shape,
          data.map(() => 15),
        ),
      );
  const lossesOf = (penalty: string): Promise<number> =>
    withTrainer(
      settingsOf({ ...bound({ start: "-15", penalty, until: "0.2", sparsity: "0.98" }), tensors: gates }, 1),
      async (trainer) => {
        for (let step = 0; step < 4; step++) await trainer.step([madeUpBatch(CLASSES, 2, 8)], 0);
        return (await trainer.step([madeUpBatch(CLASSES, 2, 8)], 0)).loss;
      },
    );
  expect(chosen).toBeDefined();
  expect((await lossesOf("2")) - (await lossesOf("0"))).toBeCloseTo(2 * (1 / NAMES.length - 0.02), 3);
});

test("gates are drawn anew in each step and for each part of one: the same batch has another loss", async () => {
  const batch = madeUpBatch(CLASSES, 2, 8);
  const losses = await withTrainer(settingsOf(bound({ start: "0", penalty: "0" }), 1), async (trainer) => {
    const found: number[] = [];
    for (let step = 0; step < 4; step++) found.push((await trainer.step([batch], 0)).loss);
    return found;
  });
  expect(new Set(losses).size).toBe(4);
});

test.each(["global", "matrix"])(
  "ranked %s, the weights with the lowest log α become 0 and the others take their gates",
  async (ranking) => {
    const method = bound({
      sparsity: "0.6",
      start: "0",
      ranking,
      until: "0.3",
      gated: "0.4",
      maskRate: "0.3",
    });
    await withTrainer(settingsOf(method, 1), async (trainer) => {
      for (let step = 0; step < 3; step++) await trainer.step([madeUpBatch(CLASSES, step)], 1e-3);
      expect(trainer.ready).toBe(false);
      await trainer.step([madeUpBatch(CLASSES, 3)], 1e-3);
      expect(trainer.ready).toBe(true);
      const [tensors, { progress }] = [await trainer.tensors(), await trainer.state()];
      const gates = NAMES.flatMap((name) => [...(tensors.get(`gate.${name}`)?.data ?? [])]);
      const weights = NAMES.flatMap((name) => [...(tensors.get(name)?.data ?? [])]);
      const pruned = gates.filter((_, i) => weights[i] === 0);
      const kept = gates.filter((_, i) => weights[i] !== 0);
      expect(Math.abs(pruned.length / gates.length - 0.6)).toBeLessThan(ranking === "global" ? 1e-3 : 0.01);
      if (ranking === "global") expect(Math.max(...pruned)).toBeLessThanOrEqual(Math.min(...kept));
      expect(progress.closed).toBeCloseTo(
        gates.filter((a) => sigmoid(a) * 1.2 <= 0.1).length / gates.length,
        2,
      );
      await trainer.step([madeUpBatch(CLASSES, 4)], 1e-3);
      const after = await trainer.tensors();
      expect(NAMES.flatMap((name) => [...(after.get(name)?.data ?? [])]).filter((w) => w === 0)).toHaveLength(
        pruned.length,
      );
      for (const name of NAMES) expect(after.get(`gate.${name}`)).toEqual(tensors.get(`gate.${name}`));
    });
  },
);

test.each([
  ["sparsity", { sparsity: "1" }],
  ["ramp", { from: "0.7" }],
  ["gated", { gated: "0.5" }],
  ["gated", { gated: "1" }],
  ["ranking", { ranking: "layer" }],
  ["rate", { maskRate: "0" }],
  ["rate", { penalty: "-1" }],
] as const)("l0/%s: %o is refused", (code, set) => {
  expect(() => bound(set)).toThrow(expect.objectContaining({ code: `l0/${code}` }));
});
