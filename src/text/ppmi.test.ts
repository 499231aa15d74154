import { expect, test } from "vitest";
import { ConfigError } from "../base/errors.ts";
import { keyOf, randint } from "../base/random.ts";
import { meanRowNorm, ppmiEmbedding, ppmiMatrix, sinusoidPositions, type TokenStream } from "./ppmi.ts";
import type { SparseMatrix } from "./svd.ts";

function stream(...documents: number[][]): TokenStream {
  const starts = [0];
  for (const document of documents) starts.push((starts.at(-1) ?? 0) + document.length);
  return { tokens: Int32Array.from(documents.flat()), starts: Int32Array.from(starts) };
}

function dense({ rows, columns, offsets, indices, values }: SparseMatrix): number[][] {
  return Array.from({ length: rows }, (_, row) => {
    const line = new Array<number>(columns).fill(0);
    for (let at = offsets[row] ?? 0; at < (offsets[row + 1] ?? 0); at++) {
      line[indices[at] ?? 0] = values[at] ?? 0;
    }
    return line;
  });
}

/**
 * Pieces 0-3 are animals, 4-7 tools, 8-13 what is said of animals, 14-19 what is said of tools, 20 stands anywhere,
 * 21 never occurs: documents of one subject each, subjects and predicates in turn.
 */
function twoTopics(): TokenStream {
  const draw = (n: number, i: number) => randint(keyOf(5), n, i);
  const documents = Array.from({ length: 400 }, (_, d) => {
    const topic = d % 2;
    return Array.from({ length: 20 }, (_, i) => {
      const at = d * 20 + i;
      if (i % 5 === 4) return 20;
      return i % 2 === 0 ? 4 * topic + draw(4, at) : 8 + 6 * topic + draw(6, at);
    });
  });
  return stream(...documents);
}

function similarity(embedding: Float32Array, dimension: number, a: number, b: number): number {
  const x = embedding.subarray(a * dimension, (a + 1) * dimension);
  const y = embedding.subarray(b * dimension, (b + 1) * dimension);
  return x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0) / (Math.hypot(...x) * Math.hypot(...y));
}

test("PPMI of six pieces agrees with the definition worked by hand within 1e-6", () => {
  // Document [0 1 2], window 2: #(0,1) = 1, #(1,2) = 1, #(0,2) = 1/2; document [3 3]: #(3,3) = 2.
  const matrix = dense(ppmiMatrix(stream([0, 1, 2], [3, 3]), { vocabSize: 5, window: 2, smoothing: 0.75 }));
  const totals = [1.5, 2, 1.5, 2, 0];
  const norm = totals.reduce((sum, n) => sum + n ** 0.75, 0);
  const pmi = (w: number, c: number, count: number) =>
    Math.max(0, Math.log((count * norm) / ((totals[w] ?? 0) * (totals[c] ?? 0) ** 0.75)));
  expect(matrix[0]?.[1]).toBeCloseTo(pmi(0, 1, 1), 6);
  expect(matrix[1]?.[0]).toBeCloseTo(pmi(1, 0, 1), 6);
  expect(matrix[0]?.[2]).toBeCloseTo(pmi(0, 2, 0.5), 6);
  expect(matrix[3]?.[3]).toBeCloseTo(pmi(3, 3, 2), 6);
  expect(matrix[0]?.[3]).toBe(0); // never across documents
  expect(matrix[4]).toEqual([0, 0, 0, 0, 0]);
});

test("counting in bands of rows gives the same matrix", () => {
  const whole = ppmiMatrix(twoTopics(), { vocabSize: 22 });
  expect(ppmiMatrix(twoTopics(), { vocabSize: 22, bandCells: 22 * 5 })).toEqual(whole);
  expect(whole.values.length).toBeGreaterThan(20);
});

test("pieces of the same contexts are more alike than any of different contexts", () => {
  const dimension = 8;
  const embedding = ppmiEmbedding(twoTopics(), { vocabSize: 22, dimension, key: keyOf(1) });
  const among = (as: number[], bs: number[]) =>
    as.flatMap((a) => bs.filter((b) => b !== a).map((b) => similarity(embedding, dimension, a, b)));
  const animals = [0, 1, 2, 3];
  const tools = [4, 5, 6, 7];
  const alike = Math.min(...among(animals, animals), ...among(tools, tools));
  expect(alike).toBeGreaterThan(0.8);
  expect(alike - Math.max(...among(animals, tools))).toBeGreaterThan(0.5);
});

test("entries of pieces that occur have the asked deviation, the others a row of about that deviation", () => {
  const dimension = 8;
  const options = { vocabSize: 22, dimension, deviation: 0.05, key: keyOf(1) };
  const embedding = ppmiEmbedding(twoTopics(), options);
  const deviation = (x: Float32Array) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);
  expect(deviation(embedding.subarray(0, 21 * dimension))).toBeCloseTo(0.05, 6);
  const unseen = deviation(embedding.subarray(21 * dimension));
  expect(unseen).toBeGreaterThan(0.02);
  expect(unseen).toBeLessThan(0.1);
  expect(ppmiEmbedding(twoTopics(), options)).toEqual(embedding);
});

test("a piece outside the vocabulary is refused by name", () => {
  const refused = () => ppmiMatrix(stream([0, 7]), { vocabSize: 7 });
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(/pieces below 7, got 7 \(token 1\)/);
});

test("sinusoid rows all have the asked norm and near positions are more alike than far ones", () => {
  const positions = sinusoidPositions(64, 16, 0.3);
  for (let row = 0; row < 64; row++) {
    expect(Math.hypot(...positions.subarray(row * 16, (row + 1) * 16))).toBeCloseTo(0.3, 6);
  }
  expect(meanRowNorm(positions, 16)).toBeCloseTo(0.3, 6);
  expect(similarity(positions, 16, 10, 11)).toBeGreaterThan(similarity(positions, 16, 10, 30));
  expect(() => sinusoidPositions(4, 5, 1)).toThrow(/even dimension, got 5/);
});
