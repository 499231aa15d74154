import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import type { Head } from "../bert/config.ts";
import type { Encoding } from "../text/encoding.ts";
import { rulesOf } from "../text/rules.ts";
import { createTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import { tokenizerOf } from "./encoding.ts";
import { AGGREGATIONS, type Aggregation, tagTexts } from "./entities.ts";

/** [label, score, start, end]. */
type Golden = readonly [string, number, number, number];

interface GoldenCase extends Readonly<Partial<Record<Aggregation, readonly Golden[]>>> {
  readonly text: string;
}

interface GoldenFile {
  readonly labels: readonly string[];
  readonly vocab: readonly string[];
  readonly length: number;
  readonly sets: readonly {
    readonly name: string;
    readonly lowercase: boolean;
    readonly cases: readonly GoldenCase[];
  }[];
}

// What `python test/goldens/entities.py` printed.
const GOLDEN = JSON.parse(
  readFileSync(new URL("../../test/goldens/entities.json", import.meta.url), "utf8"),
) as GoldenFile;

/** The script's tokenizer; that of `added` has two tokens more. */
function goldenTokenizer(name: string, lowercase: boolean): Tokenizer {
  const { vocab, length } = GOLDEN;
  const files = { vocab, lowercase, stripAccents: null, tokenizeChineseChars: true, maxLength: length };
  if (name !== "added") return createTokenizer(files);
  const rules = rulesOf(files);
  const flags = { singleWord: false, lstrip: false, special: false };
  const added = [
    ...rules.added,
    { id: vocab.length, ...flags, rstrip: true, normalized: false },
    { id: vocab.length + 1, ...flags, rstrip: false, normalized: true },
  ];
  return createTokenizer({ ...files, vocab: [...vocab, "<ent>", "New York"], rules: { ...rules, added } });
}

/** The script's model. */
function goldenLogits(texts: readonly Encoding[], labels: number): Float32Array {
  const rows = texts.flatMap(({ ids }) =>
    Array.from(ids, (p, t) =>
      Array.from({ length: labels }, (_, c) => ((31 * p + 17 * c * c + 7 * t) % 97) / 12),
    ),
  );
  return Float32Array.from(rows.flat());
}

const GOLDEN_CASES = GOLDEN.sets.flatMap(({ name, lowercase, cases }) =>
  AGGREGATIONS.map((aggregation) => ({ name, lowercase, cases, aggregation })),
);

test.each(GOLDEN_CASES)(
  "entities of $name by $aggregation are those of transformers, scores within 5e-6",
  async ({ name, lowercase, cases, aggregation }) => {
    const head = { kind: "tokens", labels: GOLDEN.labels } as const;
    const asked = cases.filter((each) => each[aggregation] !== undefined);
    const tagged = await tagTexts(
      {
        head,
        tokenizer: goldenTokenizer(name, lowercase),
        maxLength: GOLDEN.length,
        logits: async (texts) => goldenLogits(texts, head.labels.length),
      },
      asked.map(({ text }) => text),
      { aggregation },
    );
    tagged.forEach(({ text, entities }, i) => {
      const expected = (asked[i]?.[aggregation] ?? []).map(([label, score, start, end]) => ({
        ...{ label, score: expect.closeTo(score, 5), start, end, text: text.slice(start, end) },
        ...(aggregation === "none" ? { piece: expect.any(String) } : {}),
      }));
      expect([text, entities]).toEqual([text, expected]);
    });
  },
);

const HEAD: Head = { kind: "tokens", labels: ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"] };

/** What is found in a text whose tokens have these labels, each with a probability of its own; [CLS] and [SEP] have the first. */
async function tag(text: string, labels: readonly string[], aggregation: Aggregation, head = HEAD) {
  const names = "labels" in head ? head.labels : [];
  const rows = ["O", ...labels, "O"].flatMap((label, i) =>
    names.map((name) => (name === label ? Math.log(4 * (i + 1)) : 0)),
  );
  const tokenizer = tokenizerOf(tinyModel());
  const answerer = { head, tokenizer, maxLength: 24, logits: async () => Float32Array.from(rows) };
  const [said] = await tagTexts(answerer, [text], { aggregation });
  return (said?.entities ?? []).map(({ label, text: own, start, end }) => [label, own, start, end]);
}

test("neighbours of one kind are one entity, unless B- begins another; loose I- begins one too", async () => {
  const labels = ["B-PER", "I-PER", "B-PER", "I-LOC", "O", "I-LOC"];
  expect(await tag("good bad film plot very dull", labels, "simple")).toEqual([
    ["PER", "good bad", 0, 8],
    ["PER", "film", 9, 13],
    ["LOC", "plot", 14, 18],
    ["LOC", "dull", 24, 28],
  ]);
  expect((await tag("good bad film plot very dull", labels, "none")).map(([label]) => label)).toEqual(
    labels.filter((label) => label !== "O"),
  );
});

test("B beside I, without kinds: entities of the kind _, and the token's own label under none", async () => {
  const head: Head = { kind: "tokens", labels: ["O", "B", "I"] };
  const labels = ["B", "I", "B", "O", "B", "I"];
  expect(await tag("good bad film plot very dull", labels, "first", head)).toEqual([
    ["_", "good bad", 0, 8],
    ["_", "film", 9, 13],
    ["_", "very dull", 19, 28],
  ]);
  expect((await tag("good bad film plot very dull", labels, "none", head)).map(([label]) => label)).toEqual(
    labels.filter((label) => label !== "O"),
  );
});

test("labels without a place are kinds that go on; E- and S- end", async () => {
  const head: Head = { kind: "tokens", labels: ["O", "date-time", "S-X", "B-X", "E-X", "I-X"] };
  const labels = ["date-time", "date-time", "S-X", "B-X", "E-X", "I-X"];
  expect(await tag("good bad film plot very dull", labels, "first", head)).toEqual([
    ["date-time", "good bad", 0, 8],
    ["X", "film", 9, 13],
    ["X", "plot very", 14, 23],
    ["X", "dull", 24, 28],
  ]);
});

test("of a text in windows every token has the mean logits of the windows that it is in", async () => {
  const texts = [`${"good bad film plot very dull bright ".repeat(4)}the end`, "a film"];
  const tokenizer = tokenizerOf(tinyModel());
  const [maxLength, stride, width] = [9, 3, HEAD.kind === "tokens" ? HEAD.labels.length : 0];
  // A token's logits depend on its piece and on where it stands in its window.
  const logits = async (read: readonly Encoding[]) => goldenLogits(read, width);
  const tagged = await tagTexts({ head: HEAD, tokenizer, maxLength, stride, logits }, texts, {
    aggregation: "none",
  });
  expect(tagged.map(({ tokens, cut }) => [tokens, cut])).toEqual([
    [32, 0],
    [4, 0],
  ]);
  const pieces = tokenizer.pieces(texts[0] ?? "");
  const step = maxLength - 2 - stride;
  const expected = pieces.flatMap((id, t) => {
    // Windows begin at 0, step, 2 · step and so on, and hold 7 pieces behind [CLS].
    const own = pieces.flatMap((_, start) =>
      start % step === 0 &&
      start <= t &&
      t < start + maxLength - 2 &&
      (start === 0 || start + stride < pieces.length)
        ? [t - start + 1]
        : [],
    );
    const means = Array.from({ length: width }, (_, c) => {
      const each = own.map((place) => ((31 * id + 17 * c * c + 7 * place) % 97) / 12);
      return each.reduce((a, b) => a + b, 0) / each.length;
    });
    const label = HEAD.kind === "tokens" ? HEAD.labels[means.indexOf(Math.max(...means))] : undefined;
    return label === "O" ? [] : [label];
  });
  expect(tagged[0]?.entities.map(({ label }) => label)).toEqual(expected);
  expect(expected.length).toBeGreaterThan(10);
  for (const { text, entities } of tagged)
    for (const { start, end, text: own } of entities) expect(text.slice(start, end)).toBe(own);
});
