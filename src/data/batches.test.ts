import { expect, test } from "vitest";
import { sharedPath } from "../../test/support/shared.ts";
import { keyOf, randint } from "../base/random.ts";
import { createTokenizer, type TokenizerFiles } from "../text/tokenizer.ts";
import {
  type Batch,
  type EncodedSet,
  encodeDataset,
  evalBatches,
  inExampleOrder,
  type TrainOrder,
  trainBatches,
} from "./batches.ts";
import { labelsOf } from "./dataset.ts";
import { readGlue } from "./glue.ts";

/** The part of all positions that is padding, from 0 to 1. */
function paddingShare(batches: Iterable<Batch>): number {
  let [positions, pieces] = [0, 0];
  for (const { mask } of batches) {
    positions += mask.length;
    for (const real of mask) pieces += real;
  }
  return 1 - pieces / positions;
}

/** `n` examples of 3 to 42 pieces; an example's pieces are its own number plus 1. */
function lengths(n: number, task: EncodedSet["task"] = "classification"): EncodedSet {
  const examples = Array.from({ length: n }, (_, i) => {
    const length = 3 + randint(keyOf(11), 40, i);
    return {
      ids: new Int32Array(length).fill(i + 1),
      types: new Int32Array(length).fill(1),
      labels: [i % 3],
    };
  });
  return { task, examples, pad: 0 };
}

const order: TrainOrder = { batchSize: 16, key: keyOf(5), epoch: 0, bucket: true };
const indicesOf = (batches: Iterable<Batch>) => [...batches].map(({ indices }) => Array.from(indices));

test.each([true, false])(
  "with bucket %s every example comes exactly once, the short batch kept",
  (bucket) => {
    const batches = trainBatches(lengths(1003), { ...order, bucket });
    const indices = indicesOf(batches);
    expect(batches.count).toBe(63);
    expect(indices.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 1003 }, (_, i) => i));
    expect(indices.map(({ length }) => length).filter((size) => size !== 16)).toEqual([11]);
  },
);

test("the order is a function of key and epoch alone, and another for each", () => {
  const set = lengths(500);
  const first = indicesOf(trainBatches(set, order));
  expect(indicesOf(trainBatches(set, order))).toEqual(first);
  expect(indicesOf(trainBatches(set, { ...order, epoch: 1 }))).not.toEqual(first);
  expect(indicesOf(trainBatches(set, { ...order, key: keyOf(6) }))).not.toEqual(first);
});

test("a batch in the middle is the same alone as in its turn", () => {
  const set = lengths(500);
  const inTurn = [...trainBatches(set, order)];
  expect(trainBatches(set, order).at(17)).toEqual(inTurn[17]);
  expect(() => trainBatches(set, order).at(32)).toThrow("batch: expected a number from 0 to 31, got 32");
});

test("bucketing leaves under 10 % padding where shuffling leaves over 40 %", () => {
  const set = lengths(2000);
  expect(paddingShare(trainBatches(set, order))).toBeLessThan(0.1);
  expect(paddingShare(trainBatches(set, { ...order, bucket: false }))).toBeGreaterThan(0.4);
  expect(paddingShare(evalBatches(set, 16))).toBeLessThan(0.02);
});

test("bucketed batches come in no order of length", () => {
  const found = [...trainBatches(lengths(800), order)].map(({ length }) => length);
  const rising = found.filter((length, i) => i > 0 && length >= (found[i - 1] ?? 0)).length;
  expect(rising).toBeGreaterThan(10);
  expect(rising).toBeLessThan(40);
});

test("rows are padded to the longest of their batch, masked, typed and labelled", () => {
  const set: EncodedSet = {
    task: "classification",
    examples: [
      { ids: Int32Array.of(5, 6), types: Int32Array.of(0, 1), labels: [2] },
      { ids: Int32Array.of(7, 8, 9), types: Int32Array.of(0, 0, 1), labels: [0] },
    ],
    pad: 99,
  };
  expect(evalBatches(set, 8).at(0)).toEqual({
    size: 2,
    length: 3,
    ids: Int32Array.of(7, 8, 9, 5, 6, 99),
    types: Int32Array.of(0, 0, 1, 0, 1, 0),
    mask: Float32Array.of(1, 1, 1, 1, 1, 0),
    labels: Int32Array.of(0, 2),
    indices: Int32Array.of(1, 0),
  });
});

test("a regression's labels are floats", () => {
  expect(evalBatches(lengths(2, "regression"), 2).at(0).labels).toBeInstanceOf(Float32Array);
});

test("evaluation goes longest first, and its rows come back in the examples' order", () => {
  const set = lengths(101);
  const batches = [...evalBatches(set, 8)];
  const longest = batches.map(({ length }) => length);
  expect(longest).toEqual([...longest].sort((a, b) => b - a));
  const parts = batches.map((batch) => ({
    batch,
    rows: Float32Array.from(Array.from(batch.indices).flatMap((index) => [index, -index])),
  }));
  const expected = Float32Array.from({ length: 202 }, (_, i) => (i % 2 === 0 ? i / 2 : -(i - 1) / 2));
  expect(inExampleOrder(parts)).toEqual(expected);
});

test.each([
  [8192, 32, [1, 1, 1]],
  [2048, 32, [4, 4, 1]],
  [513, 64, [63, 2]],
  [512, 64, [64, 2]],
  [512, 32, [32, 32, 2]],
])(
  "of %d tokens at most %d are answered at once, and fewer where scores would fill memory",
  (length, most, sizes) => {
    const texts = sizes.reduce((a, b) => a + b, 0);
    const [ids, types] = [new Int32Array(length), new Int32Array(length)];
    const examples = Array.from({ length: texts }, () => ({ ids, types, labels: [0] }));
    const batches = [...evalBatches({ task: "classification", examples, pad: 0 }, most)];
    expect(batches.map(({ size }) => size)).toEqual(sizes);
  },
);

test("short texts after a long one fill their batches", () => {
  const examples = [5, 9000, 5, 5].map((length) => ({
    ids: new Int32Array(length),
    types: new Int32Array(length),
    labels: [0],
  }));
  const batches = evalBatches({ task: "classification", examples, pad: 0 }, 32);
  expect(indicesOf(batches).map((indices) => indices.sort())).toEqual([[1], [0, 2, 3]]);
});

test("no examples make no evaluation batch, and no training epoch", () => {
  expect(evalBatches(lengths(0), 4).count).toBe(0);
  expect(() => trainBatches(lengths(0), order)).toThrow("batches: expected examples, got none");
});

test.each([0, -1, 2.5, Number.NaN])("a batch size of %d is refused", (batchSize) => {
  const message = `batch size: expected a positive integer, got ${batchSize}`;
  expect(() => evalBatches(lengths(3), batchSize)).toThrow(message);
  expect(() => trainBatches(lengths(3), { ...order, batchSize })).toThrow(message);
});

test("a data set is encoded example by example", () => {
  const files: TokenizerFiles = {
    vocab: ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "a", "b"],
    lowercase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    maxLength: 8,
  };
  const examples = [
    { text: "a B", label: 1, where: "x:1" },
    { text: "a", pair: "b b b b", label: 0, where: "x:2" },
  ];
  const set = encodeDataset(
    { name: "x", task: "classification", labels: ["n", "y"], examples },
    createTokenizer(files),
    6,
  );
  expect(set).toEqual({
    task: "classification",
    pad: 4,
    length: 6,
    cut: 1,
    examples: [
      { ids: Int32Array.of(1, 5, 6, 2), types: new Int32Array(4), labels: [1] },
      { ids: Int32Array.of(1, 5, 2, 6, 6, 2), types: Int32Array.of(0, 0, 0, 1, 1, 1), labels: [0] },
    ],
  });
});

const glue = sharedPath("data", "glue");
test.skipIf(!glue)(
  "SST-2 in batches of 32 has under 25 % padding, over 60 % unless bucketed (needs ESPALIER_SHARED)",
  async () => {
    const { examples } = await readGlue("sst2", glue ?? "", "train");
    const words = examples.map((each) => {
      const length = each.text.split(" ").length;
      return { ids: new Int32Array(length), types: new Int32Array(length), labels: labelsOf(each) };
    });
    const set: EncodedSet = { task: "classification", examples: words, pad: 0 };
    expect(paddingShare(trainBatches(set, { ...order, batchSize: 32 }))).toBeLessThan(0.25);
    expect(paddingShare(trainBatches(set, { ...order, batchSize: 32, bucket: false }))).toBeGreaterThan(0.6);
  },
);
