import { expect, test } from "vitest";
import { splitSections } from "../../../test/support/esp-sections.ts";
import { ownTemplates, ruledModel } from "../../../test/support/ruled-model.ts";
import { PRUNED_CONFIG, TINY_CONFIG, tinyModel } from "../../../test/support/tiny-model.ts";
import { BLOCK_SHAPES, type BlockShape, blockSize } from "../../base/blocks.ts";
import { requireItem } from "../../base/present.ts";
import { keyOf, uniform } from "../../base/random.ts";
import { floatTensor } from "../../base/tensor.ts";
import type { BertConfig, Head } from "../../bert/config.ts";
import { isEmbedding, parameters } from "../../bert/names.ts";
import type { Network } from "../../network/network.ts";
import { keepUnits, WHOLE } from "../../network/shrink.ts";
import { isPacked } from "../matrix.ts";
import { ByteReader } from "./bytes.ts";
import { espFigures } from "./figures.ts";
import { decodeEsp, type EspOptions, encodeEsp, networkOf } from "./model.ts";
import { readText } from "./text.ts";
import { roundMatrix, VALUE_KINDS } from "./values.ts";

const CLASSES: Head = { kind: "classification", labels: ["negative", 'so "so"', "__proto__"] };

/** Nine of ten weights of the encoder's matrices are zero. */
function pruned(network: Network): Network {
  const tensors = new Map(network.tensors);
  for (const [name, { shape, data }] of tensors) {
    if (shape.length !== 2 || !name.startsWith("bert.encoder.")) continue;
    tensors.set(
      name,
      floatTensor(
        shape,
        data.map((x, i) => (uniform(keyOf(i)) < 0.1 ? x : 0)),
      ),
    );
  }
  return { ...network, tensors };
}

/** A layer without heads and one without feed-forward module; what stays of the second is its biases. */
const HALVED = keepUnits(pruned(tinyModel(CLASSES)), [
  { heads: "none", neurons: [...Array(24).keys()].map((i) => i % 2 === 0) },
  { heads: [true, false], neurons: "none" },
]);

const NETWORKS: readonly (readonly [string, Network])[] = [
  ["a dense classifier", tinyModel(CLASSES)],
  ["a sparse classifier", pruned(tinyModel(CLASSES))],
  ["layers of different sizes", pruned(tinyModel(CLASSES, PRUNED_CONFIG))],
  ["layers without heads or neurons", HALVED],
  ["a regression", pruned(tinyModel({ kind: "regression" }))],
  ["a mixture of the layers", pruned(tinyModel({ ...CLASSES, reader: "mixture" }))],
  ["a mixture of means", pruned(tinyModel({ ...CLASSES, reader: "means" }))],
  ["a regression that reads a mixture", pruned(tinyModel({ kind: "regression", reader: "mixture" }))],
  ["several labels", pruned(tinyModel({ kind: "multi-label", labels: ["a", "b"] }))],
  ["labels of tokens", pruned(tinyModel({ kind: "tokens", labels: ["O", "B-X"] }))],
  ["a masked language model", pruned(tinyModel({ kind: "mlm" }))],
  ["a bare encoder", pruned(tinyModel({ kind: "none" }))],
  ["a bare encoder with its pooler", withPooler(tinyModel({ kind: "none" }))],
  ["an encoder of zeros", zeroed(tinyModel(CLASSES))],
  ["a cased tokenizer", cased(tinyModel(CLASSES))],
  ["added tokens and templates", ruledModel(ownTemplates)],
];

function withPooler(network: Network): Network {
  const pooler = [...tinyModel(CLASSES).tensors].filter(([name]) => name.startsWith("bert.pooler."));
  return { ...network, tensors: new Map([...pooler, ...network.tensors]) };
}

function zeroed(network: Network): Network {
  const zero = [...network.tensors].map(
    ([name, { shape, data }]) => [name, floatTensor(shape, new Float32Array(data.length))] as const,
  );
  return { ...network, tensors: new Map(zero) };
}

function cased(network: Network): Network {
  const flags = { lowercase: false, stripAccents: false, tokenizeChineseChars: false, maxLength: 7 };
  const vocab = [...network.vocabulary.vocab.slice(0, -2), "é", "𠀀"];
  return { ...network, vocabulary: { ...network.vocabulary, ...flags, vocab } };
}

/** The network as its file can hold it. */
function rounded(network: Network, { values = "float16", tables = values }: EspOptions): Network {
  const tensors = [...network.tensors].map(([name, tensor]) => {
    const zeros = tensor.data.reduce((n, x) => n + Number(x === 0), 0);
    const sparse = !isEmbedding(name) && 2 * zeros >= tensor.data.length;
    const kind = tensor.shape.length === 2 ? (sparse ? values : tables) : "float32";
    return [name, roundMatrix(tensor, kind, name)] as const;
  });
  return { ...network, tensors: new Map(tensors) };
}

const OPTIONS: readonly EspOptions[] = [
  ...VALUE_KINDS.map((values) => ({ values })),
  ...BLOCK_SHAPES.map((block) => ({ values: "int8" as const, block })),
  {
    values: "int8",
    tables: "float16",
    block: "4x1",
    metadata: { b: "2", a: "", 3: "x", ["__proto__"]: "y" },
  },
  {},
];

test.each(NETWORKS)(
  "%s comes back as its kinds round it, and is written as the same bytes",
  async (_, network) => {
    for (const options of OPTIONS) {
      const bytes = await encodeEsp(network, options);
      const model = await decodeEsp(bytes);
      expect(model.metadata).toEqual(options.metadata ?? {});
      const back = networkOf(model);
      const { tensors, ...rest } = rounded(network, options);
      expect(back).toEqual({ ...rest, tensors: expect.any(Map) });
      expect(new Map(back.tensors)).toEqual(new Map(tensors));
      expect(await encodeEsp(back, { ...options, metadata: model.metadata })).toEqual(bytes);
    }
  },
);

test("an entry names blocks of one column by their rows, as when there were no others", async () => {
  const spelt = async (block: BlockShape): Promise<string[]> => {
    const bytes = await encodeEsp(pruned(tinyModel(CLASSES)), { values: "int8", block });
    const text = readText(
      new ByteReader(requireItem(splitSections(bytes, "f"), 0, "sections"), "directory", "f"),
    );
    return [...new Set(Array.from(text.matchAll(/"int8",([^\]]+)\]/g), ([, spelling = ""]) => spelling))];
  };
  expect(await Promise.all(BLOCK_SHAPES.map(spelt))).toEqual([["1"], ["2"], ["4"], ['"1x4"'], ['"4x4"']]);
});

test("equal tensors in another order are written as the same bytes", async () => {
  const network = pruned(tinyModel(CLASSES));
  const reversed = { ...network, tensors: new Map([...network.tensors].reverse()) };
  expect(await encodeEsp(reversed)).toEqual(await encodeEsp(network));
});

test.each(BLOCK_SHAPES)(
  "sparse matrices are packed, and a mask of blocks of %s is found; tables and vectors are not",
  async (block) => {
    const blocks = { ...pruned(tinyModel(CLASSES)) };
    const name = "bert.encoder.layer.0.intermediate.dense.weight";
    const { height, width } = blockSize(block);
    const data = Float32Array.from({ length: 24 * 16 }, (_, i) =>
      Number((2 * Math.floor(i / 16 / height) + Math.floor((i % 16) / width)) % 5 === 0),
    );
    const tensors = new Map(blocks.tensors).set(name, floatTensor([24, 16], data));
    const model = await decodeEsp(await encodeEsp({ ...blocks, tensors }));
    expect(model.tensors.get(name)).toMatchObject({ block });
    for (const [key, tensor] of model.tensors) {
      const matrix =
        key.startsWith("bert.encoder.") && parameters(TINY_CONFIG, CLASSES).get(key)?.length === 2;
      expect([key, isPacked(tensor)]).toEqual([key, matrix]);
    }
  },
);

test("the parts of a file add up to it, and no tensor is below its bound but for 4 bytes", async () => {
  const bytes = await encodeEsp(pruned(tinyModel(CLASSES)), { values: "int8" });
  const figures = await espFigures(bytes);
  const parts = figures.tensors.reduce((n, tensor) => n + tensor.bytes, 0);
  expect(figures.head + figures.directory + figures.vocabulary + parts).toBe(bytes.length);
  expect(figures.bytes).toBe(bytes.length);
  for (const { name, bound, bytes: size } of figures.tensors) {
    expect([name, size + 4 >= (bound.positions + bound.values) / 8]).toEqual([name, true]);
  }
});

const NETWORK = tinyModel(CLASSES);

function changed(name: string, data: Float32Array, shape: readonly number[] = [data.length]): Network {
  return { ...NETWORK, tensors: new Map(NETWORK.tensors).set(name, floatTensor(shape, data)) };
}

function withVocabulary(...vocab: readonly string[]): Network {
  return { ...NETWORK, vocabulary: { ...NETWORK.vocabulary, vocab } };
}

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const WEIGHT = "bert.pooler.dense.bias";

const REFUSED: readonly (readonly [string, string, Network, EspOptions])[] = [
  ["a tensor that the model lacks", "esp/unused", changed("other", Float32Array.of(1)), {}],
  ["a tensor of another shape", "esp/shape", changed(WEIGHT, Float32Array.of(1)), {}],
  ["a missing tensor", "esp/missing", { ...NETWORK, tensors: new Map() }, {}],
  ["NaN in a bias", "esp/finite", changed(WEIGHT, new Float32Array(16).fill(Number.NaN)), {}],
  [
    "65,520 in float16",
    "esp/range",
    changed("classifier.weight", new Float32Array(48).fill(65_520), [3, 16]),
    {},
  ],
  [
    "a hidden size of more than 2^24",
    "esp/shape",
    { ...NETWORK, config: { ...TINY_CONFIG, hiddenSize: 2 ** 25 } },
    {},
  ],
  ["an epsilon of 1", "esp/config", { ...NETWORK, config: { ...TINY_CONFIG, layerNormEps: 1 } }, {}],
  ["a piece with a line break", "esp/piece", withVocabulary(...SPECIAL, "a\nb"), {}],
  ["half a character as a piece", "esp/piece", withVocabulary(...SPECIAL, "\ud800"), {}],
  ["a piece twice", "esp/piece", withVocabulary(...SPECIAL, "a", "a"), {}],
  ["an empty piece", "esp/piece", withVocabulary(...SPECIAL, ""), {}],
  ["no special pieces", "vocab/special", withVocabulary("a"), {}],
  ["more pieces than vocab_size", "esp/pieces", withVocabulary(...SPECIAL, ..."abcdefghijk"), {}],
];

test.each(REFUSED)("%s is not written", async (_, code, network, options) => {
  await expect(encodeEsp(network, options)).rejects.toMatchObject({ code });
});

test("a whole network is unchanged by keeping all of it, so that the sizes above are of what was cut", () => {
  expect(keepUnits(NETWORK, [WHOLE, WHOLE])).toEqual(NETWORK);
  const config: BertConfig = HALVED.config;
  expect(config.layers.map(({ heads, ffn }) => [heads, ffn])).toEqual([
    [0, 12],
    [1, 0],
  ]);
});

test("esp/places: more positions than any text has, whose table may be one number in a file", async () => {
  const most = { ...TINY_CONFIG, maxPositions: 2 ** 17 };
  expect((await encodeEsp(tinyModel(CLASSES, most))).length).toBeGreaterThan(2 ** 20);
  await expect(encodeEsp(tinyModel(CLASSES, { ...most, maxPositions: 2 ** 17 + 1 }))).rejects.toMatchObject({
    code: "esp/places",
  });
});
