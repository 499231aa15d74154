import { afterAll, expect, test } from "vitest";
import { plainLogits, still } from "../../test/support/distillation.ts";
import { CLASSES, madeUpBatch } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { layerStem } from "../bert/names.ts";
import { type BoundMethod, bind } from "../contract/method.ts";
import { Engine } from "../engine/engine.ts";
import { withLayers } from "../network/layers.ts";
import { shallower } from "../parts/students.ts";
import { batchFeeds } from "../train/feeds.ts";
import { evalProgram, OUT, scalarOf } from "../train/step.ts";
import { drawLayers, LAYERDROP, type LayerDropConfig } from "./layerdrop.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const NETWORK = still(CLASSES, 4);
const BATCH = madeUpBatch(CLASSES, 1, 6);

function bound(change: Partial<LayerDropConfig> = {}): BoundMethod {
  return bind(LAYERDROP, NETWORK, { layers: 2, rate: 0.2, ...change }, { steps: 10, key: keyOf(2) });
}

/** Logits by the training graph, with the given layers running. */
async function gatedLogits(runs: readonly boolean[]): Promise<Float32Array> {
  const method = bound();
  const { config, head, tensors } = NETWORK;
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
  const session = await engine.session("all", () =>
    evalProgram({
      config,
      head,
      shapes,
      answers: (tools) => method.sites("all", tools),
      teacher: undefined,
      noise: false,
    }),
  );
  const gates = runs.map((run, i) => [scalarOf(`layer.${i}`), floatTensor([], Float32Array.of(run ? 1 : 0))]);
  const feeds = { ...Object.fromEntries(tensors), ...batchFeeds(BATCH), ...Object.fromEntries(gates) };
  const [results] = await engine.run([{ session, feeds }]);
  const data = results?.[OUT.logits]?.data;
  if (!(data instanceof Float32Array)) throw new Error("no logits");
  return data;
}

test.each([
  [true, true, true, true],
  [false, true, true, true],
  [true, false, true, false],
  [false, false, true, false],
])("with layers %s, %s, %s, %s running, the graph is the network of those, within 1e-5", async (...runs) => {
  const sources = NETWORK.config.layers.flatMap((layer, i) =>
    runs[i] ? [{ layer, stem: layerStem(i), spans: 1 }] : [],
  );
  const expected = await plainLogits(withLayers(NETWORK, sources), BATCH);
  const logits = await gatedLogits(runs);
  expect(Math.max(...logits.map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN))))).toBeLessThan(1e-5);
});

test("a layer is left out as often as the rate says, each for itself, within 4 deviations", () => {
  const draws = Array.from({ length: 4000 }, (_, step) => drawLayers(2, 0.2, fold(keyOf(7), step)));
  const share = (test: (draw: readonly boolean[]) => boolean): number => draws.filter(test).length / 4000;
  const within = (chance: number): number => 4 * Math.sqrt((chance * (1 - chance)) / 4000);
  expect(Math.abs(share(([a]) => a === false) - 0.2)).toBeLessThan(within(0.2));
  expect(Math.abs(share(([a, b]) => a === false && b === false) - 0.04)).toBeLessThan(within(0.04));
});

test("one structure serves all steps; what runs is a function of key and step, fed as numbers", () => {
  const method = bound({ rate: 0.5 });
  const steps = Array.from({ length: 40 }, (_, step) => method.scalars(step));
  expect(new Set(steps.map((_, step) => method.structure(step))).size).toBe(1);
  expect(new Set(steps.map((numbers) => JSON.stringify(numbers))).size).toBeGreaterThan(4);
  expect(bound({ rate: 0.5 }).scalars(3)).toEqual(method.scalars(3));
  expect(bound({ rate: 0 }).scalars(3)).toEqual({ "layer.0": 1, "layer.1": 1, "layer.2": 1, "layer.3": 1 });
});

test("the product has every other layer", () => {
  expect(bound().finish(NETWORK.tensors)).toEqual(shallower(NETWORK, 2, "even"));
});

test.each([
  ["layers", { layers: 5 }],
  ["rate", { rate: 1 }],
])("layerdrop/%s: %o is refused", (name, change) => {
  expect(() => bound(change)).toThrow(ConfigError);
  expect(() => bound(change)).toThrow(expect.objectContaining({ code: `layerdrop/${name}` }));
});
