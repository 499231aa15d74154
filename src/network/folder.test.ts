import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { sharedPath } from "../../test/support/shared.ts";
import { torchFile } from "../../test/support/torch-file.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import type { BertConfig, Head } from "../bert/config.ts";
import { parameters } from "../bert/names.ts";
import { encodeSafetensors } from "../formats/safetensors.ts";
import { SPECIAL_PIECES } from "../text/rules.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";
import { readFolder, writeFolder } from "./folder.ts";
import { packMask, unpackMask, withTrueMasks } from "./masks.ts";
import { initialNetwork, type Network } from "./network.ts";
import { keepUnits, WHOLE as UNCUT } from "./shrink.ts";

const vocabulary: TokenizerFiles = {
  vocab: [...Object.values(SPECIAL_PIECES), "a", "b", "##a"],
  lowercase: false,
  stripAccents: null,
  tokenizeChineseChars: true,
  maxLength: 12,
};
const layer = { heads: 2, headSize: 4, ffn: 16 };
const config = configOf({
  vocabSize: 10,
  hiddenSize: 8,
  layers: [layer, layer],
  maxPositions: 12,
});
const two: Head = { kind: "classification", labels: ["no", "yes"] };
const mlm: Head = { kind: "mlm" };
const pruned = {
  ...config,
  layers: [
    { heads: 1, headSize: 4, ffn: 3 },
    { heads: 0, headSize: 4, ffn: 0 },
  ],
};

const newFolder = () => mkdtemp(join(tmpdir(), "espalier-folder-"));

function network(head: Head, c: BertConfig = config): Network {
  return initialNetwork(c, head, vocabulary, keyOf(1));
}

async function written(net: Network): Promise<string> {
  const folder = await newFolder();
  await writeFolder(folder, net);
  return folder;
}

/** Replaces the weights by what `change` makes of them. */
async function tampered(net: Network, change: (tensors: Map<string, Tensor>) => void): Promise<string> {
  const folder = await written(net);
  const tensors = new Map<string, Tensor>(net.tensors);
  change(tensors);
  await writeFile(join(folder, "model.safetensors"), Buffer.concat(encodeSafetensors(tensors)));
  return folder;
}

async function withJson(folder: string, name: string, change: object): Promise<void> {
  const old: object = JSON.parse(await readFile(join(folder, name), "utf8"));
  await writeFile(join(folder, name), JSON.stringify({ ...old, ...change }));
}

test.each([
  ["classification", network(two)],
  ["regression", network({ kind: "regression" })],
  ["several labels", network({ kind: "multi-label", labels: ["a", "b"] })],
  ["one of several labels", network({ kind: "multi-label", labels: ["alone"] })],
  ["tokens", network({ kind: "tokens", labels: ["O", "B-X"] })],
  ["mlm", network(mlm)],
  ["none", network({ kind: "none" })],
  ["mixture", network({ ...two, reader: "mixture" })],
  ["mixture of means", network({ ...two, reader: "means" })],
  ["mixture regression", network({ kind: "regression", reader: "mixture" })],
  ["pruned", network(two, pruned)],
])("a %s network is read back bit for bit", async (_, net) => {
  const folder = await written(net);
  expect(await readFolder(folder)).toEqual(net);
  expect((await readdir(folder)).sort()).toEqual([
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
  ]);
});

test("masks and a spare pooler are kept, and stale masks go away", async () => {
  const name = "bert.encoder.layer.0.output.dense.weight";
  const data = Uint8Array.from({ length: 128 }, (_, i) => Number(i % 3 === 0));
  const whole = network(mlm).tensors.get(name)?.data ?? new Float32Array(0);
  const net: Network = {
    ...network(mlm),
    tensors: new Map(network(mlm).tensors)
      .set(
        name,
        floatTensor(
          [8, 16],
          whole.map((weight, i) => weight * (data[i] ?? 0)),
        ),
      )
      .set("bert.pooler.dense.weight", floatTensor([8, 8], new Float32Array(64).fill(2)))
      .set("bert.pooler.dense.bias", floatTensor([8], new Float32Array(8).fill(3))),
    masks: new Map<string, Tensor<"uint8">>([[name, { dtype: "uint8", shape: [8, 16], data }]]),
  };
  const folder = await written(net);
  expect(await readFolder(folder)).toEqual(net);
  await writeFolder(folder, network(mlm));
  expect(await readFolder(folder)).toEqual(network(mlm));
});

test("a mask that calls weights pruned which are not 0 is neither read nor written (folder/mask)", async () => {
  const name = "bert.encoder.layer.0.output.dense.weight";
  const none: Tensor<"uint8"> = { dtype: "uint8", shape: [8, 16], data: new Uint8Array(128) };
  const [packed, said] = [encodeSafetensors(new Map([[name, packMask(none)]])), "128 others"];
  const folder = await written(network(mlm));
  await writeFile(join(folder, "espalier-masks.safetensors"), Buffer.concat(packed));
  const refused = { code: "folder/mask", message: expect.stringContaining(said) };
  await expect(readFolder(folder)).rejects.toMatchObject(refused);
  const wrong = { ...network(mlm), masks: new Map([[name, none]]) };
  await expect(writeFolder(folder, wrong)).rejects.toMatchObject(refused);
  expect(withTrueMasks(wrong)).toEqual(network(mlm));
});

test("float16 storage halves the file and is exact to 2^-11 of each value", async () => {
  const net = network(two);
  const folder = await newFolder();
  await writeFolder(folder, net, { storage: "float16" });
  const back = await readFolder(folder);
  for (const [name, { data }] of net.tensors) {
    const near = back.tensors.get(name)?.data.every((x, i) => {
      const y = data[i] ?? 0;
      return Math.abs(x - y) <= Math.max(Math.abs(y) * 2 ** -11, 2 ** -25);
    });
    expect(near, name).toBe(true);
  }
  const large = new Map(net.tensors).set("classifier.bias", floatTensor([2], Float32Array.of(0, 65_520)));
  const write = writeFolder(await newFolder(), { ...net, tensors: large }, { storage: "float16" });
  await expect(write).rejects.toMatchObject({ code: "folder/float16" });
});

test("a checkpoint's older spellings are read: no prefix, gamma and beta, tied copies, known extras", async () => {
  const net = network(mlm);
  const words = net.tensors.get("bert.embeddings.word_embeddings.weight");
  const bias = net.tensors.get("cls.predictions.bias");
  const folder = await tampered(net, (tensors) => {
    for (const [name, tensor] of net.tensors) {
      tensors.delete(name);
      const bare = name.replace(/^bert\./, "").replace(/LayerNorm\.weight$/, "LayerNorm.gamma");
      tensors.set(bare.replace(/LayerNorm\.bias$/, "LayerNorm.beta"), tensor);
    }
    if (words) tensors.set("cls.predictions.decoder.weight", words);
    if (bias) tensors.set("cls.predictions.decoder.bias", bias);
    tensors.set("cls.seq_relationship.weight", floatTensor([2, 8], new Float32Array(16)));
    tensors.set("embeddings.position_ids", { dtype: "int64", shape: [1], data: BigInt64Array.of(0n) });
  });
  expect((await readFolder(folder)).tensors).toEqual(net.tensors);
});

test("a tied copy stands in for an original that the file left out", async () => {
  const net = network(mlm);
  const folder = await tampered(net, (tensors) => {
    const words = tensors.get("bert.embeddings.word_embeddings.weight");
    tensors.delete("bert.embeddings.word_embeddings.weight");
    if (words) tensors.set("cls.predictions.decoder.weight", words);
  });
  expect((await readFolder(folder)).tensors).toEqual(net.tensors);
});

const CLASSIFIER_BIAS = floatTensor([2], new Float32Array(2));
const BAD_TENSORS: readonly [string, string, Network, (tensors: Map<string, Tensor>) => void][] = [
  ["folder/missing", "classifier.bias", network(two), (t) => t.delete("classifier.bias")],
  ["folder/unused", "classifer.bias", network(two), (t) => t.set("classifer.bias", CLASSIFIER_BIAS)],
  ["folder/unused", "classifer.bias", network(mlm), (t) => t.set("classifer.bias", CLASSIFIER_BIAS)],
  [
    "folder/unused",
    "query.lora_A.weight: expected a parameter of a classification model",
    network(two),
    (t) => t.set("bert.encoder.layer.0.attention.self.query.lora_A.weight", CLASSIFIER_BIAS),
  ],
  [
    "folder/finite",
    "classifier.bias: expected finite numbers, got NaN at place 1",
    network(two),
    (t) => t.set("classifier.bias", floatTensor([2], Float32Array.of(0, Number.NaN))),
  ],
  [
    "folder/finite",
    "got -Infinity at place 0",
    network(mlm),
    (t) =>
      t.set("cls.predictions.bias", {
        dtype: "float16",
        shape: [10],
        data: new Uint16Array(10).fill(0xfc00),
      }),
  ],
  [
    "folder/shape",
    "classifier.bias: expected [2], got [1,2]",
    network(two),
    (t) => t.set("classifier.bias", floatTensor([1, 2], new Float32Array(2))),
  ],
  [
    "folder/twice",
    "also bert.embeddings.LayerNorm.weight",
    network(two),
    (t) => t.set("bert.embeddings.LayerNorm.gamma", floatTensor([8], new Float32Array(8))),
  ],
  [
    "folder/untied",
    "cls.predictions.decoder.weight",
    network(mlm),
    (t) => t.set("cls.predictions.decoder.weight", floatTensor([10, 8], new Float32Array(80))),
  ],
  [
    "safetensors/not-float",
    "classifier.bias",
    network(two),
    (t) => t.set("classifier.bias", { dtype: "int32", shape: [2], data: new Int32Array(2) }),
  ],
];

test.each(BAD_TENSORS)("%s: %s", async (code, part, net, change) => {
  const folder = await tampered(net, change);
  await expect(readFolder(folder)).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
});

const BAD_FOLDERS: readonly [string, string, (folder: string) => Promise<unknown>][] = [
  ["folder/config", "config.json", (f) => rm(join(f, "config.json"))],
  ["config/architecture", "a list of names", (f) => withJson(f, "config.json", { architectures: 7 })],
  [
    "folder/shape",
    "attention.output.dense.weight",
    (f) => withJson(f, "config.json", { pruned_heads: { 0: [1] } }),
  ],
  ["folder/vocabulary-size", "vocab_size 7", (f) => withJson(f, "config.json", { vocab_size: 7 })],
  [
    "folder/vocabularies",
    "vocab.txt",
    (f) => writeFile(join(f, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"),
  ],
  [
    "folder/vocabulary",
    "neither",
    async (f) => Promise.all(["vocab.txt", "tokenizer.json"].map((name) => rm(join(f, name)))),
  ],
  ["weights/missing", "model.safetensors", (f) => rm(join(f, "model.safetensors"))],
  [
    "weights/foreign",
    "tf_model.h5",
    async (f) => {
      await rm(join(f, "model.safetensors"));
      await writeFile(join(f, "tf_model.h5"), "");
    },
  ],
  [
    "torch/foreign",
    "pytorch_model.bin",
    async (f) => {
      await rm(join(f, "model.safetensors"));
      await writeFile(join(f, "pytorch_model.bin"), "");
    },
  ],
  [
    "folder/unused",
    "mask foreign",
    (f) =>
      writeFile(
        join(f, "espalier-masks.safetensors"),
        Buffer.concat(
          encodeSafetensors(new Map([["foreign", { dtype: "uint8", shape: [1], data: new Uint8Array(1) }]])),
        ),
      ),
  ],
];

test.each(BAD_FOLDERS)("%s: %s", async (code, part, change) => {
  const folder = await written(network(two));
  await change(folder);
  await expect(readFolder(folder)).rejects.toMatchObject({ code, message: expect.stringContaining(part) });
});

/** A network whose weights are changed, read back, with the notes. */
async function readChanged(
  net: Network,
  change: (tensors: Map<string, Tensor>) => void,
  json: object = {},
): Promise<{ readonly read: Network; readonly notes: readonly string[] }> {
  const folder = await tampered(net, change);
  await withJson(folder, "config.json", json);
  const notes: string[] = [];
  return { read: await readFolder(folder, (text) => notes.push(text)), notes };
}

test("a folder with pytorch_model.bin alone is read as one with safetensors, and a note says so", async () => {
  for (const net of [network(two), network(mlm)]) {
    const folder = await written(net);
    await rm(join(folder, "model.safetensors"));
    // As the hub has them: a copy of the tied matrix, and positions that are no weights.
    const tied =
      net.head.kind === "mlm" ? net.tensors.get("bert.embeddings.word_embeddings.weight") : undefined;
    const tensors = new Map([
      ...net.tensors,
      ...(tied ? [["cls.predictions.decoder.weight", tied] as const] : []),
    ]);
    await writeFile(join(folder, "pytorch_model.bin"), torchFile(tensors));
    const notes: string[] = [];
    expect(await readFolder(folder, (text) => notes.push(text))).toEqual(net);
    expect(notes).toEqual([expect.stringContaining("pytorch_model.bin")]);
  }
});

const WHOLE = network(two);
const EXTRA: readonly [string, Network, readonly string[]][] = [
  ["weights of a loss", WHOLE, ["loss_fct.weight"]],
  ["another head", WHOLE, ["cls.predictions.bias", "cls.seq_relationship.weight"]],
  ["a classifier", network(mlm), ["classifier.bias", "classifier.weight"]],
];

test.each(EXTRA)("%s is left out, and a note says so", async (_, net, names) => {
  const extra = floatTensor([2], Float32Array.of(1, Number.NaN));
  const { read, notes } = await readChanged(net, (tensors) => {
    for (const name of names) tensors.set(name, extra);
  });
  expect(read).toEqual(net);
  expect(notes).toEqual([expect.stringContaining(names.join(", "))]);
});

test.each([
  ["null", null],
  ["an unknown name", ["OurBert"]],
  ["that of the bare encoder", ["BertModel"]],
])("with %s under architectures the head is told by the tensors", async (_, architectures) => {
  const { read, notes } = await readChanged(WHOLE, () => {}, { architectures });
  expect(read).toEqual(WHOLE);
  expect(notes).toEqual([expect.stringContaining("by its tensors this is a classification")]);
});

test("a model of another head is read as the encoder below it", async () => {
  const architectures = ["BertForMultipleChoice"];
  const { read, notes } = await readChanged(WHOLE, () => {}, { architectures });
  expect(read.head).toEqual({ kind: "none" });
  expect([...read.tensors.keys()].filter((name) => name.startsWith("classifier"))).toEqual([]);
  expect(notes).toEqual([
    expect.stringContaining("multiple choice"),
    expect.stringContaining("classifier.bias, classifier.weight"),
  ]);
});

test.each([
  ["module.", (name: string) => `module.${name}`],
  ["bert. once more", (name: string) => name.replace(/^bert\./, "bert.bert.")],
])("tensors under the prefix %s are read", async (_, rename) => {
  const { read, notes } = await readChanged(WHOLE, (tensors) => {
    for (const [name, tensor] of WHOLE.tensors) {
      tensors.delete(name);
      tensors.set(rename(name), tensor);
    }
  });
  expect(read).toEqual(WHOLE);
  expect(notes).toEqual([]);
});

test("heads that transformers 4 pruned are told by pruned_heads, and layers have their own sizes", async () => {
  const small = keepUnits(WHOLE, [{ heads: [false, true], neurons: "all" }, UNCUT]);
  const heads = { espalier: undefined, pruned_heads: { 0: [0] }, num_attention_heads: 2 };
  const { read } = await readChanged(small, () => {}, heads);
  expect(read).toEqual(small);
  expect(read.config.layers.map((l) => l.heads)).toEqual([1, 2]);
});

test("nothing is written for a network that contradicts its configuration", async () => {
  const net = network(two);
  const folder = await newFolder();
  const tensors = new Map(net.tensors);
  tensors.delete("classifier.bias");
  await expect(writeFolder(folder, { ...net, tensors })).rejects.toMatchObject({ code: "folder/missing" });
  expect(await readdir(folder)).toEqual([]);
});

test("the tokenizer is read from either file; which has the last word on flags depends on the class", async () => {
  const folder = await written(network(two));
  await rm(join(folder, "tokenizer.json"));
  expect((await readFolder(folder)).vocabulary).toEqual(vocabulary);
  const other = await written(network(two));
  await rm(join(other, "vocab.txt"));
  await withJson(other, "tokenizer_config.json", { do_lower_case: true, strip_accents: false });
  expect((await readFolder(other)).vocabulary).toEqual({
    ...vocabulary,
    lowercase: true,
    stripAccents: false,
  });
  await withJson(other, "tokenizer_config.json", { tokenizer_class: "PreTrainedTokenizerFast" });
  expect((await readFolder(other)).vocabulary).toEqual(vocabulary);
  // As transformers has it: BERT's class sets its flags, given or not, and it is the class of a BERT that names none.
  await rm(join(other, "tokenizer_config.json"));
  expect((await readFolder(other)).vocabulary).toEqual({ ...vocabulary, lowercase: true });
});

test("masks of any length survive packing; wrong sizes and stray bits are refused", () => {
  for (let n = 0; n <= 17; n++) {
    const data = Uint8Array.from({ length: n }, (_, i) => (i * i) & 1);
    const mask = { dtype: "uint8", shape: [n], data } as const;
    expect(unpackMask(packMask(mask), [n], "m")).toEqual(mask);
  }
  const byte = (value: number): Tensor => ({ dtype: "uint8", shape: [1], data: Uint8Array.of(value) });
  expect(() => unpackMask(byte(0), [9], "m")).toThrow(expect.objectContaining({ code: "masks/size" }));
  expect(() => unpackMask(byte(8), [3], "m")).toThrow(expect.objectContaining({ code: "masks/size" }));
});

const wiki = sharedPath("models", "wiki-bert-6x256");

test.skipIf(wiki === undefined)(
  "a real checkpoint survives a round trip (needs ESPALIER_SHARED)",
  async () => {
    const net = await readFolder(wiki ?? "");
    expect(net.head.kind).toBe("mlm");
    expect(net.config.layers).toHaveLength(6);
    expect(net.vocabulary.vocab).toHaveLength(30_522);
    for (const [name, shape] of parameters(net.config, net.head)) {
      expect(net.tensors.get(name)?.shape, name).toEqual(shape);
    }
    const back = await readFolder(await written(net));
    expect(back.config).toEqual(net.config);
    expect(back.vocabulary).toEqual(net.vocabulary);
    for (const [name, { data }] of net.tensors) {
      // Compared as bytes: element by element, vitest takes a minute over 12 million floats.
      const other = back.tensors.get(name)?.data ?? new Float32Array(0);
      expect(Buffer.from(data.buffer).equals(Buffer.from(other.buffer)), name).toBe(true);
    }
  },
);
