/**
 * The forward pass of a BERT encoder (Devlin et al. 2019; post-LayerNorm, as in the released checkpoints).
 *
 *   B batch   T tokens   N = B·T   D hidden   H heads   A features of one head   F feed-forward   C classes
 *
 * Hidden states are kept as [N, D], so that every linear layer is one matrix product; only attention sees [B, H, T, A].
 * Everything a method may want to look at (hidden states, attention scores) is returned as values: reading none of
 * them costs nothing. No method is known here; see sites.ts.
 */

import { type DropoutKey, dropout } from "../graph/dropout.ts";
import { reshape } from "../graph/ops/broadcast.ts";
import { add, gelu, relu, scale, shift, tanh } from "../graph/ops/elementwise.ts";
import { linear, matmul, transpose } from "../graph/ops/linear.ts";
import { layerNorm, softmax } from "../graph/ops/normal.ts";
import { gather, range, take } from "../graph/ops/select.ts";
import { at as axis, GraphError, product } from "../graph/shape.ts";
import { input, type Value } from "../graph/value.ts";
import type { BertConfig } from "./config.ts";
import { biasOf, CLASSIFIER, EMBEDDINGS, layerNames, MLM, POOLER, weightOf } from "./names.ts";
import type { LayerFn, LayerPlace, ModuleSite, Sites } from "./sites.ts";

/** A batch, as values: ids and types int32 or int64 [B, T], mask float [B, T] with 1 for a token. */
export interface BertInputs {
  readonly ids: Value;
  readonly types: Value;
  readonly mask: Value;
}

/** What the forward pass needs to know beside its inputs. */
export interface ForwardContext {
  readonly config: BertConfig;
  /** The graph inputs made so far, by parameter name, before the `weight` site. */
  readonly plain: ReadonlyMap<string, Value>;
  /** The parameter of a checkpoint's name; it has been through the `weight` site. */
  readonly parameter: (name: string) => Value;
  readonly sites: Sites;
  /** Absent at inference: no dropout. */
  readonly dropout?: DropoutKey;
}

/** Values of one pass; what is not read is not computed. */
export interface Encoding {
  /** The last layer's output. */
  readonly last: Value;
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
 */
export function contextOf(
  config: BertConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
  sites: Sites = {},
  key?: DropoutKey,
): ForwardContext {
  const plain = new Map<string, Value>();
  const made = new Map<string, Value>();
  const parameter = (name: string): Value => {
    const known = made.get(name);
    if (known) return known;
    const shape = shapes.get(name);
    if (shape === undefined)
      throw new GraphError("bert/parameter", `forward: the network has no tensor ${name}`);
    const source = input(name, "float32", shape);
    const value = sites.weight?.(name, source) ?? source;
    plain.set(name, source);
    made.set(name, value);
    return value;
  };
  return { config, plain, parameter, sites, ...(key ? { dropout: key } : {}) };
}

/** x·Wᵀ + b of a module of the checkpoint, with `weight` [out, in] and `bias` [out]. */
export function dense(context: ForwardContext, module: string, x: Value): Value {
  return linear(x, context.parameter(weightOf(module)), context.parameter(biasOf(module)));
}

function norm(context: ForwardContext, module: string, x: Value): Value {
  const { parameter, config } = context;
  return layerNorm(x, parameter(weightOf(module)), parameter(biasOf(module)), config.layerNormEps);
}

/** Dropout sites are numbered: 0 embeddings, 1 the pooled output, then three of each layer. */
function drop(context: ForwardContext, x: Value, rate: number, site: number): Value {
  return context.dropout ? dropout(x, rate, context.dropout, site) : x;
}

/** Word + position + type embeddings, LayerNorm, dropout: [N, D]. */
export function embed(context: ForwardContext, { ids, types }: BertInputs): Value {
  const { config, parameter } = context;
  const words = gather(parameter(EMBEDDINGS.words), ids); // [B, T, D]
  const positions = gather(parameter(EMBEDDINGS.positions), range(axis(ids.shape, 1), ids)); // [T, D]
  const segments = gather(parameter(EMBEDDINGS.types), types); // [B, T, D]
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
    (x) =>
      encoderLayer(context, place, inputs, bias, x, (s) => scores.push(s));
  let x = embed(context, inputs);
  const hidden = [x];
  config.layers.forEach((layer, index) => {
    const run = at({ layer, index, names: layerNames(index) });
    x = (sites.layer?.(index, run, at) ?? run)(x);
    hidden.push(x);
  });
  return { last: x, hidden, scores };
}

/** One encoder layer on hidden states [N, D]. `report` receives the attention scores. */
export function encoderLayer(
  context: ForwardContext,
  place: LayerPlace,
  inputs: BertInputs,
  bias: Value,
  x: Value,
  report: (scores: Value) => void = () => undefined,
): Value {
  const { names, index } = place;
  const attended = residual(context, { kind: "attention", layer: index }, x, (h) =>
    attention(context, place, inputs, bias, h, report),
  );
  const h = norm(context, names.attentionNorm, attended);
  return norm(
    context,
    names.outputNorm,
    residual(context, { kind: "ffn", layer: index }, h, (y) => feedForward(context, place, y)),
  );
}

/** x + F(x), with F's dropout and the sites of a module. */
function residual(context: ForwardContext, site: ModuleSite, x: Value, module: LayerFn): Value {
  const { sites, config } = context;
  const number = 3 * site.layer + (site.kind === "attention" ? 3 : 4);
  const dropped = drop(context, module(x), config.hiddenDropout, number);
  const gated = sites.gate?.(site, dropped) ?? dropped;
  return add(x, sites.residual?.(site, gated) ?? gated);
}

/** Multi-head self-attention with its output projection: [N, D] → [N, D]. */
function attention(
  context: ForwardContext,
  { layer, index, names }: LayerPlace,
  { ids }: BertInputs,
  bias: Value,
  x: Value,
  report: (scores: Value) => void,
): Value {
  const { config, sites } = context;
  const [B, T] = [axis(ids.shape, 0), axis(ids.shape, 1)];
  const { heads: H, headSize: A } = layer;
  const N = product([B, T]);
  const split = (module: string): Value =>
    transpose(reshape(dense(context, module, x), [B, T, H, A]), [0, 2, 1, 3]); // [B, H, T, A]
  const raw = matmul(split(names.query), split(names.key), { transposeB: true, alpha: 1 / Math.sqrt(A) });
  const scores = add(raw, bias); // [B, H, T, T]
  report(scores);
  const weights = drop(context, softmax(scores), config.attentionDropout, 3 * index + 2);
  const mixed = matmul(weights, split(names.value)); // [B, H, T, A]
  const gated = sites.gate?.({ kind: "heads", layer: index }, mixed) ?? mixed;
  const joined = reshape(transpose(gated, [0, 2, 1, 3]), [N, H * A]);
  return dense(context, names.attentionOutput, joined);
}

/** The feed-forward module: [N, D] → [N, F] → [N, D]. */
function feedForward(context: ForwardContext, { index, names }: LayerPlace, x: Value): Value {
  const active = activate(context.config, dense(context, names.intermediate, x));
  const gated = context.sites.gate?.({ kind: "neurons", layer: index }, active) ?? active;
  return dense(context, names.output, gated);
}

function activate({ activation }: BertConfig, x: Value): Value {
  if (activation === "relu") return relu(x);
  return gelu(x, activation === "gelu" ? "erf" : "tanh");
}

/** The first token's last state through the pooler: tanh(W·h + b), [B, D]. */
export function pooled(context: ForwardContext, { ids }: BertInputs, last: Value): Value {
  const [B, T] = [axis(ids.shape, 0), axis(ids.shape, 1)];
  const first = take(reshape(last, [B, T, context.config.hiddenSize]), 1, 0); // [B, D]
  return tanh(dense(context, POOLER, first));
}

/** Logits of sequence classification or regression, [B, C]. */
export function classify(context: ForwardContext, inputs: BertInputs, { last }: Encoding): Value {
  const { config } = context;
  return dense(context, CLASSIFIER, drop(context, pooled(context, inputs, last), config.hiddenDropout, 1));
}

/** Masked-language-model logits at the flat positions `positions` [M] of the batch: [M, V]. */
export function predictPieces(context: ForwardContext, last: Value, positions: Value): Value {
  const { parameter, config } = context;
  const chosen = gather(last, positions); // [M, D]
  const transformed = activate(config, dense(context, MLM.transform, chosen));
  const states = norm(context, MLM.norm, transformed);
  return linear(states, parameter(EMBEDDINGS.words), parameter(MLM.bias));
}
