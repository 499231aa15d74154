import { describe, expect, test } from "vitest";
import { PRUNED_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { fold, keyOf, uniform } from "../base/random.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { EMBEDDINGS, weightOf } from "../bert/names.ts";
import type { Network } from "../network/network.ts";
import { CONTROLS, type Control, controlOf } from "./controls.ts";
import { placesOf } from "./structure.ts";

const dense = tinyModel();
const names = placesOf(dense.config)
  .filter(({ component }) => component !== "embeddings")
  .map(({ name }) => name);

/** Some 30 % of each matrix of the encoder, trained on a little, so that survivors differ from the dense weights. */
function prunedOf(network: Network): Network {
  const tensors = new Map(network.tensors);
  const masks = new Map<string, Tensor<"uint8">>();
  for (const name of names) {
    const { shape, data } = requireEntry(network.tensors, name, "tensor");
    const kept = Uint8Array.from(data, (_, i) => Number(uniform(fold(keyOf(1), name), i) < 0.3));
    masks.set(name, { dtype: "uint8", shape, data: kept });
    tensors.set(
      name,
      floatTensor(
        shape,
        data.map((w, i) => (kept[i] === 1 ? w + 0.125 : 0)),
      ),
    );
  }
  return { ...network, tensors, masks };
}

const pruned = prunedOf(dense);
const make = (control: Control, seed = 5) => controlOf(control, { pruned, dense, key: keyOf(seed) });
const weightsOf = (network: Network, name: string) => requireEntry(network.tensors, name, "tensor").data;
const maskOf = (network: Network, name: string): Uint8Array =>
  requireEntry(network.masks ?? new Map<string, Tensor<"uint8">>(), name, "mask").data;
const count = (mask: Uint8Array) => mask.reduce((n, bit) => n + bit, 0);

describe.each(CONTROLS)("%s", (control) => {
  test("every weight that its mask does not keep is 0, and nothing but pruned matrices has changed", () => {
    const made = make(control);
    for (const name of names) {
      const mask = maskOf(made, name);
      expect(weightsOf(made, name).every((w, i) => mask[i] === 1 || w === 0)).toBe(true);
    }
    for (const [name, tensor] of pruned.tensors) {
      if (!names.includes(name)) expect(made.tensors.get(name)).toBe(tensor);
    }
    expect([...made.tensors.keys()]).toEqual([...pruned.tensors.keys()]);
  });

  test("the same key gives the same bytes, and what was given stays as it was", () => {
    const copy = prunedOf(tinyModel());
    expect(make(control)).toEqual(make(control));
    expect(pruned).toEqual(copy);
  });

  test("a dense network and one of another shape are refused", () => {
    const other = tinyModel(undefined, PRUNED_CONFIG);
    expect(() => controlOf(control, { pruned: dense, dense, key: keyOf(1) })).toThrow(
      `${control}: expected a network with pruned weights, got a dense one`,
    );
    expect(() => controlOf(control, { pruned, dense: other, key: keyOf(1) })).toThrow(
      expect.objectContaining({ code: "topology/shapes" }),
    );
  });
});

test("shuffle keeps as many weights of each matrix, elsewhere, and they are the dense network's", () => {
  const made = make("shuffle");
  for (const name of names) {
    const [mask, before] = [maskOf(made, name), maskOf(pruned, name)];
    expect(count(mask)).toBe(count(before));
    expect(mask).not.toEqual(before);
    expect(weightsOf(made, name)).toEqual(weightsOf(dense, name).map((w, i) => (mask[i] === 1 ? w : 0)));
  }
  expect(make("shuffle", 6)).not.toEqual(made);
});

test("a shuffled mask shares with the old one what chance gives, 0.3² of all places, within 10 %", () => {
  const made = make("shuffle");
  let [both, all] = [0, 0];
  for (const name of names) {
    const [mask, before] = [maskOf(made, name), maskOf(pruned, name)];
    all += count(before) ** 2 / before.length; // a place is in both with the square of the density
    both += before.reduce((n, bit, i) => n + (bit & requireItem(mask, i, "mask")), 0);
  }
  expect(Math.abs(both / all - 1)).toBeLessThan(0.1);
});

test("invert keeps what was pruned; inverted again under the same dense weights nothing else is left", () => {
  const made = make("invert");
  for (const name of names) {
    const [mask, before] = [maskOf(made, name), maskOf(pruned, name)];
    expect(mask).toEqual(before.map((bit) => 1 - bit));
    expect(weightsOf(made, name)).toEqual(weightsOf(dense, name).map((w, i) => (before[i] === 1 ? 0 : w)));
  }
  const twice = controlOf("invert", { pruned: made, dense: pruned, key: keyOf(1) });
  for (const name of names) expect(weightsOf(twice, name)).toEqual(weightsOf(pruned, name));
});

test("redraw has the same mask, and weights as large within 6 % that have nothing to do with the old", () => {
  const made = make("redraw");
  for (const name of names) expect(maskOf(made, name)).toEqual(maskOf(pruned, name));
  const [now, before] = [made, pruned].map((network) =>
    names.flatMap((name) => [...weightsOf(network, name)]),
  );
  const dot = (a: number[] = [], b: number[] = []) =>
    a.reduce((sum, w, i) => sum + w * requireItem(b, i, "weights"), 0);
  expect(Math.abs(Math.sqrt(dot(now, now) / dot(before, before)) - 1)).toBeLessThan(0.06);
  expect(Math.abs(dot(now, before) / Math.sqrt(dot(now, now) * dot(before, before)))).toBeLessThan(0.1);
});

test("jitter changes each weight by some 1 %: mean of the squares within 10 % of 0.01²", () => {
  const made = make("jitter");
  const ratios = names.flatMap((name) => {
    const before = weightsOf(pruned, name);
    return [...weightsOf(made, name)].flatMap((w, i) => {
      const was = requireItem(before, i, "weights");
      return was === 0 ? [] : [w / was - 1];
    });
  });
  const mean = ratios.reduce((sum, r) => sum + r * r, 0) / ratios.length;
  expect(Math.abs(Math.sqrt(mean) / 0.01 - 1)).toBeLessThan(0.1);
});

test.each(CONTROLS)("%s leaves a table alone that nobody pruned, though its row of [PAD] is 0", (control) => {
  const table = requireEntry(dense.tensors, EMBEDDINGS.words, "tensor");
  const [, width = 0] = table.shape;
  const padded = floatTensor(
    table.shape,
    table.data.map((w, i) => (i < width ? 0 : w)),
  );
  const withPad = (network: Network): Network => ({
    ...network,
    tensors: new Map(network.tensors).set(EMBEDDINGS.words, padded),
  });
  const { masks: _, ...bare } = withPad(pruned);
  for (const network of [withPad(pruned), bare]) {
    const made = controlOf(control, { pruned: network, dense: withPad(dense), key: keyOf(5) });
    expect(made.tensors.get(EMBEDDINGS.words)).toBe(padded);
    expect(made.masks?.has(EMBEDDINGS.words)).toBe(false);
  }
  const nothing = { pruned: withPad(dense), dense: withPad(dense), key: keyOf(1) };
  expect(() => controlOf(control, nothing)).toThrow("got a dense one");
});

test("without a mask what is 0, and was not, counts as pruned", () => {
  const { masks: _, ...bare } = pruned;
  const made = controlOf("redraw", { pruned: bare, dense, key: keyOf(5) });
  const name = weightOf("bert.encoder.layer.0.output.dense");
  expect(maskOf(made, name)).toEqual(maskOf(pruned, name));
});
