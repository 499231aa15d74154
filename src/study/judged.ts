/**
 * The part of `topology` that asks the models about labelled examples: what a mask is worth at other places and with other
 * weights, how the states of two models differ, and what lies between them.
 *
 * The formulas are in topology/{controls,states,line}.ts. No head is trained anew here, so a control's metric says what the
 * head that is there can do with it; the paper's tables train one.
 */

import { InputError } from "../base/errors.ts";
import { fold, type Key, keyOf } from "../base/random.ts";
import { encodeDataset } from "../data/batches.ts";
import { type Dataset, type Measure, measureOf } from "../data/dataset.ts";
import { truthOf } from "../data/judging/judge.ts";
import { primaryOf } from "../data/judging/metrics.ts";
import { Engine } from "../engine/engine.ts";
import { classColumns, reorderColumns } from "../measure/class-columns.ts";
import { judgeLogits, logitsOf } from "../measure/logits.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { openNetwork } from "../network/inference.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import type { TopologySettings } from "../options/models.ts";
import { readValidation } from "../runs/data.ts";
import { labellingOf } from "../runs/head.ts";
import { type LoadedModel, loadModel } from "../runs/models.ts";
import type { RunContext } from "../runs/progress.ts";
import { requireLabels } from "../runs/text-model.ts";
import { CONTROLS, controlOf } from "../topology/controls.ts";
import { type LineRecord, walkLine } from "../topology/line.ts";
import { alignStates, type StatesRecord } from "../topology/states.ts";
import { denseOf } from "./dense.ts";

/** Texts whose states are compared: enough for thousands of tokens. */
const TEXTS = 256;
/** Points of a line between its ends: its quarters. */
const BETWEEN = 3;

/** A model's metric, and that of its controls (topology/controls.ts). */
export interface JudgedModel {
  readonly name: string;
  readonly value: number;
  readonly controls: Readonly<Record<string, number>> | null;
  /** Why there are no controls. */
  readonly note: string | null;
}

/** Two models on the same texts; nulls, and why, where their shapes or heads differ. */
export interface JudgedPair {
  readonly first: string;
  readonly second: string;
  readonly states: StatesRecord | null;
  readonly line: LineRecord | null;
  readonly note: string | null;
}

/** What the models say of labelled examples. */
export interface JudgedTopology {
  readonly examples: number;
  readonly metric: string;
  readonly models: readonly JudgedModel[];
  readonly pairs: readonly JudgedPair[];
}

/** A model to judge, as it was given. */
export interface JudgedRef {
  readonly name: string;
  readonly ref: string;
}

/** What judging needs to know of a set of models. */
interface Judging {
  readonly dataset: Dataset;
  readonly measure: Measure;
  readonly settings: TopologySettings;
  readonly engine: Engine;
  readonly key: Key;
  readonly context: RunContext;
}

/**
 * Judges models and pairs of them on the examples of `settings.data`.
 * @throws as `evaluate` does; {InputError} `topology/weights` for a run of which only the masks were kept
 */
export async function judgeModels(
  refs: readonly JudgedRef[],
  pairs: readonly (readonly [JudgedRef, JudgedRef])[],
  settings: TopologySettings & { readonly data: string },
  context: RunContext,
): Promise<JudgedTopology> {
  const loaded = new Map<string, LoadedModel>();
  for (const { ref } of [...refs, ...pairs.flat()]) {
    if (!loaded.has(ref)) loaded.set(ref, await loadWhole(ref, settings.data, context));
  }
  const modelOf = ({ ref }: JudgedRef): LoadedModel => {
    const model = loaded.get(ref);
    if (model === undefined) throw new RangeError(`model ${ref}: expected one that was read, got none`);
    return model;
  };
  const [first] = refs;
  if (first === undefined) throw new RangeError("models: expected one at least, got none");
  const dataset = await readValidation(settings, labellingOf(modelOf(first).network.head), context);
  const engine = new Engine({ threads: settings.threads, provider: settings.device });
  const key = fold(keyOf(settings.seed), "topology");
  const judging = { dataset, measure: measureOf(dataset), settings, engine, key, context };
  try {
    const models: JudgedModel[] = [];
    for (const each of refs) models.push(await judgeModel(each, modelOf(each), judging));
    const judged: JudgedPair[] = [];
    for (const [one, other] of pairs) judged.push(await judgePair(one, other, modelOf, judging));
    const { primary } = judging.measure;
    return { examples: dataset.examples.length, metric: primary, models, pairs: judged };
  } finally {
    await engine.close();
  }
}

async function loadWhole(ref: string, data: string, context: RunContext): Promise<LoadedModel> {
  const model = await loadModel(ref, context).catch((cause: unknown) => {
    if (!(cause instanceof InputError) || cause.code !== "weights/missing") throw cause;
    const message = `data: expected models with their weights to judge on ${data}, got a run that kept its masks alone (${ref})`;
    throw new InputError("topology/weights", message, { cause });
  });
  requireLabels(model.network.head, ref);
  return model;
}

async function judge(network: Network, { dataset, measure, settings, engine, context }: Judging) {
  context.signal?.throwIfAborted();
  const set = encodeDataset(dataset, tokenizerOf(network), lengthFor(network, settings.maxLength));
  // Classes stand in each model in an order of its own.
  const columns = classColumns(network.head, dataset);
  const logits = reorderColumns(await logitsOf(await openNetwork(engine, network), set), columns);
  const { loss, metrics } = judgeLogits(measure, logits, truthOf(set));
  return { loss, metrics };
}

async function judgeModel({ name }: JudgedRef, model: LoadedModel, judging: Judging): Promise<JudgedModel> {
  const metricOf = async (network: Network): Promise<number> =>
    primaryOf(judging.measure, (await judge(network, judging)).metrics);
  const value = await metricOf(model.network);
  const found = await denseOf(model, judging.context);
  if ("missing" in found) {
    const note = `${name}: no controls without the model it was pruned from: ${found.missing}`;
    return { name, value, controls: null, note };
  }
  const dense = found.network;
  try {
    const controls: Record<string, number> = {};
    for (const control of CONTROLS) {
      controls[control] = await metricOf(
        controlOf(control, { pruned: model.network, dense, key: judging.key }),
      );
    }
    return { name, value, controls, note: null };
  } catch (error) {
    if (!(error instanceof InputError) || !error.code.startsWith("topology/")) throw error;
    return { name, value, controls: null, note: `${name}: ${error.message}` };
  }
}

async function judgePair(
  first: JudgedRef,
  second: JudgedRef,
  modelOf: (ref: JudgedRef) => LoadedModel,
  judging: Judging,
): Promise<JudgedPair> {
  const { dataset, settings, engine, key } = judging;
  const [from, to] = [modelOf(first).network, modelOf(second).network];
  const texts = { ...dataset, examples: dataset.examples.slice(0, TEXTS) };
  // What both can read.
  const length = Math.min(lengthFor(from, settings.maxLength), lengthFor(to, settings.maxLength));
  const set = encodeDataset(texts, tokenizerOf(from), length);
  const notes: string[] = [];
  const part = async <T>(make: () => Promise<T>): Promise<T | null> => {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof InputError) || !error.code.startsWith("topology/")) throw error;
      if (!notes.includes(error.message)) notes.push(error.message);
      return null;
    }
  };
  const states = await part(() => alignStates({ original: from, compressed: to, set, engine, key }));
  const line = await part(() =>
    walkLine({ from, to, between: BETWEEN, key, judge: (each) => judge(each, judging) }),
  );
  const note = notes.length === 0 ? null : notes.join("; ");
  return { first: first.name, second: second.name, states, line, note };
}
