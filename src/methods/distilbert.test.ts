import { expect, test } from "vitest";
import {
  divergence,
  factsWith,
  lossesOf,
  plainLogits,
  still,
  taskLoss,
} from "../../test/support/distillation.ts";
import { CLASSES, madeUpBatch } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { shallower } from "../parts/students.ts";
import { DISTILBERT, type DistilBertConfig } from "./distilbert.ts";

const NETWORK = still(CLASSES, 4);
const TEACHER = still(CLASSES, 4, 10);
const BATCH = madeUpBatch(CLASSES, 1, 6);
const DEFAULTS: DistilBertConfig = {
  layers: 2,
  init: "pre-trained",
  teacher: 0.5,
  task: 0.25,
  cosine: 0,
  temperature: 2,
};

function bound(change: Partial<DistilBertConfig> = {}, teacher = TEACHER): BoundMethod {
  return bind(DISTILBERT, NETWORK, { ...DEFAULTS, ...change }, factsWith(teacher));
}

test("the student starts from every other layer of the pre-trained or of the fine-tuned model", () => {
  const name = "bert.encoder.layer.1.output.dense.weight";
  const source = "bert.encoder.layer.2.output.dense.weight";
  expect(bound().network.tensors.get(name)).toBe(NETWORK.tensors.get(source));
  expect(bound({ init: "fine-tuned" }).network.tensors.get(name)).toBe(TEACHER.tensors.get(source));
});

test("without the cosine the loss is task·CE + teacher·T²·KL within 1e-5", async () => {
  const student = shallower(NETWORK, 2, "even");
  const [z, v] = [await plainLogits(student, BATCH), await plainLogits(TEACHER, BATCH)];
  const expected = 0.25 * (await taskLoss(student, BATCH)) + 0.5 * divergence(z, v, 3, 2);
  const [loss = Number.NaN] = await lossesOf(bound(), [[BATCH]]);
  expect(Math.abs(loss - expected)).toBeLessThan(1e-5);
});

test("the cosine adds its weight times a number from 0 to 2, and nothing where student and teacher are one", async () => {
  const [without = 0] = await lossesOf(bound(), [[BATCH]]);
  const [with1 = 0] = await lossesOf(bound({ cosine: 1 }), [[BATCH]]);
  expect(with1 - without).toBeGreaterThan(0.1);
  expect(with1 - without).toBeLessThan(2);
  const [same = 0] = await lossesOf(bound({ layers: 4, cosine: 1 }, NETWORK), [[BATCH]]);
  expect(same).toBeCloseTo(0.25 * (await taskLoss(NETWORK, BATCH)), 5);
});

test.each([
  ["layers", { layers: -1 }],
  ["init", { init: "random" as "fine-tuned" }],
  ["teacher", { teacher: -1 }],
  ["task", { task: -1 }],
  ["cosine", { cosine: -1 }],
  ["temperature", { temperature: 0 }],
])("distilbert/%s: %o is refused", (name, change) => {
  expect(() => bound(change)).toThrow(ConfigError);
  expect(() => bound(change)).toThrow(expect.objectContaining({ code: `distilbert/${name}` }));
});

test("distilbert/teacher: a run without a fine-tuned model is refused", () => {
  const config: DistilBertConfig = { ...DEFAULTS, init: "fine-tuned" };
  const attempt = () => bind(DISTILBERT, NETWORK, config, { steps: 1, key: keyOf(1) });
  expect(attempt).toThrow(expect.objectContaining({ code: "distilbert/teacher" }));
});
