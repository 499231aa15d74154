/** Types of sentences.mjs, for its test. */

export interface Sentence {
  readonly text: string;
  readonly file: string;
  /** Empty where it stands under none. */
  readonly heading: string;
}

export function sentencesOf(markdown: string, file: string): Sentence[];

export function headerOf(source: string, file: string): Sentence[];

export function linesOf(text: string, file: string): Sentence[];

export function withoutTwins(sentences: readonly Sentence[]): Sentence[];

export function projectSentences(root: string): Promise<Sentence[]>;
