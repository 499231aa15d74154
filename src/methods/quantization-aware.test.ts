import { expect, test } from "vitest";
import {
  divergence,
  factsWith,
  lossesOf,
  plainLogits,
  still,
  taskLoss,
} from "../../test/support/distillation.ts";
import { CLASSES, madeUpBatch, settingsOf, withTrainer } from "../../test/support/training.ts";
import { requireEntry } from "../base/present.ts";
import { keyOf } from "../base/random.ts";
import { DEFAULT_POOLING, type Head, labelsOf } from "../bert/config.ts";
import { weightOf } from "../bert/names.ts";
import { linearModules } from "../bert/quantized.ts";
import { bind } from "../contract/method.ts";
import { withTrueMasks } from "../network/masks.ts";
import type { Network } from "../network/network.ts";
import { checkLevels, withQuantized } from "../network/quantized.ts";
import { matricesIn } from "../parts/matrices.ts";
import { masksOf, pruneAtOnce } from "../parts/prune.ts";
import { QUANTIZATION_AWARE } from "./quantization-aware.ts";
import { METHODS, methodById } from "./registry.ts";

const NETWORK = still(CLASSES, 2);
const TEACHER = still(CLASSES, 2, 10);
const BATCH = madeUpBatch(CLASSES, 1, 6);
const MODULES = linearModules(NETWORK.config.layers);
const DEFAULTS = { alpha: 0.5, temperature: 2 };
const rounded = (network: Network): Network =>
  withQuantized(network, new Map(MODULES.map((name) => [name, {}])));

/** The network with 60 % of each encoder matrix pruned. */
function pruned(network: Network): Network {
  const names = matricesIn(network.tensors, "encoder");
  const tensors = pruneAtOnce(
    network.tensors,
    names.map((name) => [name]),
    0.6,
  );
  return { ...network, tensors, masks: masksOf(tensors, names) };
}

async function product(
  network: Network,
  steps: number,
  settings = {},
  batch = (step: number) => madeUpBatch(CLASSES, step),
): Promise<Network> {
  const method = methodById("quantization-aware", { set: settings }).bind(network, {
    steps,
    key: keyOf(0),
    finetuned: TEACHER,
  });
  return withTrainer(settingsOf(method, undefined), async (trainer) => {
    for (let i = 0; i < steps; i++) await trainer.step([batch(i)], 5e-3);
    return trainer.finish(await trainer.tensors());
  });
}

test("what is learnt from is the network rounded to 8 bits: its loss is task + teacher within 1e-5", async () => {
  const [z, v] = [await plainLogits(rounded(NETWORK), BATCH), await plainLogits(TEACHER, BATCH)];
  const task = await taskLoss(rounded(NETWORK), BATCH);
  const bound = (alpha: number) =>
    bind(QUANTIZATION_AWARE, NETWORK, { ...DEFAULTS, alpha }, factsWith(TEACHER));
  const [alone = Number.NaN] = await lossesOf(bound(0), [[BATCH]]);
  expect(Math.abs(alone - task)).toBeLessThan(1e-5);
  expect(Math.abs(alone - (await taskLoss(NETWORK, BATCH)))).toBeGreaterThan(1e-4);
  const [both = Number.NaN] = await lossesOf(bound(0.25), [[BATCH]]);
  expect(Math.abs(both - (0.75 * task + 0.25 * divergence(z, v, 3, 2)))).toBeLessThan(1e-5);
});

test("a pruned network keeps its zeros and masks, and every layer ends on levels", async () => {
  const given = pruned(NETWORK);
  const after = withTrueMasks(await product(given, 8));
  expect([...(after.config.quantized?.keys() ?? [])]).toEqual(MODULES);
  checkLevels(after, "product");
  expect([...(after.masks?.keys() ?? [])]).toEqual([...(given.masks?.keys() ?? [])]);
  for (const name of MODULES.map(weightOf)) {
    const [then, now] = [given, after].map(({ tensors }) => requireEntry(tensors, name, "tensor").data);
    expect(now?.filter((w, i) => w !== 0 && then?.[i] === 0)).toHaveLength(0);
    expect(now).not.toEqual(then);
  }
});

test("training under rounding lowers the loss of the rounded network", async () => {
  const seen = madeUpBatch(CLASSES, 3);
  const [before, after] = [rounded(NETWORK), await product(NETWORK, 20, { alpha: "0" }, () => seen)];
  expect(await taskLoss(after, seen)).toBeLessThan((await taskLoss(before, seen)) - 0.05);
});

test("it starts from a model that knows the task already, from the fine-tuned one under a new head", () => {
  const facts = { ...factsWith(TEACHER), pretrained: NETWORK };
  const start = (pretrained: Network) =>
    bind(QUANTIZATION_AWARE, NETWORK, DEFAULTS, { ...facts, pretrained }).network;
  expect(start(NETWORK)).toBe(NETWORK);
  expect(start({ ...NETWORK, head: { kind: "mlm" } })).toBe(TEACHER);
  expect(start({ ...NETWORK, head: { kind: "none" } })).toBe(TEACHER);
});

test("a base that knows other labels, or the same in another order, is no model that knows the task", () => {
  const facts = { ...factsWith(TEACHER), pretrained: NETWORK };
  const start = (head: Head) =>
    bind(QUANTIZATION_AWARE, NETWORK, DEFAULTS, { ...facts, pretrained: { ...NETWORK, head } }).network;
  const labels = labelsOf(NETWORK.head);
  expect(start({ kind: "classification", labels: labels.toReversed() })).toBe(TEACHER);
  expect(start({ kind: "classification", labels: ["neg", "pos"] })).toBe(TEACHER);
  expect(start({ kind: "classification", labels: [...labels] })).toBe(NETWORK);
});

test("a sentence encoder has no head that could be new, however its pooling is told", () => {
  const encoder = still({ kind: "none", pooling: DEFAULT_POOLING }, 2);
  const facts = { ...factsWith(encoder), pretrained: { ...encoder, head: { kind: "none" } as const } };
  expect(bind(QUANTIZATION_AWARE, encoder, DEFAULTS, facts).network).toBe(encoder);
});

test.each(Object.keys(METHODS).filter((id) => ["finetune", "magnitude", "quantization-aware"].includes(id)))(
  "%s trains a network in 8 bits in float32, whatever it says of itself",
  (id) => {
    const facts = { steps: 4, key: keyOf(0), finetuned: rounded(NETWORK) };
    const { network } = methodById(id).bind(rounded(NETWORK), facts);
    expect(network.config.quantized).toBeUndefined();
    expect(network.tensors).toEqual(rounded(NETWORK).tensors);
  },
);

test.each([
  ["alpha", { alpha: 1 }],
  ["alpha", { alpha: -0.1 }],
  ["temperature", { temperature: 0 }],
])("a wrong %s is refused", (name, change) => {
  const attempt = () => bind(QUANTIZATION_AWARE, NETWORK, { ...DEFAULTS, ...change }, factsWith(TEACHER));
  expect(attempt).toThrow(expect.objectContaining({ code: `quantization-aware/${name}` }));
});
