/** Whole files made to mislead a reader: each is refused by its name, and whatever is done to the bytes is a FormatError. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { encoderCases, hubFolder } from "../../../test/support/encoders.ts";
import { splitSections } from "../../../test/support/esp-sections.ts";
import { ownTemplates, ruledModel } from "../../../test/support/ruled-model.ts";
import { PRUNED_CONFIG, tinyModel } from "../../../test/support/tiny-model.ts";
import { FormatError } from "../../base/errors.ts";
import { floatTensor } from "../../base/tensor.ts";
import type { Head } from "../../bert/config.ts";
import { parameters } from "../../bert/names.ts";
import { readFolder } from "../../network/folder.ts";
import type { Network } from "../../network/network.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { joinSections } from "./container.ts";
import { directoryText } from "./directory.ts";
import { decodeEsp, encodeEsp } from "./model.ts";
import { readText, writeText } from "./text.ts";

function sparse(network: Network): Network {
  const tensors = [...network.tensors].map(([name, { shape, data }]) => {
    const cut = shape.length === 2 && name.startsWith("bert.encoder.");
    return [
      name,
      floatTensor(
        shape,
        data.map((x, i) => (cut && (i * 7) % 10 > 2 ? 0 : x)),
      ),
    ] as const;
  });
  return { ...network, tensors: new Map(tensors) };
}

const FILES = await Promise.all(
  (
    [
      ["int8", undefined],
      ["float16", { kind: "tokens", labels: ["O", "B-X"] }],
      ["float32", { kind: "multi-label", labels: ["a", "b"] }],
    ] as const
  ).map(([values, head]) =>
    encodeEsp(sparse(tinyModel(head, PRUNED_CONFIG)), { values, metadata: { made: "by a test" } }),
  ),
);
const [FILE = new Uint8Array(0)] = FILES;
const SECTIONS = splitSections(FILE, "f");
const DIRECTORY = readText(new ByteReader(SECTIONS[0] ?? FILE, "directory", "f"));
const PIECES = readText(new ByteReader(SECTIONS[1] ?? FILE, "vocabulary", "f"));

function text(content: string): Uint8Array {
  const writer = new ByteWriter();
  writeText(writer, content, "text");
  return writer.bytes();
}

/** The file with another directory, its checksums in order. */
function withDirectory(from: string | RegExp, to: string, file = FILE): Uint8Array {
  const [first = file, ...others] = splitSections(file, "f");
  const directory = readText(new ByteReader(first, "directory", "f"));
  const changed = directory.replace(from, to);
  if (changed === directory) throw new Error(`nothing to replace: ${from}`);
  return joinSections([text(changed), ...others]);
}

/** A file of the first golden of an architecture. */
async function fileOf(type: string): Promise<Uint8Array> {
  const found = (await encoderCases()).find(({ config }) => config.model_type === type);
  if (found === undefined) throw new Error(`no case of ${type}`);
  return encodeEsp(await readFolder(await hubFolder(found, found.tensors)));
}
const [MODERN, ALBERT, MPNET] = await Promise.all(["modernbert", "albert", "mpnet"].map(fileOf));

function withPieces(pieces: string): Uint8Array {
  return joinSections([...SECTIONS.slice(0, 1), text(pieces), ...SECTIONS.slice(2)]);
}

const RULED = splitSections(await encodeEsp(ruledModel(ownTemplates)), "f");
const RULED_DIRECTORY = readText(new ByteReader(RULED[0] ?? FILE, "directory", "f"));

/** A file whose tokenizer has rules, with other ones. */
function withRules(from: string | RegExp, to: string): Uint8Array {
  const changed = RULED_DIRECTORY.replace(from, to);
  if (changed === RULED_DIRECTORY) throw new Error(`nothing to replace: ${from}`);
  return joinSections([text(changed), ...RULED.slice(1)]);
}

const WORDS = '["bert.embeddings.word_embeddings.weight",[15,16],"int8"]';
const TYPES = '["bert.embeddings.token_type_embeddings.weight",[2,16],"int8"]';
const BIAS = '["classifier.bias",[2],"float32"]';
/** The last two tensors, each with its entry. */
const LAST = /(\["classifier\.weight",\[[\d,]+\],"\w+"\]),(\["classifier\.bias",\[2\],"float32"\])/;

/** A stream of `value` alone, as often as the reader likes. */
function constant(value: number): number[] {
  const states = [0, 0, 1, 0];
  return [1, 21, 0, 0, 0, value, value, 128, 128, 1, ...states, ...states, ...states, ...states];
}

/** 2^28 equal numbers in 78 bytes, where the file says that it has as many words. */
function enormous(): Uint8Array {
  const words = WORDS.replace("15", "16777216");
  const directory = DIRECTORY.replace(WORDS, words).replace('"vocab_size":15', '"vocab_size":16777216');
  const section = Uint8Array.from([constant(0x80), constant(0x3f), constant(1)].flat());
  return joinSections([text(directory), ...SECTIONS.slice(1, 2), section, ...SECTIONS.slice(3)]);
}

/** A whole directory of a network of 2^32 numbers, and nothing else. */
function gigantic(): Uint8Array {
  const config = { ...PRUNED_CONFIG, vocabSize: 2 ** 24, hiddenSize: 256 };
  const head: Head = { kind: "none" };
  const listed = [...parameters(config, head)].map(
    ([name, shape]) => [name, { shape, values: "float32" }] as const,
  );
  const { vocabulary } = tinyModel();
  const directory = directoryText({ config, head, metadata: {}, tensors: new Map(listed) }, vocabulary);
  return joinSections([text(directory), ...SECTIONS.slice(1)]);
}

const ATTACKS: readonly [string, string, Uint8Array][] = [
  ["no sections", "esp/sections", joinSections([])],
  ["a directory alone", "esp/sections", joinSections(SECTIONS.slice(0, 1))],
  ["a tensor less than listed", "esp/sections", joinSections(SECTIONS.slice(0, -1))],
  ["a tensor more than listed", "esp/sections", joinSections([...SECTIONS, Uint8Array.of(1)])],
  ["two sections in each other's place", "esp/method", joinSections(swapped(2, 3))],
  ["a directory that is no JSON", "json/syntax", withDirectory(/^\{/, "")],
  ["a directory that is a list", "esp/directory", joinSections([text("[]"), ...SECTIONS.slice(1)])],
  ["an unknown part of the directory", "esp/directory", withDirectory(/^\{/, '{"more":1,')],
  ["a part of the prototype in its place", "esp/directory", withDirectory('"tokenizer"', '"__proto__"')],
  [
    "lists in lists",
    "esp/depth",
    withDirectory('"hidden_size":16', `"hidden_size":${"[".repeat(9)}${"]".repeat(9)}`),
  ],
  ["100,000 lists in lists", "esp/depth", withDirectory('"made"', `"${"x".repeat(9)}":${"[".repeat(1e5)}`)],
  [
    "a configuration key twice",
    "json/duplicate",
    withDirectory('"hidden_size":16', '"hidden_size":16,"hidden_size":8'),
  ],
  ["a hidden size of 0", "esp/config", withDirectory('"hidden_size":16', '"hidden_size":0')],
  ["a hidden size of 2^24 + 1", "esp/config", withDirectory('"hidden_size":16', '"hidden_size":16777217')],
  [
    "texts of 2^24 tokens",
    "esp/places",
    withDirectory('"max_position_embeddings":16', '"max_position_embeddings":16777216', MODERN),
  ],
  [
    "odd heads that are to be turned",
    "esp/config",
    withDirectory('"num_attention_heads":3', '"num_attention_heads":4', MODERN),
  ],
  [
    "layers of another kind",
    "esp/config",
    withDirectory('"sliding_attention","', '"chunked_attention","', MODERN),
  ],
  [
    "a type that its class is not of",
    "esp/config",
    withDirectory('"model_type":"modernbert"', '"model_type":"albert"', MODERN),
  ],
  [
    "more groups of layers than tensors",
    "esp/missing",
    withDirectory('"num_hidden_groups":1', '"num_hidden_groups":3', ALBERT),
  ],
  [
    "wider embeddings than tensors",
    "esp/shape",
    withDirectory('"embedding_size":8', '"embedding_size":7', ALBERT),
  ],
  [
    "buckets that no table has",
    "esp/config",
    withDirectory('"relative_attention_num_buckets":32', '"relative_attention_num_buckets":64', MPNET),
  ],
  [
    "a table of 2^24 heads, which each layer would list",
    "esp/config",
    withDirectory('"relative_attention_num_buckets":32', '$&,"relative_attention_heads":16777216', MPNET),
  ],
  ["a bias that is not there", "esp/missing", withDirectory('"norm_bias":false', '"norm_bias":true', MODERN)],
  ["a decoder", "esp/config", withDirectory('"model_type":"bert"', '"model_type":"bert","is_decoder":true')],
  [
    "an unknown architecture",
    "esp/config",
    withDirectory("BertForSequenceClassification", "BertForAnything"),
  ],
  [
    "a tokenizer without basic splitting",
    "tokenizer/config",
    withDirectory('"tokenizer":{', '"tokenizer":{"do_basic_tokenize":false,'),
  ],
  [
    "a special piece of another name without rules",
    "tokenizer/config",
    withDirectory('"mask_token":"[MASK]"', '"mask_token":"film"'),
  ],
  ["rules that are a list", "tokenizer/object", withRules(/"espalier":\{.*?\]\}\}/, '"espalier":[]}')],
  ["a special piece that is none", "tokenizer/config", withRules('"pad":0', '"pad":19')],
  ["a negative piece", "tokenizer/config", withRules('"pad":0', '"pad":-1')],
  ["an unknown piece that words are not spelt with", "tokenizer/config", withRules('"unk":1', '"unk":15')],
  ["more words than pieces", "tokenizer/config", withRules('"words":15', '"words":20')],
  ["fewer words, so that pieces are nothing", "tokenizer/kind", withRules('"words":15', '"words":14')],
  ["a prefix that is a number", "tokenizer/config", withRules('"prefix":"##"', '"prefix":2')],
  ["an endless word", "tokenizer/config", withRules('"maxWordLength":100', '"maxWordLength":1e99')],
  ["an added token twice", "tokenizer/kind", withRules('{"id":16,"singleWord"', '{"id":15,"singleWord"')],
  ["a flag that is a number", "tokenizer/config", withRules('"lstrip":false', '"lstrip":0')],
  ["a template without a text", "tokenizer/config", withRules(/"single":.*?\],/, '"single":[],')],
  ["a template with a text twice", "tokenizer/config", withRules('"text":"B"', '"text":"A"')],
  ["a template of a third text", "tokenizer/config", withRules('"text":"B"', '"text":"C"')],
  [
    "a template with a piece that is none",
    "tokenizer/config",
    withRules('{"id":18,"type"', '{"id":99,"type"'),
  ],
  ["a type beyond all", "tokenizer/config", withRules('"type":1', '"type":256')],
  ["metadata that is a number", "esp/metadata", withDirectory('"by a test"', "1")],
  ["metadata that is a list", "esp/metadata", withDirectory('{"made":"by a test"}', "[]")],
  ["tensors that are an object", "esp/entry", withDirectory(/"tensors":.*$/, '"tensors":{}}')],
  ["a tensor without values", "esp/entry", withDirectory(BIAS, '["classifier.bias",[2]]')],
  ["unknown values", "esp/entry", withDirectory(BIAS, '["classifier.bias",[2],"int4"]')],
  ["values of the prototype", "esp/entry", withDirectory(BIAS, '["classifier.bias",[2],"constructor"]')],
  ["blocks of 3 rows", "esp/entry", withDirectory('"int8",1]', '"int8",3]')],
  ["blocks of 1 x 2", "esp/entry", withDirectory('"int8",1]', '"int8","1x2"]')],
  ["blocks of 2 rows in another spelling", "esp/entry", withDirectory('"int8",1]', '"int8","2x1"]')],
  ["a single weight in another spelling", "esp/entry", withDirectory('"int8",1]', '"int8","1"]')],
  ["blocks of the prototype", "esp/entry", withDirectory('"int8",1]', '"int8","constructor"]')],
  ["a negative dimension", "esp/entry", withDirectory(BIAS, '["classifier.bias",[-2],"float32"]')],
  ["half a dimension", "esp/entry", withDirectory(BIAS, '["classifier.bias",[0.5],"float32"]')],
  [
    "a dimension of 2^53",
    "esp/entry",
    withDirectory(BIAS, '["classifier.bias",[9007199254740992],"float32"]'),
  ],
  ["blocks of a vector", "esp/entry", withDirectory(BIAS, '["classifier.bias",[2],"float32",1]')],
  ["a vector of levels", "esp/entry", withDirectory(BIAS, '["classifier.bias",[2],"int8"]')],
  ["a tensor twice", "esp/twice", withDirectory(TYPES, WORDS)],
  ["a tensor called __proto__", "esp/unused", withDirectory('"classifier.bias"', '"__proto__"')],
  ["a tensor of another head", "esp/unused", withDirectory('"classifier.bias"', '"cls.predictions.bias"')],
  [
    "another shape than the configuration's",
    "esp/shape",
    withDirectory(BIAS, '["classifier.bias",[3],"float32"]'),
  ],
  ["a missing tensor", "esp/missing", withDirectory(`,${BIAS}`, "")],
  [
    "a layer that computes in 8 bits and is stored in 16",
    "esp/quantized",
    withDirectory(
      /"espalier":\{(.*"bert\.encoder\.layer\.0\.intermediate\.dense\.weight",\[[\d,]+\]),"int8"/,
      '"espalier":{"quantized":{"bert.encoder.layer.0.intermediate.dense":{}},$1,"float16"',
    ),
  ],
  ["two tensors in each other's place", "esp/order", withDirectory(LAST, "$2,$1")],
  ["2^28 numbers in 78 bytes", "esp/budget", enormous()],
  ["2^32 numbers", "esp/elements", gigantic()],
  ["a piece twice", "esp/piece", withPieces(`${PIECES.slice(0, -3)}bad`)],
  ["an empty piece", "esp/piece", withPieces(PIECES.replace("film", ""))],
  ["more pieces than vocab_size", "esp/pieces", withPieces(`${PIECES}\nx`)],
  ["no pieces", "esp/piece", withPieces("")],
  ["no special pieces", "vocab/special", withPieces("a\nb")],
];

function swapped(i: number, j: number): Uint8Array[] {
  return SECTIONS.map((section, k) => SECTIONS[k === i ? j : k === j ? i : k] ?? section);
}

test.each(ATTACKS)("attack: %s", async (_, code, bytes) => {
  const read = decodeEsp(bytes, "evil.esp");
  await expect(read).rejects.toThrow(FormatError);
  await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining("evil.esp") });
});

test("the attacks' own scaffolding is sound: a file put together from its parts passes", async () => {
  const again = joinSections([text(DIRECTORY), text(PIECES), ...SECTIONS.slice(2)]);
  expect(again).toEqual(FILE);
  await expect(decodeEsp(again)).resolves.toMatchObject({ metadata: { made: "by a test" } });
});

/** Reads the bytes; whatever goes wrong has to be a FormatError. */
async function survives(bytes: Uint8Array): Promise<void> {
  await decodeEsp(bytes, "f").catch((error: unknown) => {
    expect(error).toBeInstanceOf(FormatError);
  });
}

test("a file cut off within any section is refused, and so are its sections cut off one by one", async () => {
  let at = FILE.length - SECTIONS.reduce((n, { length }) => n + length, 0);
  for (const [i, section] of SECTIONS.entries()) {
    at += section.length;
    if (section.length === 0) continue;
    await expect(decodeEsp(FILE.subarray(0, at - 1))).rejects.toThrow(FormatError);
    const cut = SECTIONS.map((other, k) => (k === i ? section.subarray(0, -1) : other));
    await expect(decodeEsp(joinSections(cut))).rejects.toThrow(FormatError);
  }
});

const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
  minLength: 1,
  maxLength: 4,
});

function changed(bytes: Uint8Array, edits: readonly (readonly [number, number])[]): Uint8Array {
  const copy = bytes.slice();
  for (const [at, byte] of edits) if (copy.length > 0) copy[at % copy.length] = byte;
  return copy;
}

test("300 files with up to four bytes changed fail as files or not at all", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...FILES), changes, (file, edits) => survives(changed(file, edits))),
    { numRuns: 300, seed: 1 },
  );
});

test("500 sections changed or cut, checksums in order, fail as files or not at all", async () => {
  const parts = FILES.map((file) => splitSections(file, "f"));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...parts),
      fc.nat(),
      fc.option(fc.nat()),
      changes,
      async (all, n, end, edits) => {
        const at = n % all.length;
        const broken = changed(all[at] ?? FILE, edits);
        const part = end === null ? broken : broken.subarray(0, end % (broken.length + 1));
        await survives(joinSections(all.map((section, i) => (i === at ? part : section))));
      },
    ),
    { numRuns: 500, seed: 2 },
  );
});

test("300 directories with up to four letters changed fail as files or not at all", async () => {
  const letters = new TextEncoder().encode(DIRECTORY);
  const ascii = changes.map((list) => list.map(([at, byte]) => [at, byte & 127] as const));
  await fc.assert(
    fc.asyncProperty(ascii, (edits) =>
      survives(joinSections([text(new TextDecoder().decode(changed(letters, edits))), ...SECTIONS.slice(1)])),
    ),
    { numRuns: 300, seed: 3 },
  );
});
