/** The whole pass against ONNX Runtime, which runs the model that `exportOnnx` writes. */

import { afterAll, describe, expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import {
  furthest,
  PLAIN_KERNELS,
  placed,
  sparseAnswers,
  stockAnswers,
  textsOf,
} from "../../test/support/sparse-pass.ts";
import { CLASSES } from "../../test/support/training.ts";
import { BLOCK_SHAPES, type BlockShape, blockSize } from "../base/blocks.ts";
import { fold, keyOf, normals, uniform } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { type Head, type LayerConfig, POOLING_MODES } from "../bert/config.ts";
import { linearModules } from "../bert/quantized.ts";
import { Engine } from "../engine/engine.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import { withQuantized } from "../network/quantized.ts";
import { passesOf, writeBatch } from "./batch.ts";
import { forward } from "./forward.ts";
import { kernelsOf } from "./kernels.ts";
import { panelBytes } from "./panels.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ..."abcdefghijklmnopqrstuvwxyz"];
const SEVERAL: Head = { kind: "multi-label", labels: ["a", "b", "c", "d", "e"] };
const TOKENS: Head = { kind: "tokens", labels: ["O", "B-X", "I-X", "B-Y", "I-Y"] };
const WHOLE: LayerConfig = { heads: 3, headSize: 4, ffn: 20 };

/** A network whose encoder keeps the share `density` of its weights, in blocks of a shape, with biases. */
function sparseNetwork(
  layers: readonly LayerConfig[],
  {
    head = CLASSES,
    density = 0.3,
    block = "1",
    activation = "gelu" as const,
  }: {
    readonly head?: Head;
    readonly density?: number;
    readonly block?: BlockShape;
    readonly activation?: "gelu" | "gelu_new" | "relu";
  } = {},
): Network {
  const config = configOf({ vocabSize: VOCAB.length, hiddenSize: 12, layers, maxPositions: 70, activation });
  const files = {
    vocab: VOCAB,
    lowercase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    maxLength: 70,
  };
  const network = initialNetwork(config, head, files, keyOf(4));
  const tensors = new Map(network.tensors);
  for (const [name, { shape, data }] of tensors) {
    const key = fold(keyOf(5), name);
    const columns = shape[1] ?? 1;
    const { height, width } = blockSize(block);
    const kept = (i: number): boolean =>
      uniform(fold(key, Math.floor(i / columns / height)), Math.floor((i % columns) / width)) < density;
    if (name.endsWith(".bias")) tensors.set(name, floatTensor(shape, normals(key, data.length, 0.3)));
    else if (name.includes("encoder") && shape.length === 2)
      tensors.set(
        name,
        floatTensor(
          shape,
          normals(key, data.length, 0.5).map((w, i) => (kept(i) ? w : 0)),
        ),
      );
    else tensors.set(name, floatTensor(shape, normals(key, data.length, 0.7)));
  }
  return { ...network, tensors };
}

/** The same with the layers that a test names in 8 bits; all of them when it names none. */
function inBytes(network: Network, wanted: (name: string) => boolean = () => true): Network {
  const names = linearModules(network.config.layers).filter(wanted);
  return withQuantized(network, new Map(names.map((name) => [name, {}])));
}

const NETWORKS: Readonly<Record<string, () => Network>> = {
  "two whole layers": () => sparseNetwork([WHOLE, WHOLE]),
  "one layer": () => sparseNetwork([WHOLE]),
  "three layers at 95 %": () => sparseNetwork([WHOLE, WHOLE, WHOLE], { density: 0.05 }),
  ...Object.fromEntries(
    BLOCK_SHAPES.slice(1).map((block) => [
      `blocks of ${block}`,
      () => sparseNetwork([WHOLE, WHOLE], { block }),
    ]),
  ),
  "nothing pruned": () => sparseNetwork([WHOLE, WHOLE], { density: 1 }),
  "a layer without heads": () => sparseNetwork([{ ...WHOLE, heads: 0 }, WHOLE, { ...WHOLE, heads: 0 }]),
  "a layer without neurons": () =>
    sparseNetwork([WHOLE, { ...WHOLE, ffn: 0 }, { heads: 0, headSize: 4, ffn: 0 }]),
  "odd sizes": () =>
    sparseNetwork([
      { heads: 2, headSize: 3, ffn: 7 },
      { heads: 1, headSize: 5, ffn: 1 },
    ]),
  regression: () => sparseNetwork([WHOLE, WHOLE], { head: { kind: "regression" } }),
  "several labels": () => sparseNetwork([WHOLE, WHOLE], { head: SEVERAL }),
  "labels of tokens": () => sparseNetwork([WHOLE, WHOLE], { head: TOKENS }),
  "labels of tokens on embeddings alone": () => sparseNetwork([], { head: TOKENS }),
  ...Object.fromEntries(
    BLOCK_SHAPES.map((block) => [
      `8 bits, blocks of ${block}`,
      () => inBytes(sparseNetwork([WHOLE, WHOLE], { block })),
    ]),
  ),
  "8 bits, nothing pruned": () => inBytes(sparseNetwork([WHOLE, WHOLE], { density: 1 })),
  "8 bits, odd sizes": () =>
    inBytes(
      sparseNetwork([
        { heads: 2, headSize: 3, ffn: 7 },
        { heads: 0, headSize: 5, ffn: 13 },
        { heads: 1, headSize: 5, ffn: 0 },
      ]),
    ),
  "8 bits here, float32 there": () =>
    inBytes(sparseNetwork([WHOLE, WHOLE]), (name) => /0.*(key|output)|1.*(query|intermediate)/.test(name)),
  "vectors in 8 bits": () => inBytes(sparseNetwork([WHOLE, WHOLE], { head: { kind: "none" } })),
  "labels of tokens in 8 bits": () => inBytes(sparseNetwork([WHOLE, WHOLE], { head: TOKENS })),
  "GELU by tanh": () => sparseNetwork([WHOLE, WHOLE], { activation: "gelu_new" }),
  ReLU: () => sparseNetwork([WHOLE, WHOLE], { activation: "relu" }),
  "a mixture of the layers": () =>
    sparseNetwork([WHOLE, WHOLE, WHOLE], {
      head: { kind: "classification", labels: ["a", "b", "c"], reader: "mixture" },
    }),
  "a mixture of the layers' means": () =>
    sparseNetwork([WHOLE, WHOLE, WHOLE], {
      head: { kind: "classification", labels: ["a", "b", "c"], reader: "means" },
    }),
  "the means of one layer, in 8 bits": () =>
    inBytes(sparseNetwork([WHOLE], { head: { kind: "regression", reader: "means" } })),
  "an encoder that says nothing of vectors": () => sparseNetwork([WHOLE, WHOLE], { head: { kind: "none" } }),
  ...Object.fromEntries(
    POOLING_MODES.map((mode) => [
      `vectors by ${mode}`,
      () =>
        sparseNetwork([WHOLE, { heads: 0, headSize: 4, ffn: 9 }, WHOLE], {
          head: { kind: "none", pooling: { mode, normalize: mode !== "max" } },
        }),
    ]),
  ),
};

describe.each(Object.entries(NETWORKS))("%s", (_, network) => {
  test.each([
    ["one token", [1]],
    ["one text", [20]],
    ["texts of many lengths", [5, 70, 16, 17, 1, 33]],
    ["more texts than a panel has lanes", Array.from({ length: 37 }, (_, i) => 1 + (i % 5))],
  ])("%s: answers within 2e-5 of ONNX Runtime's", async (_, lengths) => {
    const texts = textsOf(lengths, VOCAB.length);
    const [a, b] = [sparseAnswers(network(), texts), await stockAnswers(engine, network(), texts)];
    expect(b.some((x) => Math.abs(x) > 0.01)).toBe(true);
    expect(furthest(a, b)).toBeLessThan(2e-5);
  });
});

test("a text's logits do not depend on what else is in the pass, to the bit", () => {
  const network = sparseNetwork([WHOLE, WHOLE]);
  const texts = textsOf([9, 40, 3], VOCAB.length);
  const together = sparseAnswers(network, texts);
  texts.forEach((text, i) => {
    expect(sparseAnswers(network, [text])).toEqual(together.slice(3 * i, 3 * i + 3));
  });
});

test("passes of any size take no memory that was not there after loading", () => {
  const { arena, model } = placed(sparseNetwork([WHOLE, WHOLE]));
  const worker = {
    kernels: kernelsOf(PLAIN_KERNELS, arena.memory),
    memory: arena.memory,
    model,
    thread: 0,
    threads: 1,
  };
  const before = [arena.bytes, arena.memory.buffer.byteLength];
  for (const lengths of [[1], [70, 70], Array.from({ length: 64 }, () => 16), [5, 33]]) {
    writeBatch(arena.memory, model, textsOf(lengths, VOCAB.length));
    forward({ ...worker, meet: () => {} });
  }
  expect([arena.bytes, arena.memory.buffer.byteLength]).toEqual(before);
});

/** Thread 1's states after the first of two layers of other sizes, where thread 0 has gone on to a layer's end before. */
function statesBeside(layers: readonly LayerConfig[], meetings: number): Float32Array {
  const { arena, model } = placed(sparseNetwork(layers), 2);
  const shared = { kernels: kernelsOf(PLAIN_KERNELS, arena.memory), memory: arena.memory, model, threads: 2 };
  writeBatch(arena.memory, model, textsOf([70], VOCAB.length));
  /** A thread that stops at its meeting of that number, and does something at each before. */
  const runTo = (thread: number, last: number, between = (): void => {}): void => {
    let met = 0;
    const stop = new Error("far enough");
    const meet = (): void => {
      if (++met === last) throw stop;
      between();
    };
    expect(() => forward({ ...shared, thread, meet })).toThrow(stop);
  };
  runTo(0, 1);
  runTo(1, 2, () => {
    if (meetings > 1) runTo(0, meetings);
  });
  const [from, to] = [2, 5].map((panel) => model.room.hidden + panel * panelBytes(model.config.hiddenSize));
  return arena.floats(from ?? 0, ((to ?? 0) - (from ?? 0)) / 4).slice();
}

test.each([
  ["more", 1, 3],
  ["fewer", 3, 1],
])("a thread that is in the next layer, of %s heads, changes nothing of another's", (_, first, second) => {
  const layers = [first, second, first].map((heads) => ({ heads, headSize: 4, ffn: 20 }));
  expect(statesBeside(layers, 2)).toEqual(statesBeside(layers, 1));
});

test("texts are split into passes that fit, in their order", () => {
  const { model } = placed(sparseNetwork([WHOLE]));
  const texts = textsOf(
    Array.from({ length: 100 }, () => 20),
    VOCAB.length,
  );
  const passes = passesOf(texts, model);
  expect(passes.flat()).toEqual(texts);
  expect(passes.map((pass) => pass.length)).toEqual([32, 32, 32, 4]);
});

test.each([
  ["sparse/length", [], []],
  ["sparse/length", new Array(71).fill(1), new Array(71).fill(0)],
  ["sparse/length", [1, 2], [0]],
  ["sparse/piece", [1, VOCAB.length], [0, 0]],
  ["sparse/piece", [1, 2], [0, 2]],
])("%s for a text that the model cannot take", (code, ids, types) => {
  const { model } = placed(sparseNetwork([WHOLE]));
  expect(() => passesOf([{ ids, types }], model)).toThrow(expect.objectContaining({ code }));
});

test.each([
  [{ kind: "mlm" }, "got a masked language model"],
  [{ kind: "none", pooling: null }, "got one whose way to make them is not read here"],
] satisfies [Head, string][])("a head that answers no text is refused by name: %o", (head, got) => {
  expect(() => placed(sparseNetwork([WHOLE], { head }))).toThrow(
    expect.objectContaining({ code: "sparse/head", message: expect.stringContaining(got) }),
  );
});
