/**
 * More examples from few: copies of labelled texts in which some words are replaced by candidates.
 *
 *   Jiao, Yin, Shang, Jiang, Chen, Li, Wang, Liu, "TinyBERT: Distilling BERT for natural language understanding",
 *   Findings of EMNLP 2020, arXiv:1909.10351, Algorithm 1; details after the authors' data_augmentation.py.
 *
 *   N copies of a text   M candidates of a word   p probability that a word is replaced
 *
 * From the script: each word of a to z that is no stop word is replaced with probability p, by one of its candidates
 * drawn uniformly; the original is kept; a copy that is already there is left out and not drawn again, so a short
 * text gets fewer than N; of a pair each text is augmented in turn while the other stays. N = 30, M = 15, p = 0.4;
 * the script takes N = 20 for SST-2 and QNLI and 10 for MNLI and QQP.
 *
 * Departures: the text that is not augmented is the original one (the script leaves the first text's last copy
 * there while it augments the second); the original pair comes once and not twice; what stands between the words
 * stays as it is (the script joins lower-case tokens by blanks: the same pieces); the stop words are our own list.
 *
 * A copy is a function of (key, example, text, copy, word). Not here: where candidates come from (commands/augment-candidates.ts).
 */

import { fold, type Key, randint, uniform } from "../base/random.ts";
import { replaceWords, type Word } from "../text/words.ts";
import type { Example } from "./dataset.ts";

/** A word of a text, and what may stand in its place. */
export interface Replaceable extends Pick<Word, "start" | "end"> {
  /** Without any, the word stays. */
  readonly candidates: readonly string[];
}

/** What may be replaced in a text, in its order. */
export type ReplaceableWords = (text: string) => readonly Replaceable[];

/** How copies are drawn. */
export interface AugmentRules {
  /** N: copies drawn of each text; each text of a pair has its own. */
  readonly copies: number;
  /** p: probability that a word is replaced. */
  readonly rate: number;
  readonly key: Key;
}

/** Every example with its copies behind it, in order. A copy has the label and the place of its original. */
export function* augmentExamples(
  examples: Iterable<Example>,
  words: ReplaceableWords,
  { copies, rate, key }: AugmentRules,
): Generator<Example> {
  let index = 0;
  for (const example of examples) {
    const own = fold(key, index++);
    const rules = (side: number): AugmentRules => ({ copies, rate, key: fold(own, side) });
    yield example;
    for (const text of copiesOf(example.text, words(example.text), rules(0))) yield { ...example, text };
    const { pair } = example;
    if (pair === undefined) continue;
    for (const copy of copiesOf(pair, words(pair), rules(1))) yield { ...example, pair: copy };
  }
}

/** Different copies of a text, none like the original. */
function copiesOf(
  text: string,
  words: readonly Replaceable[],
  { copies, rate, key }: AugmentRules,
): string[] {
  const seen = new Set([text]);
  for (let copy = 0; copy < copies; copy++) {
    const own = fold(key, copy);
    const drawn = words.map(({ candidates }, i) => {
      const isReplaced = uniform(own, 2 * i) < rate;
      return isReplaced ? candidates[randint(own, candidates.length, 2 * i + 1)] : undefined;
    });
    seen.add(replaceWords(text, words, drawn));
  }
  return [...seen].slice(1);
}
