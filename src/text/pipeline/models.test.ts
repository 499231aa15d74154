/** Tokenizers that lack characters and bytes, beside Hugging Face's Rust `tokenizers` (test/goldens/tokenizer_gaps.py). */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { keepOnly } from "../rules.ts";
import { createTokenizer, type TokenizerFiles } from "../tokenizer.ts";
import { usedPieces } from "../used-pieces.ts";
import { readTokenizer } from "../vocabulary.ts";

interface Golden {
  readonly texts: readonly string[];
  readonly config: unknown;
  readonly kinds: Readonly<Record<string, Kind>>;
}

interface Kind {
  readonly tokenizer: unknown;
  readonly ids: readonly (readonly number[])[];
  /** In code points, start and end by turns; null where Rust's are those of other characters. */
  readonly offsets: readonly (readonly number[] | null)[];
  readonly decoded: readonly string[];
}

const packed = readFileSync(new URL("../../../test/goldens/tokenizer-gaps.json.gz", import.meta.url));
const { texts, config, kinds }: Golden = JSON.parse(gunzipSync(packed).toString("utf8"));

function read(kind: Kind | undefined): TokenizerFiles {
  const named = (json: unknown, where: string) => ({ json, where });
  const files = {
    tokenizer: named(kind?.tokenizer, "tokenizer.json"),
    config: named(config, "tokenizer_config.json"),
  };
  return readTokenizer(files, "f");
}

/** Places in UTF-16 units. */
function unitsOf(text: string, offsets: readonly number[]): (number | undefined)[] {
  const units = [0];
  for (const char of text) units.push((units.at(-1) ?? 0) + char.length);
  return offsets.map((place) => units[place]);
}

describe.each(Object.entries(kinds))("%s", (_, kind) => {
  const files = read(kind);
  const tokenizer = createTokenizer(files);

  test("pieces of every text are Python's, and so are places where it has the characters' own", () => {
    const wrong = texts.flatMap((text, i) => {
      const places = text === "" ? [] : tokenizer.encodePlaced(text, 1e6).places;
      const placed = places.filter((place) => place !== null);
      const own = kind.offsets[i];
      const got = [
        tokenizer.pieces(text),
        placed.map(({ id }) => id),
        own && placed.flatMap(({ start, end }) => [start, end]),
      ];
      const expected = [kind.ids[i], kind.ids[i], own && unitsOf(text, own)];
      return JSON.stringify(got) === JSON.stringify(expected) ? [] : [{ text, got, expected }];
    });
    expect(wrong).toEqual([]);
  });

  test("pieces are read back as text", () => {
    expect(kind.ids.map((ids) => tokenizer.decode(ids))).toEqual(kind.decoded);
  });

  test("with the pieces alone that texts need, they have the same pieces", () => {
    const used = usedPieces(files, texts);
    const small = createTokenizer(keepOnly(files, used));
    const before = (text: string) => small.pieces(text).map((id) => used[id]);
    const changed = texts.filter((text) => before(text).join() !== tokenizer.pieces(text).join());
    expect(changed).toEqual([]);
  });
});

test.each([
  ["bpe of bytes without an unknown piece", "xabxcdxxab", ["abcd abxcd", "ab ab"]],
  ["bpe, some bytes", "yñab", ["<0xC3> ñ", "<0xB1> ñ", "<unk> y", "ab ab"]],
  ["bpe, some bytes, fused", "ayñyb", ["▁ a", "a a", "<0xC3> ñ", "<0xB1> ñ", "<unk> yñy", "b b"]],
  ["unigram, some bytes", "añxb", ["▁ a", "a a", "<0xC3> ñx", "<0xB1> ñx", "<0x78> ñx", "b b"]],
] as const)("%s: of %s each piece stands where its characters do", (name, text, expected) => {
  const { places } = createTokenizer(read(kinds[name])).encodePlaced(text, 64);
  const pieces = places.filter((place) => place !== null);
  expect(pieces.map(({ piece, start, end }) => `${piece} ${text.slice(start, end)}`)).toEqual(expected);
});
