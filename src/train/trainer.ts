/**
 * One network on the engine, with its optimizer: gradients of a batch, a step, logits of a batch, and everything a
 * checkpoint needs. It owns buffers and sessions of the engine it is given; the loop above it decides what to do when.
 */

import { InputError } from "../base/errors.ts";
import type { Key } from "../base/random.ts";
import { type FloatTensor, floatTensor, sizeOf, type Tensor } from "../base/tensor.ts";
import { EMBEDDINGS } from "../bert/names.ts";
import { builtUrl } from "../engine/built-url.ts";
import type { Binding, Engine, Session } from "../engine/engine.ts";
import type { Results, View } from "../engine/protocol.ts";
import type { Program } from "../graph/program.ts";
import type { Bench, BoundMethod, Progress } from "../methods/method.ts";
import type { Network } from "../network/network.ts";
import type { AdamW } from "./adamw.ts";
import { TeacherAnswers } from "./answers.ts";
import { answerFeed, batchFeeds, keyFeed, labelFeeds, methodFeeds, type TrainBatch } from "./feeds.ts";
import { rangeSteps } from "./optimizer.ts";
import { BUFFERS, gradientView, nextView, type Placement, place, planPlacement } from "./placement.ts";
import {
  evalProgram,
  FEED,
  type GraphPlan,
  gradientOf,
  lossProgram,
  nextOf,
  OUT,
  readsRowsOnly,
  sumOf,
  teacherProgram,
  trainProgram,
} from "./step.ts";

const ROWS = builtUrl("./row-adamw.js", import.meta.url);
const KERNELS = builtUrl("./kernels.js", import.meta.url);
const PRUNING = builtUrl("./pruning.js", import.meta.url);
/** Buffer for the gradient of looked-up embeddings, grown on demand. */
const LOOKED_UP = "looked-up";
const TABLE = { name: BUFFERS.table };
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
}

/** What one optimizer step reports. */
export interface StepResult {
  /** Mean loss over the examples of the step. */
  readonly loss: number;
  /** Norm of the gradient before clipping. */
  readonly gradNorm: number;
}

/** Everything beside the recipe that a run needs to go on as if it had never stopped. */
export interface TrainerState {
  /** Flat arrays by buffer name: weights, moments, the table's three. */
  readonly buffers: ReadonlyMap<string, Float32Array>;
  readonly current: Int32Array;
  readonly touched: Int32Array;
  /** Learning rate of every step so far. */
  readonly rates: readonly number[];
  /** What the method has decided so far. */
  readonly progress: Progress;
}

type Kept = TrainerSettings & Pick<GraphPlan, "shapes">;

/** Every tensor of a run: the network's and the method's own. */
export function tensorsOf({ network, tensors }: BoundMethod): Map<string, FloatTensor> {
  return new Map([...network.tensors, ...tensors]);
}

export class Trainer {
  private readonly rates: number[] = [];
  private readonly bindings = new Map<string, Binding>();
  private lookedUp = 0;
  private progress: Progress = {};
  private answers: TeacherAnswers;
  /** The optimizer's work of the last step; the engine does it while the next batch is made. */
  private pending: Promise<unknown> = Promise.resolve();
  private readonly engine: Engine;
  private readonly settings: Kept;
  readonly placement: Placement;

  private constructor(engine: Engine, settings: Kept, placement: Placement) {
    this.engine = engine;
    this.settings = settings;
    this.placement = placement;
    this.answers = new TeacherAnswers(this.classes);
  }

  /**
   * Places the tensors on the engine. Without a state the optimizer starts at zero.
   *
   * @throws {InputError} `train/state` when the state is one of another network or method
   */
  static async open(engine: Engine, settings: TrainerSettings, state?: TrainerState): Promise<Trainer> {
    const { method } = settings;
    const tensors = tensorsOf(method);
    const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
    const kept: Kept = { ...settings, shapes };
    const rows =
      method.trains(EMBEDDINGS.words) &&
      readsRowsOnly(planOf(kept, method.structure(0, state?.progress ?? {})));
    const placement = planPlacement(tensors, { ...method, rows });
    await place(engine, tensors, placement);
    const trainer = new Trainer(engine, kept, placement);
    await trainer.restore(state);
    return trainer;
  }

  /** C of the teacher's logits. */
  private get classes(): number {
    const head = this.settings.method.teacher?.head;
    return head?.kind === "classification" ? head.labels.length : 1;
  }

  /** Steps done. */
  get steps(): number {
    return this.rates.length;
  }

  /** One optimizer step over the parts of a batch, at learning rate `rate`. Nothing moves when the loss is not finite. */
  async step(parts: readonly TrainBatch[], rate: number): Promise<StepResult> {
    const count = parts.reduce((n, part) => n + part.labels.length, 0);
    let loss = 0;
    for (const [i, part] of parts.entries()) loss += await this.gradients(part, count, i);
    const gradNorm = Math.sqrt(await this.squaredNorm());
    await this.pending;
    if (Number.isFinite(loss) && Number.isFinite(gradNorm)) {
      this.pending = this.update(rate, gradNorm);
      // Whoever awaits it sees a failure; a trainer that is not used again has nobody to tell.
      this.pending.catch(() => undefined);
      await this.hostWork();
    } else if (this.placement.table) await this.engine.host(ROWS, "dropRows", TABLE);
    return { loss, gradNorm };
  }

  /** Whether the model as it stands may be taken as the method's product. */
  get ready(): boolean {
    return this.settings.method.ready(this.steps, this.progress);
  }

  /** The product, of tensors as `tensors()` gives them and the progress made so far. */
  finish(tensors: ReadonlyMap<string, FloatTensor>): Network {
    return this.settings.method.finish(tensors, this.progress);
  }

  /** Resolves when the optimizer's work of the last step is done. */
  async settled(): Promise<void> {
    await this.pending;
  }

  /** Logits of a batch, [B, C] row by row, by the product's structure and without dropout. */
  async logits(batch: TrainBatch): Promise<Float32Array> {
    const results = await this.evaluated("eval", evalProgram, batch, batchFeeds(batch));
    const data = results?.[OUT.logits]?.data;
    return data instanceof Float32Array ? data : new Float32Array(0);
  }

  /** Mean loss over the labels of a batch, by the product's structure and without dropout. */
  async loss(batch: TrainBatch): Promise<number> {
    const feeds = { ...batchFeeds(batch), ...labelFeeds(batch, batch.labels.length) };
    const results = await this.evaluated("loss", lossProgram, batch, feeds);
    return Number(results?.[OUT.loss]?.data[0]);
  }

  /** Every tensor as it stands, copied. */
  async tensors(): Promise<Map<string, FloatTensor>> {
    await this.pending;
    const { views, table } = this.placement;
    const out = new Map<string, FloatTensor>();
    for (const name of this.settings.shapes.keys()) {
      const view = views.get(name);
      if (view === undefined) continue;
      const data =
        table && view.buffer === BUFFERS.table ? await this.readTable() : await this.engine.read(view);
      out.set(name, floatTensor(view.shape, data));
    }
    return out;
  }

  /** A copy of all that changes from step to step. */
  async state(): Promise<TrainerState> {
    await this.pending;
    const buffers = new Map<string, Float32Array>();
    for (const [buffer, length] of this.stateBuffers()) {
      buffers.set(buffer, await this.engine.read({ buffer, offset: 0, shape: [length] }));
    }
    if (this.answers.all.length > 0) buffers.set(ANSWERS, this.answers.all.slice());
    const progress = this.placement.table
      ? await this.engine.host(ROWS, "readProgress", TABLE)
      : { current: new Int32Array(0), touched: new Int32Array(0) };
    // The host kernel returns exactly these two arrays; the message channel has no types.
    const { current, touched } = progress as { current: Int32Array; touched: Int32Array };
    return { buffers, current, touched, rates: [...this.rates], progress: this.progress };
  }

  private async restore(state: TrainerState | undefined): Promise<void> {
    if (state) this.checkState(state);
    this.progress = state?.progress ?? {};
    for (const [buffer, data] of state?.buffers ?? []) {
      if (buffer === ANSWERS) {
        this.answers = new TeacherAnswers(this.classes, data);
        continue;
      }
      await this.engine.write({ buffer, offset: 0, shape: [data.length] }, data);
      if (buffer === BUFFERS.kept)
        await this.engine.write({ buffer: BUFFERS.next, offset: 0, shape: [data.length] }, data);
    }
    this.rates.push(...(state?.rates ?? []));
    const { table } = this.placement;
    if (table === undefined) return;
    const [rows, columns] = table;
    const { adamw } = this.settings;
    await this.engine.host(ROWS, "openTable", {
      name: BUFFERS.table,
      rows,
      columns,
      adamw,
      rates: this.rates,
    });
    if (state === undefined) return;
    const { current, touched } = state;
    await this.engine.host(ROWS, "writeProgress", { ...TABLE, current, touched });
  }

  /** A state of another network or method must not be half loaded. */
  private checkState({ buffers, current }: TrainerState): void {
    const told = (sizes: Iterable<readonly [string, number]>): string =>
      [...sizes].map(([name, length]) => `${name} of ${length}`).join(", ");
    const own = told([...this.stateBuffers(), ["rows", this.placement.table?.[0] ?? 0]]);
    const found = this.stateBuffers().map(([name]) => [name, buffers.get(name)?.length ?? 0] as const);
    const got = told([...found, ["rows", current.length]]);
    const answers = this.settings.method.teacher && buffers.has(ANSWERS) ? 1 : 0;
    if (own === got && buffers.size === found.length + answers) return;
    throw new InputError("train/state", `state: expected ${own}, got ${got} in ${buffers.size} buffers`);
  }

  /** Name and length of each buffer that a step changes. */
  private stateBuffers(): [string, number][] {
    const { total, kept, table } = this.placement;
    const flat: [string, number][] =
      total > 0 ? [BUFFERS.weights, BUFFERS.mean, BUFFERS.square].map((name) => [name, total]) : [];
    if (kept > 0) flat.push([BUFFERS.kept, kept]);
    const size = table ? table[0] * table[1] : 0;
    return table
      ? [...flat, ...["", ".m", ".v"].map((end): [string, number] => [BUFFERS.table + end, size])]
      : flat;
  }

  /** Results of the product's structure on a batch, by one of the programs that change nothing. */
  private async evaluated(
    what: string,
    build: (plan: GraphPlan) => Program,
    batch: TrainBatch,
    feeds: Record<string, Tensor>,
  ): Promise<Results | undefined> {
    const { method } = this.settings;
    await this.pending;
    await this.prepare(batch.ids);
    const product = method.product(this.progress);
    const session = await this.engine.session(`${what} ${method.id} ${product}`, () =>
      build(planOf(this.settings, product)),
    );
    const binding = await this.bound(session, false);
    const scalars = methodFeeds(session.program, method.scalars(this.steps, this.progress), 1);
    const [results] = await this.engine.run([{ session, feeds: { ...feeds, ...scalars }, binding }]);
    return results;
  }

  /** Loss and gradients of one part; the first of a step overwrites, the others add. */
  private async gradients(part: TrainBatch, count: number, index: number): Promise<number> {
    const { method, key } = this.settings;
    const rows = this.placement.table !== undefined;
    const structure = method.structure(this.steps, this.progress);
    const accumulate = index > 0;
    const session = await this.engine.session(`train ${method.id} ${structure} ${accumulate}`, () =>
      trainProgram(planOf(this.settings, structure), this.placement.differentiated, { rows, accumulate }),
    );
    const binding = await this.bound(session, accumulate);
    const lookedUp = await this.lookedUpView(part);
    const taught = session.program.inputs.has(FEED.answers) ? await this.taught(part) : undefined;
    const feeds = {
      ...batchFeeds(part),
      ...labelFeeds(part, count),
      ...keyFeed(session.program, key, this.steps, index),
      ...methodFeeds(session.program, method.scalars(this.steps, this.progress), part.labels.length / count),
      ...(taught ? answerFeed(part, taught) : {}),
    };
    // Several requests and one wait: the worker serves them in this order.
    const ready = this.prepare(part.ids);
    const run = this.engine.run([{ session, feeds, binding, into: rows ? { [OUT.rows]: lookedUp } : {} }]);
    const added =
      rows && this.engine.host(ROWS, "addRowGradients", { ...TABLE, ids: part.ids, gradients: lookedUp });
    const [[results]] = await Promise.all([run, ready, added, this.keep(session.program)]);
    return Number(results?.[OUT.loss]?.data[0]);
  }

  /** The teacher's logits of a part, row by row: computed once for each example that has a number. */
  private async taught(part: TrainBatch): Promise<Float32Array> {
    const known = part.indices && this.answers.find(part.indices);
    if (known) return known;
    const session = await this.engine.session(`teacher ${this.settings.method.id}`, () =>
      teacherProgram(planOf(this.settings, "")),
    );
    const binding = await this.bound(session, false);
    const [results] = await this.engine.run([{ session, feeds: batchFeeds(part), binding }]);
    const data = results?.[OUT.logits]?.data;
    const logits = data instanceof Float32Array ? data : new Float32Array(0);
    if (part.indices) this.answers.keep(part.indices, logits);
    return logits;
  }

  /** What a program has written for the method to keep takes its place. */
  private async keep({ outputs }: Program): Promise<void> {
    if (![...outputs.keys()].some((name) => name.startsWith(nextOf("")))) return;
    await this.copyKept(BUFFERS.next, BUFFERS.kept);
  }

  private async copyKept(from: string, to: string): Promise<void> {
    await this.engine.host(KERNELS, "copyBuffer", { from, to, length: this.placement.kept });
  }

  private async squaredNorm(): Promise<number> {
    const { measured: length, table } = this.placement;
    const squares = [
      length > 0 && this.engine.host(KERNELS, "squaredNorm", { buffer: BUFFERS.gradients, length }),
      table && this.engine.host(ROWS, "rowNorm", TABLE),
    ];
    return (await Promise.all(squares)).reduce<number>((sum, square) => sum + Number(square || 0), 0);
  }

  /** Queues the optimizer's work; requests made later are served after it. */
  private async update(rate: number, norm: number): Promise<void> {
    const { adamw, clip: limit, method } = this.settings;
    const scalars = method.scalars(this.steps, this.progress);
    this.rates.push(rate);
    const t = this.steps;
    const clip = Math.min(1, limit / (norm + 1e-6));
    const { groups, table, total } = this.placement;
    const ranges = rangeSteps(groups, { adamw, rate, t, clip, scalars });
    await Promise.all([
      table && this.engine.host(ROWS, "stepRows", { ...TABLE, t, rate, clip }),
      total > 0 && this.engine.host(KERNELS, "stepRanges", { buffers: BUFFERS, ranges }),
    ]);
  }

  /** The method's own work between two steps. */
  private async hostWork(): Promise<void> {
    const { host } = this.settings.method;
    if (!host?.due(this.steps)) return;
    await this.pending;
    this.progress = await host.run(this.progress, this.steps, this.bench());
  }

  private bench(): Bench {
    const { views, total, kept, table } = this.placement;
    const viewOf = (name: string): View => {
      const view = views.get(name);
      if (view === undefined) throw new InputError("train/tensor", `train: the run has no tensor ${name}`);
      return view;
    };
    return {
      read: (name) =>
        viewOf(name).buffer === BUFFERS.table ? this.readTable() : this.engine.read(viewOf(name)),
      write: async (name, data) => {
        const view = viewOf(name);
        // What rows have missed is done before they are replaced, not after.
        if (view.buffer === BUFFERS.table)
          await this.engine.host(ROWS, "restartRows", { ...TABLE, t: this.steps });
        await this.engine.write(view, data);
        if (view.buffer === BUFFERS.kept) await this.engine.write(nextView(view), data);
      },
      prune: async ({ groups, ...request }) => {
        const places = groups.map((names) => names.map(viewOf));
        const tabled = places.flat().some(({ buffer }) => buffer === BUFFERS.table);
        if (tabled)
          throw new InputError("train/tensor", "train: rows of a table are not pruned where they lie");
        const thresholds = await this.engine.host(PRUNING, "prune", { ...request, groups: places });
        if (request.fill !== undefined && kept > 0) await this.copyKept(BUFFERS.kept, BUFFERS.next);
        // The host kernel returns one number for each group; the message channel has no types.
        return thresholds as number[];
      },
      forget: async () => {
        for (const buffer of total > 0 ? [BUFFERS.mean, BUFFERS.square] : []) {
          await this.engine.write({ buffer, offset: 0, shape: [total] }, new Float32Array(total));
        }
        if (table) await this.engine.host(ROWS, "restartRows", { ...TABLE, t: this.steps });
      },
    };
  }

  private async prepare(ids: Int32Array): Promise<void> {
    if (!this.placement.table) return;
    await this.engine.host(ROWS, "prepareRows", { ...TABLE, ids, t: this.steps });
  }

  private async readTable(): Promise<Float32Array> {
    const data = await this.engine.host(ROWS, "readTable", { ...TABLE, t: this.steps });
    return data instanceof Float32Array ? data : new Float32Array(0);
  }

  /** Where the gradient of this part's looked-up embeddings goes. */
  private async lookedUpView(part: TrainBatch): Promise<View> {
    const shape = [part.size, part.length, this.settings.method.network.config.hiddenSize];
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
    for (const [name, view] of this.placement.views) {
      if (session.program.outputs.has(nextOf(name))) into[nextOf(name)] = nextView(view);
    }
    const binding = await this.engine.bind(feeds, into);
    this.bindings.set(session.key, binding);
    return binding;
  }
}

function planOf({ method, shapes, key }: Kept, structure: string): GraphPlan {
  const { config, head } = method.network;
  const answers: GraphPlan["answers"] = (tools) => method.sites(structure, tools);
  return { config, head, shapes, answers, teacher: method.teacher, noise: key !== undefined };
}
