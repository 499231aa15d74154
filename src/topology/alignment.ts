/**
 * Linear centred kernel alignment of the states of two networks, from sums that are taken batch by batch.
 *
 *   CKA(X, Y) = ‖Yᵀ·X‖² / (‖Xᵀ·X‖·‖Yᵀ·Y‖), Frobenius norms, columns centred        (Kornblith et al. 2019, eq. 4)
 *
 * Products of states are summed by the engine, in float32 about the means of the first batch, so that large means take no
 * digits away; what is left of them is taken off at the end, and sums of batches are added in float64. What the number
 * means is in states.ts.
 */

import { randomUUID } from "node:crypto";
import { requireFloats, requireItem } from "../base/present.ts";
import { fold, type Key, permutation } from "../base/random.ts";
import { floatTensor, sizeOf, type Tensor } from "../base/tensor.ts";
import { type BertInputs, batchInputs, contextOf, encode } from "../bert/forward.ts";
import { parameters } from "../bert/names.ts";
import { type Batch, type EncodedSet, evalBatches } from "../data/batches.ts";
import type { Engine } from "../engine/engine.ts";
import { reshape, sum } from "../graph/ops/broadcast.ts";
import { mul, sub } from "../graph/ops/elementwise.ts";
import { matmul } from "../graph/ops/linear.ts";
import { gather, take } from "../graph/ops/select.ts";
import { type Program, program } from "../graph/program.ts";
import { product } from "../graph/shape.ts";
import { input, type Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";

/** Of the states at one place; null where one of the networks has the same state for every token. */
export interface Alignment {
  readonly cka: number | null;
  /** With the tokens of the second network in another order, within each batch. */
  readonly permuted: number | null;
}

/** Two networks of one depth, and texts that both can read. */
export interface PairRequest {
  readonly one: Network;
  readonly other: Network;
  readonly set: EncodedSet;
  readonly engine: Engine;
  /** Of the other order of the tokens. */
  readonly key: Key;
  /** Texts at a time; default 64. */
  readonly batchSize?: number;
}

/** Sums over tokens at one place: of states x [D] and y [D'], and of their products; `permuted` is xy with other tokens. */
const SUMS = ["x", "y", "xx", "yy", "xy", "permuted"] as const;
type Sums = Readonly<Record<(typeof SUMS)[number], Float64Array>>;
type Feeds = Readonly<Record<string, Tensor>>;

/** After the embeddings, then after each layer. */
export async function alignPair({
  one,
  other,
  set,
  engine,
  key,
  batchSize = 64,
}: PairRequest): Promise<Alignment[]> {
  const session = await engine.session(`states ${randomUUID()}`, () => statesProgram(one, other));
  const layers = one.config.layers.length + 1;
  const batches = evalBatches(set, batchSize);
  const sumBatch = async (batch: Batch, centre: Feeds, i: number): Promise<Sums[]> => {
    const feeds = { ...feedsOf(batch, fold(key, i)), ...centre };
    const [results] = await engine.run([{ session, feeds }]);
    return Array.from({ length: layers }, (_, layer) =>
      sumsOf((name) => results?.[`${name}.${layer}`]?.data),
    );
  };
  const nowhere = { "centre.x": zeroCentre(one), "centre.y": zeroCentre(other) };
  const first = batches.at(0);
  const centre = centreOf(await sumBatch(first, nowhere, 0), tokensOf(first));
  let totals: Sums[] = [];
  let tokens = 0;
  for (const [i, batch] of [...batches].entries()) {
    const sums = await sumBatch(batch, centre, i);
    totals = sums.map((own, layer) => addSums(totals[layer], own));
    tokens += tokensOf(batch);
  }
  return totals.map((total) => alignmentOf(total, tokens));
}

/** Both networks with their weights inside, and the sums of every place. */
function statesProgram(one: Network, other: Network): Program {
  const inputs = batchInputs();
  const order = input("order", "int32", ["B", "T"]);
  const outputs: Record<string, Value> = {};
  const [x, y] = [statesOf(one, "one.", inputs, "centre.x"), statesOf(other, "other.", inputs, "centre.y")];
  x.forEach((a, layer) => {
    const b = requireItem(y, layer, "layers");
    const shuffled = gather(b, reshape(order, [product(order.shape)]));
    const times = (p: Value, q: Value): Value => matmul(p, q, { transposeA: true });
    const sums = {
      x: sum(a, [0]),
      y: sum(b, [0]),
      xx: times(a, a),
      yy: times(b, b),
      xy: times(a, b),
      permuted: times(a, shuffled),
    };
    for (const name of SUMS) outputs[`${name}.${layer}`] = sums[name];
  });
  const initializers = new Map<string, Tensor>();
  for (const [name, tensor] of one.tensors) initializers.set(`one.${name}`, tensor);
  for (const [name, tensor] of other.tensors) initializers.set(`other.${name}`, tensor);
  return program(outputs, { portable: true, initializers });
}

/** States of all places less their centres, 0 where there is padding: [N, D] each. */
function statesOf({ config, head }: Network, prefix: string, inputs: BertInputs, centre: string): Value[] {
  const { hidden } = encode(contextOf(config, parameters(config, head), {}, undefined, prefix), inputs);
  const centres = input(centre, "float32", [hidden.length, config.hiddenSize]);
  const isToken = reshape(inputs.mask, [product(inputs.mask.shape), 1]);
  return hidden.map((state, layer) => mul(sub(state, take(centres, 0, layer)), isToken));
}

/** A batch, and an order of its tokens that leaves the padding where it is. */
function feedsOf({ size, length, ids, types, mask }: Batch, key: Key): Feeds {
  const shape = [size, length];
  const tokens = Array.from(mask.keys()).filter((place) => mask[place] === 1);
  const order = Int32Array.from(mask.keys());
  permutation(key, tokens.length).forEach((from, i) => {
    order[requireItem(tokens, i, "tokens")] = requireItem(tokens, from, "tokens");
  });
  return {
    input_ids: { dtype: "int32", shape, data: ids },
    token_type_ids: { dtype: "int32", shape, data: types },
    mask: { dtype: "float32", shape, data: mask },
    order: { dtype: "int32", shape, data: order },
  };
}

function tokensOf({ mask }: Batch): number {
  return mask.reduce((n, isToken) => n + isToken, 0);
}

function zeroCentre({ config }: Network): Tensor {
  const shape = [config.layers.length + 1, config.hiddenSize];
  return floatTensor(shape, new Float32Array(sizeOf(shape)));
}

/** The means of each place, as centres. */
function centreOf(sums: readonly Sums[], tokens: number): Feeds {
  const means = (of: "x" | "y"): Tensor => {
    const width = requireItem(sums, 0, "layers")[of].length;
    const data = sums.flatMap((own) => Array.from(own[of], (total) => total / tokens));
    return floatTensor([sums.length, width], Float32Array.from(data));
  };
  return { "centre.x": means("x"), "centre.y": means("y") };
}

function sumsOf(read: (name: string) => unknown): Sums {
  const of = (name: (typeof SUMS)[number]): Float64Array =>
    Float64Array.from(requireFloats(read(name), name));
  return { x: of("x"), y: of("y"), xx: of("xx"), yy: of("yy"), xy: of("xy"), permuted: of("permuted") };
}

function addSums(before: Sums | undefined, own: Sums): Sums {
  if (before === undefined) return own;
  const of = (name: (typeof SUMS)[number]): Float64Array =>
    before[name].map((total, i) => total + (own[name][i] ?? 0));
  return { x: of("x"), y: of("y"), xx: of("xx"), yy: of("yy"), xy: of("xy"), permuted: of("permuted") };
}

function alignmentOf({ x, y, xx, yy, xy, permuted }: Sums, tokens: number): Alignment {
  const size = Math.sqrt(squaredNorm(xx, x, x, tokens) * squaredNorm(yy, y, y, tokens));
  const share = (products: Float64Array): number | null =>
    size === 0 ? null : squaredNorm(products, x, y, tokens) / size;
  return { cka: share(xy), permuted: share(permuted) };
}

/** ‖P − a·bᵀ/n‖²: of products of states, about their means. */
function squaredNorm(products: Float64Array, a: Float64Array, b: Float64Array, n: number): number {
  let total = 0;
  for (let i = 0, at = 0; i < a.length; i++) {
    const mean = (a[i] ?? 0) / n;
    for (let j = 0; j < b.length; j++, at++) total += ((products[at] ?? 0) - mean * (b[j] ?? 0)) ** 2;
  }
  return total;
}
