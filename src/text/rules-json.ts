/**
 * Reads rules that a packed file holds, and checks rules against the pieces they speak of.
 *
 * Not here: Hugging Face's files, which say the same in another way (vocabulary.ts).
 */

import { fieldsOf, flagOf, listOf, numberOf, unread } from "./fields.ts";
import type { AddedToken, Ruled, SpecialIds, TemplateItem, TokenizerRules, WordPieceRules } from "./rules.ts";

/** Numbers of pieces, and lengths of words. */
const MOST = 2 ** 31;
const MOST_TYPES = 255;

/** Rules of WordPiece. @throws {FormatError} `tokenizer/…` naming the field */
export function parseWordPieceRules(json: unknown, where: string): WordPieceRules {
  const { prefix, maxWordLength } = fieldsOf(json, where);
  if (typeof prefix !== "string") throw unread(where, "prefix", "a text", prefix);
  return {
    ...parseRules(json, where),
    prefix,
    maxWordLength: numberOf(maxWordLength, MOST, "maxWordLength", where),
  };
}

/** @throws {FormatError} `tokenizer/…` naming the field */
export function parseRules(json: unknown, where: string): TokenizerRules {
  const fields = fieldsOf(json, where);
  const special = fieldsOf(fields.special, `${where}: special`);
  const role = (name: keyof SpecialIds): number => numberOf(special[name], MOST, name, `${where}: special`);
  const template = (key: string): TemplateItem[] =>
    listOf(fields[key], key, where).map((item) => parseItem(item, `${where}: ${key}`));
  return {
    special: {
      pad: role("pad"),
      unk: role("unk"),
      cls: role("cls"),
      sep: role("sep"),
      mask: role("mask"),
    },
    words: numberOf(fields.words, MOST, "words", where),
    added: listOf(fields.added, "added", where).map((token) => parseAdded(token, `${where}: added`)),
    single: template("single"),
    pair: template("pair"),
  };
}

function parseAdded(json: unknown, where: string): AddedToken {
  const fields = fieldsOf(json, where);
  return {
    id: numberOf(fields.id, MOST, "id", where),
    singleWord: flagOf(fields, "singleWord", false, where),
    lstrip: flagOf(fields, "lstrip", false, where),
    rstrip: flagOf(fields, "rstrip", false, where),
    normalized: flagOf(fields, "normalized", false, where),
    special: flagOf(fields, "special", false, where),
  };
}

function parseItem(json: unknown, where: string): TemplateItem {
  const { text, id, type } = fieldsOf(json, where);
  const number = numberOf(type, MOST_TYPES, "type", where);
  if (text === undefined) return { id: numberOf(id, MOST, "id", where), type: number };
  if (text !== "A" && text !== "B") throw unread(where, "text", "A or B", text);
  return { text, type: number };
}

/** Pieces and rules, of a tokenizer that is whole or not. */
interface Checked extends Pick<Ruled, "vocab"> {
  readonly rules?: TokenizerRules | undefined;
  readonly pipeline?: object | undefined;
}

/**
 * The rules speak of pieces that are there, name each added token once, and their templates have each text once.
 * @throws {FormatError} `tokenizer/…` naming the rule
 */
export function checkRules({ vocab, rules, pipeline }: Checked, where: string): void {
  if (rules === undefined) return;
  const { special, words, added, single, pair } = rules;
  const check = (id: number, key: string): number => numberOf(id, vocab.length - 1, key, where);
  for (const [role, id] of Object.entries(special)) check(id, role);
  // WordPiece has no other piece for what it cannot spell.
  const least = pipeline === undefined ? special.unk : 0;
  if (words > vocab.length || least >= words)
    throw unread(where, "words", `a number above ${least}, at most ${vocab.length}`, words);
  added.forEach(({ id }, i) => {
    check(id, "added");
    const before = added[i - 1];
    if (before !== undefined && before.id >= id)
      throw unread(where, "added", "ascending numbers", `${id} after ${before.id}`);
  });
  const known = new Set(added.map(({ id }) => id));
  for (let id = words; id < vocab.length; id++) {
    if (!known.has(id)) throw unread(where, "added", `the piece ${vocab[id]}`, "none");
  }
  checkTemplate(single, "A", "single", check, where);
  checkTemplate(pair, "A,B", "pair", check, where);
}

function checkTemplate(
  items: readonly TemplateItem[],
  texts: string,
  key: string,
  check: (id: number, key: string) => number,
  where: string,
): void {
  for (const item of items) if ("id" in item) check(item.id, key);
  const found = items.flatMap((item) => ("text" in item ? [item.text] : [])).sort();
  if (found.join() !== texts) throw unread(where, key, `${texts} once each`, found.join() || "neither");
}
