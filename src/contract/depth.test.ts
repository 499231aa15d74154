import { expect, test } from "vitest";
import { furthest } from "../../test/support/adamw.ts";
import { CLASSES, runPlan, settingsOf, smallNetwork, smallPlan } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { EMBEDDINGS, layerStem } from "../bert/names.ts";
import { methodById } from "../methods/registry.ts";
import { decodeModel } from "../onnx/decode.ts";
import { trainProgram } from "../train/step.ts";
import { type DepthSettings, depthOf, withDepth } from "./depth.ts";
import type { BoundMethod } from "./method.ts";

const network = smallNetwork(CLASSES, 3);

function bound(id: string, settings: DepthSettings, set: Record<string, string> = {}): BoundMethod {
  const facts = { steps: 4, key: keyOf(0), pretrained: network, finetuned: network };
  return withDepth(methodById(id, { set }).bind(network, facts), settings);
}

/** Multiplications of matrices in a step's graph. */
function products(method: BoundMethod): number {
  const shapes = new Map([...network.tensors].map(([name, { shape }]) => [name, shape]));
  const { config, head } = network;
  const plan = { config, head, shapes, answers: () => ({}), teacher: undefined, noise: false };
  const trained = [...network.tensors.keys()].filter(method.trains);
  const { bytes } = trainProgram(plan, trained, { rows: false, accumulate: false });
  return decodeModel(bytes).graph.nodes.filter(({ opType }) => /MatMul|Gemm/.test(opType)).length;
}

test("embeddings are the deepest, then the layers from below; what reads them is above all", () => {
  const names = [EMBEDDINGS.words, `${layerStem(0)}.output.dense.bias`, `${layerStem(10)}.output.dense.bias`];
  const above = ["bert.encoder.LayerNorm.weight", "bert.pooler.dense.weight", "classifier.bias"];
  expect([...names, ...above].map((name) => depthOf(name, 12))).toEqual([0, 1, 11, 12, 13, 13]);
});

test("layers that share their weights have no depth: what asks for one is refused", () => {
  const { config } = network;
  const shared = {
    ...network,
    config: { ...config, layers: config.layers.map((layer) => ({ ...layer, sharing: 0 })) },
  };
  const method = { ...bound("finetune", {}), network: shared };
  expect(() => withDepth(method, { freeze: 1 })).toThrow(expect.objectContaining({ code: "freeze/shared" }));
  expect(() => withDepth(method, { layerDecay: 0.9 })).toThrow(
    expect.objectContaining({ code: "layer-decay/shared" }),
  );
  for (const freeze of ["embeddings", "encoder", 3] as const)
    expect(withDepth(method, { freeze }).trains("classifier.weight")).toBe(true);
});

test("method/nothing: a head alone is trained, and there is none", () => {
  const vectors = smallNetwork({ kind: "none" }, 2);
  const method = methodById("features").bind(vectors, { steps: 4, key: keyOf(0), pretrained: vectors });
  expect(() => withDepth(method, {})).toThrow(expect.objectContaining({ code: "method/nothing" }));
});

test("rates fall from layer to layer by the decay, times what a method's own rule says", () => {
  const { rule } = bound("finetune", { layerDecay: 0.5 });
  const names = [
    "classifier.weight",
    `${layerStem(2)}.output.dense.weight`,
    `${layerStem(0)}.output.dense.weight`,
  ];
  expect([...names, `${EMBEDDINGS.norm}.bias`].map((name) => rule(name)?.factor ?? 1)).toEqual([
    1, 0.5, 0.125, 0.0625,
  ]);
  const pruned = bound("magnitude", { layerDecay: 0.5 });
  expect(pruned.rule(names[2] ?? "")).toEqual({ kind: "adamw", keepZeros: true, factor: 0.125 });
  const movement = bound("movement", { layerDecay: 0.5 }, { maskRate: "0.01" });
  const score = [...movement.tensors.keys()].find((name) => !network.tensors.has(name)) ?? "";
  expect(movement.rule(score)).toEqual(bound("movement", {}, { maskRate: "0.01" }).rule(score));
});

test("word embeddings row by row, at a rate of their own, are within 2e-6 of the whole table", async () => {
  const method = bound("finetune", { layerDecay: 0.5 });
  const calm = (m: BoundMethod) => ({
    ...settingsOf(m, undefined),
    adamw: { ...settingsOf(m, 1).adamw, epsilon: 1e-3 },
  });
  const rows = await runPlan(calm(method), smallPlan(CLASSES, 4));
  const said = {
    ...method,
    rule: (name: string) => ({ kind: "adamw" as const, ...method.rule(name), keepZeros: false }),
  };
  const whole = await runPlan(calm(said), smallPlan(CLASSES, 4));
  expect([rows, whole].map(({ state }) => state.buffers.has("table"))).toEqual([true, false]);
  const far = [...whole.tensors].map(([name, { data }]) =>
    furthest(rows.tensors.get(name)?.data ?? [], data, 1),
  );
  expect(Math.max(...far)).toBeLessThan(2e-6);
});

test("a frozen layer has none of its 26 products in the backward pass", () => {
  const freezes = ["embeddings", 1, 2] as const;
  const counts = freezes.map((freeze) => products(bound("finetune", { freeze })));
  // Two for each of 6 matrices and 2 of attention, one for each of 10 vectors.
  expect(counts.slice(1).map((n, i) => (counts[i] ?? 0) - n)).toEqual([26, 26]);
  expect(products(bound("finetune", {}))).toBeGreaterThan(counts[0] ?? 0);
});

test("frozen weights keep their bytes, but for those that a method takes away", async () => {
  const method = bound("magnitude", { freeze: "encoder" }, { sparsity: "0.5" });
  const { tensors, state } = await runPlan(settingsOf(method, 1), smallPlan(CLASSES, 4));
  const moved = [...tensors].filter(([name, { data }]) => {
    const before = network.tensors.get(name)?.data ?? [];
    return data.some((w, i) => w !== 0 && w !== before[i]);
  });
  expect(moved.map(([name]) => name).filter((name) => depthOf(name, 3) <= 3)).toEqual([]);
  expect(moved.map(([name]) => name)).toContain("classifier.weight");
  const matrices = [...tensors].filter(([name]) => /layer.*(query|dense)\.weight/.test(name));
  const zeros = matrices.map(([, { data }]) => data.filter((w) => w === 0).length / data.length);
  expect(zeros.reduce((sum, x) => sum + x, 0) / zeros.length).toBeGreaterThan(0.4);
  // A checkpoint has them: a run that is resumed has lost what it lost.
  expect([state.buffers.has("table"), state.buffers.has("kept")]).toEqual([false, true]);
});

test("what leaves nothing to train, or to slow down, is refused by name", () => {
  expect(() => bound("finetune", { freeze: 4 })).toThrow(
    "freeze: expected at most 3 layers, which the model that finetune trains has, got 4",
  );
  expect(() => bound("theseus", { layerDecay: 0.9 }, { layers: "1" })).toThrow(
    "layerDecay: expected a method that trains layers of the model, got theseus, which trains none of them",
  );
});
