import { expect, test } from "vitest";
import {
  CLASSES,
  madeUpBatch,
  rowsOf,
  settingsOf,
  smallNetwork,
  withTrainer,
} from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import type { Network } from "../network/network.ts";
import { unitsOf } from "../parts/units.ts";
import type { TrainBatch } from "../train/feeds.ts";
import { leastImportant } from "./head-importance.ts";
import { methodById } from "./registry.ts";

const NETWORK = smallNetwork(CLASSES, 2, 0.1);
const HEADS = unitsOf(NETWORK.config, ["head"]);

function bound(set: Readonly<Record<string, string>>, steps = 4) {
  return methodById("head-importance", { set }).bind(NETWORK, { steps, key: keyOf(1) });
}

/** The network with one head's columns of the output projection times `factor`: the same as a gate of that value. */
function scaled(layer: number, head: number, factor: number): Network {
  const name = `bert.encoder.layer.${layer}.attention.output.dense.weight`;
  const { shape, data } = NETWORK.tensors.get(name) ?? floatTensor([0], new Float32Array(0));
  const gated = data.map((w, i) => (Math.floor((i % 12) / 6) === head ? w * factor : w));
  return { ...NETWORK, tensors: new Map(NETWORK.tensors).set(name, floatTensor(shape, gated)) };
}

async function losses(network: Network, texts: readonly TrainBatch[]): Promise<number[]> {
  const plain = methodById("finetune").bind(network, { steps: 1, key: keyOf(1) });
  return withTrainer(settingsOf(plain, undefined), async (trainer) => {
    const found: number[] = [];
    for (const text of texts) found.push(await trainer.loss(text));
    return found;
  });
}

test("importance is the mean size of a text's slope in the gate, within 1 % of central differences", async () => {
  const batch = madeUpBatch(CLASSES, 5, 4);
  const texts = [0, 1, 2, 3].map((i) => rowsOf(batch, i, i + 1));
  const found = await withTrainer(settingsOf(bound({ measure: "0.5" }), 1), async (trainer) => {
    await trainer.step([rowsOf(batch, 0, 3), rowsOf(batch, 3, 4)], 1e-2);
    return (await trainer.tensors()).get("importance")?.data ?? [];
  });
  const expected: number[] = [];
  for (const { layer, place } of HEADS) {
    const [up, down] = [
      await losses(scaled(layer, place, 1.01), texts),
      await losses(scaled(layer, place, 0.99), texts),
    ];
    expected.push(up.reduce((sum, loss, i) => sum + Math.abs(loss - (down[i] ?? 0)) / 0.02, 0) / 4);
  }
  expect(found).toHaveLength(4);
  [...found].forEach((score, i) => {
    expect(Math.abs(score / (expected[i] ?? 0) - 1)).toBeLessThan(0.01);
  });
});

test("no weight moves while importance is measured, and weights move after that", async () => {
  const name = "bert.encoder.layer.0.attention.self.query.weight";
  await withTrainer(settingsOf(bound({ measure: "0.5" }), 1), async (trainer) => {
    const method = bound({ measure: "0.5" });
    for (let step = 0; step < 2; step++)
      await trainer.step([madeUpBatch(CLASSES, step)], method.rate?.(step) ?? 1);
    expect((await trainer.tensors()).get(name)?.data).toEqual(NETWORK.tensors.get(name)?.data);
    await trainer.step([madeUpBatch(CLASSES, 2)], 1e-2 * (method.rate?.(2) ?? 0));
    expect((await trainer.tensors()).get(name)?.data).not.toEqual(NETWORK.tensors.get(name)?.data);
  });
});

test("the rate is 0 while measuring, reaches 1 after a tenth of the rest, and ends near 0", () => {
  const { rate } = bound({ measure: "0.2" }, 100);
  const rates = Array.from({ length: 100 }, (_, step) => rate?.(step) ?? Number.NaN);
  expect(rates.slice(0, 20).every((r) => r === 0)).toBe(true);
  expect(rates[20]).toBeCloseTo(1 / 8, 12);
  expect(Math.max(...rates)).toBe(1);
  expect(rates.indexOf(1)).toBe(27);
  expect(rates[99]).toBeCloseTo(1 / 72, 12);
});

const names = (units: ReturnType<typeof leastImportant>): string[] =>
  [...units].map(({ layer, place }) => `${layer}.${place}`).sort();

test("scores are ranked together, by their share of their layer's norm or as they are", () => {
  const scores = [3, 4, 0.3, 0.1]; // over their layers' norms: 0.6, 0.8, 0.95, 0.32
  const pick = (normalise: boolean, count: number) =>
    names(leastImportant(HEADS, scores, { normalise, atLeast: 0, count }));
  expect(pick(true, 2)).toEqual(["0.0", "1.1"]);
  expect(pick(false, 2)).toEqual(["1.0", "1.1"]);
});

test("each layer keeps its best heads, as many as asked", () => {
  const pick = (atLeast: number, count: number) =>
    names(leastImportant(HEADS, [3, 4, 0.3, 0.1], { normalise: false, atLeast, count }));
  expect(pick(1, 2)).toEqual(["0.0", "1.1"]);
  expect(pick(0, 3)).toEqual(["0.0", "1.0", "1.1"]);
});

test.each([
  ["ratio", { ratio: "1" }],
  ["measure", { measure: "0" }],
  ["heads", { ratio: "0.75" }],
  ["heads", { atLeast: "-1" }],
  ["heads", { atLeast: "0.5" }],
] as const)("head-importance/%s: %o is refused", (code, set) => {
  expect(() => bound(set)).toThrow(expect.objectContaining({ code: `head-importance/${code}` }));
});

test("a run that ends before heads are dropped has no product (method/unreached)", () => {
  const method = bound({});
  expect(method.ready(1, {})).toBe(false);
  expect(() => method.finish(NETWORK.tensors, {})).toThrow(
    expect.objectContaining({ code: "method/unreached" }),
  );
});
