/**
 * What stands on an encoder: the layers of a head, from the last states to logits or vectors.
 *
 *   B batch   T tokens   N = B·T   M places   D hidden   C classes   L layers   V pieces
 *
 * Not here: which head a network has (head.ts), what its answers are held to (answers.ts).
 */

import { reshape, sum } from "../graph/ops/broadcast.ts";
import { div, mul, relu, sqrt, tanh } from "../graph/ops/elementwise.ts";
import { softmax } from "../graph/ops/normal.ts";
import { concat, gather } from "../graph/ops/select.ts";
import { at as axis, GraphError } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { answersTexts, type BertConfig, type Head, type Pooling, poolingOf, readsFirsts } from "./config.ts";
import {
  activate,
  type BertInputs,
  dense,
  drop,
  type Encoding,
  EXTRA_DROPS,
  type ForwardContext,
  linearBy,
  norm,
  totalOf,
} from "./forward.ts";
import { CLASSIFIER, EMBEDDINGS, HIDDEN, MIXTURE, MLM, POOLER } from "./names.ts";

/** Whether the first token of a text is all that a head reads of the last layer. */
export function asksFirstAlone(head: Head, config: Pick<BertConfig, "facts">): boolean {
  return answersTexts(head) ? readsFirsts(head, config) : poolingOf(head)?.mode === "cls";
}

/** The head's hidden layer on rows of states [.., D]: BERT's pooler on the first tokens is tanh(W·h + b). */
export function pool(context: ForwardContext, x: Value): Value {
  const { activation, shared } = context.facts.head;
  const linear = dense(context, POOLER, x);
  const active = activation === "tanh" ? tanh(linear) : activate(activation, linear);
  return shared === true ? norm(context, HIDDEN.norm, active) : active;
}

/**
 * The first tokens of all layers, or their means, [B, D] each, averaged with learned weights, through a hidden layer: [B, D].
 *
 * ReLU(W·Σ s_l·h_l + b) with s = softmax(w), as ELMo mixes its layers (Peters et al. 2018), without its overall factor,
 * which W can hold. "All layers" are the L of the encoder: the embedding output of [CLS] is the same in every text.
 * Means are ours, for encoders that were trained to be read by them, as sentence encoders are: their first tokens know little.
 */
export function mixLayers(
  context: ForwardContext,
  reader: keyof typeof MIXTURE.weights,
  { first, mean, lower }: Pick<Encoding, "first" | "mean" | "lower">,
): Value {
  const top = reader === "means" ? mean : first;
  const states = context.config.layers.map((_, i) => lower[i] ?? top); // a skipped layer hands on what is below it
  const rows = states.map((x) => reshape(x, [axis(x.shape, 0), 1, axis(x.shape, 1)]));
  const shares = reshape(softmax(context.parameter(MIXTURE.weights[reader])), [states.length, 1]);
  const average = sum(mul(concat(rows, 1), shares), [1]); // [B, L, D] → [B, D]
  return relu(dense(context, MIXTURE.dense, average));
}

/** Logits of sequence classification or regression, [B, C]: a linear layer over what the head reads, with its dropout. */
export function classify(context: ForwardContext, encoding: Encoding): Value {
  const { classifierDropout, hiddenDropout } = context.config;
  const rate = classifierDropout ?? hiddenDropout;
  const { reader } = context;
  const read =
    reader === "pooler" ? poolTexts(context, encoding, rate) : mixLayers(context, reader, encoding);
  return dense(context, CLASSIFIER, drop(context, read, rate, 1));
}

/** The hidden layer on what it reads of each text: [B, D]. */
function poolTexts(context: ForwardContext, { first, mean }: Encoding, rate: number): Value {
  const { reads, dropsInput } = context.facts.head;
  const read = reads === "mean" ? mean : first;
  return pool(context, dropsInput === true ? drop(context, read, rate, EXTRA_DROPS.hidden) : read);
}

/** Logits of each token [N, C], out of the last states [N, D]: BertForTokenClassification's, without a pooler. */
export function classifyTokens(context: ForwardContext, last: Value): Value {
  const { config, facts } = context;
  const rate = facts.dropouts.tokens ?? config.classifierDropout ?? config.hiddenDropout;
  const read = facts.head.shared === true ? pool(context, last) : last;
  return dense(context, CLASSIFIER, drop(context, read, rate, 1));
}

/**
 * Vectors of texts [B, D], as they are trained. Their length is left as it is: what they are held to reads angles.
 *
 * @throws {GraphError} `bert/pooling` for a pooling that has no gradient here
 */
export function poolVectors(
  { last, first, mean }: Pick<Encoding, "last" | "first" | "mean">,
  inputs: BertInputs,
  pooling: Pooling | undefined,
): Value {
  if (pooling?.mode === "cls") return first;
  if (pooling?.mode !== "mean" && pooling?.mode !== "mean_sqrt_len_tokens") {
    throw new GraphError(
      "bert/pooling",
      `vectors: expected a mean or the first token, got ${pooling?.mode ?? "none"}`,
    );
  }
  if (pooling.mode === "mean") return mean;
  return div(totalOf(last, inputs), sqrt(sum(inputs.mask, [1], true)));
}

/** Masked-language-model logits at the flat positions `positions` [M] of the batch: [M, V]. */
export function predictPieces(context: ForwardContext, last: Value, positions: Value): Value {
  return pieceLogits(context, gather(last, positions));
}

/** Masked-language-model logits of states [M, D]: [M, V]. */
export function pieceLogits(context: ForwardContext, x: Value): Value {
  const states = context.facts.head.shared === true ? pool(context, x) : transformPieces(context, x);
  return linearBy(context, states, EMBEDDINGS.words, MLM.bias);
}

function transformPieces(context: ForwardContext, x: Value): Value {
  const { config, facts } = context;
  const transformed = activate(facts.head.pieces ?? config.activation, dense(context, MLM.transform, x));
  return norm(context, MLM.norm, transformed);
}
