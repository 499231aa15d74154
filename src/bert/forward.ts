/**
 * The forward pass of an encoder, from tokens to the states of its last layer. There is one for all architectures: where
 * they differ, it reads the record of facts (facts.ts). BERT's is Devlin et al. 2019, with LayerNorm after the sum.
 *
 *   B batch   T tokens   N = B·T   D hidden   E embeddings   H heads   A features of one head   F feed-forward   L layers
 *
 * Hidden states are kept as [N, D], so that every linear layer is one matrix product; only attention sees [B, H, T, A].
 * Everything a method may want to look at (hidden states, attention scores) is returned as values: reading none of
 * them costs nothing. No method is known here; see sites.ts. Not here: heads (head-layers.ts), what a token's place does
 * (places.ts).
 */

import { floatTensor } from "../base/tensor.ts";
import { dropout } from "../graph/dropout.ts";
import { expand, reshape, sum } from "../graph/ops/broadcast.ts";
import { add, div, gelu, mul, relu } from "../graph/ops/elementwise.ts";
import { linear, matmul, transpose } from "../graph/ops/linear.ts";
import { layerNorm, softmax } from "../graph/ops/normal.ts";
import { lookup, take } from "../graph/ops/select.ts";
import { tokenRounding } from "../graph/quantize.ts";
import { at as axis, type Dim, GraphError, lengthAt, product } from "../graph/shape.ts";
import type { DropoutKey } from "../graph/uniform.ts";
import { constant, input, scalar, type Value } from "../graph/value.ts";
import { type BertConfig, factsOf } from "./config.ts";
import type { Activation, Facts, Reader } from "./facts.ts";
import { biasOf, EMBEDDINGS, FINAL_NORM, layerNames, mixtureIn, weightOf } from "./names.ts";
import { type Places, placesOf, tableRows } from "./places.ts";
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
  readonly facts: Facts;
  /** What `classify` reads: the one whose tensors the graph may read. */
  readonly reader: Reader;
  /** The graph inputs made so far, by parameter name, before the `weight` site. */
  readonly plain: ReadonlyMap<string, Value>;
  /** The parameter of a checkpoint's name; it has been through the `weight` site. */
  readonly parameter: (name: string) => Value;
  /** Whether there is such a parameter: some modules have no bias. */
  readonly holds: (name: string) => boolean;
  readonly sites: Sites;
  /** Rounds what a layer in 8 bits reads. */
  readonly rounded: (x: Value) => Value;
  /** Absent at inference: no dropout. */
  readonly dropout?: DropoutKey;
}

/** Values of one pass; what is not read is not computed. */
export interface Encoding {
  /** The last layer's output, [N, D]; through the last LayerNorm where one stands there. */
  readonly last: Value;
  /** Its mean over the tokens of each text, [B, D]. */
  readonly mean: Value;
  /**
   * The last layer's output at the first token of each text, [B, D]. It is computed without the other tokens' share of
   * that layer: the same numbers, 14 % less arithmetic in 6 layers. Reading `last` too computes the layer twice.
   */
  readonly first: Value;
  /** The same of each layer below that one, [B, D]. */
  readonly lower: readonly Value[];
  /** Embedding output, then each layer's output: L + 1 values [N, D]. */
  readonly hidden: readonly Value[];
  /** Pre-softmax attention scores of each layer, [B, H, T, T], the padding mask added; of one without heads, or that was skipped, none. */
  readonly scores: ReadonlyMap<number, Value>;
  /** 1 where a layer's window lets a token read another, else 0, [T, T]; of a layer without a window none. */
  readonly windows: ReadonlyMap<number, Value>;
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
  const reader = mixtureIn(shapes.keys()) ?? "pooler";
  return {
    config,
    facts: factsOf(config),
    reader,
    plain,
    parameter,
    holds: (name) => shapes.has(name),
    sites,
    rounded: tokenRounding(),
    ...(key ? { dropout: key } : {}),
  };
}

/** x·Wᵀ + b of a module, with `weight` [out, in] and `bias` [out], or without the latter. */
export function dense(context: ForwardContext, module: string, x: Value): Value {
  return linearBy(context, x, weightOf(module), biasOf(module));
}

/** The same by the names of a matrix and a vector. */
export function linearBy(
  { parameter, holds }: ForwardContext,
  x: Value,
  weight: string,
  bias: string,
): Value {
  return linear(x, parameter(weight), ...(holds(bias) ? [parameter(bias)] : []));
}

/** The same of a module of the encoder, in 8 bits where the network says so (quantized.ts). */
function encoderLinear(context: ForwardContext, module: string, x: Value): Value {
  const { sites, config, rounded } = context;
  const read = sites.input?.(module, x) ?? x;
  return dense(context, module, config.quantized?.has(module) ? rounded(read) : read);
}

/** LayerNorm; without a bias where the network has none. */
export function norm({ parameter, holds, config }: ForwardContext, module: string, x: Value): Value {
  const weight = parameter(weightOf(module));
  const D = lengthAt(x.shape, -1);
  const none = (): Value => constant(floatTensor([D], new Float32Array(D)));
  return layerNorm(
    x,
    weight,
    holds(biasOf(module)) ? parameter(biasOf(module)) : none(),
    config.layerNormEps,
  );
}

/**
 * Dropout sites are numbered: 0 embeddings, 1 what the classifier reads, then three of each layer; below 0 those that
 * BERT has not.
 */
export function drop(context: ForwardContext, x: Value, rate: number, site: number): Value {
  return context.dropout ? dropout(x, rate, context.dropout, site) : x;
}

/** What the head's hidden layer reads, and neurons of layer 0; those of layer i are i below. */
export const EXTRA_DROPS = { hidden: -1, neurons: -2 } as const;

/** The sum of a token's embeddings, LayerNorm, dropout, and a projection where tables are narrower: [N, D]. */
export function embed(context: ForwardContext, inputs: BertInputs): Value {
  const { config, facts, parameter } = context;
  const words = lookup(parameter(EMBEDDINGS.words), inputs.ids); // [B, T, E]
  const rows = tableRows(facts, inputs); // [T] or [B, T]
  const positions = rows && lookup(parameter(EMBEDDINGS.positions), rows);
  const typed = facts.types === "none" ? words : add(words, segments(context, inputs));
  const all = positions ? add(typed, positions) : typed;
  const x = reshape(all, [product(inputs.ids.shape), axis(words.shape, -1)]); // [N, E]
  const rate = facts.dropouts.embeddings ?? config.hiddenDropout;
  const out = drop(context, norm(context, EMBEDDINGS.norm, x), rate, 0);
  return facts.embeddingSize === undefined ? out : dense(context, EMBEDDINGS.projection, out);
}

/** Embeddings of token types: [B, T, E], or [E] where all tokens are of one. */
function segments({ facts, parameter }: ForwardContext, { types }: BertInputs): Value {
  const table = parameter(EMBEDDINGS.types);
  return facts.types === "first" ? take(table, 0, 0) : lookup(table, types);
}

/** Embeddings and all layers. */
export function encode(context: ForwardContext, inputs: BertInputs): Encoding {
  const { config, facts, sites } = context;
  const [scores, windows] = [new Map<number, Value>(), new Map<number, Value>()];
  const places = placesOf(context, inputs);
  const at =
    (place: LayerPlace): LayerFn =>
    (x, tokens) =>
      encoderLayer(context, { ...place, tokens, places }, inputs, x, (s) => {
        scores.set(place.index, s);
        const window = places.window(place.layer);
        if (window) windows.set(place.index, window);
      });
  const layers = config.layers.map((layer, index) => {
    const run = at({ layer, index, names: layerNames(layer.sharing ?? index) });
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
  const read = context.reader === "means" ? meanOf : (x: Value) => firstTokens(inputs, x);
  const lower = hidden.slice(1, Math.max(0, lastRun) + 1).map((x) => read(x, inputs));
  const ended = (x: Value): Value => (facts.norm === "before" ? norm(context, FINAL_NORM, x) : x);
  const last = ended(top());
  return {
    last,
    mean: meanOf(last, inputs),
    first: ended(first),
    lower,
    hidden: [...hidden.slice(0, -1), last],
    scores,
    windows,
  };
}

/** The mean of the states of each text's tokens: [N, D] → [B, D]. */
export function meanOf(x: Value, inputs: BertInputs): Value {
  return div(totalOf(x, inputs), sum(inputs.mask, [1], true));
}

/** Their sum. */
export function totalOf(x: Value, { mask }: BertInputs): Value {
  const [B, T] = [axis(mask.shape, 0), axis(mask.shape, 1)];
  const states = reshape(x, [B, T, axis(x.shape, 1)]);
  return sum(mul(states, reshape(mask, [B, T, 1])), [1]);
}

/** The first token of each text: [N, D] → [B, D]. */
export function firstTokens({ ids }: BertInputs, x: Value): Value {
  const [B, T] = [axis(ids.shape, 0), axis(ids.shape, 1)];
  return take(reshape(x, [B, T, axis(x.shape, 1)]), 1, 0);
}

/** A layer with the tokens it is asked for, and what their places do. */
interface LayerRun extends LayerPlace {
  readonly tokens: Tokens;
  readonly places: Places;
}

/** One encoder layer on hidden states [N, D]. `report` receives the attention scores of all tokens. */
function encoderLayer(
  context: ForwardContext,
  place: LayerRun,
  inputs: BertInputs,
  x: Value,
  report: (scores: Value) => void,
): Value {
  const { layer, names, index, tokens } = place;
  const isBefore = context.facts.norm === "before";
  const some = (all: Value): Value => (tokens === "first" ? firstTokens(inputs, all) : all);
  const asked = some(x);
  const read = isBefore && layer.bare !== true ? norm(context, names.attentionNorm, x) : x;
  const asks = read === x ? asked : some(read);
  const branch = attention(context, place, inputs, { asked: asks, x: read }, report);
  const sum = residual(context, { kind: "attention", layer: index }, asked, branch);
  const h = isBefore ? sum : norm(context, names.attentionNorm, sum);
  const into = isBefore ? norm(context, names.outputNorm, h) : h;
  const fed = residual(context, { kind: "ffn", layer: index }, h, feedForward(context, place, into));
  return isBefore ? fed : norm(context, names.outputNorm, fed);
}

/** x + F(x), with F's dropout and the sites of a module. */
function residual(context: ForwardContext, site: ModuleSite, x: Value, branch: Value): Value {
  const { sites, config, facts } = context;
  const number = 3 * site.layer + (site.kind === "attention" ? 3 : 4);
  const { attentionOutput, output } = facts.dropouts;
  const rate = (site.kind === "attention" ? attentionOutput : output) ?? config.hiddenDropout;
  const dropped = drop(context, branch, rate, number);
  const gated = sites.gate?.(site, dropped) ?? dropped;
  return add(x, sites.residual?.(site, gated) ?? gated);
}

/**
 * Multi-head self-attention with its output projection, from the tokens `asked` over all of `x` [N, D].
 * Q is the number of tokens asked in each text: T or 1.
 */
function attention(
  context: ForwardContext,
  { layer, index, names, tokens, places }: LayerRun,
  { ids }: BertInputs,
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
  const query = places.turned(split(names.query, asked, Q), layer, tokens);
  const key = places.turned(split(names.key, x, T), layer, "all");
  const raw = matmul(query, key, { transposeB: true, alpha: 1 / Math.sqrt(A) });
  const scores = add(raw, places.bias(layer, tokens)); // [B, H, Q, T]
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
  const { config, facts, sites } = context;
  const own = activate(config.activation, encoderLinear(context, names.intermediate, x));
  const active = layer.gated === true ? mul(own, encoderLinear(context, names.gate, x)) : own;
  const gated = sites.gate?.({ kind: "neurons", layer: index }, active) ?? active;
  const dropped = drop(context, gated, facts.dropouts.neurons ?? 0, EXTRA_DROPS.neurons - index);
  return encoderLinear(context, names.output, dropped);
}

/** What is left of a module whose heads or neurons were all removed, in the shape of `like` [N, D]. */
function biasAlone({ parameter, holds }: ForwardContext, module: string, like: Value): Value {
  const bias = biasOf(module);
  return expand(holds(bias) ? parameter(bias) : scalar(0), like.shape);
}

/** The function of this name. */
export function activate(activation: Activation, x: Value): Value {
  if (activation === "relu") return relu(x);
  return gelu(x, activation === "gelu" ? "erf" : "tanh");
}
