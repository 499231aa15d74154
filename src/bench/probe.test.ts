import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { BLOCK_SHAPES, type BlockShape, blockSize } from "../base/blocks.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { layerNames, weightOf } from "../bert/names.ts";
import type { Network } from "../network/network.ts";
import { naturalBlock } from "../sparse/matrix.ts";
import { encoderZeros, isOnLine, probeShares, withRandomZeros } from "./probe.ts";

/** The tiny model with one matrix of its own. */
function withMatrix(data: (row: number, column: number) => number): [Network, string] {
  const network = tinyModel();
  const name = weightOf(layerNames(0).intermediate);
  const [rows = 0, columns = 0] = network.tensors.get(name)?.shape ?? [];
  const values = Float32Array.from({ length: rows * columns }, (_, i) =>
    data(Math.floor(i / columns), i % columns),
  );
  return [
    { ...network, tensors: new Map(network.tensors).set(name, floatTensor([rows, columns], values)) },
    name,
  ];
}

test("the encoder's matrices have the zeros asked for, within 3 points; all else is as it was", () => {
  const network = tinyModel();
  expect(encoderZeros(network)).toBe(0);
  for (const share of [0.8, 0.95]) {
    const pruned = withRandomZeros(network, share, keyOf(1));
    expect(Math.abs(encoderZeros(pruned) - share)).toBeLessThan(0.03);
    for (const [name, tensor] of network.tensors) {
      if (/encoder.*weight/.test(name) && !name.includes("LayerNorm")) continue;
      expect(pruned.tensors.get(name)).toBe(tensor);
    }
  }
});

test("equal keys give equal zeros, and other keys others", () => {
  const zeros = (seed: number) => withRandomZeros(tinyModel(), 0.8, keyOf(seed)).tensors;
  expect(zeros(1)).toEqual(zeros(1));
  expect(zeros(1)).not.toEqual(zeros(2));
});

test("blocks have the shape of the matrix's own; a matrix full or empty gets single weights", () => {
  const shapeOf = (data: (row: number, column: number) => number): BlockShape | undefined => {
    const [network, name] = withMatrix(data);
    const matrix = withRandomZeros(network, 0.8, keyOf(2)).tensors.get(name);
    return matrix ? naturalBlock(matrix) : undefined;
  };
  for (const block of BLOCK_SHAPES) {
    const { height, width } = blockSize(block);
    const isKept = (row: number, column: number): boolean =>
      (2 * Math.floor(row / height) + Math.floor(column / width)) % 5 === 0;
    expect(shapeOf((row, column) => Number(isKept(row, column)))).toBe(block);
  }
  expect(shapeOf(() => 1)).toBe("1");
  expect(shapeOf(() => 0)).toBe("1");
});

test("two points make a line, and a model with 60 % zeros or more is one of them", () => {
  for (const zeros of [0, 0.5, 0.6, 0.87, 0.9, 0.99]) {
    const points = [...probeShares(zeros), ...(isOnLine(zeros) ? [zeros] : [])].sort();
    expect(points.length).toBe(2);
    expect(Math.abs((points[1] ?? 0) - (points[0] ?? 0))).toBeGreaterThan(0.07);
  }
});
