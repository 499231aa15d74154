/** The length that training takes, and what is said about texts that are cut, or blank. */

import { hasBlank } from "../data/dataset.ts";
import { type Lengthy, lengthFor } from "../network/length.ts";
import type { Text } from "../network/predictions.ts";
import type { RunContext } from "./progress.ts";

/** Tokens, where neither the user nor the model says less. */
const USUAL = 128;

/**
 * The length to train at: what was typed, else the usual one or the model's own where that is less. A model that was
 * fine-tuned before, and is to be the teacher, keeps the length it was trained with.
 *
 * @throws {ConfigError} `options/maxLength` when more is typed than one of the models has positions
 */
export function trainingLength(
  base: Lengthy,
  asked: number | undefined,
  { report }: RunContext,
  finetuned?: Lengthy,
): number {
  if (asked !== undefined) {
    for (const model of finetuned ? [base, finetuned] : [base]) lengthFor(model, asked);
    return asked;
  }
  if (finetuned) {
    const length = Math.min(lengthFor(finetuned), base.config.maxPositions);
    note(report, `texts are cut at ${length} tokens, as the fine-tuned model's are`);
    return length;
  }
  const length = usualLength(base);
  if (length < USUAL)
    note(report, `texts are cut at ${length} tokens, all that the model takes; the default is ${USUAL}`);
  return length;
}

/**
 * What was typed, else the usual length or the model's own where that is less.
 * @throws {ConfigError} `options/maxLength` when more is typed than the model has positions
 */
export function usualLength(model: Lengthy, asked?: number): number {
  return asked === undefined ? Math.min(USUAL, lengthFor(model)) : lengthFor(model, asked);
}

/** Says how many of some texts are cut; nothing when all are whole. */
export function noteCut(cut: number, of: number, length: number, report: RunContext["report"]): void {
  if (cut > 0)
    note(report, `cut at ${length} tokens, for they are longer: ${countOf(cut)} of ${countOf(of)} texts`);
}

/** Whether there is nothing to read: of a pair, in either text. */
export function isBlank(text: Text): boolean {
  const [first, pair] = typeof text === "string" ? [text] : text;
  return hasBlank({ text: first, pair });
}

/** Says how many of some texts are blank: what is said of them is said of nothing. */
export function noteBlank(blank: number, of: number, report: RunContext["report"]): void {
  if (blank > 0)
    note(report, `blank, so that the answer says nothing: ${countOf(blank)} of ${countOf(of)} texts`);
}

function countOf(n: number): string {
  return n.toLocaleString("en");
}

function note(report: RunContext["report"], text: string): void {
  report?.({ kind: "note", text });
}
