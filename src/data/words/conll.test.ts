import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AskedColumns } from "../columns.ts";
import { readConll } from "./conll.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-conll-"));

/** Texts as `word/label word/label`. */
async function read(name: string, ...lines: readonly string[]): Promise<string[]> {
  return readBy({}, name, ...lines);
}

async function readBy(asked: AskedColumns, name: string, ...lines: readonly string[]): Promise<string[]> {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join("\n")}\n`);
  const texts = await readConll(file, asked);
  return texts.map(({ words, labels }) => words.map((word, i) => `${word}/${labels[i]}`).join(" "));
}

test("inside a text # is a word, as in CoNLL-2000", async () => {
  const lines = ["to TO B-PP", "# # B-NP", "1.6 CD I-NP", "", "Next JJ B-NP"];
  expect(await read("a.conll", ...lines)).toEqual(["to/B-PP #/B-NP 1.6/I-NP", "Next/B-NP"]);
});

test("at the start of a text # is a word where columns and label are known, else a comment", async () => {
  const lines = ["# # B-NP", "a DT B-NP", "1.6 CD I-NP", "", "# # B-NP", "2 CD I-NP"];
  expect(await read("a.conll", ...lines)).toEqual(["a/B-NP 1.6/I-NP", "#/B-NP 2/I-NP"]);
  expect(await read("a.conll", "a O", "b X", "", "# newdoc", "# id X 7", "# 3 O", "c O")).toEqual([
    "a/O b/X",
    "c/O",
  ]);
  expect(await read("a.conll", "a O", "", "# O", "c O")).toEqual(["a/O", "#/O c/O"]);
});

test("a comment inside a text is no word of as many columns, and refused with its line", async () => {
  await expect(read("a.conll", "a O", "# more of it", "b O")).rejects.toThrow(
    'a.conll:2: expected 2 columns, as in the first line, got "# more of it"',
  );
});

const UNIVERSAL = [
  "# sent_id = 1",
  "# text = Don't go.",
  "1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_",
  "1\tDo\tdo\tAUX\tVBP\tMood=Ind\t3\taux\t_\t_",
  "2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_",
  "3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No",
  "3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_",
  "4\t#\t#\tSYM\t#\t_\t3\tpunct\t_\t_\r",
  "",
  "#",
  "1\tIn addition\tin addition\tADV\tRB\t_\t0\troot\t_\t_",
];

test("CoNLL-U: FORM and UPOS, without comments, ranges and empty nodes", async () => {
  const texts = ["Do/AUX n't/PART go/VERB #/SYM", "In addition/ADV"];
  expect(await read("a.conllu", ...UNIVERSAL)).toEqual(texts);
  const [first, second] = await readConll(join(folder, "a.conllu"), {});
  expect([first?.where, second?.where]).toEqual(["a.conllu:4", "a.conllu:11"]);
});

test("CoNLL-U: other columns by their names", async () => {
  expect(await readBy({ label: "xpos" }, "a.conllu", ...UNIVERSAL)).toEqual([
    "Do/VBP n't/RB go/VB #/#",
    "In addition/RB",
  ]);
  const [first] = await readBy({ text: "LEMMA", label: "DEPREL" }, "a.conllu", ...UNIVERSAL);
  expect(first).toBe("do/aux not/advmod go/root #/punct");
  await expect(readBy({ label: "ner" }, "a.conllu", ...UNIVERSAL)).rejects.toMatchObject({
    code: "table/column",
    message: expect.stringContaining('a.conllu: expected a column "ner", got id, form, lemma, upos'),
  });
});

test.each([
  ["two columns", "Anna\tB-PER"],
  ["spaces for tabs", "1 Anna Anna PROPN NNP _ 0 root _ _"],
  ["a word in place of its number", "Anna\tAnna\tAnna\tPROPN\tNNP\t_\t0\troot\t_\t_"],
])("CoNLL-U: %s are refused with their line", async (_, line) => {
  await expect(read("a.conllu", "# one", line)).rejects.toMatchObject({
    code: "words/columns",
    message: expect.stringContaining("a.conllu:2: expected a line of CoNLL-U, 10 columns"),
  });
});
