import { afterAll, expect, test } from "vitest";
import { smallConfigOf } from "../../test/support/architectures.ts";
import { ownTemplates, ruledModel } from "../../test/support/ruled-model.ts";
import { tinyModel, WORDS } from "../../test/support/tiny-model.ts";
import { factsOf, type Head } from "../bert/config.ts";
import { EMBEDDINGS, MLM, parameters } from "../bert/names.ts";
import { Engine } from "../engine/engine.ts";
import { randomNetwork } from "../obligations/small-network.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { usedPieces } from "../text/used-pieces.ts";
import { openNetwork } from "./inference.ts";
import type { Network } from "./network.ts";
import { keepPieces } from "./vocabulary.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const TEXTS = ["a good film", "bright plot, not dull", "GOOD plot unheard"];
const CLASSES: Head = { kind: "classification", labels: ["no", "yes"] };

/** Outputs of one text after the other, without padding. */
async function answers(network: Network): Promise<Float32Array[]> {
  const [tokenizer, inference] = [createTokenizer(network.vocabulary), await openNetwork(engine, network)];
  const outputs: Float32Array[] = [];
  for (const text of TEXTS) {
    const { ids, types } = tokenizer.encode(text, undefined, 24);
    const mask = new Float32Array(ids.length).fill(1);
    outputs.push(await inference.logits({ size: 1, length: ids.length, ids, types, mask }));
  }
  return outputs;
}

const HEADS: readonly Head[] = [
  CLASSES,
  { kind: "regression", reader: "mixture" },
  { kind: "tokens", labels: ["O", "B-X"] },
  { kind: "none" },
];

test.each(HEADS)("%o: texts of the corpus have the same logits, bit for bit", async (head) => {
  const network = tinyModel(head);
  const pieces = usedPieces(network.vocabulary, TEXTS);
  const small = keepPieces(network, pieces);
  expect(small.vocabulary.vocab.filter((piece) => WORDS.includes(piece))).toEqual(
    WORDS.filter((word) => !["bad", "very", "the"].includes(word)),
  );
  expect(small.config.vocabSize).toBe(network.config.vocabSize - 3);
  expect(await answers(small)).toEqual(await answers(network));
});

test("texts with added tokens have the same logits in a template of their own, bit for bit", async () => {
  const network = ruledModel(ownTemplates);
  const small = keepPieces(network, usedPieces(network.vocabulary, [...TEXTS, "covfefe"]));
  expect(small.config.vocabSize).toBe(network.config.vocabSize - 3);
  expect(await answers(small)).toEqual(await answers(network));
});

test("a masked language model keeps the logits of the pieces that stay, within 1e-6, in their order", async () => {
  const network = tinyModel({ kind: "mlm" });
  const pieces = usedPieces(network.vocabulary, TEXTS);
  const small = keepPieces(network, pieces);
  const shapes = new Map([...small.tensors].map(([name, { shape }]) => [name, [...shape]]));
  expect(shapes).toEqual(parameters(small.config, small.head));
  const [before, after] = [await answers(network), await answers(small)];
  const V = network.config.vocabSize;
  before.forEach((logits, i) => {
    const kept = [...logits].filter((_, at) => pieces.includes(at % V));
    expect(after[i]?.length).toBe(kept.length);
    expect(Math.max(...kept.map((x, at) => Math.abs(x - (after[i]?.[at] ?? Number.NaN))))).toBeLessThan(1e-6);
  });
});

test("rows without a piece leave, and the number of padding follows its piece", () => {
  const network = tinyModel({ kind: "mlm" });
  const { config, vocabulary } = network;
  const shorter = { ...vocabulary, vocab: vocabulary.vocab.slice(0, -2) };
  const odd = { ...network, vocabulary: shorter, config: { ...config, padTokenId: 7 } };
  const kept = keepPieces(odd, [0, 1, 2, 3, 4, 6, 7, 9]);
  expect([kept.config.vocabSize, kept.config.padTokenId]).toEqual([8, 6]);
  expect(kept.tensors.get(EMBEDDINGS.words)?.shape).toEqual([8, 16]);
  expect(kept.tensors.get(MLM.bias)?.shape).toEqual([8]);
  expect(keepPieces(odd, [0, 1, 2, 3, 4]).config.padTokenId).toBe(0);
});

test("a mask of the word embeddings is cut as they are", () => {
  const network = tinyModel();
  const data = Uint8Array.from({ length: 15 * 16 }, (_, i) => Number(i % 3 === 0));
  const masks = new Map([[EMBEDDINGS.words, { dtype: "uint8", shape: [15, 16], data } as const]]);
  const mask = keepPieces({ ...network, masks }, [0, 1, 2, 3, 4, 8]).masks?.get(EMBEDDINGS.words);
  expect(mask?.shape).toEqual([6, 16]);
  expect(mask?.data.slice(5 * 16)).toEqual(data.slice(8 * 16, 9 * 16));
});

test.each([
  ["out of order", [0, 2, 1, 3, 4]],
  ["twice the same", [0, 1, 1, 2, 3, 4]],
  ["beyond the vocabulary", [0, 1, 2, 3, 4, 15]],
  ["not whole", [0, 1, 2, 3, 4, 5.5]],
])("numbers %s are refused (vocabulary/pieces)", (_, pieces) => {
  expect(() => keepPieces(tinyModel(), pieces)).toThrow(
    expect.objectContaining({ code: "vocabulary/pieces" }),
  );
});

test("leaving a special piece out is refused (vocab/special)", () => {
  expect(() => keepPieces(tinyModel(), [0, 1, 2, 3])).toThrow(
    expect.objectContaining({ code: "vocab/special" }),
  );
});

test("positions that count from the padding's number lose their first rows when that gets lower", async () => {
  const config = { ...smallConfigOf("roberta"), padTokenId: 2, maxPositions: 10 };
  const facts = { ...factsOf(config), positions: { kind: "counted", pad: 2 } } as const;
  const { vocabulary, ...rest } = randomNetwork({ ...config, facts }, CLASSES);
  const moved = [
    "unused0",
    "unused1",
    "[PAD]",
    ...vocabulary.vocab.filter((piece) => piece !== "[PAD]").slice(0, 57),
  ];
  const network = { ...rest, vocabulary: { ...vocabulary, vocab: moved } };
  const kept = keepPieces(network, [2, 3, 4, 5, 6, 20]);
  expect(factsOf(kept.config).positions).toEqual({ kind: "counted", pad: 0 });
  const ids = Int32Array.of(5, 20, 6);
  const batch = { size: 1, length: 3, types: new Int32Array(3), mask: new Float32Array(3).fill(1) };
  const logits = async (from: Network, asked: Int32Array): Promise<Float32Array> =>
    (await openNetwork(engine, from)).logits({ ...batch, ids: asked });
  expect(await logits(kept, Int32Array.of(3, 5, 4))).toEqual(await logits(network, ids));
  const constant = { ...network, config: { ...network.config, padTokenId: 1 } };
  expect(() => keepPieces(constant, [2, 3, 4, 5, 6, 20])).toThrow(
    expect.objectContaining({ code: "vocabulary/padding" }),
  );
});
