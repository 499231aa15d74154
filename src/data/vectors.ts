/**
 * Texts whose vectors are to be kept: a corpus to learn from, and what the vectors are judged by, which is the order of scored
 * pairs of texts where there are such, else the teacher's own vectors.
 */

import { InputError } from "../base/errors.ts";
import type { Dataset, Example } from "./dataset.ts";
import { classOf } from "./dataset.ts";

/** A set of texts, each once, without what is blank. @throws {InputError} `texts/few` for fewer than two */
export function textsToEmbed(name: string, texts: readonly string[]): Dataset {
  const each = [...new Set(texts)].filter((text) => text.trim() !== "");
  if (each.length < 2) {
    throw new InputError("texts/few", `${name}: expected two different texts or more, got ${each.length}`);
  }
  const examples = each.map((text, i): Example => ({ text, label: [], where: `${name}:${i + 1}` }));
  const left = texts.length - each.length;
  const notes =
    left > 0 ? { notes: [`${name}: ${left} of ${texts.length} texts are blank or come again`] } : {};
  return { name, task: "embedding", labels: [], examples, ...notes };
}

/** Scored pairs, out of pairs with a value. @throws {InputError} `texts/pairs` for a text without a second one */
export function scoredPairs({ name, examples, notes }: Dataset): Dataset {
  const both = examples.flatMap((example): Example[] => {
    const { text, pair, where } = example;
    if (pair !== undefined) return [text, pair].map((each) => ({ text: each, label: [], where }));
    throw new InputError(
      "texts/pairs",
      `${where}: expected two texts with a score, got one; --text-pair names the column`,
    );
  });
  const scores = examples.map(classOf);
  return { name, task: "embedding", labels: [], examples: both, scores, ...(notes ? { notes } : {}) };
}
