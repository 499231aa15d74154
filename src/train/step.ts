/** The graphs of training and evaluation: loss and gradients of one batch, logits of one batch. */

import { requireEntry, requireItem } from "../base/present.ts";
import type { Key } from "../base/random.ts";
import { answerKind, labelShape } from "../bert/answers.ts";
import type { BertConfig, Head } from "../bert/config.ts";
import {
  type BertInputs,
  batchInputs,
  contextOf,
  encode,
  type ForwardContext,
  firstTokens,
} from "../bert/forward.ts";
import { predictPieces } from "../bert/head-layers.ts";
import { crossEntropy } from "../bert/losses.ts";
import { EMBEDDINGS, parameters } from "../bert/names.ts";
import type { Objective } from "../bert/objective.ts";
import {
  type AnswerComparison,
  type Answers,
  type BoundMethod,
  type LossInputs,
  type Pass,
  TEACHER,
  type Teacher,
  type Tools,
} from "../contract/method.ts";
import { backward, consumers } from "../graph/backward.ts";
import { topological } from "../graph/emitter.ts";
import { expand, reshape } from "../graph/ops/broadcast.ts";
import { add } from "../graph/ops/elementwise.ts";
import { type Program, program } from "../graph/program.ts";
import { GraphError, type Shape, type Type } from "../graph/shape.ts";
import { input, scalar, type Value } from "../graph/value.ts";

/** What a graph is made for: one network, one structure of its method. */
export interface GraphPlan {
  readonly config: BertConfig;
  readonly head: Head;
  /** Names and shapes of every tensor, the method's own included. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly answers: (tools: Tools) => Answers;
  readonly teacher: Teacher | undefined;
  /** Default: nothing that the loss has to be told. */
  readonly objective?: Objective;
  /** Whether training draws random numbers: dropout's and the method's. */
  readonly noise: boolean;
}

/** What a run keeps of its method and its loss, for graphs of any structure. */
export interface PlannedRun extends Pick<GraphPlan, "shapes" | "objective"> {
  readonly method: BoundMethod;
  /** Of dropout and of the method's noise. */
  readonly key?: Key;
}

export function planOf({ method, shapes, key, objective = {} }: PlannedRun, structure: string): GraphPlan {
  const { config, head } = method.network;
  const answers: GraphPlan["answers"] = (tools) => method.sites(structure, tools);
  return { config, head, shapes, answers, teacher: method.teacher, objective, noise: key !== undefined };
}

/** Names of inputs and outputs beside the parameters'. */
export const FEED = {
  labels: "labels",
  count: "count",
  labelled: "labelled",
  share: "share",
  key: "dropout_key",
  noise: "noise_key",
  positions: "positions",
  answers: "teacher_logits",
} as const;
export const OUT = { loss: "loss", rows: "rows", logits: "logits" } as const;

/** Input of a method's number. */
export function scalarOf(name: string): string {
  return `scalar:${name}`;
}

/** Output of a kept tensor's next value. */
export function nextOf(name: string): string {
  return `next:${name}`;
}

/** Types of the values that a program has for the next step, by the kept tensors' names. */
export function updatesOf({ outputs }: Pick<Program, "outputs">): [name: string, type: Type][] {
  const prefix = nextOf("");
  return [...outputs].flatMap(([name, type]): [string, Type][] =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), type]] : [],
  );
}

export function gradientOf(name: string): string {
  return `gradient:${name}`;
}

export function sumOf(name: string): string {
  return `sum:${name}`;
}

/** Whether the word embeddings are read by look-up alone, and as they are, so that their gradient is a few rows. */
export function readsRowsOnly(plan: GraphPlan): boolean {
  const { context, loss } = lossOf(plan, true);
  const words = context.plain.get(EMBEDDINGS.words);
  if (words === undefined || context.parameter(EMBEDDINGS.words) !== words) return false;
  const readers = consumers([loss], words);
  return readers.length === 1 && readers[0]?.op === "gather";
}

/**
 * Loss and gradients of one batch.
 *
 * Outputs `loss`, `gradient:NAME` for each trained name and, when `rows`, the gradient of the looked-up word
 * embeddings as `rows` [B, T, D]; `next:NAME` for what the method keeps. With `accumulate`, inputs `sum:NAME` are added
 * to the gradients.
 */
export function trainProgram(
  plan: GraphPlan,
  trained: readonly string[],
  options: { readonly rows: boolean; readonly accumulate: boolean },
): Program {
  const { context, loss, answers } = lossOf(plan, true);
  const reached = new Set(topological([loss]));
  const read = [...context.plain].filter(([, value]) => reached.has(value));
  const targets = read.filter(([name]) => trained.includes(name));
  const words = options.rows ? consumers([loss], plainOf(context, EMBEDDINGS.words)) : [];
  const watched = answers.watches?.() ?? [];
  const gradients = backward(loss, [...targets.map(([, value]) => value), ...words, ...watched]);
  const byName = new Map(targets.map(([name], i) => [name, requireItem(gradients, i, "gradients")]));
  const outputs: Record<string, Value> = { [OUT.loss]: loss };
  if (options.rows) outputs[OUT.rows] = requireItem(gradients, targets.length, "gradients");
  for (const name of trained) {
    const g = byName.get(name) ?? zeros(requireEntry(plan.shapes, name, "shape of"), loss);
    outputs[gradientOf(name)] = options.accumulate ? add(input(sumOf(name), "float32", g.shape), g) : g;
  }
  const seen = gradients.slice(targets.length + words.length);
  for (const [name, value] of Object.entries(answers.updates?.(seen) ?? {})) outputs[nextOf(name)] = value;
  return program(outputs);
}

/** The gradient of a tensor that this structure does not read: a method may leave parts out of a step. */
function zeros(shape: Shape, like: Value): Value {
  const one = shape.map(() => 1);
  return expand(reshape(scalar(0, like.dtype), one), shape);
}

/** Whether the training loss is the method's, not the task's alone. */
export function hasOwnLoss(plan: GraphPlan): boolean {
  return plan.head.kind !== "mlm" && start(plan, true).answers.loss !== undefined;
}

/** Whether the training loss reads the labels: a method may learn from its teacher alone. */
export function readsLabels(plan: GraphPlan): boolean {
  return program({ [OUT.loss]: lossOf(plan, true).loss }).inputs.has(FEED.labels);
}

/** Logits of one batch, without dropout. */
export function evalProgram(plan: GraphPlan): Program {
  return program({ [OUT.logits]: passOf(plan, start(plan, false)).logits });
}

/** Mean loss of one batch with labels, without dropout. */
export function lossProgram(plan: GraphPlan): Program {
  return program({ [OUT.loss]: lossOf(plan, false).loss });
}

/**
 * The weights that this structure computes from other tensors, a mask's scores for example, under their own names; undefined
 * where there are none. One that is computed from itself alone, as a rounded one is, has no mask.
 */
export function weightsProgram(plan: GraphPlan): Program | undefined {
  const { context } = start(plan, false);
  const outputs: Record<string, Value> = {};
  for (const name of parameters(plan.config, plan.head).keys()) {
    const value = context.parameter(name);
    const own = context.plain.get(name);
    if (topological([value]).some((each) => each.op === "input" && each !== own))
      outputs[WEIGHT + name] = value;
  }
  return Object.keys(outputs).length === 0 ? undefined : program(outputs);
}

/** Before the name of a weight that a program computes. */
export const WEIGHT = "weight:";

/** A graph that has begun: its batch, its parameters, and the method's answers. */
interface Started {
  readonly inputs: BertInputs;
  readonly context: ForwardContext;
  readonly answers: Answers;
}

function start(plan: GraphPlan, train: boolean): Started {
  const drawn = (name: string) => (train && plan.noise ? { key: input(name, "int64", []) } : undefined);
  const made = new Map<string, Value>();
  const once = (name: string, make: () => Value): Value => {
    const value = made.get(name) ?? make();
    made.set(name, value);
    return value;
  };
  const tools: Tools = {
    // Asked for while the graph is built, when the context below exists.
    tensor: (name) => plainTensor(context, plan, name),
    scalar: (name) => once(name, () => input(scalarOf(name), "float32", [])),
    noise: drawn(FEED.noise),
  };
  const answers = plan.answers(tools);
  const context = contextOf(
    plan.config,
    plan.shapes,
    answers,
    answers.dropout === false ? undefined : drawn(FEED.key),
  );
  return { inputs: batchInputs(), context, answers };
}

/** A tensor before any site: the forward pass may have asked for it already, or will. */
function plainTensor(context: ForwardContext, { shapes }: GraphPlan, name: string): Value {
  const known = context.plain.get(name);
  if (known) return known;
  if (!shapes.has(name)) throw new GraphError("train/tensor", `graph: the network has no tensor ${name}`);
  context.parameter(name);
  return plainOf(context, name);
}

/** The student's pass; its last layer for every token only when the method reads it. */
function passOf({ head }: GraphPlan, { context, inputs, answers }: Started): Pass {
  return answered(context, inputs, head, answers.everyToken === true);
}

/** A model's states and answers. */
function answered(context: ForwardContext, inputs: BertInputs, head: Head, everyToken: boolean): Pass {
  const lazy = encode(context, inputs);
  const encoding = everyToken ? { ...lazy, first: firstTokens(inputs, lazy.last) } : lazy;
  return { encoding, logits: answerKind(head).logits({ context, inputs, encoding, head }) };
}

/** The teacher's pass on a batch, and the tensors it reads: no dropout, and nothing in it is ever differentiated. */
function teacherPass(
  { teacher, shapes }: GraphPlan,
  inputs: BertInputs,
  everyToken: boolean,
): Pass & Pick<ForwardContext, "plain"> {
  if (teacher === undefined) throw new GraphError("train/teacher", "graph: the method has no teacher");
  const own = [...shapes].filter(([name]) => name.startsWith(TEACHER));
  const bare = new Map(own.map(([name, shape]) => [name.slice(TEACHER.length), shape]));
  const named = contextOf(teacher.config, bare, {}, undefined, TEACHER);
  return { ...answered(named, inputs, teacher.head, everyToken), plain: named.plain };
}

/** Logits of the teacher of one batch. */
export function teacherProgram(plan: GraphPlan): Program {
  return program({ [OUT.logits]: teacherPass(plan, batchInputs(), false).logits });
}

/**
 * The method's loss. A teacher of which it reads the logits alone is left out of the graph: they are fed, because they
 * are the same whenever an example comes again (teacher-answers.ts). Where it reads states too, logits cost next to nothing.
 */
function methodLoss(
  plan: GraphPlan,
  given: Omit<LossInputs, "teacher">,
  { loss, everyToken = false }: Answers & { readonly loss: NonNullable<Answers["loss"]> },
  inputs: BertInputs,
): Value {
  let taught: ReturnType<typeof teacherPass> | undefined;
  const teacher = (): NonNullable<typeof taught> => {
    taught ??= teacherPass(plan, inputs, everyToken);
    return taught;
  };
  const fed = loss({
    ...given,
    teacher: () => ({ ...teacher(), logits: input(FEED.answers, "float32", teacher().logits.shape) }),
  });
  const reached = new Set(topological([fed]));
  const runs = [...(taught?.plain.values() ?? [])].some((tensor) => reached.has(tensor));
  return runs ? loss({ ...given, teacher }) : fed;
}

function lossOf(plan: GraphPlan, train: boolean): Started & { readonly loss: Value } {
  const started = start(plan, train);
  const { context, inputs, answers } = started;
  const count = input(FEED.count, "float32", []);
  const { head, config, objective = {} } = plan;
  if (head.kind === "mlm") {
    const positions = input(FEED.positions, "int32", ["M"]);
    const logits = predictPieces(context, encode(context, inputs).last, positions);
    return { ...started, loss: crossEntropy(logits, input(FEED.labels, "int32", ["M"]), count) };
  }
  const pass = passOf(plan, started);
  const kind = answerKind(head);
  const labels = input(FEED.labels, kind.labels.dtype, labelShape(kind, kind.width(head, config.hiddenSize)));
  const held = { logits: pass.logits, labels, count, objective };
  const task = kind.loss(held);
  const { loss } = answers;
  if (loss === undefined || !train) return { ...started, loss: task };
  const share = input(FEED.share, "float32", []);
  // Weights of classes are the task's: a teacher's answers count the same whatever their label.
  const labelled = objective.weights === undefined ? count : input(FEED.labelled, "float32", []);
  const comparison: AnswerComparison = {
    against: ({ logits: teacher }, softening) =>
      kind.imitation({ ...held, labelled, teacher, share, softening }),
    isSoft: kind.isSoft,
  };
  const given = { ...pass, task, mask: inputs.mask, share, answers: comparison };
  return { ...started, loss: methodLoss(plan, given, { ...answers, loss }, inputs) };
}

function plainOf({ plain }: ForwardContext, name: string): Value {
  const value = plain.get(name);
  if (value === undefined) throw new GraphError("train/unread", `train: the graph does not read ${name}`);
  return value;
}
