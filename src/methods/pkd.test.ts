import { expect, test } from "vitest";
import { factsWith, lossesOf, still, taskLoss } from "../../test/support/distillation.ts";
import { CLASSES, madeUpBatch, rowsOf } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { layerMap, PKD, type PkdConfig } from "./pkd.ts";

const NETWORK = still(CLASSES, 4);
const BATCH = madeUpBatch(CLASSES, 1, 6);
const DEFAULTS: PkdConfig = { layers: 2, strategy: "skip", alpha: 0.5, beta: 100, temperature: 10 };

function bound(change: Partial<PkdConfig> = {}, teacher = still(CLASSES, 4, 10)): BoundMethod {
  return bind(PKD, NETWORK, { ...DEFAULTS, ...change }, factsWith(teacher));
}

test.each([
  ["skip", 6, 12, [2, 4, 6, 8, 10]],
  ["last", 6, 12, [7, 8, 9, 10, 11]],
  ["skip", 3, 12, [4, 8]],
  ["last", 3, 6, [4, 5]],
] as const)("%s: %i of %i layers follow layers %j", (strategy, layers, depth, followed) => {
  expect(layerMap(strategy, layers, depth)).toEqual(followed.map((layer, i) => [i + 1, layer]));
});

test("a student that is its teacher has the task's loss alone, weighed by 1 − α", async () => {
  const [loss = Number.NaN] = await lossesOf(bound({ layers: 4, alpha: 0.3 }, NETWORK), [[BATCH]]);
  expect(loss).toBeCloseTo(0.7 * (await taskLoss(NETWORK, BATCH)), 5);
});

test("the patient loss counts by β, and the parts of a batch add up to it within 1e-4", async () => {
  const at = async (beta: number, parts = [BATCH]): Promise<number> => {
    const [loss = Number.NaN] = await lossesOf(bound({ beta }), [parts]);
    return loss;
  };
  const [none, one, ten] = [await at(0), await at(10), await at(100)];
  // Unit vectors of 12 features: their mean squared difference is between 0 and 4/12.
  expect(one - none).toBeGreaterThan(0.1);
  expect(one - none).toBeLessThan(10 / 3);
  expect((ten - none) / (one - none)).toBeCloseTo(10, 3);
  expect(await at(100, [rowsOf(BATCH, 0, 2), rowsOf(BATCH, 2, 6)])).toBeCloseTo(ten, 4);
});

test.each([
  ["layers", { layers: 1 }],
  ["strategy", { strategy: "first" as "last" }],
  ["alpha", { alpha: -0.1 }],
  ["beta", { beta: -1 }],
  ["temperature", { temperature: 0 }],
])("pkd/%s: %o is refused", (name, change) => {
  expect(() => bound(change)).toThrow(ConfigError);
  expect(() => bound(change)).toThrow(expect.objectContaining({ code: `pkd/${name}` }));
});
