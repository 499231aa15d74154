import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { floatTensor } from "../base/tensor.ts";
import { parameters } from "../bert/names.ts";
import { layersOf, shallower, takeLayers } from "./students.ts";

const NETWORK = smallNetwork(CLASSES, 4);

test.each([
  ["first", 3, 6, [0, 1, 2]],
  ["even", 3, 6, [0, 2, 4]],
  ["even", 6, 12, [0, 2, 4, 6, 8, 10]],
  ["even", 4, 6, [0, 1, 3, 4]],
  ["even", 6, 6, [0, 1, 2, 3, 4, 5]],
] as const)("%s: %i of %i layers are %j", (take, layers, depth, expected) => {
  expect(takeLayers(take, layers, depth)).toEqual(expected);
});

test.each([1, 2, 4])("the first %i of 4 layers are a network of their own, tensors shared", (layers) => {
  const student = shallower(NETWORK, layers, "first");
  expect(student.config.layers).toHaveLength(layers);
  expect([...student.tensors.keys()]).toEqual([...parameters(student.config, student.head).keys()]);
  for (const [name, tensor] of student.tensors) expect(tensor).toBe(NETWORK.tensors.get(name));
});

test("layers taken evenly stand under new numbers", () => {
  const student = shallower(NETWORK, 2, "even");
  const name = (i: number) => `bert.encoder.layer.${i}.output.dense.weight`;
  expect(student.tensors.get(name(0))).toBe(NETWORK.tensors.get(name(0)));
  expect(student.tensors.get(name(1))).toBe(NETWORK.tensors.get(name(2)));
  expect(student.tensors.has(name(2))).toBe(false);
});

test.each([
  ["first", [0.1, 0.9]],
  ["even", [0.3, 0.7]],
] as const)("%s: a mixture's shares of dropped layers go to the one kept below them", (take, expected) => {
  const mixing = smallNetwork({ kind: "classification", labels: ["a", "b"], reader: "mixture" }, 4);
  const shares = floatTensor([4], Float32Array.of(0.1, 0.2, 0.3, 0.4).map(Math.log));
  const student = shallower(mixing, 2, take, new Map(mixing.tensors).set("mixture.weights", shares));
  const merged = [...(student.tensors.get("mixture.weights")?.data ?? [])].map(Math.exp);
  expect(merged).toEqual(expected.map((share) => expect.closeTo(share, 6)));
});

test.each([
  [4, 1, 2],
  [3, 1, 1],
  [2, 1, 1],
  [3, 2, 2],
])("half of %i layers, at least %i, are %i", (depth, least, expected) => {
  expect(layersOf("x", 0, smallNetwork(CLASSES, depth), least)).toBe(expected);
});

test.each([
  ["x/layers", () => layersOf("x", -1, NETWORK)],
  ["x/layers", () => layersOf("x", 5, NETWORK)],
  ["x/layers", () => layersOf("x", 1.5, NETWORK)],
  ["x/layers", () => layersOf("x", 1, NETWORK, 2)],
  ["x/layers", () => layersOf("x", 0, smallNetwork(CLASSES, 1))],
  ["x/layers", () => layersOf("x", 0, smallNetwork(CLASSES, 2), 2)],
])("%s: %s is refused", (code, attempt) => {
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code }));
});
