import { expect, test } from "vitest";
import { smallConfigOf } from "../../test/support/architectures.ts";
import { SMALL, structureWith } from "../../test/support/structures.ts";
import { PRUNED_CONFIG, TINY_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { InputError } from "../base/errors.ts";
import { floatTensor, sizeOf } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { countKept } from "./bits.ts";
import {
  COMPONENTS,
  groupMatrices,
  matrixOf,
  pairMatrices,
  structureOf,
  structureOfMasks,
} from "./structure.ts";

test("every matrix of the encoder and its tables is there once, with the shape of its tensor", () => {
  const network = tinyModel();
  const { matrices } = structureOf(network);
  expect(matrices).toHaveLength(3 + 6 * network.config.layers.length);
  expect(new Set(matrices.map(({ component }) => component))).toEqual(new Set(COMPONENTS));
  for (const { name, bits } of matrices)
    expect([bits.rows, bits.columns]).toEqual(network.tensors.get(name)?.shape);
});

test("an entry is there when the mask keeps it; without a mask, when its weight is not 0", () => {
  const network = tinyModel();
  const name = "bert.encoder.layer.0.output.dense.weight";
  const tensor = network.tensors.get(name);
  if (tensor === undefined) throw new Error(`expected ${name}`);
  const data = tensor.data.map((weight, i) => (i < 3 ? 0 : weight === 0 ? 1 : weight));
  const tensors = new Map(network.tensors).set(name, { ...tensor, data });
  const keptOf = (structure: ReturnType<typeof structureOf>) => {
    const matrix = structure.matrices.find((each) => each.name === name);
    return matrix && countKept(matrix.bits);
  };
  const { masks: _, ...dense } = network;
  expect(keptOf(structureOf({ ...dense, tensors }))).toBe(data.length - 3);
  const mask = { dtype: "uint8" as const, shape: tensor.shape, data: new Uint8Array(data.length).fill(1, 5) };
  expect(keptOf(structureOf({ ...dense, tensors, masks: new Map([[name, mask]]) }))).toBe(data.length - 5);
});

test("a matrix is found by its component and layer", () => {
  const structure = structureOf(tinyModel());
  const found = structure.matrices.find(
    ({ name }) => name === "bert.encoder.layer.1.attention.self.key.weight",
  );
  expect(matrixOf(structure, "key", 1)).toBe(found?.bits);
});

test("groups: everything, 7 components, the embeddings and 2 layers, and 6 components in each of 2 layers", () => {
  const { matrices } = structureOf(tinyModel());
  const names = groupMatrices(matrices, (group) => ({ names: group.map(({ name }) => name) }));
  expect(names.total.names).toHaveLength(3 + 12);
  expect(names.components.map(({ component }) => component)).toEqual(COMPONENTS);
  expect(names.components.map((group) => group.names.length)).toEqual([3, 2, 2, 2, 2, 2, 2]);
  expect(names.layers.map(({ layer }) => layer)).toEqual([null, 0, 1]);
  expect(names.cells.map((group) => group.names.length)).toEqual([3, ...Array<number>(12).fill(1)]);
});

test("two networks of one shape are paired matrix by matrix", () => {
  const [first, second] = [structureOf(tinyModel()), structureOf(tinyModel({ kind: "regression" }))];
  const pairs = pairMatrices(first, second);
  expect(pairs.map(({ name }) => name)).toEqual(first.matrices.map(({ name }) => name));
  expect(pairs.map((pair) => pair.second)).toEqual(second.matrices.map(({ bits }) => bits));
});

test.each<[BertConfig, string]>([
  [{ ...TINY_CONFIG, layers: TINY_CONFIG.layers.slice(1) }, "expected 2 layers in both, got 1 in the second"],
  [
    PRUNED_CONFIG,
    "expected [16, 16] in both, got [8, 16] in the second (bert.encoder.layer.0.attention.self.query",
  ],
])("networks of different shapes are refused, and the message says what differs (%#)", (config, message) => {
  const [first, second] = [structureOf(tinyModel()), structureOf(tinyModel(undefined, config))];
  const compare = () => pairMatrices(first, second);
  expect(compare).toThrow(InputError);
  expect(compare).toThrow(expect.objectContaining({ code: "topology/shapes" }));
  expect(compare).toThrow(`two networks: ${message}`);
});

test("layers that share their matrices are not paired with layers that have their own, either way", () => {
  const shared = smallConfigOf("albert");
  const own = { ...shared, layers: shared.layers.map(({ sharing: _, ...layer }) => layer) };
  const [few, many] = [shared, own].map((config) => structureWith(config, () => true));
  if (few === undefined || many === undefined) throw new Error("expected two structures");
  const [less, more] = [few.matrices.length, many.matrices.length];
  expect(() => pairMatrices(few, many)).toThrow(
    `expected ${less} matrices in both, got ${more} in the second`,
  );
  expect(() => pairMatrices(many, few)).toThrow(
    `expected ${more} matrices in both, got ${less} in the second`,
  );
});

test("matrices of one shape under other names are refused, and both names are said", () => {
  const first = structureWith(SMALL, () => true);
  const matrices = first.matrices.map((matrix) => ({ ...matrix, name: matrix.name.replace("query", "key") }));
  expect(() => pairMatrices(first, { ...first, matrices })).toThrow(
    /expected \S+query\.weight in both, got \S+key\.weight in the second/,
  );
});

test("masks alone give the structure that they give with weights of which none is 0", () => {
  const { masks: _, ...network } = tinyModel();
  const name = "bert.encoder.layer.1.attention.self.key.weight";
  const tensors = new Map(
    [...network.tensors].map(([each, { shape, data }]) => [
      each,
      floatTensor(
        shape,
        data.map((w) => w || 1),
      ),
    ]),
  );
  const shape = network.tensors.get(name)?.shape ?? [];
  const data = Uint8Array.from({ length: sizeOf(shape) }, (_, i) => Number(i % 3 === 0));
  const masks = new Map([[name, { dtype: "uint8" as const, shape, data }]]);
  const { config, head } = network;
  expect(structureOfMasks({ config, head, masks })).toEqual(structureOf({ ...network, tensors, masks }));
});

test("a structure knows whether the head reads every layer", () => {
  const labels = ["a", "b"];
  const kind = "classification";
  expect(structureOf(tinyModel({ kind, labels })).reader).toBe("pooler");
  expect(structureOf(tinyModel({ kind: "none" })).reader).toBe("pooler");
  expect(structureOf(tinyModel({ kind, labels, reader: "means" })).reader).toBe("means");
});
