/**
 * Network: the waist of the project. Training ends in one; evaluation, shrinking, export and reports begin with one.
 *
 * A network is a value: a configuration with the size of every layer, a head, the tensors under the checkpoint's own
 * names, and the word pieces. Nothing here changes one; a changed network is a new record, sharing what stays.
 *
 * Not here: files (folder.ts), the forward pass (bert/forward.ts), removing what a mask has zeroed.
 */

import { requireEntry } from "../base/present.ts";
import { fold, type Key, normals } from "../base/random.ts";
import { countNonzero, type FloatTensor, floatTensor, sizeOf, type Tensor } from "../base/tensor.ts";
import { type BertConfig, factsOf, type Head, type LayerConfig } from "../bert/config.ts";
import { CLASSIFIER, isEmbedding, optionalParameters, parameters } from "../bert/names.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";

export type { Head } from "../bert/config.ts";

/** An encoder with its head. `tensors` has exactly the names of `parameters(config, head)`, and maybe a spare pooler. */
export interface Network {
  readonly config: BertConfig;
  readonly head: Head;
  /** Under the checkpoint's names, for example `bert.encoder.layer.0.attention.self.query.weight` [out, in]. */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  /** 1 where a weight survives, 0 where it was pruned; a name without a mask is dense. */
  readonly masks?: ReadonlyMap<string, Tensor<"uint8">>;
  readonly vocabulary: TokenizerFiles;
}

/** Numbers of weights. A tied output matrix counts once, with the embeddings. */
export interface ParameterCount {
  readonly total: number;
  readonly nonzero: number;
  /** The part of `total` in embedding tables and their LayerNorm. */
  readonly embeddings: number;
  /** The part of `nonzero` in embedding tables and their LayerNorm. */
  readonly nonzeroEmbeddings: number;
}

/** Counts what the network's own forward pass uses: a spare pooler is left out. */
export function countParameters({ config, head, tensors }: Network): ParameterCount {
  const count = { total: 0, nonzero: 0, embeddings: 0, nonzeroEmbeddings: 0 };
  for (const name of parameters(config, head).keys()) {
    const { data } = requireEntry(tensors, name, "tensor");
    const kept = countNonzero(data);
    count.total += data.length;
    count.nonzero += kept;
    if (!isEmbedding(name)) continue;
    count.embeddings += data.length;
    count.nonzeroEmbeddings += kept;
  }
  return count;
}

/**
 * One layer over T tokens: four projections of T·D·A, scores and mixture of T·S·A each, S the tokens that one sees, two
 * matrices of T·D·F or three.
 */
function layerMacs({ heads, headSize, ffn, gated, window }: LayerConfig, D: number, T: number): number {
  const A = heads * headSize;
  const seen = window === undefined ? T : Math.min(T, 2 * window + 1);
  return 4 * T * D * A + 2 * T * seen * A + (gated === true ? 3 : 2) * T * D * ffn;
}

/** Pooler and the hidden layer of a mixture are of one size; the average is elementwise. */
function headMacs(config: BertConfig, head: Head, T: number): number {
  const { hiddenSize: D, vocabSize } = config;
  const { embeddingSize: E = D, head: kind } = factsOf(config);
  if (head.kind === "none") return 0;
  if (head.kind === "tokens") return T * D * (head.labels.length + (kind.shared === true ? D : 0));
  if (head.kind === "mlm") return T * E * (D + vocabSize);
  return D * (D + (head.kind === "regression" ? 1 : head.labels.length));
}

/**
 * Multiply-accumulates of the matrix products for one text of `tokens` pieces, dense: zeros inside a matrix count.
 * Elementwise work (softmax, GELU, LayerNorm) and embedding look-ups are not counted; a window counts what it lets be
 * seen, whatever an engine computes.
 */
export function macs(config: BertConfig, head: Head, tokens: number): number {
  const { embeddingSize: E = 0 } = factsOf(config);
  const layers = config.layers.reduce((n, layer) => n + layerMacs(layer, config.hiddenSize, tokens), 0);
  return E * config.hiddenSize * tokens + layers + headMacs(config, head, tokens);
}

/** BERT's initialisation: matrices and tables normal, LayerNorm 1 and 0, biases 0; a mixture begins as the plain average. */
function initialTensor(name: string, shape: readonly number[], config: BertConfig, key: Key): FloatTensor {
  const size = sizeOf(shape);
  if (shape.length === 1) {
    return floatTensor(shape, new Float32Array(size).fill(name.endsWith("LayerNorm.weight") ? 1 : 0));
  }
  return floatTensor(shape, normals(fold(key, name), size, config.initializerRange));
}

/** A network with random weights, in float32. The same key gives the same bytes, tensor by tensor, whatever the head. */
export function initialNetwork(given: BertConfig, head: Head, vocabulary: TokenizerFiles, key: Key): Network {
  const { quantized: _, ...config } = given;
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of parameters(config, head)) {
    tensors.set(name, initialTensor(name, shape, config, key));
  }
  return { config, head, tensors, vocabulary };
}

/** True when the tensors under `classifier.` may be kept: the same labels in the same order, or both regressions. */
export function sameHead(a: Head, b: Head): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * The same encoder under another head. The encoder is shared, and a pooler or mixture that is there and wanted; what the
 * new head lacks is drawn from `key`. A classifier is kept only when the head is the same; the spare pooler stays under
 * `mlm` and `none`.
 */
export function withHead(network: Network, head: Head, key: Key): Network {
  const { config, vocabulary, tensors: old } = network;
  const kept = sameHead(network.head, head);
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of parameters(config, head)) {
    const reusable = kept || !name.startsWith(`${CLASSIFIER}.`);
    const found = reusable ? old.get(name) : undefined;
    tensors.set(name, found ?? initialTensor(name, shape, config, key));
  }
  for (const name of optionalParameters(config, head).keys()) {
    const found = old.get(name);
    if (found !== undefined) tensors.set(name, found);
  }
  const masks = [...(network.masks ?? [])].filter(([name]) => tensors.get(name) === old.get(name));
  return { config, head, tensors, vocabulary, ...(masks.length > 0 ? { masks: new Map(masks) } : {}) };
}
