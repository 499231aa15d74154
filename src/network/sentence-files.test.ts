import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import type { Pooling } from "../bert/config.ts";
import { readFolder, writeFolder } from "./folder.ts";
import { lengthFor, withLength } from "./length.ts";
import type { Network } from "./network.ts";

const type = (kind: string): string => `sentence_transformers.models.${kind}`;
const TRANSFORMER = { idx: 0, name: "0", path: "", type: type("Transformer") };
const POOLING = { idx: 1, name: "1", path: "1_Pooling", type: type("Pooling") };
const NORMALIZE = { idx: 2, name: "2", path: "2_Normalize", type: type("Normalize") };
const MEAN = { pooling_mode_mean_tokens: true, pooling_mode_cls_token: false };

/** A bare encoder in a folder with files beside it, as it is read, and the notes about it. */
async function readBeside(
  files: Readonly<Record<string, unknown>>,
  network = tinyModel({ kind: "none" }),
): Promise<readonly [Network, readonly string[]]> {
  const folder = await written(network);
  for (const [name, json] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(json));
  }
  const notes: string[] = [];
  return [await readFolder(folder, (text) => notes.push(text)), notes];
}

/** Of a folder with such modules and such a configuration of the pooling. */
function modules(list: unknown, pooling: unknown = MEAN): Record<string, unknown> {
  return { "modules.json": list, "1_Pooling/config.json": pooling };
}

const STEPS = [TRANSFORMER, POOLING];
const READ: readonly [string, unknown, unknown, Pooling][] = [
  ["mean", STEPS, MEAN, { mode: "mean", normalize: false }],
  ["mean of length 1", [...STEPS, NORMALIZE], MEAN, { mode: "mean", normalize: true }],
  ["first token", STEPS, { pooling_mode_cls_token: true }, { mode: "cls", normalize: false }],
  ["max", STEPS, { pooling_mode_max_tokens: true }, { mode: "max", normalize: false }],
  [
    "sum over root",
    STEPS,
    { pooling_mode_mean_sqrt_len_tokens: true },
    { mode: "mean_sqrt_len_tokens", normalize: false },
  ],
  ["no mode is the mean", STEPS, {}, { mode: "mean", normalize: false }],
  ["mode of version 6", STEPS, { pooling_mode: "cls" }, { mode: "cls", normalize: false }],
  ["list of one", STEPS, { pooling_mode: ["max"] }, { mode: "max", normalize: false }],
  [
    "classes of version 6",
    [
      { ...TRANSFORMER, type: "sentence_transformers.base.modules.transformer.Transformer" },
      { ...POOLING, type: "sentence_transformers.sentence_transformer.modules.pooling.Pooling" },
      { ...NORMALIZE, type: "sentence_transformers.base.modules.normalize.Normalize" },
    ],
    { pooling_mode: "mean" },
    { mode: "mean", normalize: true },
  ],
];

test.each(READ)("pooling of a sentence encoder: %s", async (_, list, config, pooling) => {
  const [network, notes] = await readBeside(modules(list, config));
  expect([network.head, notes]).toEqual([{ kind: "none", pooling }, []]);
});

const DENSE = { idx: 2, name: "2", path: "2_Dense", type: type("Dense") };
const UNREAD: readonly [string, Record<string, unknown>, RegExp][] = [
  ["two modes", modules(STEPS, { pooling_mode: ["cls", "mean"] }), /pooling by cls and mean/],
  ["last token", modules(STEPS, { pooling_mode_lasttoken: true }), /pooling by lasttoken/],
  ["a dense layer", modules([...STEPS, DENSE]), /Dense after Pooling/],
  ["a dense layer, then length 1", modules([...STEPS, DENSE, NORMALIZE]), /Dense after Pooling/],
  ["one more after length 1", modules([...STEPS, NORMALIZE, DENSE]), /Dense after Pooling/],
  [
    "other pooling",
    modules([TRANSFORMER, { ...POOLING, type: type("WordWeights") }]),
    /WordWeights in place/,
  ],
  ["code of its own", modules([TRANSFORMER, { ...POOLING, type: "my.Pooling" }]), /my\.Pooling in place/],
  ["no pooling", modules([TRANSFORMER]), /nothing in place of Pooling/],
  ["no modules", modules([]), /nothing in place of a Transformer/],
  ["another folder", modules([{ ...TRANSFORMER, path: "0_BERT" }, POOLING]), /place of a Transformer/],
  ["a folder outside", modules([TRANSFORMER, { ...POOLING, path: "../1_Pooling" }]), /a Pooling in \.\./],
  ["no configuration", { "modules.json": STEPS }, /without its configuration/],
  ["no list", modules({}), /without a list/],
  [
    "a prompt",
    {
      ...modules(STEPS),
      "config_sentence_transformers.json": { default_prompt_name: "q", prompts: { q: "query: " } },
    },
    /the prompt "query: "/,
  ],
];

test.each(UNREAD)(
  "the encoder is read without its vectors, and a note says why: %s",
  async (_, files, why) => {
    const [network, notes] = await readBeside(files);
    expect(network.head).toEqual({ kind: "none", pooling: null });
    expect(notes).toEqual([expect.stringMatching(why)]);
  },
);

test("texts in small letters are those of a tokenizer that lowers them, and no other's", async () => {
  const files = {
    ...modules(STEPS),
    "sentence_bert_config.json": { max_seq_length: 7, do_lower_case: true },
  };
  const tiny = tinyModel({ kind: "none" });
  const [lower] = await readBeside(files, { ...tiny, vocabulary: { ...tiny.vocabulary, lowercase: true } });
  expect([lower.head, lower.vocabulary.maxLength]).toEqual([
    { kind: "none", pooling: { mode: "mean", normalize: false } },
    7,
  ]);
  const [cased, notes] = await readBeside(files, {
    ...tiny,
    vocabulary: { ...tiny.vocabulary, lowercase: false },
  });
  expect([cased.head, notes.length]).toEqual([{ kind: "none", pooling: null }, 1]);
});

test("the length of a sentence encoder stands in place of model_max_length, above it too", async () => {
  const tiny = tinyModel({ kind: "none" });
  const short = { ...tiny, vocabulary: { ...tiny.vocabulary, maxLength: 5 } };
  const files = { ...modules(STEPS), "sentence_bert_config.json": { max_seq_length: 12 } };
  const [longer] = await readBeside(files, short);
  expect([longer.vocabulary.maxLength, lengthFor(longer)]).toEqual([12, 12]);
  const [whole] = await readBeside({ ...files, "sentence_bert_config.json": { max_seq_length: 999 } }, short);
  expect(lengthFor(whole)).toBe(whole.config.maxPositions);
  const [none] = await readBeside({ ...files, "sentence_bert_config.json": { max_seq_length: null } }, short);
  expect(none.vocabulary.maxLength).toBe(5);
});

test("prompts and a similarity that are not kept are told; a written folder has its length", async () => {
  const own = { prompts: { query: "query: ", none: "" }, similarity_fn_name: "dot" };
  const [network, notes] = await readBeside({ ...modules(STEPS), "config_sentence_transformers.json": own });
  expect(notes).toEqual([expect.stringContaining("the prompts query and the similarity dot of")]);
  const folder = await newFolder();
  await writeFolder(folder, withLength(network, 9));
  expect(JSON.parse(await readFile(join(folder, "sentence_bert_config.json"), "utf8"))).toEqual({
    max_seq_length: 9,
    do_lower_case: false,
  });
});

test("prompts of which none is the default change nothing, nor do modules beside another head", async () => {
  const prompts = { default_prompt_name: null, prompts: { q: "query: " } };
  const [network] = await readBeside({ ...modules(STEPS), "config_sentence_transformers.json": prompts });
  expect(network.head).toEqual({ kind: "none", pooling: { mode: "mean", normalize: false } });
  const classifier = tinyModel();
  expect((await readBeside(modules(STEPS), classifier))[0].head).toEqual(classifier.head);
});

test.each([
  { mode: "mean", normalize: true },
  { mode: "cls", normalize: false },
] as const)("a written folder says how vectors are made, twice and the same: %o", async (pooling) => {
  const network: Network = { ...tinyModel(), ...tinyModel({ kind: "none", pooling }) };
  const folder = await written(network);
  expect((await readFolder(folder)).head).toEqual(network.head);
  await writeFile(join(folder, "1_Pooling", "config.json"), JSON.stringify({ pooling_mode: "max" }));
  await expect(readFolder(folder)).rejects.toMatchObject({
    code: "folder/pooling",
    message: expect.stringContaining(`expected ${pooling.mode}, `),
  });
  // Whatever was there before is not this model's.
  const bare = tinyModel({ kind: "none" });
  await writeFolder(folder, bare);
  expect((await readFolder(folder)).head).toEqual(bare.head);
});

test("a pooling that is not read here goes on with the encoder", async () => {
  const [network] = await readBeside(modules([]));
  const folder = await newFolder();
  await writeFolder(folder, network);
  expect((await readFolder(folder)).head).toEqual({ kind: "none", pooling: null });
});
