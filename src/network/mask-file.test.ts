import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { keyOf, uniform } from "../base/random.ts";
import { bufferSource } from "../base/source.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { configJson } from "../bert/config-json.ts";
import { isEncoder } from "../bert/names.ts";
import { linearModules } from "../bert/quantized.ts";
import { gunzip, gzip } from "../formats/gzip.ts";
import { encodeSafetensors, readHeader, readTensor } from "../formats/safetensors.ts";
import { withLength } from "./length.ts";
import { applyMaskFile, encodeMaskFile, maskBase } from "./mask-file.ts";
import { type Network, withHead } from "./network.ts";
import { inFloat, withQuantized } from "./quantized.ts";

const THREE: Head = { kind: "classification", labels: ["no", "perhaps", "yes"], reader: "mixture" };
const QUERY = "bert.encoder.layer.0.attention.self.query.weight";
const BASE = tinyModel({ kind: "mlm" });

/** The base with every matrix of its encoder masked, under another head. */
function product(base: Network = BASE, head: Head = THREE, keep = 0.4): Network {
  const network = withHead(base, head, keyOf(5));
  const masks = new Map<string, Tensor<"uint8">>();
  const tensors = new Map(network.tensors);
  for (const [name, { shape, data }] of network.tensors) {
    if (!isEncoder(name) || shape.length < 2) continue;
    const bits = Uint8Array.from(data, (_, i) => Number(uniform(keyOf(name.length), i) < keep));
    masks.set(name, { dtype: "uint8", shape, data: bits });
    tensors.set(
      name,
      floatTensor(
        shape,
        data.map((w, i) => (bits[i] === 1 ? w : 0)),
      ),
    );
  }
  return { ...network, tensors, masks };
}

function encoded(network: Network = product()): Uint8Array {
  const file = encodeMaskFile(maskBase(BASE), network);
  if (file === undefined) throw new Error("no mask file");
  return file;
}

function apply(file: Uint8Array, base: Network = BASE): Promise<Network> {
  return applyMaskFile(maskBase(base), bufferSource("sst2.mask", file));
}

/** A network with one tensor's values changed. */
function changed(network: Network, name: string, change: (w: number, i: number) => number): Network {
  const tensor = network.tensors.get(name);
  if (tensor === undefined) throw new Error(name);
  return {
    ...network,
    tensors: new Map(network.tensors).set(name, floatTensor(tensor.shape, tensor.data.map(change))),
  };
}

test.each<[string, Head]>([
  ["a mixture", THREE],
  ["a pooler", { kind: "classification", labels: ["negative", "positive"] }],
  ["a regression", { kind: "regression" }],
  ["several labels", { kind: "multi-label", labels: ["a", "b"] }],
  ["labels of tokens", { kind: "tokens", labels: ["O", "B-X"] }],
])("base and file give the very network that was written, under %s", async (_, head) => {
  const network = product(BASE, head);
  expect(await apply(encoded(network))).toEqual(network);
});

test("a base in 8 bits is the same numbers in float32, as the network that was written has them", async () => {
  const layers = linearModules(BASE.config.layers).map((module) => [module, {}] as const);
  const base = withQuantized(BASE, new Map(layers));
  expect(base.config.quantized?.size).toBeGreaterThan(0);
  const network = product(inFloat(base));
  const file = encodeMaskFile(maskBase(base), network) ?? new Uint8Array();
  expect(await apply(file, base)).toEqual(network);
  const inBytes = { ...network, config: base.config };
  expect(encodeMaskFile(maskBase(base), inBytes)).toBeUndefined();
});

test("the base's own head does not matter, and the file has nothing of its encoder but bits", async () => {
  const file = encoded();
  expect(await apply(file, withHead(BASE, { kind: "none" }, keyOf(0)))).toEqual(product());
  const { tensors } = await readHeader(bufferSource("f", await gunzip(bufferSource("f", file), 1e6)));
  const floats = [...tensors].filter(([, { dtype }]) => dtype === "float32").map(([name]) => name);
  expect(floats.sort()).toEqual([...product().tensors.keys()].filter((name) => !isEncoder(name)).sort());
});

test("the same network gives the same bytes", () => {
  expect(encoded()).toEqual(encoded(product()));
});

test.each<[string, Network]>([
  ["a surviving weight was changed", changed(product(), QUERY, (w) => w * 1.001)],
  ["a bias was trained", changed(product(), QUERY.replace("weight", "bias"), (w) => w + 1e-3)],
  ["a weight is 0 without a mask", { ...product(), masks: new Map() }],
  ["a weight is not a number", changed(product(), QUERY, () => Number.NaN)],
  ["a layer is gone", product({ ...BASE, config: { ...BASE.config, layers: BASE.config.layers.slice(1) } })],
  ["its word pieces are others", { ...product(), vocabulary: { ...BASE.vocabulary, lowercase: false } }],
])("there is no mask file where %s", (_, network) => {
  expect(encodeMaskFile(maskBase(BASE), network)).toBeUndefined();
});

test.each<[string, Network]>([
  ["a masked weight", changed(BASE, QUERY, (w, i) => (i === 7 ? w + 1e-3 : w))],
  ["a bias, which no mask covers", changed(BASE, "bert.embeddings.LayerNorm.bias", () => 0.1)],
  ["the flags of the tokenizer", { ...BASE, vocabulary: { ...BASE.vocabulary, lowercase: false } }],
])("a base that differs in %s is refused (mask/base)", async (_, base) => {
  await expect(apply(encoded(), base)).rejects.toMatchObject({
    code: "mask/base",
    message: expect.stringContaining("sst2.mask"),
  });
});

test("the product's length comes with the file; a file that says none leaves the base's", async () => {
  const short = encodeMaskFile(maskBase(BASE), withLength(product(), 9)) ?? new Uint8Array();
  expect((await apply(short)).vocabulary.maxLength).toBe(9);
  const { tensors, metadata } = await parts();
  metadata.delete("max_length");
  const silent = await apply(gzip(encodeSafetensors(tensors, metadata)));
  expect(silent.vocabulary.maxLength).toBe(BASE.vocabulary.maxLength);
});

test("dropout, initialisation and a spare head make no other base", async () => {
  const base = { ...BASE, config: { ...BASE.config, hiddenDropout: 0.5, initializerRange: 0.1 } };
  expect((await apply(encoded(), base)).tensors).toEqual(product().tensors);
});

/** Tensors and metadata of the good file, to be spoilt one by one. */
async function parts(): Promise<{ tensors: Map<string, Tensor>; metadata: Map<string, string> }> {
  const file = bufferSource("f", await gunzip(bufferSource("f", encoded()), 1e6));
  const { tensors: entries, metadata } = await readHeader(file);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of entries) tensors.set(name, await readTensor(file, entry));
  return { tensors, metadata: new Map(metadata) };
}

type Spoil = (tensors: Map<string, Tensor>, metadata: Map<string, string>) => void;
const zeros = (...shape: number[]): FloatTensor =>
  floatTensor(shape, new Float32Array(shape.reduce((n, d) => n * d, 1)));
const bytes = (size: number, value = 0): Tensor => ({
  dtype: "uint8",
  shape: [size],
  data: new Uint8Array(size).fill(value),
});
const config = (change: object): string => JSON.stringify({ ...configJson(BASE.config, THREE), ...change });

/** Files made to mislead: what is wrong, the code it must give, how to make one. */
const ATTACKS: readonly [string, string, Spoil][] = [
  ["no version", "mask/version", (_, m) => m.delete("espalier_mask")],
  ["another version", "mask/version", (_, m) => m.set("espalier_mask", "2")],
  ["no base", "mask/base", (_, m) => m.delete("base")],
  ["an empty base", "mask/base", (_, m) => m.set("base", "")],
  ["no tokens at all", "mask/length", (_, m) => m.set("max_length", "")],
  ["more tokens than positions", "mask/length", (_, m) => m.set("max_length", "999999")],
  ["no configuration", "config/size", (_, m) => m.delete("config")],
  ["a configuration that is no JSON", "json/syntax", (_, m) => m.set("config", "{")],
  ["more layers than the base", "mask/shape", (_, m) => m.set("config", config({ num_hidden_layers: 3 }))],
  ["another activation", "mask/shape", (_, m) => m.set("config", config({ hidden_act: "relu" }))],
  [
    "another head than its tensors",
    "mask/unused",
    (_, m) => m.set("config", config({ architectures: null })),
  ],
  ["a tensor of the encoder itself", "mask/unused", (t) => t.set(QUERY, zeros(16, 16))],
  ["a mask of nothing", "mask/unused", (t) => t.set("mask.a", bytes(1))],
  ["a mask of the prototype", "mask/unused", (t) => t.set("mask.__proto__", bytes(1))],
  ["a head's tensor missing", "mask/missing", (t) => t.delete("classifier.bias")],
  ["a head's tensor of another shape", "mask/tensor", (t) => t.set("classifier.bias", zeros(4))],
  ["a head's tensor of bytes", "safetensors/not-float", (t) => t.set("classifier.bias", bytes(3))],
  [
    "a head's tensor with NaN",
    "mask/finite",
    (t) => t.set("classifier.bias", floatTensor([3], Float32Array.of(0, 1, Number.NaN))),
  ],
  ["a mask too short", "masks/size", (t) => t.set(`mask.${QUERY}`, bytes(31))],
  ["a mask of floats", "masks/size", (t) => t.set(`mask.${QUERY}`, zeros(32))],
  ["bits behind the last weight", "masks/size", (t) => t.set("mask.classifier.bias", bytes(1, 0xff))],
];

test.each(ATTACKS)("attack: %s", async (_, code, spoil) => {
  const { tensors, metadata } = await parts();
  spoil(tensors, metadata);
  const read = apply(gzip(encodeSafetensors(tensors, metadata)));
  await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining("sst2.mask") });
});

test("the attacks' own scaffolding is sound: unharmed parts pass", async () => {
  const { tensors, metadata } = await parts();
  expect(await apply(gzip(encodeSafetensors(tensors, metadata)))).toEqual(product());
});

test.each<[string, string, Uint8Array]>([
  ["a text", "gzip/foreign", new TextEncoder().encode("not a mask")],
  ["a file cut off", "gzip/damaged", encoded().slice(0, -20)],
  ["bytes behind its end", "gzip/trailing", new Uint8Array(Buffer.concat([encoded(), new Uint8Array(3)]))],
  [
    "one mask file behind another",
    "safetensors/length",
    new Uint8Array(Buffer.concat([encoded(), encoded()])),
  ],
  [
    "gzip of something else",
    "safetensors/header-length",
    gzip([new TextEncoder().encode("not a mask at all")]),
  ],
  ["a model file", "mask/version", gzip(encodeSafetensors(BASE.tensors))],
  ["a bomb", "gzip/too-large", gzip([new Uint8Array(4_000_000)])],
])("%s is refused", async (_, code, file) => {
  await expect(apply(file)).rejects.toMatchObject({ code });
});
