/** The tiny network with a tokenizer that is not BERT's: added tokens of each kind, and templates of its own. */

import { keyOf } from "../../src/base/random.ts";
import type { Head } from "../../src/bert/config.ts";
import { initialNetwork, type Network } from "../../src/network/network.ts";
import { type AddedToken, rulesOf, SPECIAL_FLAGS, type WordPieceRules } from "../../src/text/rules.ts";
import type { WordPieceFiles } from "../../src/text/tokenizer.ts";
import { TINY_CONFIG, tinyModel } from "./tiny-model.ts";

/** Tokens that are added behind the words. */
export const ADDED = ["[E1]", "covfefe", "very good", "<s>"] as const;

const FLAGS = { singleWord: false, lstrip: false, rstrip: false, normalized: true, special: false };

/** With `change` of its rules; without one its templates are BERT's. */
export function ruledModel(
  change: (rules: WordPieceRules) => Partial<WordPieceRules> = () => ({}),
  head: Head = { kind: "classification", labels: ["negative", "positive"] },
): Network & { readonly vocabulary: WordPieceFiles } {
  const { vocabulary: plain } = tinyModel();
  const words = plain.vocab.length;
  const vocab = [...plain.vocab, ...ADDED];
  const bert = rulesOf(plain);
  const added: AddedToken[] = [
    ...bert.added,
    { id: words, ...SPECIAL_FLAGS },
    { id: words + 1, ...FLAGS },
    { id: words + 2, ...FLAGS, singleWord: true },
    { id: words + 3, ...SPECIAL_FLAGS, lstrip: true },
  ];
  const rules = { ...bert, words, added };
  const config = { ...TINY_CONFIG, vocabSize: vocab.length };
  const vocabulary = { ...plain, vocab, rules: { ...rules, ...change(rules) } };
  return { ...initialNetwork(config, head, vocabulary, keyOf(3)), vocabulary };
}

/** `<s> A` for one text, `<s> B <s> A` for a pair, with types. */
export function ownTemplates({ words }: WordPieceRules): Partial<WordPieceRules> {
  const mark = { id: words + 3, type: 0 };
  return {
    single: [mark, { text: "A", type: 0 }],
    pair: [mark, { text: "B", type: 1 }, mark, { text: "A", type: 0 }],
  };
}
