/** Types of vectors.mjs, for its test. */

import type { Sentence } from "./sentences.mjs";

/** What the page says of the model and its sentences, and searches. */
export interface Made {
  readonly about: {
    readonly model: string;
    readonly bytes: number;
    readonly arithmetic: string;
    readonly source: string;
  };
  /** Questions to click. */
  readonly examples: readonly string[];
  readonly sentences: readonly Sentence[];
}

export function packVectors(vectors: readonly Float32Array[]): Int8Array<ArrayBuffer>;

export function filesOf(
  made: Made,
  vectors: readonly Float32Array[],
): { readonly "sentences.json": string; readonly "vectors.bin": Int8Array<ArrayBuffer> };

export function searcher(
  packed: Int8Array,
  dimensions: number,
): (query: Float32Array, most: number) => { readonly row: number; readonly cosine: number }[];
