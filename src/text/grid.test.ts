/** Pieces and types of a grid of tokenizer files, compared with Python's transformers (test/goldens/tokenizer_grid.py). */

import { readFileSync } from "node:fs";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { expect, test } from "vitest";
import { EspalierError, FormatError, InputError } from "../base/errors.ts";
import { createTokenizer, type TokenizerFiles } from "./tokenizer.ts";
import { requireBrowserTokenizer, tokenizerTexts } from "./tokenizer-files.ts";
import { readTokenizer, type TokenizerSources } from "./vocabulary.ts";

/** Numbers, and types as digits. */
type Answer = readonly [ids: readonly number[], types: string];

interface Files {
  readonly name: string;
  readonly vocab?: true;
  readonly json?: Readonly<Record<string, unknown>>;
  readonly config?: unknown;
  readonly map?: unknown;
  readonly added?: unknown;
  readonly model?: unknown;
}

interface Grid {
  readonly made_with: readonly string[];
  readonly vocab: readonly string[];
  readonly base: Readonly<Record<string, unknown>>;
  readonly texts: readonly string[];
  readonly pairs: readonly (readonly [string, string])[];
  readonly lengths: readonly number[];
  /** null stands for the answer of the first entry. */
  readonly read: readonly (Files & {
    readonly follows: 4 | 5;
    readonly texts: readonly (Answer | null)[];
    readonly pairs: readonly (Answer | null)[];
  })[];
  readonly refused: readonly (Files & { readonly refused: string })[];
}

const grid: Grid = JSON.parse(
  readFileSync(new URL("../../test/goldens/tokenizer-grid.json", import.meta.url), "utf8"),
);

const numbers = Object.fromEntries(grid.vocab.map((piece, id) => [piece, id]));
const words = `${grid.vocab.join("\n")}\n`;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The files that an entry stands for. */
function sourcesOf({ vocab, json, config, map, added, model }: Files): TokenizerSources {
  const named = (where: string, value: unknown) => (value === undefined ? undefined : { json: value, where });
  const whole = json && { ...grid.base, ...json };
  const tokenizer = whole && {
    ...whole,
    model: { ...(isRecord(whole.model) ? whole.model : {}), vocab: numbers },
  };
  return {
    tokenizer: named("tokenizer.json", tokenizer),
    config: named("tokenizer_config.json", config),
    specialTokensMap: named("special_tokens_map.json", map),
    addedTokens: named("added_tokens.json", added),
    model: named("config.json", model),
    vocab: vocab && { text: words, where: "vocab.txt" },
  };
}

/** What a file that was written says. */
function sourcesFrom(texts: ReadonlyMap<string, string | undefined>): TokenizerSources {
  const named = (where: string) => {
    const text = texts.get(where);
    return text === undefined ? undefined : { json: JSON.parse(text) as unknown, where };
  };
  const text = texts.get("vocab.txt");
  return {
    tokenizer: named("tokenizer.json"),
    config: named("tokenizer_config.json"),
    specialTokensMap: named("special_tokens_map.json"),
    addedTokens: named("added_tokens.json"),
    vocab: text === undefined ? undefined : { text, where: "vocab.txt" },
  };
}

/** The answer to each text and each pair at each length; "empty" where there is no piece at all. */
function answersOf(files: TokenizerFiles): unknown[] {
  const tokenizer = createTokenizer(files);
  const answer = (text: string, pair: string | undefined, most: number): unknown => {
    try {
      const { ids, types } = tokenizer.encode(text, pair, most);
      return [[text, pair, most], Array.from(ids), types.join("")];
    } catch (error) {
      if (error instanceof InputError && error.code === "tokenizer/empty")
        return [[text, pair, most], [], ""];
      throw error;
    }
  };
  const pairs = grid.pairs.flatMap(([text, pair]) => grid.lengths.map((most) => answer(text, pair, most)));
  return [...grid.texts.map((text) => answer(text, undefined, 512)), ...pairs];
}

function expectedOf(entry: Grid["read"][number]): unknown[] {
  const [first] = grid.read;
  const answer = (got: Answer | null | undefined, other: Answer | null | undefined): unknown[] =>
    (got ?? other ?? [[], "missing"]).slice();
  const asked = grid.pairs.flatMap(([text, pair]) => grid.lengths.map((most) => [text, pair, most]));
  return [
    ...grid.texts.map((text, i) => [[text, undefined, 512], ...answer(entry.texts[i], first?.texts[i])]),
    ...asked.map((question, i) => [question, ...answer(entry.pairs[i], first?.pairs[i])]),
  ];
}

test.each(grid.read)("$name: the pieces and types of transformers", (entry) => {
  expect(answersOf(readTokenizer(sourcesOf(entry), "here"))).toEqual(expectedOf(entry));
});

test.each(grid.read)("$name: what is written is read again as the same tokenizer", (entry) => {
  const files = readTokenizer(sourcesOf(entry), "here");
  expect(readTokenizer(sourcesFrom(tokenizerTexts(files)), "here")).toEqual(files);
});

/** What transformers.js makes of written files: its classes but BERT's give the model no types. */
function browserAnswer(
  texts: ReadonlyMap<string, string | undefined>,
): (text: string, pair?: string) => unknown {
  const parsed = (name: string): Record<string, unknown> => JSON.parse(texts.get(name) ?? "{}");
  const config = parsed("tokenizer_config.json");
  const library = new LibraryTokenizer(parsed("tokenizer.json"), config);
  return (text, pair) => {
    const { ids, token_type_ids: types } = library.encode(text, {
      text_pair: pair ?? null,
      return_token_type_ids: true,
    });
    return [text, pair, ids, config.tokenizer_class === "BertTokenizer" ? types : ids.map(() => 0)];
  };
}

const forBrowsers = grid.read.filter((entry) => {
  try {
    requireBrowserTokenizer(readTokenizer(sourcesOf(entry), "here"));
    return true;
  } catch {
    return false;
  }
});

test.each(forBrowsers)(
  "$name: transformers.js reads what is written with the same pieces and types",
  (entry) => {
    const files = readTokenizer(sourcesOf(entry), "here");
    const [ours, theirs] = [createTokenizer(files), browserAnswer(tokenizerTexts(files))];
    const asked = [...grid.texts.map((text) => [text] as const), ...grid.pairs];
    const spelt = asked.filter(([text]) => text !== "" && !/Σ/.test(text));
    const answer = (text: string, pair?: string): unknown => {
      const { ids, types } = ours.encode(text, pair, 512);
      return [text, pair, Array.from(ids), Array.from(types)];
    };
    expect(spelt.map(([text, pair]) => theirs(text, pair))).toEqual(
      spelt.map(([text, pair]) => answer(text, pair)),
    );
  },
);

test("what transformers.js would read otherwise is known by name", () => {
  const refused = grid.read.filter((entry) => !forBrowsers.includes(entry)).map(({ name }) => name);
  expect(refused).toEqual([
    "a mask by name alone, null",
    "an added token as it stands",
    "single_word, normalised",
    "single_word, as it stands",
    "lstrip, as it stands",
    "rstrip, as it stands",
    "no added tokens",
    "added tokens",
    "flags of added_tokens_decoder go before the file's",
    "flags of the file go before added_tokens.json",
    "short words",
    "another prefix",
    "another unknown piece",
    "no template",
    "BertProcessing, swapped",
    "a template without [CLS]",
    "a template with two [SEP]",
    "a template with the pair first",
    "a template with a marker and type 1",
    "a template under BERT's class",
  ]);
});

test.each(grid.refused)("$name: refused, and the message names $refused", (entry) => {
  let error: unknown;
  try {
    createTokenizer(readTokenizer(sourcesOf(entry), "here"));
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(FormatError);
  const { code, message } = error instanceof EspalierError ? error : { code: "", message: "" };
  expect(message).toContain(entry.refused);
  expect(code).toMatch(/^tokenizer\/|^vocab\/special$/);
});
