import { expect, test } from "vitest";
import {
  divergence,
  factsWith,
  lossesOf,
  plainLogits,
  still,
  taskLoss,
} from "../../test/support/distillation.ts";
import { CLASSES, madeUpBatch, rowsOf } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { shallower } from "../parts/students.ts";
import { DISTIL, type DistilConfig } from "./distil.ts";

const NETWORK = still(CLASSES, 4);
const TEACHER = still(CLASSES, 4, 10);
const BATCH = madeUpBatch(CLASSES, 1, 6);
const DEFAULTS: DistilConfig = { layers: 2, alpha: 0.5, temperature: 2 };

function bound(change: Partial<DistilConfig> = {}): BoundMethod {
  return bind(DISTIL, NETWORK, { ...DEFAULTS, ...change }, factsWith(TEACHER));
}

test("the loss is (1 − α)·CE + α·T²·KL, within 1e-5 of the logits' own", async () => {
  const student = shallower(NETWORK, 2, "first");
  const [z, v] = [await plainLogits(student, BATCH), await plainLogits(TEACHER, BATCH)];
  const expected = 0.7 * (await taskLoss(student, BATCH)) + 0.3 * divergence(z, v, 3, 4);
  const [loss = Number.NaN] = await lossesOf(bound({ alpha: 0.3, temperature: 4 }), [[BATCH]]);
  expect(Math.abs(loss - expected)).toBeLessThan(1e-5);
  expect(divergence(z, v, 3, 4)).toBeGreaterThan(0.01);
});

test("a batch in two unequal parts has the loss of the whole within 1e-5", async () => {
  const [whole = Number.NaN] = await lossesOf(bound(), [[BATCH]]);
  const [parts = Number.NaN] = await lossesOf(bound(), [[rowsOf(BATCH, 0, 2), rowsOf(BATCH, 2, 6)]]);
  expect(Math.abs(whole - parts)).toBeLessThan(1e-5);
});

test("a regression learns from the teacher's values: (1 − α)·(z − y)² + α·(z − v)² within 1e-5", async () => {
  const head = { kind: "regression" } as const;
  const [network, teacher, batch] = [still(head, 2), still(head, 2, 10), madeUpBatch(head, 1, 6)];
  const method = bind(DISTIL, network, { ...DEFAULTS, alpha: 0.25 }, factsWith(teacher));
  const [z, v] = [await plainLogits(network, batch), await plainLogits(teacher, batch)];
  const apart = z.reduce((sum, x, i) => sum + (x - (v[i] ?? Number.NaN)) ** 2, 0) / 6;
  const [loss = Number.NaN] = await lossesOf(method, [[batch]]);
  expect(Math.abs(loss - (0.75 * (await taskLoss(network, batch)) + 0.25 * apart))).toBeLessThan(1e-5);
});

test("the student is trained and the teacher is not; the product is the student alone", () => {
  const method = bound();
  expect([...method.tensors.keys()].every((name) => name.startsWith("teacher."))).toBe(true);
  expect([...method.tensors.keys()].filter(method.trains)).toEqual([]);
  const all = new Map([...method.network.tensors, ...method.tensors]);
  expect([...method.finish(all).tensors.keys()]).toEqual([...method.network.tensors.keys()]);
});

test.each([
  ["layers", { layers: 5 }],
  ["alpha", { alpha: 1 }],
  ["temperature", { temperature: 0 }],
])("distil/%s: %o is refused", (name, change) => {
  expect(() => bound(change)).toThrow(ConfigError);
  expect(() => bound(change)).toThrow(expect.objectContaining({ code: `distil/${name}` }));
});
