import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { matricesIn, weightsIn } from "./matrices.ts";

const { tensors } = smallNetwork(CLASSES, 2);

test("the encoder is six matrices of each layer; a pooler and the embedding tables are added by name", () => {
  const encoder = matricesIn(tensors, "encoder");
  expect(encoder).toHaveLength(12);
  expect(encoder.every((name) => /layer\.\d\..*\.weight$/.test(name) && !name.includes("LayerNorm"))).toBe(
    true,
  );
  // Four of 12 × 12, two of 12 × 20, in each layer.
  expect(weightsIn(tensors, encoder)).toBe(2 * (4 * 144 + 2 * 240));
  expect(matricesIn(tensors, "encoder+pooler").filter((name) => !encoder.includes(name))).toEqual([
    "bert.pooler.dense.weight",
  ]);
  expect(matricesIn(tensors, "all").filter((name) => !encoder.includes(name))).toEqual([
    "bert.embeddings.word_embeddings.weight",
    "bert.embeddings.position_embeddings.weight",
    "bert.embeddings.token_type_embeddings.weight",
  ]);
});
