/** Tokenizers of every kind beside Hugging Face's Rust `tokenizers`, on hard texts (test/goldens/tokenizer_kinds.py). */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { canonical, keepOnly } from "../rules.ts";
import { createTokenizer, type PipelineFiles, type TokenizerFiles } from "../tokenizer.ts";
import { tokenizerTexts } from "../tokenizer-files.ts";
import { usedPieces } from "../used-pieces.ts";
import { readTokenizer } from "../vocabulary.ts";
import { pipelineText } from "./packed-json.ts";

interface Kind {
  readonly tokenizer: unknown;
  readonly config: unknown;
  readonly ids: readonly (readonly number[])[];
  /** In code points, start and end by turns. */
  readonly offsets: readonly (readonly number[])[];
  readonly pair: readonly number[];
  readonly types: readonly number[];
  readonly decoded: readonly string[];
}

interface Golden {
  readonly texts: readonly string[];
  readonly kinds: Readonly<Record<string, Kind>>;
}

const packed = readFileSync(new URL("../../../test/goldens/tokenizer-kinds.json.gz", import.meta.url));
const golden = parseGolden(gunzipSync(packed).toString("utf8"));

/** The table of characters stands in the file once. */
function parseGolden(text: string): Golden {
  const { charsmap }: { charsmap: string } = JSON.parse(text);
  return JSON.parse(text.replaceAll('"precompiled_charsmap":"#"', `"precompiled_charsmap":"${charsmap}"`));
}

function read(tokenizer: unknown, config: unknown): TokenizerFiles {
  const named = (json: unknown, where: string) => ({ json, where });
  return readTokenizer(
    { tokenizer: named(tokenizer, "tokenizer.json"), config: named(config, "tokenizer_config.json") },
    "f",
  );
}

/** The files as they are written, read again. */
function rewritten(files: TokenizerFiles): TokenizerFiles {
  const texts = tokenizerTexts(files);
  const parsed = (name: string): unknown => JSON.parse(texts.get(name) ?? "null");
  return read(parsed("tokenizer.json"), parsed("tokenizer_config.json"));
}

/** A text that only equal tokenizers have. */
function textOf(files: TokenizerFiles): string {
  const { vocab, maxLength, rules, pipeline } = files;
  return JSON.stringify([vocab, maxLength, rules && canonical(rules), pipeline && pipelineText(pipeline)]);
}

function isPipeline(files: TokenizerFiles): files is PipelineFiles {
  return files.pipeline !== undefined;
}

/** Places in UTF-16 units. */
function unitsOf(text: string, offsets: readonly number[]): (number | undefined)[] {
  const units = [0];
  for (const char of text) units.push((units.at(-1) ?? 0) + char.length);
  return offsets.map((place) => units[place]);
}

describe.each(Object.entries(golden.kinds))("%s", (_, kind) => {
  const files = read(kind.tokenizer, kind.config);
  const tokenizer = createTokenizer(files);

  test("pieces and places of every text are Python's", () => {
    const wrong = golden.texts.flatMap((text, i) => {
      const places = text === "" ? [] : tokenizer.encodePlaced(text, 1e6).places;
      const placed = places.filter((place) => place !== null);
      const got = [
        tokenizer.pieces(text),
        placed.map(({ id }) => id),
        placed.flatMap(({ start, end }) => [start, end]),
      ];
      const expected = [kind.ids[i], kind.ids[i], unitsOf(text, kind.offsets[i] ?? [])];
      return JSON.stringify(got) === JSON.stringify(expected) ? [] : [{ text, got, expected }];
    });
    expect(wrong).toEqual([]);
    expect(golden.texts.length).toBeGreaterThan(150);
  });

  test("a pair stands in its template, and pieces are read back as text", () => {
    const pair = tokenizer.encode("good film", "dull plot", 64);
    expect([[...pair.ids], pair.types.length]).toEqual([kind.pair, kind.types.length]);
    const decoded = kind.decoded.map((_, i) => tokenizer.decode(kind.ids[i] ?? []));
    expect(decoded).toEqual(kind.decoded);
  });

  test("what is written is read as the same tokenizer", () => {
    expect(textOf(rewritten(files))).toBe(textOf(files));
  });

  test("with the pieces alone that texts need, they have the same pieces", () => {
    const texts = golden.texts.slice(0, 90);
    const used = usedPieces(files, texts);
    const few = keepOnly(files, used);
    expect(used.length).toBeLessThan(files.vocab.length);
    expect(isPipeline(few) && few.vocab.length).toBe(used.length);
    expect(changed(texts, used)).toEqual([]);
  });

  test("with the pieces alone that occur three times, texts of such pieces have the same", () => {
    const texts = golden.texts.slice(0, 90);
    const used = usedPieces(files, texts, 3);
    const counts = new Map<number, number>();
    for (const id of texts.flatMap(tokenizer.pieces)) counts.set(id, (counts.get(id) ?? 0) + 1);
    const isFrequent = (text: string) => tokenizer.pieces(text).every((id) => (counts.get(id) ?? 0) >= 3);
    const frequent = texts.filter(isFrequent);
    expect(used.length).toBeLessThan(usedPieces(files, texts).length);
    expect(frequent.length).toBeGreaterThan(5);
    expect(changed(frequent, used)).toEqual([]);
    const small = createTokenizer(keepOnly(files, used));
    const isEmpty = ({ length }: readonly number[]) => length === 0;
    expect(texts.map((text) => isEmpty(small.pieces(text)))).toEqual(
      texts.map((text) => isEmpty(tokenizer.pieces(text))),
    );
  });

  /** Texts that the tokenizer of some of the pieces cuts into others. */
  function changed(texts: readonly string[], used: readonly number[]): string[] {
    const small = createTokenizer(keepOnly(files, used));
    const before = (text: string) => small.pieces(text).map((id) => used[id]);
    return texts.filter((text) => before(text).join() !== tokenizer.pieces(text).join());
  }
});

test("a word of 200,000 letters is cut to the length, with places too", () => {
  const { tokenizer: json, config } = golden.kinds.roberta ?? {};
  const tokenizer = createTokenizer(read(json, config));
  const text = "ab".repeat(100_000);
  const { ids, cut } = tokenizer.encode(text, undefined, 64);
  const { places } = tokenizer.encodePlaced(text, 64);
  expect([ids.length, cut, places.length]).toEqual([64, 4096, 64]);
});

test("a long text with characters that join is read as its words are, wherever a stretch ends", () => {
  const [name, { tokenizer, config }] = Object.entries(golden.kinds).find(([, kind]) =>
    JSON.stringify(kind.tokenizer).includes('"Precompiled"'),
  ) ?? ["", golden.kinds.none ?? expect.fail("a kind with a table of characters")];
  const { pieces } = createTokenizer(read(tokenizer, config));
  // Of 23 units, so that stretches of 256 end inside of every cluster.
  const word = "cafe\u0301ﬁ👩‍👩‍👧🇩🇪🇫🇷x";
  const one = pieces(`a ${word}`).slice(pieces("a").length);
  expect(one.length, name).toBeGreaterThan(1);
  const many = pieces(`a ${Array.from({ length: 120 }, () => word).join(" ")}`);
  expect(many.slice(pieces("a").length)).toEqual(Array.from({ length: 120 }, () => one).flat());
});
