import { expect, test } from "vitest";
import { factsWith, lossesOf, plainLogits, still, taskLoss } from "../../test/support/distillation.ts";
import { CLASSES, madeUpBatch, rowsOf, settingsOf, withTrainer } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { shallower } from "../parts/students.ts";
import { layerMap, TINYBERT, type TinyBertConfig } from "./tinybert.ts";

const NETWORK = still(CLASSES, 4);
const TEACHER = still(CLASSES, 4, 10);
const BATCH = madeUpBatch(CLASSES, 1, 6);
const DEFAULTS: TinyBertConfig = {
  layers: 2,
  start: "even",
  intermediate: 0.5,
  predictionRate: 0.6,
  temperature: 1,
};

/** A run of 10 steps. */
function bound(change: Partial<TinyBertConfig> = {}, teacher = TEACHER): BoundMethod {
  return bind(TINYBERT, NETWORK, { ...DEFAULTS, ...change }, factsWith(teacher));
}

test.each([
  [4, 12, [0, 3, 6, 9, 12]],
  [6, 12, [0, 2, 4, 6, 8, 10, 12]],
  [2, 3, [0, 2, 3]],
])("%i of %i layers follow states %j", (layers, depth, followed) => {
  expect(layerMap(layers, depth)).toEqual(followed.map((state, m) => [m, state]));
});

test("the first stage is done after its share of the steps; only then may a model be chosen", () => {
  const method = bound({ intermediate: 0.3 });
  const stages = Array.from({ length: 10 }, (_, step) => method.structure(step));
  expect(stages).toEqual([...Array(3).fill("intermediate"), ...Array(7).fill("prediction")]);
  expect([2, 3, 4].map((done) => method.ready(done))).toEqual([false, false, true]);
});

test("the rate is constant, then warms up to `predictionRate` and falls to its last step", () => {
  const method = bound();
  const rates = Array.from({ length: 10 }, (_, step) => method.rate?.(step) ?? Number.NaN);
  expect(rates.slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
  expect(rates.slice(5)).toEqual([0.6, 0.6, 0.45, 0.3, 0.15].map((rate) => expect.closeTo(rate, 12)));
});

test("a student that is its teacher has no loss, and a batch in parts that of the whole within 1e-4", async () => {
  expect(await lossesOf(bound({ layers: 4 }, NETWORK), [[BATCH]])).toEqual([expect.closeTo(0, 10)]);
  const [whole = 0] = await lossesOf(bound(), [[BATCH]]);
  const [parts = 0] = await lossesOf(bound(), [[rowsOf(BATCH, 0, 2), rowsOf(BATCH, 2, 6)]]);
  expect(whole).toBeGreaterThan(0.1);
  expect(Math.abs(whole - parts)).toBeLessThan(1e-4);
});

test("the second stage's loss is −p_T·log p_S over batch and classes, within 1e-5", async () => {
  const student = shallower(NETWORK, 2, "even");
  const [z, v] = [await plainLogits(student, BATCH), await plainLogits(TEACHER, BATCH)];
  const logs = (row: readonly number[]): number[] => {
    const norm = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    return row.map((x) => x - norm);
  };
  let sum = 0;
  for (let i = 0; i < z.length; i += 3) {
    const [s, t] = [logs([...z.subarray(i, i + 3)]), logs([...v.subarray(i, i + 3)])];
    for (let c = 0; c < 3; c++) sum -= Math.exp(t[c] ?? Number.NaN) * (s[c] ?? Number.NaN);
  }
  const [loss = Number.NaN] = await lossesOf(bound({ intermediate: 0 }), [[BATCH]]);
  expect(Math.abs(loss - sum / z.length)).toBeLessThan(1e-5);
});

test("a regression's second stage learns the labels", async () => {
  const head = { kind: "regression" } as const;
  const [network, batch] = [still(head, 2), madeUpBatch(head, 1, 6)];
  const config = { ...DEFAULTS, intermediate: 0 };
  const method = bind(TINYBERT, network, config, factsWith(still(head, 2, 10)));
  expect(await lossesOf(method, [[batch]])).toEqual([expect.closeTo(await taskLoss(network, batch), 5)]);
});

test("the head does not move in the first stage, beyond its decay, and the encoder does", async () => {
  const method = bound();
  const tensors = await withTrainer({ ...settingsOf(method, 1) }, async (trainer) => {
    for (let step = 0; step < 3; step++) await trainer.step([BATCH], 1e-3);
    return trainer.tensors();
  });
  const moved = (name: string): number => {
    const [before, after] = [method.network.tensors.get(name)?.data, tensors.get(name)?.data];
    return Math.max(...[...(after ?? [])].map((x, i) => Math.abs(x - (before?.[i] ?? Number.NaN))));
  };
  expect(moved("classifier.bias")).toBe(0);
  expect(moved("bert.encoder.layer.1.output.dense.bias")).toBeGreaterThan(1e-3);
});

test.each([
  ["layers", { layers: -1 }],
  ["start", { start: "last" as "first" }],
  ["intermediate", { intermediate: 1 }],
  ["predictionRate", { predictionRate: -1 }],
  ["temperature", { temperature: 0 }],
])("tinybert/%s: %o is refused", (name, change) => {
  expect(() => bound(change)).toThrow(ConfigError);
  expect(() => bound(change)).toThrow(expect.objectContaining({ code: `tinybert/${name}` }));
});
