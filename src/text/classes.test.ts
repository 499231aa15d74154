/** What a class makes of the mask of a folder, as transformers 4.57 does, and RoBERTa's old files. */

import { expect, test } from "vitest";
import { pipelineModel } from "../../test/support/pipeline-model.ts";
import { FormatError, InputError } from "../base/errors.ts";
import { createTokenizer } from "./tokenizer.ts";
import { tokenizerJson } from "./tokenizer-files.ts";
import { readTokenizer, type TokenizerSources } from "./vocabulary.ts";

const { vocabulary } = pipelineModel("BPE");
const whole = tokenizerJson(vocabulary);
const named = (json: unknown, where = "t") => ({ json, where });

/** The mask's flag of a folder whose tokenizer.json lists the mask without the flag, or not. */
function maskTakesSpace(tokenizer_class: string, isListed: boolean, isGiven: boolean): boolean | undefined {
  const listed = isListed ? [{ id: 4, content: "<mask>", lstrip: false, special: true }] : [];
  const config = {
    tokenizer_class,
    ...(isGiven ? { mask_token: "<mask>" } : {}),
    ...{ cls_token: "<s>", sep_token: "</s>", pad_token: "<pad>", unk_token: "<unk>" },
  };
  const files = readTokenizer(
    { tokenizer: named({ ...whole, added_tokens: listed }), config: named(config) },
    "f",
  );
  return files.rules?.added.find(({ id }) => id === 4)?.lstrip;
}

test.each([
  ["RobertaTokenizer", [false, true, true, true]],
  ["XLMRobertaTokenizerFast", [false, true, true, true]],
] as const)(
  "%s: its mask takes the space before it, unless tokenizer.json says and the folder names it",
  (name, expected) => {
    const got = [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ].map(([isListed = false, isGiven = false]) => maskTakesSpace(name, isListed, isGiven));
    expect(got).toEqual(expected);
  },
);

const numbers = named(Object.fromEntries(vocabulary.vocab.map((piece, id) => [piece, id])), "vocab.json");
const pairs = vocabulary.pipeline.model.type === "BPE" ? vocabulary.pipeline.model.merges : [];
const merges = {
  text: `#version: 0.2\n${pairs.map((pair) => pair.join(" ")).join("\n")}\n`,
  where: "merges.txt",
};
const roberta = named({ model_type: "roberta" }, "config.json");

test("vocab.json and merges.txt are RoBERTa's tokenizer, its mask with the space before it", () => {
  const files = readTokenizer({ numbers, merges, model: roberta }, "f");
  expect(files).toEqual({
    ...vocabulary,
    maxLength: Number.POSITIVE_INFINITY,
    pipeline: { ...vocabulary.pipeline, normalizers: [] },
  });
  const { ids } = createTokenizer(files).encode("a film <mask>", "good", 64);
  const of = (piece: string) => vocabulary.vocab.indexOf(piece);
  expect([...ids]).toEqual([0, of("a"), of("Ġfilm"), 4, 2, 2, of("go"), of("od"), 2]);
});

test.each<[string, TokenizerSources, string]>([
  ["of another class", { numbers, merges }, "tokenizer_class"],
  [
    "without the line of a version",
    { numbers, merges: { ...merges, text: "f i\n" }, model: roberta },
    "line 1",
  ],
  [
    "with a pair of what are no pieces",
    { numbers, merges: { ...merges, text: `${merges.text}q qq\n` }, model: roberta },
    "merge 6",
  ],
])("merges.txt %s is refused by name", (_, sources, name) => {
  expect(() => readTokenizer(sources, "f")).toThrow(FormatError);
  expect(() => readTokenizer(sources, "f")).toThrow(name);
});

test("SentencePiece's own file alone is refused, and the message says what makes tokenizer.json", () => {
  const read = () => readTokenizer({ sentencePiece: "spiece.model" }, "f");
  expect(read).toThrow(InputError);
  expect(read).toThrow(/got spiece\.model .*save_pretrained/);
});
