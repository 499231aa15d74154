/**
 * One network on the engine while it is trained: gradients of a batch, a step, logits of a batch, and everything a
 * checkpoint needs. It owns the sessions and, through its parameters, the buffers of the engine it is given; the loop
 * above it decides what to do when.
 */

import { InputError } from "../base/errors.ts";
import { requireEntry, requireFloats, requireItem } from "../base/present.ts";
import type { Key } from "../base/random.ts";
import { type FloatTensor, sizeOf, type Tensor } from "../base/tensor.ts";
import { EMBEDDINGS } from "../bert/names.ts";
import type { Objective } from "../bert/objective.ts";
import type { BoundMethod, Progress } from "../contract/method.ts";
import type { Binding, Engine, Session } from "../engine/engine.ts";
import type { Results, View } from "../engine/protocol.ts";
import type { Program } from "../graph/program.ts";
import type { Network } from "../network/network.ts";
import type { AdamW } from "./adamw.ts";
import {
  answerFeed,
  batchFeeds,
  keyFeed,
  labelCount,
  labelFeeds,
  methodFeeds,
  type TrainBatch,
  type Whole,
  wholeOf,
} from "./feeds.ts";
import { Parameters, type ParametersState } from "./parameters.ts";
import { gradientView, nextView, type Placement, planPlacement, requireKept } from "./placement.ts";
import { type ProductGraph, productKey, sessionKeys, trainKey } from "./session-keys.ts";
import {
  evalProgram,
  FEED,
  type GraphPlan,
  gradientOf,
  hasOwnLoss,
  lossProgram,
  nextOf,
  OUT,
  planOf,
  readsLabels,
  readsRowsOnly,
  sumOf,
  teacherProgram,
  trainProgram,
  updatesOf,
  WEIGHT,
  weightsProgram,
} from "./step.ts";
import { answerWidth, keepsAnswers, TeacherAnswers } from "./teacher-answers.ts";

/** Buffer for the gradient of looked-up embeddings, grown on demand. */
const LOOKED_UP = "looked-up";
/** In a state, beside the buffers of the engine: what the teacher has answered. */
const ANSWERS = "answers";

export interface TrainerSettings {
  /** With the network it begins with. */
  readonly method: BoundMethod;
  readonly adamw: AdamW;
  /** Global norm to which gradients are clipped. */
  readonly clip: number;
  /** Key of dropout and of a method's own noise; absent: neither. */
  readonly key?: Key;
  /** What the task's loss is told beside answers and labels; default nothing. */
  readonly objective?: Objective;
}

/** What one optimizer step reports. */
export interface StepResult {
  /** Mean loss over the labels of the step. */
  readonly loss: number;
  /** Norm of the gradient before clipping. */
  readonly gradNorm: number;
}

/** Everything beside the recipe that a run needs to go on as if it had never stopped. */
export interface TrainerState extends ParametersState {
  /** What the method has decided so far. */
  readonly progress: Progress;
}

type Kept = TrainerSettings & Pick<GraphPlan, "shapes">;

/** Every tensor of a run: the network's and the method's own. */
export function tensorsOf({ network, tensors }: BoundMethod): Map<string, FloatTensor> {
  return new Map([...network.tensors, ...tensors]);
}

export class Trainer {
  private readonly bindings = new Map<string, Binding>();
  private lookedUp = 0;
  private readonly engine: Engine;
  private readonly settings: Kept;
  private readonly parameters: Parameters;
  private readonly answers: TeacherAnswers;
  private progress: Progress;

  private constructor(engine: Engine, settings: Kept, parameters: Parameters, state?: TrainerState) {
    this.engine = engine;
    this.settings = settings;
    this.parameters = parameters;
    this.answers = new TeacherAnswers(answerWidth(settings.method.teacher), state?.buffers.get(ANSWERS));
    this.progress = state?.progress ?? {};
  }

  /**
   * Places the tensors on the engine. Without a state the optimizer starts at zero.
   *
   * @throws {InputError} `train/state` when the state is one of another network or method
   */
  static async open(engine: Engine, settings: TrainerSettings, state?: TrainerState): Promise<Trainer> {
    const { method, adamw } = settings;
    const tensors = tensorsOf(method);
    const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
    const kept: Kept = { ...settings, shapes };
    const rows =
      method.trains(EMBEDDINGS.words) &&
      readsRowsOnly(planOf(kept, method.structure(0, state?.progress ?? {})));
    const placement = planPlacement(tensors, { ...method, rows });
    const own = state && ownState(method, state);
    const parameters = await Parameters.open(engine, tensors, placement, adamw, own);
    return new Trainer(engine, kept, parameters, state);
  }

  /** Steps done. */
  get steps(): number {
    return this.parameters.steps;
  }

  /** The network the run began with. */
  get network(): Network {
    return this.settings.method.network;
  }

  /** Where the tensors lie. */
  get placement(): Placement {
    return this.parameters.placement;
  }

  /** One optimizer step over the parts of a batch, at learning rate `rate`. Nothing that is trained moves when the loss is not finite. */
  async step(parts: readonly TrainBatch[], rate: number): Promise<StepResult> {
    const whole = wholeOf(parts, this.settings.objective);
    let loss = 0;
    for (const [i, part] of parts.entries()) loss += await this.gradients(part, whole, i);
    const gradNorm = Math.sqrt(await this.parameters.squaredNorm());
    await this.settled();
    if (Number.isFinite(loss) && Number.isFinite(gradNorm)) {
      const { clip: limit, method } = this.settings;
      const clip = Math.min(1, limit / (gradNorm + 1e-6));
      this.parameters.step({ rate, clip, scalars: method.scalars(this.steps, this.progress) });
      await this.hostWork();
    } else await this.parameters.drop();
    return { loss, gradNorm };
  }

  /** Whether the model as it stands may be taken as the method's product. */
  get ready(): boolean {
    return this.settings.method.ready(this.steps, this.progress);
  }

  /** Whether the method has a part in the loss of the next step. */
  get hasOwnLoss(): boolean {
    const { method } = this.settings;
    return hasOwnLoss(planOf(this.settings, method.structure(this.steps, this.progress)));
  }

  /** Whether the loss of step `step` reads the labels, as far as is known now. */
  readsLabels(step: number): boolean {
    return readsLabels(planOf(this.settings, this.settings.method.structure(step, this.progress)));
  }

  /** The product, of tensors as `tensors()` gives them and the progress made so far. */
  finish(tensors: ReadonlyMap<string, FloatTensor>): Network {
    return this.settings.method.finish(tensors, this.progress);
  }

  /** Resolves when the optimizer's work of the last step is done. */
  settled(): Promise<void> {
    return this.parameters.settled();
  }

  /** Answers to a batch row by row (bert/answers.ts), by the product's structure and without dropout. */
  async logits(batch: TrainBatch): Promise<Float32Array> {
    const results = await this.evaluated("eval", evalProgram, batch, batchFeeds(batch));
    return requireFloats(results?.[OUT.logits]?.data, "logits");
  }

  /** Mean loss over the labels of a batch, by the product's structure and without dropout. */
  async loss(batch: TrainBatch): Promise<number> {
    const feeds = { ...batchFeeds(batch), ...labelFeeds(batch, labelCount(batch, this.settings.objective)) };
    const results = await this.evaluated("loss", lossProgram, batch, feeds);
    return lossOf(results);
  }

  /**
   * The weights that the product's structure computes from other tensors, as they stand: those under a mask that is learnt, 0
   * where it prunes. Empty where the method takes every weight as it is, or rounds it.
   */
  async computedWeights(): Promise<Map<string, Float32Array>> {
    const { method } = this.settings;
    const product = method.product(this.progress);
    const built = weightsProgram(planOf(this.settings, product));
    if (built === undefined) return new Map();
    await this.settled();
    const session = await this.engine.session(productKey("weights", method.id, product), () => built);
    const binding = await this.bound(session, false);
    const feeds = methodFeeds(session.program, method.scalars(this.steps, this.progress));
    const [results] = await this.engine.run([{ session, feeds, binding }]);
    const names = [...session.program.outputs.keys()];
    return new Map(
      names.map((name) => [name.slice(WEIGHT.length), requireFloats(results?.[name]?.data, name)]),
    );
  }

  /** Every tensor as it stands, copied. */
  tensors(): Promise<Map<string, FloatTensor>> {
    return this.parameters.tensors(this.settings.shapes.keys());
  }

  /** A copy of all that changes from step to step. */
  async state(): Promise<TrainerState> {
    const { buffers, ...rest } = await this.parameters.state();
    const known = this.answers.all;
    const answers: [string, Float32Array][] = known.length > 0 ? [[ANSWERS, known.slice()]] : [];
    return { ...rest, buffers: new Map([...buffers, ...answers]), progress: this.progress };
  }

  /** Results of the product's structure on a batch, by one of the programs that change nothing. */
  private async evaluated(
    what: ProductGraph,
    build: (plan: GraphPlan) => Program,
    batch: TrainBatch,
    feeds: Record<string, Tensor>,
  ): Promise<Results | undefined> {
    const { method } = this.settings;
    await this.settled();
    await this.parameters.prepare(batch.ids);
    const product = method.product(this.progress);
    const plan = planOf(this.settings, product);
    const session = await this.engine.session(productKey(what, method.id, product), () => build(plan));
    const binding = await this.bound(session, false);
    const scalars = methodFeeds(session.program, method.scalars(this.steps, this.progress));
    const [results] = await this.engine.run([{ session, feeds: { ...feeds, ...scalars }, binding }]);
    return results;
  }

  /** Loss and gradients of one part; the first of a step overwrites, the others add. */
  private async gradients(part: TrainBatch, whole: Whole, index: number): Promise<number> {
    const { method, key } = this.settings;
    const rows = this.placement.table !== undefined;
    const structure = method.structure(this.steps, this.progress);
    const accumulate = index > 0;
    const session = await this.engine.session(trainKey(method.id, structure, accumulate), () => {
      const plan = planOf(this.settings, structure);
      const built = trainProgram(plan, this.placement.differentiated, { rows, accumulate });
      requireKept(method.id, updatesOf(built), this.placement);
      return built;
    });
    const binding = await this.bound(session, accumulate);
    const lookedUp = await this.lookedUpView(part);
    const taught = session.program.inputs.has(FEED.answers) ? await this.taught(part) : undefined;
    const feeds = {
      ...batchFeeds(part),
      ...labelFeeds(part, whole.count),
      ...keyFeed(session.program, key, this.steps, index),
      ...methodFeeds(session.program, method.scalars(this.steps, this.progress), { part, whole }),
      ...(taught ? answerFeed(this.answers.width, taught) : {}),
    };
    // Several requests and one wait: the worker serves them in this order.
    const ready = this.parameters.prepare(part.ids);
    const run = this.engine.run([{ session, feeds, binding, into: rows ? { [OUT.rows]: lookedUp } : {} }]);
    const added = rows && this.parameters.addRows(part.ids, lookedUp);
    const keeps = updatesOf(session.program).length > 0;
    const [[results]] = await Promise.all([run, ready, added, keeps && this.parameters.keep()]);
    return lossOf(results);
  }

  /** The teacher's logits of a part, row by row: computed once for each example that has a number. */
  private async taught(part: TrainBatch): Promise<Float32Array> {
    const indices = keepsAnswers(this.settings.method.teacher) ? part.indices : undefined;
    const known = indices && this.answers.find(indices);
    if (known) return known;
    const session = await this.engine.session(`teacher ${this.settings.method.id}`, () =>
      teacherProgram(planOf(this.settings, "")),
    );
    const binding = await this.bound(session, false);
    const [results] = await this.engine.run([{ session, feeds: batchFeeds(part), binding }]);
    const logits = requireFloats(results?.[OUT.logits]?.data, "logits of the teacher");
    if (indices) this.answers.keep(indices, logits);
    return logits;
  }

  /** The method's own work between two steps. */
  private async hostWork(): Promise<void> {
    const { method } = this.settings;
    if (!method.host?.due(this.steps)) return;
    await this.settled();
    const before = sessionKeys(method, this.steps, this.progress);
    this.progress = await method.host.run(this.progress, this.steps, this.parameters.bench());
    const after = sessionKeys(method, this.steps, this.progress);
    // What is decided is not taken back: graphs from before do not come again, and each holds the memory of its largest run.
    this.engine.unload(before.filter((key) => !after.includes(key)));
  }

  /** Where the gradient of this part's looked-up embeddings goes. */
  private async lookedUpView(part: TrainBatch): Promise<View> {
    const { hiddenSize, facts } = this.settings.method.network.config;
    const shape = [part.size, part.length, facts?.embeddingSize ?? hiddenSize];
    if (sizeOf(shape) > this.lookedUp) {
      this.lookedUp = 2 * sizeOf(shape);
      await this.engine.allocate(LOOKED_UP, this.lookedUp);
    }
    return { buffer: LOOKED_UP, offset: 0, shape };
  }

  /** The parameters a program reads and the gradients it writes, bound once per session. */
  private async bound(session: Session, accumulate: boolean): Promise<Binding> {
    const known = this.bindings.get(session.key);
    if (known) return known;
    const feeds: Record<string, View> = {};
    const into: Record<string, View> = {};
    for (const [name, view] of this.placement.views) if (session.program.inputs.has(name)) feeds[name] = view;
    for (const name of this.placement.differentiated) {
      const view = gradientView(this.placement, name);
      if (accumulate) feeds[sumOf(name)] = view;
      if (session.program.outputs.has(gradientOf(name))) into[gradientOf(name)] = view;
    }
    for (const [name] of updatesOf(session.program)) {
      into[nextOf(name)] = nextView(requireEntry(this.placement.views, name, "tensor"));
    }
    const binding = await this.engine.bind(feeds, into);
    this.bindings.set(session.key, binding);
    return binding;
  }
}

/** The parameters' part of a state. @throws {InputError} `train/state` for answers where there is no teacher */
function ownState({ teacher }: BoundMethod, { buffers, ...rest }: TrainerState): ParametersState {
  if (buffers.has(ANSWERS) && teacher === undefined) {
    throw new InputError("train/state", "state: expected none of a teacher, got its answers");
  }
  return { ...rest, buffers: new Map([...buffers].filter(([name]) => name !== ANSWERS)) };
}

function lossOf(results: Results | undefined): number {
  return requireItem(requireFloats(results?.[OUT.loss]?.data, "loss"), 0, "loss");
}
