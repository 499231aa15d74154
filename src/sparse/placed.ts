/**
 * A model in an arena, as a pass finds it: addresses and sizes alone, so that it can be sent to the threads that share the
 * memory. Browser-safe. Not here: how it comes there (model.ts), the pass (forward.ts).
 *
 *   P  panels of a pass, at most   D hidden   E embeddings   A features of all heads   F feed-forward   L layers
 */

import type { BertConfig, Pooling } from "../bert/config.ts";
import type { PlacedProduct } from "./product.ts";

/** Panels whose neurons are held at once by a thread: 128 tokens, so that a matrix is read once for each. */
export const CHUNK = 8;

/** Panels of a pass, unless a text has more: 1,024 tokens, whose states stay in the last cache. */
export const PASS_PANELS = 64;

/** Addresses of γ and β. */
export interface PlacedNorm {
  readonly gamma: number;
  readonly beta: number;
}

/** What places do in a layer's attention. */
export interface PlacedPlaces {
  /** Tokens that one sees on each side. */
  readonly reach: number;
  /** Address of what distance 0 adds to a score of the first head, and bytes to the next head's; 0: nothing is added. */
  readonly terms: number;
  readonly termsRow: number;
  /** Angles by which queries and keys are turned, and bytes from one panel of places to the next; 0: none. */
  readonly angles: number;
  readonly anglesRow: number;
}

/** A layer; `attention` and `ffn` are absent where a module has lost every unit, and its output bias is left. */
export interface PlacedLayer {
  readonly heads: number;
  readonly headSize: number;
  /** It reads hidden states as they are, not their norm. */
  readonly isBare: boolean;
  readonly places: PlacedPlaces;
  readonly attention?: Readonly<Record<"query" | "key" | "value", PlacedProduct>>;
  readonly attentionOutput: PlacedProduct;
  /** After the sum with attention's output; the result is what the feed-forward module reads. */
  readonly attentionNorm: PlacedNorm;
  readonly intermediate?: PlacedProduct;
  /** What neurons are multiplied by. */
  readonly gate?: PlacedProduct;
  readonly output: PlacedProduct;
  /** After the sum with that module's output; the result is what the next layer reads, or the head. */
  readonly outputNorm: PlacedNorm;
}

/** What each thread has for itself. */
export interface ThreadRoom {
  /** Neurons of `CHUNK` panels, and what they are multiplied by. */
  readonly neurons: number;
  readonly gates: number;
  /** `CHUNK` panels of whatever a layer in 8 bits reads, as bytes and as the numbers that these stand for. */
  readonly bytes: number;
  readonly rounded: number;
  /** Attention scores of a text. */
  readonly scores: number;
  /** One panel of a mixture. */
  readonly panel: number;
}

/** Where a pass works; addresses of panels. */
export interface Room {
  /**
   * Hidden states [P][D], and what modules read, their norm. Where norms stand after the sum both are one: a sum is
   * needed no more once its norm is there.
   */
  readonly hidden: number;
  readonly normed: number;
  /** What a module adds [P][D], or embeddings before their projection [P][E]. */
  readonly branch: number;
  /** Mixtures [P][A]; queries, keys and values in two turns. */
  readonly mixed: number;
  readonly queries: readonly [number, number];
  readonly keys: readonly [number, number];
  readonly values: readonly [number, number];
  readonly threads: readonly ThreadRoom[];
  /** First tokens, or means, of the texts [texts / 16][D], of every layer that the head reads; the last one's norm. */
  readonly firsts: readonly number[];
  readonly firstsNormed: number;
  /** Logits [texts / 16][labels], of tokens [P][labels]; or vectors as rows [texts][D]. */
  readonly logits: number;
  /** The batch: see batch.ts. */
  readonly batch: number;
}

/** The functions between two matrices, by their kernels. */
export type ActivationKernel = "gelu_erf" | "gelu_tanh" | "relu" | "tanh";

/** The hidden layer of a head. */
export interface PlacedHidden {
  readonly linear: PlacedProduct;
  readonly activation: ActivationKernel;
  readonly norm?: PlacedNorm;
}

/** What becomes of the last layer: logits of first tokens, of means, or of all tokens; or a vector of each text. */
export type PlacedHead =
  | {
      readonly kind: "labels";
      readonly hidden: PlacedHidden;
      /** Whether it reads the mean of a text's tokens, not the first of them, of the last layer or of all. */
      readonly readsMean: boolean;
      /** Each layer's share of a mixture, by softmax; absent where the last layer alone is read. */
      readonly mixture?: readonly number[];
      readonly classifier: PlacedProduct;
    }
  | { readonly kind: "tokens"; readonly hidden?: PlacedHidden; readonly classifier: PlacedProduct }
  | { readonly kind: "vector"; readonly pooling: Pooling };

/** Tables, and what becomes of the sum of a token's rows. */
export interface PlacedEmbeddings {
  /** Numbers of a row. */
  readonly features: number;
  readonly words: number;
  readonly positions: number;
  /** Bytes from one position to the next; 0 where there is no table of them. */
  readonly positionRow: number;
  /** The piece from which places are counted, or -1. */
  readonly pad: number;
  readonly types: number;
  readonly norm: PlacedNorm;
  readonly projection?: PlacedProduct;
  /** The first norm that stands before a module. */
  readonly next?: PlacedNorm;
}

/** Everything a pass needs to know. */
export interface PlacedModel {
  /** `typeVocab` 0: types are not read. */
  readonly config: Pick<
    BertConfig,
    "hiddenSize" | "layerNormEps" | "vocabSize" | "typeVocab" | "maxPositions"
  >;
  readonly activation: ActivationKernel;
  /** Numbers of an answer: labels, or the features of a vector. */
  readonly outputs: number;
  readonly embeddings: PlacedEmbeddings;
  readonly layers: readonly PlacedLayer[];
  readonly head: PlacedHead;
  readonly room: Room;
  /** Panels of a pass, at most; a text has at most as many. */
  readonly panels: number;
}
