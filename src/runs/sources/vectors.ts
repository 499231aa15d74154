/** The texts of a sentence encoder that is compressed: a corpus to learn vectors of, and what the vectors are judged by. */

import { fold, keyOf } from "../../base/random.ts";
import type { Dataset } from "../../data/dataset.ts";
import { holdOut, type Split } from "../../data/split.ts";
import { scoredPairs, textsToEmbed } from "../../data/vectors.ts";

/** Texts that are kept back to judge by, where nothing else is named. */
const JUDGING_TEXTS = 1000;

/** What can be read for it. */
export interface VectorSources {
  readonly name: string;
  readonly texts: readonly string[];
  /** Pairs with scores, or texts of their own, that judge; absent where none were named. */
  readonly judging?: Dataset | readonly string[];
  readonly seed: number;
}

/** Both sets, and whether what judges was drawn from the texts that train. */
export function vectorSplit({
  name,
  texts,
  judging,
  seed,
}: VectorSources): Split & { readonly isDrawn: boolean } {
  const train = textsToEmbed(name, texts);
  if (judging === undefined) {
    const count = Math.max(1, Math.min(JUDGING_TEXTS, Math.floor(train.examples.length / 10)));
    return { ...holdOut(train, count, fold(keyOf(seed), "validation")), isDrawn: true };
  }
  const dev = "examples" in judging ? scoredPairs(judging) : textsToEmbed("validation", judging);
  return { train, dev, isDrawn: false };
}
