import { expect, test } from "vitest";
import { TINY_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { BLOCK_SHAPES } from "../base/blocks.ts";
import { requireEntry } from "../base/present.ts";
import { floatTensor } from "../base/tensor.ts";
import { packedSizes, packMatrix } from "../sparse/matrix.ts";
import { findOverflow, type Overflow, type WeightSizes, weightSizes } from "./range.ts";

const { tensors } = tinyModel();

/** The sizes of the tiny model, one tensor a number of times as large. */
function grown(name: string, factor: number): (name: string) => WeightSizes {
  return (asked) => {
    const { largest, rowSum } = weightSizes(requireEntry(tensors, asked, "tensor"));
    const by = asked === name ? factor : 1;
    return { largest: largest * by, rowSum: rowSum * by };
  };
}

test("sizes of a matrix go by rows, a vector is one row, and NaN stays", () => {
  const matrix = floatTensor([2, 3], Float32Array.of(1, -2, 0, 0.5, 0.5, -0.25));
  expect(weightSizes(matrix)).toEqual({ largest: 2, rowSum: 3 });
  expect(weightSizes(floatTensor([3], Float32Array.of(1, -2, 0)))).toEqual({ largest: 2, rowSum: 3 });
  expect(weightSizes(floatTensor([2, 0], new Float32Array()))).toEqual({ largest: 0, rowSum: 0 });
  expect(weightSizes(floatTensor([2], Float32Array.of(Number.NaN, 1))).largest).toBeNaN();
});

test.each(BLOCK_SHAPES)("a packed matrix in blocks of %s has the sizes of the whole one", (block) => {
  const data = Float32Array.from({ length: 35 }, (_, i) => (i % 3 === 0 ? 0 : ((i * 7) % 11) - 5));
  const matrix = floatTensor([5, 7], data);
  expect(packedSizes(packMatrix(matrix, block))).toEqual(weightSizes(matrix));
});

test("a model as it is trained is sure to be finite, and stays so with weights a million times as large", () => {
  for (const name of tensors.keys()) expect(findOverflow(TINY_CONFIG, grown(name, 1e6))).toBeUndefined();
});

const LAYER = "bert.encoder.layer.1";
test.each([
  ["bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm"],
  ["bert.embeddings.token_type_embeddings.weight", "bert.embeddings.LayerNorm"],
  ["bert.embeddings.LayerNorm.weight", "bert.encoder.layer.0.attention.output.LayerNorm"],
  [`${LAYER}.attention.self.value.weight`, `${LAYER}.attention.output.LayerNorm`],
  [`${LAYER}.attention.output.dense.weight`, `${LAYER}.attention.output.LayerNorm`],
  [`${LAYER}.attention.output.LayerNorm.weight`, `${LAYER}.output.LayerNorm`],
  [`${LAYER}.intermediate.dense.weight`, `${LAYER}.output.LayerNorm`],
  [`${LAYER}.output.dense.weight`, `${LAYER}.output.LayerNorm`],
])("%s of 1e20 may overflow before %s", (name, module) => {
  const found: Overflow | undefined = findOverflow(TINY_CONFIG, grown(name, 1e20));
  expect(found?.module).toBe(module);
});

test("what is not finite is not sure to be", () => {
  const name = "bert.embeddings.word_embeddings.weight";
  expect(findOverflow(TINY_CONFIG, grown(name, Number.NaN))?.reach).toBeNaN();
});

test("queries and keys that overflow are told where their layer rounds to 8 bits, which would hide it", () => {
  const name = `${LAYER}.attention.self.query.weight`;
  const quantized = new Map([[`${LAYER}.attention.output.dense`, {}]]);
  expect(findOverflow(TINY_CONFIG, grown(name, 1e38))).toBeUndefined();
  expect(findOverflow({ ...TINY_CONFIG, quantized }, grown(name, 1e38))?.module).toBe(
    `the softmax of ${LAYER}.attention.self.query`,
  );
  expect(findOverflow({ ...TINY_CONFIG, quantized }, grown(name, 1e6))).toBeUndefined();
});
