import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { InputError } from "../base/errors.ts";
import type { AskedColumns } from "./columns.ts";
import { labelsOf, measureOf } from "./dataset.ts";
import { isConll, readWordLabels } from "./word-labels.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-labels-"));

/** Words and their labels by name. */
async function read(name: string, content: string, asked: AskedColumns = {}, known?: readonly string[]) {
  const file = join(folder, name);
  writeFileSync(file, content);
  const set = await readWordLabels([file], asked, known);
  const rows = set.examples.map((each) => [each.words, labelsOf(each).map((i) => set.labels[i]), each.where]);
  return { labels: set.labels, rows };
}

const CONLL = "-DOCSTART- X O\n\nAnna NNP B-PER\nran VBD O\n\n# about\nNew NNP B-LOC\nYork NNP I-LOC\n";

test("CoNLL: a word a line, its label last, blank lines between texts, O first among the labels", async () => {
  expect(await read("a.conll", CONLL)).toEqual({
    labels: ["O", "B-LOC", "I-LOC", "B-PER"],
    rows: [
      [["Anna", "ran"], ["B-PER", "O"], "a.conll:3"],
      [["New", "York"], ["B-LOC", "I-LOC"], "a.conll:7"],
    ],
  });
  expect(["a.conll", "b.IOB2", "c.bio.gz", "d.tsv", "e.conll.csv"].map(isConll)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("columns with tabs keep words with a space", async () => {
  const { rows } = await read("a.bio", "New York\tB-LOC\nis\tO\n");
  expect(rows).toEqual([[["New York", "is"], ["B-LOC", "O"], "a.bio:1"]]);
});

test("JSON lines with words, under the usual names of columns or named ones", async () => {
  const labels = ["O", "B-PER"];
  const row = [["Anna", "ran"], ["B-PER", "O"], "a.jsonl:1"];
  const usual = '{"tokens":["Anna","ran"],"ner_tags":["B-PER","O"]}\n';
  expect(await read("a.jsonl", usual)).toEqual({ labels, rows: [row] });
  const named = '{"w":["Anna","ran"],"t":["B-PER","O"]}\n';
  expect(await read("a.jsonl", named, { text: "w", label: "t" })).toEqual({ labels, rows: [row] });
});

test("JSON lines with spans, under the usual names of columns or named ones", async () => {
  const labels = ["O", "B-PER"];
  const row = [["Anna", "ran"], ["B-PER", "O"], "a.jsonl:1"];
  const spans = [{ start: 0, end: 4, label: "PER" }];
  expect(await read("a.jsonl", JSON.stringify({ text: "Anna ran", spans }))).toEqual({ labels, rows: [row] });
  const named = JSON.stringify({ t: "Anna ran", s: spans });
  expect(await read("a.jsonl", named, { text: "t", label: "s" })).toEqual({ labels, rows: [row] });
});

test("spans beside the tokens of a tool, as Prodigy writes them, or beside words without labels", async () => {
  const spans = [{ start: 0, end: 4, token_start: 0, token_end: 0, label: "PER" }];
  const tokens = [
    { text: "Anna", start: 0, end: 4, id: 0, ws: true },
    { text: "ran", start: 5, end: 8, id: 1, ws: false },
  ];
  const expected = { labels: ["O", "B-PER"], rows: [[["Anna", "ran"], ["B-PER", "O"], "a.jsonl:1"]] };
  const text = "Anna ran";
  const record = { text, _input_hash: 1, tokens, spans, answer: "accept" };
  expect(await read("a.jsonl", JSON.stringify(record))).toEqual(expected);
  expect(await read("a.jsonl", JSON.stringify({ text, tokens: ["Anna", "ran"], spans }))).toEqual(expected);
  const asked = { label: "label" };
  expect(
    await read("a.jsonl", JSON.stringify({ text, words: ["Anna", "ran"], label: spans }), asked),
  ).toEqual(expected);
  const both = { text, tokens: ["Anna", "ran"], labels: ["B-LOC", "O"], spans };
  expect((await read("a.jsonl", JSON.stringify(both))).labels).toEqual(["O", "B-LOC"]);
});

test("a text that happens to be JSON is a text", async () => {
  const spans = [{ start: 0, end: 4, label: "PER" }];
  const rows = [
    { text: "Anna ran", spans },
    { text: "[1]", spans: [] },
    { text: '{"a":1}', spans: [] },
  ];
  const { rows: found } = await read("a.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"));
  expect(found.map(([words]) => words)).toEqual([
    ["Anna", "ran"],
    ["[", "1", "]"],
    ["{", '"', "a", '"', ":", "1", "}"],
  ]);
});

const LISTS = fileURLToPath(new URL("../../test/goldens/table-lists.parquet", import.meta.url));
const TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"];

test.each([undefined, "sequence", "large", "one"])(
  "Parquet: numbers in column %s have the names that datasets wrote, in that order",
  async (label) => {
    const set = await readWordLabels([LISTS], { label });
    expect([set.labels, measureOf(set).primary]).toEqual([TAGS, "entity_f1"]);
    expect(set.examples.map(({ words, label }) => [words, label])).toEqual([
      [
        ["Anna", "Lee", "ran"],
        [1, 2, 0],
      ],
      [
        ["in", "Paris"],
        [0, 3],
      ],
    ]);
    const known = [...TAGS].reverse();
    expect((await readWordLabels([LISTS], { label }, known)).examples[1]?.label).toEqual([4, 1]);
  },
);

test("Parquet: numbers without names are labels as they are", async () => {
  const { labels } = await readWordLabels([LISTS], { label: "numbers" });
  expect(labels).toEqual(["0", "1", "2", "3"]);
});

test.each([
  ["missing", "-1 (place 2)"],
  ["beyond", "5 (place 1)"],
])("Parquet: a number without a name in column %s is refused with its place", async (label, got) => {
  const found = await readWordLabels([LISTS], { label }).catch((error: unknown) => error);
  const message = `table-lists.parquet:2: expected a class from 0 to 4 as label, got ${got}`;
  expect(found).toMatchObject({ code: "label/unknown", message });
});

test("files of one table with other classes than the first are refused", async () => {
  const file = join(folder, "words.jsonl");
  writeFileSync(file, '{"tokens":["a"],"ner_tags":["O"]}\n');
  await expect(readWordLabels([LISTS, file], {})).rejects.toMatchObject({
    code: "parquet/classes",
    message: "words.jsonl: expected the classes of table-lists.parquet, got others",
  });
});

const span = (...spans: object[]): string => `${JSON.stringify({ text: "Anna ran home", spans })}\n`;

test.each([
  [
    "a line of one column",
    "a.conll",
    "Anna\n",
    "words/columns",
    'a.conll:1: expected a word and its label, got "Anna"',
  ],
  [
    "a line with another number of columns",
    "a.conll",
    "a b O\nc O\n",
    "words/columns",
    "a.conll:2: expected 3 columns",
  ],
  ["one label alone", "a.conll", "a O\nb O\n", "label/classes", 'got only "O"'],
  [
    "fewer labels than words",
    "a.jsonl",
    '{"tokens":["a","b"],"labels":["O"]}\n',
    "words/count",
    "a label for each of 2 words of tokens, got 1 in labels",
  ],
  [
    "a word that is a number",
    "a.jsonl",
    '{"tokens":["a",2],"labels":["O","O"]}\n',
    "words/kind",
    "expected a list of words in column tokens, got 2 (place 2)",
  ],
  [
    "labels that are no list",
    "a.jsonl",
    '{"tokens":["a"],"labels":{"x":1}}\n',
    "words/kind",
    "expected a list of labels in column labels",
  ],
  ["a file without words", "a.jsonl", '{"a":1}\n', "table/column", 'a.jsonl:1: expected a column "text"'],
  [
    "spans that overlap",
    "a.jsonl",
    span({ start: 0, end: 8, label: "A" }, { start: 5, end: 13, label: "B" }),
    "words/span",
    "which overlap",
  ],
  [
    "a span that ends inside a word",
    "a.jsonl",
    span({ start: 0, end: 6, label: "A" }),
    "words/span",
    'A "Anna r" (0 to 6), inside "ran"',
  ],
  [
    "a span behind the text",
    "a.jsonl",
    span({ start: 0, end: 99, label: "A" }),
    "words/span",
    "within 13 characters",
  ],
  [
    "a span of white space alone",
    "a.jsonl",
    span({ start: 4, end: 5, label: "A" }),
    "words/span",
    "a.jsonl:1: expected a span that covers a word in spans",
  ],
  ["a span without a label", "a.jsonl", span({ start: 0, end: 4 }), "words/span", "start, end and label"],
])("%s is refused with its place", async (_, name, content, code, message) => {
  const found = await read(name, content).catch((error: unknown) => error);
  expect(found).toBeInstanceOf(InputError);
  expect(found).toMatchObject({ code, message: expect.stringContaining(message) });
});

test("a label that the model does not know is refused", async () => {
  await expect(read("a.conll", "a B-X\n", {}, ["O", "B-PER"])).rejects.toThrow(
    'a.conll:1: expected a label among O, B-PER, got "B-X"',
  );
});
