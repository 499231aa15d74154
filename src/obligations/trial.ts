/** A method on trial: one choice of settings under one head, and the runs that its obligations look at, each made once. */

import { keyOf } from "../base/random.ts";
import { type FloatTensor, sizeOf } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import type { RegisteredMethod } from "../contract/configured.ts";
import type { BoundMethod, Setting } from "../contract/method.ts";
import type { Network } from "../network/network.ts";
import type { LoopPlan } from "../train/loop.ts";
import { BUFFERS } from "../train/placement.ts";
import type { Trainer, TrainerSettings } from "../train/trainer.ts";
import { madeUpBatch, smallNetwork } from "./small-network.ts";
import {
  type EngineSource,
  type Outcome,
  runPlan,
  settingsOf,
  shareEngine,
  smallPlan,
  withTrainer,
} from "./small-runs.ts";

/** Steps of every run. */
export const STEPS = 5;

/** The network a trained method leaves, and the logits its own graph gave just before. */
export interface Product {
  readonly network: Network;
  /** Of `PROBE`; none under a masked language model. */
  readonly logits: Float32Array | undefined;
  /** As they are trained, by name. */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  /** The optimizer's running mean of each trained tensor's gradient. */
  readonly means: ReadonlyMap<string, Float32Array>;
}

export interface Trial {
  readonly method: BoundMethod;
  /** Every setting, defaults included. */
  readonly configuration: Readonly<Record<string, Setting["default"]>>;
  readonly head: Head;
  readonly plan: LoopPlan;
  /** Of a run from this seed; the method is bound anew. */
  readonly settings: (seed?: number) => TrainerSettings;
  /** Where its runs take place. */
  readonly on: EngineSource;
  /** The whole run from seed 1. */
  readonly whole: () => Promise<Outcome>;
  /** The product after all steps, at a high rate, from seed 1. */
  readonly product: () => Promise<Product>;
}

/** What is asked of a trial. */
export interface TrialRequest {
  /** As `--set` would give them. */
  readonly set: Readonly<Record<string, Setting["default"]>>;
  readonly head: Head;
  /** Of the network. */
  readonly layers: number;
  /** Another network than the small BERT, from a seed. */
  readonly network?: (seed: number) => Network;
}

/** The batch whose logits are compared. */
export const PROBE = { number: 77, size: 8 };

/** Binds a method to a small network. @throws {ConfigError} for settings that it, or the network, does not take */
export function trialOf(
  registered: RegisteredMethod,
  { set, head, layers, network: given }: TrialRequest,
): Trial {
  const typed = Object.fromEntries(Object.entries(set).map(([name, value]) => [name, String(value)]));
  const configured = registered.configure({ set: typed });
  const small = given ?? ((seed: number): Network => smallNetwork(head, layers, 0.1, seed));
  const network = small(9);
  const facts = {
    steps: STEPS,
    learningRate: 1e-2,
    pretrained: network,
    finetuned: small(10),
  };
  const bound = (seed: number): BoundMethod => configured.bind(network, { ...facts, key: keyOf(seed) });
  const settings = (seed = 1): TrainerSettings => settingsOf(bound(seed), seed);
  const plan = smallPlan(head, STEPS);
  const on = shareEngine();
  const train = async (trainer: Trainer): Promise<Product> => {
    await stepTimes(trainer, plan, STEPS, 1e-2);
    const isAsked = head.kind !== "mlm";
    const logits = isAsked ? await trainer.logits(madeUpBatch(head, PROBE.number, PROBE.size)) : undefined;
    const tensors = await trainer.tensors();
    return { network: trainer.finish(tensors), logits, tensors, means: await meansOf(trainer) };
  };
  return {
    method: bound(1),
    configuration: configured.settings,
    head,
    plan,
    settings,
    on,
    whole: once(() => runPlan(settings(), plan, on)),
    product: once(() => withTrainer(settings(), train, { on })),
  };
}

/** The optimizer's running means, where a tensor has one. */
async function meansOf(trainer: Trainer): Promise<Map<string, Float32Array>> {
  const { buffers } = await trainer.state();
  const means = new Map<string, Float32Array>();
  for (const [name, { buffer, offset, shape }] of trainer.placement.views) {
    const mean = buffers.get(buffer === BUFFERS.table ? `${BUFFERS.table}.m` : BUFFERS.mean);
    if (mean) means.set(name, mean.slice(offset, offset + sizeOf(shape)));
  }
  return means;
}

/** Takes the first `steps` steps of a plan at one rate. */
export async function stepTimes(
  trainer: Trainer,
  plan: LoopPlan,
  steps: number,
  rate: number,
): Promise<void> {
  for (let step = 0; step < steps; step++) await trainer.step(plan.batches(step), rate);
}

/** The same answer every time, asked for when it is first wanted. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
