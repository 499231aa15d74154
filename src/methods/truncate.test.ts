import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { parameters } from "../bert/names.ts";
import { bind } from "./method.ts";
import { TRUNCATE, truncated } from "./truncate.ts";

const NETWORK = smallNetwork(CLASSES, 4);
const FACTS = { steps: 10, key: keyOf(1) };

test.each([1, 2, 4])("the first %i of 4 layers are a network of their own, tensors shared", (layers) => {
  const product = truncated(NETWORK, layers);
  expect(product.config.layers).toHaveLength(layers);
  expect([...product.tensors.keys()]).toEqual([...parameters(product.config, product.head).keys()]);
  for (const [name, tensor] of product.tensors) expect(tensor).toBe(NETWORK.tensors.get(name));
});

test("a mixture's shares of the dropped layers go to the last one kept", () => {
  const mixing = smallNetwork({ kind: "classification", labels: ["a", "b"], reader: "mixture" }, 4);
  const shares = floatTensor([4], Float32Array.of(0.1, 0.2, 0.3, 0.4).map(Math.log));
  const product = truncated(mixing, 2, new Map(mixing.tensors).set("mixture.weights", shares));
  const merged = [...(product.tensors.get("mixture.weights")?.data ?? [])].map(Math.exp);
  expect(merged).toEqual([expect.closeTo(0.1, 6), expect.closeTo(0.9, 6)]);
});

test("what is dropped is not trained", () => {
  const method = bind(TRUNCATE, NETWORK, { layers: 2 }, FACTS);
  const trained = [...NETWORK.tensors.keys()].filter(method.trains);
  expect(trained).toEqual([...truncated(NETWORK, 2).tensors.keys()]);
});

test.each([0, 5, 1.5])("truncate/layers: %s of 4 layers is refused", (layers) => {
  const attempt = () => bind(TRUNCATE, NETWORK, { layers }, FACTS);
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code: "truncate/layers" }));
});
