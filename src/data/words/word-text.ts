/** What the readers of labelled words make of a text. Which labels there are, and their numbers, is word-labels.ts. */

/** A text in words, each with its label as it is spelled. */
export interface WordText {
  readonly words: readonly string[];
  readonly labels: readonly string[];
  /** `file:line` of its first word. */
  readonly where: string;
}
