import { expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { printVectors } from "./print.ts";

test("a vector is a line of JSON from which its float32 numbers come back, every bit", () => {
  const vectors = [
    normals(keyOf(1), 500, 0.05),
    normals(keyOf(2), 500, 1e-6),
    Float32Array.of(0, 1, 2 ** -149),
  ];
  const pooling = { mode: "mean", normalize: true } as const;
  const text = printVectors({
    length: 8,
    pooling,
    dimensions: 500,
    vectors: vectors.map((vector) => [...vector]),
  });
  expect(text.split("\n").map((line) => Float32Array.from(JSON.parse(line)))).toEqual(vectors);
  expect(text.split("\n")[2]).toBe("[0,1,1.40129846e-45]");
});
