/**
 * The forward pass of a BERT encoder (Devlin et al. 2019; post-LayerNorm, as in the released checkpoints).
 *
 *   B batch   T tokens   N = B·T   D hidden   H heads   A features of one head   F feed-forward   C classes   L layers
 *
 * Hidden states are kept as [N, D], so that every linear layer is one matrix product; only attention sees [B, H, T, A].
 * Everything a method may want to look at (hidden states, attention scores) is returned as values: reading none of
 * them costs nothing. No method is known here; see sites.ts.
 */

import { dropout } from "../graph/dropout.ts";
import { expand, reshape, sum } from "../graph/ops/broadcast.ts";
import { add, div, gelu, mul, relu, scale, shift, sqrt, tanh } from "../graph/ops/elementwise.ts";
import { linear, matmul, transpose } from "../graph/ops/linear.ts";
import { layerNorm, softmax } from "../graph/ops/normal.ts";
import { concat, gather, lookup, range, take } from "../graph/ops/select.ts";
import { tokenRounding } from "../graph/quantize.ts";
import { at as axis, type Dim, GraphError, product } from "../graph/shape.ts";
import type { DropoutKey } from "../graph/uniform.ts";
import { input, type Value } from "../graph/value.ts";
import type { BertConfig, Pooling, Reader } from "./config.ts";
import { biasOf, CLASSIFIER, EMBEDDINGS, layerNames, MIXTURE, MLM, POOLER, weightOf } from "./names.ts";
import { type LayerFn, type LayerPlace, type ModuleSite, type Sites, SKIP, type Tokens } from "./sites.ts";

/** A batch, as values: ids and types int32 or int64 [B, T], mask float [B, T] with 1 for a token. */
export interface BertInputs {
  readonly ids: Value;
  readonly types: Value;
  readonly mask: Value;
}

/** What the forward pass needs to know beside its inputs. */
export interface ForwardContext {
  readonly config: BertConfig;
  /** What `classify` reads: the one whose tensors the graph may read. */
  readonly reader: Reader;
  /** The graph inputs made so far, by parameter name, before the `weight` site. */
  readonly plain: ReadonlyMap<string, Value>;
  /** The parameter of a checkpoint's name; it has been through the `weight` site. */
  readonly parameter: (name: string) => Value;
  readonly sites: Sites;
  /** Rounds what a layer in 8 bits reads. */
  readonly rounded: (x: Value) => Value;
  /** Absent at inference: no dropout. */
  readonly dropout?: DropoutKey;
}

/** Values of one pass; what is not read is not computed. */
export interface Encoding {
  /** The last layer's output, [N, D]. */
  readonly last: Value;
  /**
   * The last layer's output at the first token of each text, [B, D]. It is computed without the other tokens' share of
   * that layer: the same numbers, 14 % less arithmetic in 6 layers. Reading `last` too computes the layer twice.
   */
  readonly first: Value;
  /** The same of each layer below that one, [B, D]. */
  readonly lower: readonly Value[];
  /** Embedding output, then each layer's output: L + 1 values [N, D]. */
  readonly hidden: readonly Value[];
  /** Pre-softmax attention scores of each layer, [B, H, T, T], the padding mask added. */
  readonly scores: readonly Value[];
}

/** The usual input values of a batch with symbols B and T. */
export function batchInputs(dtype: "int32" | "int64" = "int32"): BertInputs {
  const shape = ["B", "T"];
  return {
    ids: input("input_ids", dtype, shape),
    types: input("token_type_ids", dtype, shape),
    mask: input("mask", "float32", shape),
  };
}

/**
 * A context whose parameters are graph inputs under their own names, each made once.
 *
 * @param shapes  names and shapes of what the graph may read (`parameters` of names.ts)
 * @param prefix  of the inputs' names, so that one graph can hold two models
 */
export function contextOf(
  config: BertConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
  sites: Sites = {},
  key?: DropoutKey,
  prefix = "",
): ForwardContext {
  const plain = new Map<string, Value>();
  const made = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const known = made.get(name);
    if (known) return known;
    const shape = shapes.get(name);
    if (shape === undefined)
      throw new GraphError("bert/parameter", `forward: the network has no tensor ${name}`);
    const source = input(prefix + name, "float32", shape);
    const value = sites.weight?.(name, source) ?? source;
    plain.set(name, source);
    made.set(name, value);
    return value;
  };
  const reader = shapes.has(MIXTURE.weights) ? "mixture" : "pooler";
  return {
    config,
    reader,
    plain,
    parameter,
    sites,
    rounded: tokenRounding(),
    ...(key ? { dropout: key } : {}),
  };
}

/** x·Wᵀ + b of a module of the checkpoint, with `weight` [out, in] and `bias` [out]. */
export function dense(context: ForwardContext, module: string, x: Value): Value {
  return linear(x, context.parameter(weightOf(module)), context.parameter(biasOf(module)));
}

/** The same of a module of the encoder, in 8 bits where the network says so (quantized.ts). */
function encoderLinear(context: ForwardContext, module: string, x: Value): Value {
  const { sites, config, rounded } = context;
  const read = sites.input?.(module, x) ?? x;
  return dense(context, module, config.quantized?.has(module) ? rounded(read) : read);
}

function norm(context: ForwardContext, module: string, x: Value): Value {
  const { parameter, config } = context;
  return layerNorm(x, parameter(weightOf(module)), parameter(biasOf(module)), config.layerNormEps);
}

/** Dropout sites are numbered: 0 embeddings, 1 what the classifier reads, then three of each layer. */
function drop(context: ForwardContext, x: Value, rate: number, site: number): Value {
  return context.dropout ? dropout(x, rate, context.dropout, site) : x;
}

/** Word + position + type embeddings, LayerNorm, dropout: [N, D]. */
export function embed(context: ForwardContext, { ids, types }: BertInputs): Value {
  const { config, parameter } = context;
  const words = lookup(parameter(EMBEDDINGS.words), ids); // [B, T, D]
  const positions = lookup(parameter(EMBEDDINGS.positions), range(axis(ids.shape, 1), ids)); // [T, D]
  const segments = lookup(parameter(EMBEDDINGS.types), types); // [B, T, D]
  const x = reshape(add(add(words, segments), positions), [product(ids.shape), config.hiddenSize]); // [N, D]
  return drop(context, norm(context, EMBEDDINGS.norm, x), config.hiddenDropout, 0);
}

/** The padding mask as a term of the scores: 0 for a token, −10⁴ for padding, [B, 1, 1, T]. */
export function scoreBias({ mask }: BertInputs): Value {
  const [B, T] = [axis(mask.shape, 0), axis(mask.shape, 1)];
  return reshape(scale(shift(mask, -1), 1e4), [B, 1, 1, T]);
}

/** Embeddings and all layers. */
export function encode(context: ForwardContext, inputs: BertInputs): Encoding {
  const { config, sites } = context;
  const scores: Value[] = [];
  const bias = scoreBias(inputs);
  const at =
    (place: LayerPlace): LayerFn =>
    (x, tokens) =>
      encoderLayer(context, { ...place, tokens }, inputs, bias, x, (s) => scores.push(s));
  const layers = config.layers.map((layer, index) => {
    const run = at({ layer, index, names: layerNames(index) });
    return sites.layer?.(index, run, at) ?? run;
  });
  const hidden = [embed(context, inputs)];
  const top = (): Value => hidden.at(-1) ?? embed(context, inputs);
  const lastRun = layers.findLastIndex((run) => run !== SKIP);
  let first = lastRun < 0 ? firstTokens(inputs, top()) : top();
  layers.forEach((run, i) => {
    if (i === lastRun) first = run(top(), "first");
    hidden.push(run(top(), "all"));
  });
  const lower = hidden.slice(1, Math.max(0, lastRun) + 1).map((x) => firstTokens(inputs, x));
  return { last: top(), first, lower, hidden, scores };
}

/** The first token of each text: [N, D] → [B, D]. */
export function firstTokens({ ids }: BertInputs, x: Value): Value {
  const [B, T] = [axis(ids.shape, 0), axis(ids.shape, 1)];
  return take(reshape(x, [B, T, axis(x.shape, 1)]), 1, 0);
}

/** A layer with the tokens it is asked for. */
interface LayerRun extends LayerPlace {
  readonly tokens: Tokens;
}

/** One encoder layer on hidden states [N, D]. `report` receives the attention scores of all tokens. */
function encoderLayer(
  context: ForwardContext,
  place: LayerRun,
  inputs: BertInputs,
  bias: Value,
  x: Value,
  report: (scores: Value) => void,
): Value {
  const { names, index, tokens } = place;
  const asked = tokens === "first" ? firstTokens(inputs, x) : x;
  const branch = attention(context, place, inputs, bias, { asked, x }, report);
  const h = norm(
    context,
    names.attentionNorm,
    residual(context, { kind: "attention", layer: index }, asked, branch),
  );
  const fed = residual(context, { kind: "ffn", layer: index }, h, feedForward(context, place, h));
  return norm(context, names.outputNorm, fed);
}

/** x + F(x), with F's dropout and the sites of a module. */
function residual(context: ForwardContext, site: ModuleSite, x: Value, branch: Value): Value {
  const { sites, config } = context;
  const number = 3 * site.layer + (site.kind === "attention" ? 3 : 4);
  const dropped = drop(context, branch, config.hiddenDropout, number);
  const gated = sites.gate?.(site, dropped) ?? dropped;
  return add(x, sites.residual?.(site, gated) ?? gated);
}

/**
 * Multi-head self-attention with its output projection, from the tokens `asked` over all of `x` [N, D].
 * Q is the number of tokens asked in each text: T or 1.
 */
function attention(
  context: ForwardContext,
  { layer, index, names, tokens }: LayerRun,
  { ids }: BertInputs,
  bias: Value,
  { asked, x }: { readonly asked: Value; readonly x: Value },
  report: (scores: Value) => void,
): Value {
  const { config, sites } = context;
  const [B, T] = [axis(ids.shape, 0), axis(ids.shape, 1)];
  const Q = tokens === "first" ? 1 : T;
  const { heads: H, headSize: A } = layer;
  if (H === 0) return biasAlone(context, names.attentionOutput, asked);
  const split = (module: string, from: Value, length: Dim): Value =>
    transpose(reshape(encoderLinear(context, module, from), [B, length, H, A]), [0, 2, 1, 3]); // [B, H, length, A]
  const query = split(names.query, asked, Q);
  const key = split(names.key, x, T);
  const raw = matmul(query, key, { transposeB: true, alpha: 1 / Math.sqrt(A) });
  const scores = add(raw, bias); // [B, H, Q, T]
  if (tokens === "all") report(scores);
  const weights = drop(context, softmax(scores), config.attentionDropout, 3 * index + 2);
  const mixed = matmul(weights, split(names.value, x, T)); // [B, H, Q, A]
  const gated = sites.gate?.({ kind: "heads", layer: index }, mixed) ?? mixed;
  const joined = reshape(transpose(gated, [0, 2, 1, 3]), [product([B, Q]), H * A]);
  return encoderLinear(context, names.attentionOutput, joined);
}

/** The feed-forward module: [N, D] → [N, F] → [N, D]. */
function feedForward(context: ForwardContext, { layer, index, names }: LayerPlace, x: Value): Value {
  if (layer.ffn === 0) return biasAlone(context, names.output, x);
  const active = activate(context.config, encoderLinear(context, names.intermediate, x));
  const gated = context.sites.gate?.({ kind: "neurons", layer: index }, active) ?? active;
  return encoderLinear(context, names.output, gated);
}

/** What is left of a module whose heads or neurons were all removed, in the shape of `like` [N, D]. */
function biasAlone(context: ForwardContext, module: string, like: Value): Value {
  return expand(context.parameter(biasOf(module)), like.shape);
}

function activate({ activation }: BertConfig, x: Value): Value {
  if (activation === "relu") return relu(x);
  return gelu(x, activation === "gelu" ? "erf" : "tanh");
}

/** The first token's last state [B, D] through the pooler: tanh(W·h + b), [B, D]. */
export function pool(context: ForwardContext, first: Value): Value {
  return tanh(dense(context, POOLER, first));
}

/**
 * The first tokens of all layers [B, D] each, averaged with learned weights, through a hidden layer: [B, D].
 *
 * ReLU(W·Σ s_l·h_l + b) with s = softmax(w), as ELMo mixes its layers (Peters et al. 2018), without its overall factor,
 * which W can hold. "All layers" are the L of the encoder: the embedding output of [CLS] is the same in every text.
 */
export function mixLayers(
  context: ForwardContext,
  { first, lower }: Pick<Encoding, "first" | "lower">,
): Value {
  const firsts = context.config.layers.map((_, i) => lower[i] ?? first); // a skipped layer hands on what is below it
  const rows = firsts.map((x) => reshape(x, [axis(x.shape, 0), 1, axis(x.shape, 1)]));
  const shares = reshape(softmax(context.parameter(MIXTURE.weights)), [firsts.length, 1]);
  const average = sum(mul(concat(rows, 1), shares), [1]); // [B, L, D] → [B, D]
  return relu(dense(context, MIXTURE.dense, average));
}

/** Logits of sequence classification or regression, [B, C]: a linear layer over what the head reads, with its dropout. */
export function classify(context: ForwardContext, encoding: Encoding): Value {
  const read = context.reader === "mixture" ? mixLayers(context, encoding) : pool(context, encoding.first);
  const { classifierDropout, hiddenDropout } = context.config;
  return dense(context, CLASSIFIER, drop(context, read, classifierDropout ?? hiddenDropout, 1));
}

/** Logits of each token [N, C], out of the last states [N, D]: BertForTokenClassification's, without a pooler. */
export function classifyTokens(context: ForwardContext, last: Value): Value {
  const { classifierDropout, hiddenDropout } = context.config;
  return dense(context, CLASSIFIER, drop(context, last, classifierDropout ?? hiddenDropout, 1));
}

/**
 * Vectors of texts [B, D], as they are trained. Their length is left as it is: what they are held to reads angles.
 *
 * @throws {GraphError} `bert/pooling` for a pooling that has no gradient here
 */
export function poolVectors(
  { last, first }: Pick<Encoding, "last" | "first">,
  { mask }: BertInputs,
  pooling: Pooling | undefined,
): Value {
  if (pooling?.mode === "cls") return first;
  if (pooling?.mode !== "mean" && pooling?.mode !== "mean_sqrt_len_tokens") {
    throw new GraphError(
      "bert/pooling",
      `vectors: expected a mean or the first token, got ${pooling?.mode ?? "none"}`,
    );
  }
  const [B, T] = [axis(mask.shape, 0), axis(mask.shape, 1)];
  const states = reshape(last, [B, T, axis(last.shape, 1)]);
  const total = sum(mul(states, reshape(mask, [B, T, 1])), [1]);
  const tokens = sum(mask, [1], true);
  return div(total, pooling.mode === "mean" ? tokens : sqrt(tokens));
}

/** Masked-language-model logits at the flat positions `positions` [M] of the batch: [M, V]. */
export function predictPieces(context: ForwardContext, last: Value, positions: Value): Value {
  return pieceLogits(context, gather(last, positions));
}

/** Masked-language-model logits of states [M, D]: [M, V]. */
export function pieceLogits(context: ForwardContext, x: Value): Value {
  const { parameter, config } = context;
  const transformed = activate(config, dense(context, MLM.transform, x));
  const states = norm(context, MLM.norm, transformed);
  return linear(states, parameter(EMBEDDINGS.words), parameter(MLM.bias));
}
