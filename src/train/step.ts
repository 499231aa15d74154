/** The graphs of training and evaluation: loss and gradients of one batch, logits of one batch. */

import type { BertConfig, Head } from "../bert/config.ts";
import {
  type BertInputs,
  batchInputs,
  classify,
  contextOf,
  encode,
  type ForwardContext,
  predictPieces,
} from "../bert/forward.ts";
import { crossEntropy, squaredError } from "../bert/losses.ts";
import { EMBEDDINGS } from "../bert/names.ts";
import type { Sites } from "../bert/sites.ts";
import { backward, consumers } from "../graph/backward.ts";
import { topological } from "../graph/emitter.ts";
import { expand, reshape } from "../graph/ops/broadcast.ts";
import { add } from "../graph/ops/elementwise.ts";
import { type Program, program } from "../graph/program.ts";
import { GraphError, type Shape } from "../graph/shape.ts";
import { input, scalar, type Value } from "../graph/value.ts";

/** What a graph is made for: one network, one set of sites. */
export interface GraphPlan {
  readonly config: BertConfig;
  readonly head: Head;
  /** Names and shapes of every tensor, the method's own included. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly sites: Sites;
  readonly dropout: boolean;
}

/** Names of inputs and outputs beside the parameters'. */
export const FEED = { labels: "labels", count: "count", key: "dropout_key", positions: "positions" } as const;
export const OUT = { loss: "loss", rows: "rows", logits: "logits" } as const;

export function gradientOf(name: string): string {
  return `gradient:${name}`;
}

export function sumOf(name: string): string {
  return `sum:${name}`;
}

/** Whether the word embeddings are read by look-up alone, so that their gradient is a few rows. */
export function readsRowsOnly(plan: GraphPlan): boolean {
  const { context, loss } = lossOf(plan, false);
  const words = context.plain.get(EMBEDDINGS.words);
  if (words === undefined) return false;
  const readers = consumers([loss], words);
  return readers.length === 1 && readers[0]?.op === "gather";
}

/**
 * Loss and gradients of one batch.
 *
 * Outputs `loss`, `gradient:NAME` for each trained name and, when `rows`, the gradient of the looked-up word
 * embeddings as `rows` [B, T, D]. With `accumulate`, inputs `sum:NAME` are added to the gradients.
 */
export function trainProgram(
  plan: GraphPlan,
  trained: readonly string[],
  options: { readonly rows: boolean; readonly accumulate: boolean },
): Program {
  const { context, loss } = lossOf(plan, true);
  const reached = new Set(topological([loss]));
  const read = [...context.plain].filter(([, value]) => reached.has(value));
  const targets = read.filter(([name]) => trained.includes(name));
  const words = options.rows ? consumers([loss], plainOf(context, EMBEDDINGS.words)) : [];
  const gradients = backward(loss, [...targets.map(([, value]) => value), ...words]);
  const byName = new Map(targets.map(([name], i) => [name, gradients[i] ?? loss]));
  const outputs: Record<string, Value> = { [OUT.loss]: loss };
  if (options.rows) outputs[OUT.rows] = gradients.at(-1) ?? loss;
  for (const name of trained) {
    const g = byName.get(name) ?? zeros(plan.shapes.get(name) ?? [], loss);
    outputs[gradientOf(name)] = options.accumulate ? add(input(sumOf(name), "float32", g.shape), g) : g;
  }
  return program(outputs);
}

/** The gradient of a tensor that this structure does not read: a method may leave parts out of a step. */
function zeros(shape: Shape, like: Value): Value {
  const one = shape.map(() => 1);
  return expand(reshape(scalar(0, like.dtype), one), shape);
}

/** Logits of one batch, without dropout. */
export function evalProgram(plan: GraphPlan): Program {
  const { context, inputs } = start(plan, false);
  return program({ [OUT.logits]: classify(context, encode(context, inputs)) });
}

/** Mean loss of one batch with labels, without dropout. */
export function lossProgram(plan: GraphPlan): Program {
  return program({ [OUT.loss]: lossOf(plan, false).loss });
}

function start(plan: GraphPlan, train: boolean): { context: ForwardContext; inputs: BertInputs } {
  const key = train && plan.dropout ? { key: input(FEED.key, "int64", []) } : undefined;
  return { inputs: batchInputs(), context: contextOf(plan.config, plan.shapes, plan.sites, key) };
}

function lossOf(plan: GraphPlan, train: boolean): { context: ForwardContext; loss: Value } {
  const { context, inputs } = start(plan, train);
  const encoding = encode(context, inputs);
  const count = input(FEED.count, "float32", []);
  const labels = (shape: Shape, kind: "int32" | "float32"): Value => input(FEED.labels, kind, shape);
  if (plan.head.kind === "mlm") {
    const positions = input(FEED.positions, "int32", ["M"]);
    const logits = predictPieces(context, encoding.last, positions);
    return { context, loss: crossEntropy(logits, labels(["M"], "int32"), count) };
  }
  const logits = classify(context, encoding);
  const regression = plan.head.kind === "regression";
  const loss = regression
    ? squaredError(logits, labels(["B"], "float32"), count)
    : crossEntropy(logits, labels(["B"], "int32"), count);
  return { context, loss };
}

function plainOf({ plain }: ForwardContext, name: string): Value {
  const value = plain.get(name);
  if (value === undefined) throw new GraphError("train/unread", `train: the graph does not read ${name}`);
  return value;
}
