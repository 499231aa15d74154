import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type AskedColumns, guessColumns, readByColumns } from "./columns.ts";
import { readTable } from "./table.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-columns-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Cells of 40 rows that are what each kind of column holds. */
const CELLS: Readonly<Record<string, (row: number) => unknown>> = {
  text: (row) => `what somebody wrote, number ${row}`,
  class: (row) => ["good", "bad"][row % 2],
  number: (row) => row % 5,
  value: (row) => row / 7,
  key: (row) => `id-${row}`,
  place: (row) => row,
  list: (row) => (row % 3 === 0 ? [] : ["good", "bad"].slice(row % 2)),
  nested: (row) => [{ row }],
  title: (row) => ["Mr", "Mrs"][row % 2],
};

/** What is guessed from a header, each name with its kind: `review:text stars:number`. */
function guess(header: string, asked: AskedColumns = {}) {
  const columns = header.split(", ").map((each): [string, unknown[]] => {
    const [name = "", kind = ""] = each.split(":");
    return [name, Array.from({ length: 40 }, (_, row) => CELLS[kind]?.(row))];
  });
  return guessColumns(new Map(columns), asked);
}

test.each([
  ["review:text, sentiment:class", { text: "review", label: "sentiment" }],
  [
    "id:place, Tweet Text:text, airline_sentiment:class, airline_sentiment_confidence:value",
    { text: "Tweet Text", label: "airline_sentiment" },
  ],
  ["SentimentText:text, Sentiment:number", { text: "SentimentText", label: "Sentiment" }],
  ["sentence:text, label:number, idx:place", { text: "sentence" }],
  ["text:text, category:class", { label: "category" }],
  [
    "premise:text, hypothesis:text, gold_label:class",
    { text: "premise", pair: "hypothesis", label: "gold_label" },
  ],
  [
    "question1:text, question2:text, is_duplicate:number",
    { text: "question1", pair: "question2", label: "is_duplicate" },
  ],
  [
    "sentence_a:text, sentence_b:text, score:value",
    { text: "sentence_a", pair: "sentence_b", label: "score" },
  ],
  ["question:text, sentence:text, label:number", { text: "question", pair: "sentence" }],
  ["review:text, labels:list", { text: "review", label: "labels" }],
  ["v1:class, v2:text", { text: "v2", label: "v1" }],
  ["Unnamed: 0:place, comment:text, y:number", { text: "comment", label: "y" }],
  ["title:title, body:text, target:number", { text: "body", label: "target" }],
] as const)("obvious: %s", (header, expected) => {
  expect(guess(header)).toEqual(expected);
});

test.each([
  "title:text, content:text, label:class",
  "review:text, stars:number, sentiment:class",
  "premise:text, hypothesis:text, body:text, label:class",
  "a:text, b:text, c:class",
  "review:text, user:key",
  "review:key, category:text",
  "review:text, labels:nested",
  "review:number, sentiment:class",
  "text:text, label:class",
])("not obvious: %s", (header) => {
  expect(guess(header)).toBeUndefined();
});

test("what was named stays, and only the rest is guessed", () => {
  expect(guess("review:text, title:text, stars:number", { text: "title" })).toEqual({ label: "stars" });
  expect(guess("review:text, stars:number, grade:class", { label: "grade" })).toEqual({ text: "review" });
  expect(guess("sentence1:text, sentence2:text, label:class", { pair: "sentence2" })).toEqual({
    text: "sentence1",
  });
  expect(guess("review:text, stars:number", { text: "reviews" })).toEqual({ label: "stars" });
  expect(guess("review:text, stars:number", { text: "text", label: "label" })).toBeUndefined();
});

test.each([
  ["a.csv", "review;stars\nfine film;1\nbad, so bad;0\n"],
  ["b.tsv", "\uFEFFreview\tstars\nfine film\t1\nbad, so bad\t0\n"],
  ["c.jsonl", '{"review":"fine film","stars":1}\n{"stars":0,"review":"bad, so bad"}\n'],
])("%s is read by its obvious columns, and that is said", async (name, content) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  const { read, columns, notes } = await readByColumns([path], {}, "auto", (found) => readTable(path, found));
  expect(read.examples.map(({ text, label }) => [text, label])).toEqual([
    ["fine film", 1],
    ["bad, so bad", 0],
  ]);
  expect(columns).toEqual({ text: "review", label: "stars" });
  expect(notes).toEqual([`${name}: text in column review, label in stars; --text and --label name others`]);
  const named = readByColumns([path], { text: "text" }, "auto", (found) => readTable(path, found));
  await expect(named).rejects.toThrow('expected a column "text", got review, stars');
});

test("a column that the first JSON objects lack is found", async () => {
  const path = join(folder, "lacking.jsonl");
  writeFileSync(path, '{"review":"what a film"}\n{"review":"good","stars":5}\n{"review":"bad","stars":1}\n');
  const { columns } = await readByColumns([path], {}, "auto", (found) =>
    readTable(path, found, { skipUnlabelled: true }),
  );
  expect(columns).toEqual({ text: "review", label: "stars" });
});

/** Forty rows below a header, read by what is obvious: the notes but the first, which names the columns, or the error. */
async function below(header: string, row: (i: number) => string, asked: AskedColumns = {}, name = "h.csv") {
  const path = join(folder, name);
  writeFileSync(path, `${header}\n${Array.from({ length: 40 }, (_, i) => `${row(i)}\n`).join("")}`);
  const reading = readByColumns([path], asked, "auto", (found) => readTable(path, found));
  return reading.then(
    ({ notes }) => notes.slice(1),
    (error: unknown) => error,
  );
}
const film = (i: number): string => `"a film, number ${i}, to remember",${i % 2}`;

test.each([
  ['"a film, number 0, to forget",0', film, {}],
  ['"a film, number 0, to forget",0', film, { label: "0" }],
  ["ham,ok lar see you in town", (i: number) => `${i % 3 ? "ham" : "spam"},what is it ${i}`, {}],
  ["a terrible comment about this comment, 1", (i: number) => `what is it ${i},${i % 2}`, {}],
])("a file without a line of names is refused: %s", async (header, row, asked) => {
  expect(await below(header, row, asked)).toMatchObject({
    code: "table/header",
    message: expect.stringMatching(
      /^h.csv: expected a line of names such as text,label first, got what looks/,
    ),
  });
});

test("a first line of few words that may be a row is read as names, and the doubt is said", async () => {
  expect(await below("Great film,1", film)).toEqual([
    'h.csv: is a line of names missing? Its first line, "Great film" and "1", a label of other rows too, was taken for one',
  ]);
});

test.each([
  ["0,1", film, {}],
  ["What do you think of this film?,sentiment", film, {}],
  ["What do you think of this film?,2", film, {}],
  ["message,spam", (i: number) => `what is it ${i},${i % 3 ? "ham" : "spam"}`, {}],
  ["a film, 1", (i: number) => `what is it ${i},${i % 2}`, { text: "a film", label: "1" }],
])("names are no row: %s", async (header, row, asked) => {
  expect(await below(header, row, asked)).toEqual([]);
});
