import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { layerStem, parameters } from "../bert/names.ts";
import { type LayerSource, withLayers } from "./layers.ts";
import type { Network } from "./network.ts";

const NETWORK = smallNetwork(CLASSES, 4);

/** Layers of the network by number, each with how many it stands for. */
function sourcesOf(network: Network, picks: readonly (readonly [number, number])[]): LayerSource[] {
  return picks.map(([i, spans]) => {
    const layer = network.config.layers[i];
    if (layer === undefined) throw new Error(`no layer ${i}`);
    return { layer, stem: layerStem(i), spans };
  });
}

test("layers are taken in the order given, the rest is shared", () => {
  const product = withLayers(
    NETWORK,
    sourcesOf(NETWORK, [
      [3, 2],
      [0, 2],
    ]),
  );
  expect([...product.tensors.keys()]).toEqual([...parameters(product.config, CLASSES).keys()]);
  for (const [name, tensor] of product.tensors) {
    const from = name
      .replace("layer.0.", "layer.three.")
      .replace("layer.1.", "layer.0.")
      .replace("three", "3");
    expect(tensor).toBe(NETWORK.tensors.get(from));
  }
});

test("new values win over old ones, and a tensor that is not given stays", () => {
  const name = "classifier.bias";
  const other = floatTensor([3], Float32Array.of(1, 2, 3));
  const product = withLayers(NETWORK, sourcesOf(NETWORK, [[0, 4]]), new Map([[name, other]]));
  expect(product.tensors.get(name)).toBe(other);
  expect(product.tensors.get("classifier.weight")).toBe(NETWORK.tensors.get("classifier.weight"));
});

test("a spare pooler stays, and masks follow the tensors that are the very same", () => {
  const pooler = floatTensor([12, 12], new Float32Array(144).fill(1));
  const bare = smallNetwork({ kind: "mlm" }, 2);
  const mask: Tensor<"uint8"> = { dtype: "uint8", shape: [12, 20], data: new Uint8Array(240) };
  const [first, second] = [0, 1].map((i) => `${layerStem(i)}.output.dense.weight`);
  if (first === undefined || second === undefined) throw new Error("no names");
  const network: Network = {
    ...bare,
    tensors: new Map(bare.tensors).set("bert.pooler.dense.weight", pooler),
    masks: new Map([
      [first, { ...mask }],
      [second, mask],
    ]),
  };
  const upper = withLayers(network, sourcesOf(network, [[1, 2]]));
  expect(upper.tensors.get("bert.pooler.dense.weight")).toBe(pooler);
  expect([...(upper.masks ?? [])]).toEqual([[first, mask]]);
  const moved = new Map(network.tensors).set(second, floatTensor([12, 20], new Float32Array(240)));
  expect(withLayers(network, sourcesOf(network, [[1, 2]]), moved).masks).toBeUndefined();
});

test("a mixture adds up the shares of layers that became one", () => {
  const mixing = smallNetwork({ kind: "classification", labels: ["a", "b", "c"], reader: "mixture" }, 4);
  // Shares 0.1, 0.2, 0.3, 0.4.
  const weights = floatTensor([4], Float32Array.of(1, 2, 3, 4).map(Math.log));
  const network = { ...mixing, tensors: new Map(mixing.tensors).set("mixture.weights", weights) };
  const { tensors } = withLayers(
    network,
    sourcesOf(network, [
      [0, 1],
      [1, 3],
    ]),
  );
  const merged = [...(tensors.get("mixture.weights")?.data ?? [])].map(Math.exp);
  const sum = merged.reduce((a, b) => a + b, 0);
  expect(merged.map((w) => w / sum)).toEqual([expect.closeTo(0.1, 6), expect.closeTo(0.9, 6)]);
});
