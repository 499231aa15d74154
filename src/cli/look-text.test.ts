import { expect, test } from "vitest";
import type { Dataset } from "../data/dataset.ts";
import { lookAt } from "../look/look.ts";
import { parseArguments } from "./arguments.ts";
import { lookText } from "./look-text.ts";

const TEXTS = ["a fine film", "so so", "so so"];

function setOf(more: Partial<Dataset>): Dataset {
  const examples = TEXTS.map((text, i) => ({ text, label: i % 2, where: `reviews.csv:${i + 2}` }));
  return { name: "reviews.csv", task: "classification", labels: ["bad", "good"], examples, ...more };
}

test("a look in words: rows, labels, lengths, what to look after, labels in doubt", () => {
  const suspect = {
    ...{ where: "reviews.csv:2", text: "a fine\u001b[31m film", pair: null, label: "bad", answer: "good" },
    ...{ labelProbability: 0.1, answerProbability: 0.9, loss: 2.3 },
  };
  const look = lookAt(
    { train: setOf({}), dev: undefined, columns: { text: "review", textPair: null, label: "stars" } },
    {
      tokens: () => ({ spread: { median: 4, p90: 5, p99: 5, longest: 5 }, cut: { at: 4, rows: 1 } }),
      model: {
        model: "runs/reviews",
        kind: "given",
        learns: true,
        suspects: [suspect],
        calibrationError: 0.031,
        agreement: 2 / 3,
      },
    },
  );
  expect(lookText(look)).toBe(`reviews.csv: 3 rows to train on; classification
text in column review, label in stars

label  train  share
───────────────────
bad        2   67 %
good       1   33 %

length of a row    median  90 %  99 %  longest
──────────────────────────────────────────────
train, characters       5    11    11       11
train, words            2     3     3        3
train, tokens           4     5     5        5
longer than 4 tokens, where texts are cut: 33 % of train

- 1 text of reviews.csv has different labels, as at reviews.csv:3 and
  reviews.csv:4
- 1 row of reviews.csv repeats the text of another
- one example alone to train on: class "good"
- fewer than 10 examples to train on, too few to learn from: bad (2)
- 33 % of the texts of reviews.csv are longer than 4 tokens and would be cut;
  --max-length sets another length

labels that runs/reviews doubts most (it says what the data says of 66.7 % of
the rows; its probabilities are off by 3.1 points on the average):
  reviews.csv:2: bad 10 %, rather good 90 %
    a fine\\x1b[31m film`);
});

test("a regression has its values, and a pair both of its columns", () => {
  const look = lookAt(
    {
      train: setOf({ task: "regression", labels: [] }),
      dev: undefined,
      columns: { text: "a", textPair: "b", label: "1" },
    },
    {
      tokens: () => undefined,
      model: {
        model: "m",
        kind: "given",
        learns: true,
        suspects: [],
        calibrationError: null,
        agreement: null,
      },
    },
  );
  const text = lookText(look);
  expect(text).toContain(
    'reviews.csv: 3 rows to train on; regression\ntexts in columns a and b, label in "1"\n',
  );
  expect(text).toContain("train    0.00  0.333     1.00      0.577");
  expect(text).toContain("m doubts no label");
});

test.each([
  [["reviews.csv", "--model", "runs/a"], { data: "reviews.csv", model: "runs/a" }],
  [["glue", "--task", "sst2"], { data: "glue", task: "sst2" }],
  [["embedded:sentiment"], { data: "embedded:sentiment" }],
  [["names.conll"], { data: "names.conll" }],
  [["runs/a", "--data", "reviews.csv"], { model: "runs/a", data: "reviews.csv" }],
  [["runs/a", "--task", "sst2", "--data", "glue"], { model: "runs/a", task: "sst2", data: "glue" }],
  [["hf:owner/name"], { model: "hf:owner/name" }],
  [["hf:owner/name/config"], { data: "hf:owner/name/config" }],
])("inspect %j: a table's name is data, and anything else a model", (words, given) => {
  const request = parseArguments(["inspect", ...words], "0");
  expect(request.kind === "run" && request.given).toMatchObject(given);
});

test("what stands in its place and behind its flag is refused", () => {
  expect(() => parseArguments(["inspect", "a.csv", "--data", "b.csv"], "0")).toThrow(
    "<data>: expected it or --data, got both, a.csv and b.csv",
  );
});
