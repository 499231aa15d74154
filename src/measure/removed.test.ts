import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { floatTensor } from "../base/tensor.ts";
import { layerNames, weightOf } from "../bert/names.ts";
import { shallower } from "../parts/students.ts";
import { countRemoved } from "./removed.ts";

const original = tinyModel();
/** Of one layer of 16 features, 2 heads of 8 and 24 neurons; and of 15 pieces, 24 positions and 2 types. */
const LAYER = 4 * 16 * 16 + 2 * 16 * 24;
const TABLES = (15 + 24 + 2) * 16;

test("nothing is removed from the model itself", () => {
  expect(countRemoved(original, original)).toEqual({ encoder: 0, all: 0 });
});

test("a layer that is gone is removed, of the encoder and of everything", () => {
  const removed = countRemoved(original, shallower(original, 1, "first"));
  expect(removed.encoder).toBeCloseTo(0.5, 12);
  expect(removed.all).toBeCloseTo(LAYER / (2 * LAYER + TABLES), 12);
});

test("zeros in a matrix are removed weights; zeros in biases, LayerNorm and the head are not counted", () => {
  const tensors = new Map(original.tensors);
  const zeroed = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor) tensors.set(name, floatTensor(tensor.shape, new Float32Array(tensor.data.length)));
  };
  zeroed(weightOf(layerNames(0).intermediate));
  for (const name of tensors.keys())
    if (!name.endsWith("weight") || /Norm|classifier|pooler/.test(name)) zeroed(name);
  const removed = countRemoved(original, { ...original, tensors });
  expect(removed.encoder).toBeCloseTo((16 * 24) / (2 * LAYER), 12);
  expect(removed.all).toBeCloseTo((16 * 24) / (2 * LAYER + TABLES), 12);
});
