import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { countKept } from "./bits.ts";
import { COMPONENTS, structureOf } from "./structure.ts";

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
