/**
 * A network's tensors on the engine with their optimizer: where they lie, how they move, and what a checkpoint keeps of
 * them. Most are in flat buffers (placement.ts); word embeddings that are only looked up have a table (row-adamw.ts).
 *
 * The engine serves requests in order, so a step's optimizer may still be at work while the next batch is made: whoever
 * reads weights awaits `settled`. Not here: graphs, gradients, losses (trainer.ts).
 */

import { builtUrl } from "../base/built-url.ts";
import { InputError } from "../base/errors.ts";
import { requireFloats } from "../base/present.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { Workbench } from "../contract/method.ts";
import type { Engine } from "../engine/engine.ts";
import type { View } from "../engine/protocol.ts";
import type { AdamW } from "./adamw.ts";
import { rangeSteps } from "./optimizer.ts";
import { BUFFERS, nextView, type Placement, place } from "./placement.ts";
import type { RowProgress } from "./row-adamw.ts";

const ROWS = builtUrl("./row-adamw.js", import.meta.url);
const KERNELS = builtUrl("./kernels.js", import.meta.url);
const PRUNING = builtUrl("./pruning.js", import.meta.url);
const TABLE = { name: BUFFERS.table };

/** What changes in the parameters from step to step. */
export interface ParametersState {
  /** Flat arrays by buffer name: weights, moments, what is kept, the table's three. */
  readonly buffers: ReadonlyMap<string, Float32Array>;
  readonly current: Int32Array;
  readonly touched: Int32Array;
  /** Learning rate of every step so far. */
  readonly rates: readonly number[];
  /** Steps after which the moments began: those of the flat buffers, those of the table. */
  readonly began: Int32Array;
}

/** One step beside its gradients. */
export interface ParameterStep {
  readonly rate: number;
  /** Factor of the gradient. */
  readonly clip: number;
  /** The method's numbers of this step. */
  readonly scalars: Readonly<Record<string, number>>;
}

export class Parameters {
  private readonly rates: number[] = [];
  /** Steps after which the moments of the flat buffers began. */
  private began = 0;
  /** The optimizer's work of the last step. */
  private pending: Promise<unknown> = Promise.resolve();
  private readonly engine: Engine;
  private readonly adamw: AdamW;
  readonly placement: Placement;

  private constructor(engine: Engine, placement: Placement, adamw: AdamW) {
    this.engine = engine;
    this.placement = placement;
    this.adamw = adamw;
  }

  /**
   * Places the tensors. Without a state the optimizer starts at zero.
   *
   * @throws {InputError} `train/state` when the state has other buffers
   */
  static async open(
    engine: Engine,
    tensors: ReadonlyMap<string, FloatTensor>,
    placement: Placement,
    adamw: AdamW,
    state?: ParametersState,
  ): Promise<Parameters> {
    await place(engine, tensors, placement);
    const parameters = new Parameters(engine, placement, adamw);
    await parameters.restore(state);
    return parameters;
  }

  /** Steps done. */
  get steps(): number {
    return this.rates.length;
  }

  /** Resolves when the optimizer's work of the last step is done. */
  async settled(): Promise<void> {
    await this.pending;
  }

  /** Brings the table's rows up to date before a batch reads them. */
  async prepare(ids: Int32Array): Promise<void> {
    if (!this.placement.table) return;
    await this.engine.host(ROWS, "prepareRows", { ...TABLE, ids, t: this.steps });
  }

  /** Adds the gradients of the rows that a batch has read, one row of `gradients` per id. */
  async addRows(ids: Int32Array, gradients: View): Promise<void> {
    if (!this.placement.table) return;
    await this.engine.host(ROWS, "addRowGradients", { ...TABLE, ids, gradients });
  }

  /** What a graph has written for the method to keep takes its place. */
  async keep(): Promise<void> {
    await this.copyKept(BUFFERS.next, BUFFERS.kept);
  }

  /** Σg² over all that is trained or measured. */
  async squaredNorm(): Promise<number> {
    const { measured: length, table } = this.placement;
    const squares = [
      length > 0 && this.engine.host(KERNELS, "squaredNorm", { buffer: BUFFERS.gradients, length }),
      table && this.engine.host(ROWS, "rowNorm", TABLE),
    ];
    return (await Promise.all(squares)).reduce<number>((sum, square) => sum + Number(square || 0), 0);
  }

  /** Queues one optimizer step; requests made later are served after it. */
  step(step: ParameterStep): void {
    this.pending = this.update(step);
    // Whoever awaits it sees a failure; parameters that are not used again have nobody to tell.
    this.pending.catch(() => undefined);
  }

  private async update({ rate, clip, scalars }: ParameterStep): Promise<void> {
    this.rates.push(rate);
    const t = this.steps;
    const { groups, table, tableFactor, total } = this.placement;
    const ranges = rangeSteps(groups, { adamw: this.adamw, rate, t: t - this.began, clip, scalars });
    await Promise.all([
      table && this.engine.host(ROWS, "stepRows", { ...TABLE, t, rate: rate * tableFactor, clip }),
      total > 0 && this.engine.host(KERNELS, "stepRanges", { buffers: BUFFERS, ranges }),
    ]);
  }

  /** Forgets the gradients of a step that is not made. */
  async drop(): Promise<void> {
    if (this.placement.table) await this.engine.host(ROWS, "dropRows", TABLE);
  }

  /** Every tensor as it stands, copied, in the order of `names`. */
  async tensors(names: Iterable<string>): Promise<Map<string, FloatTensor>> {
    await this.pending;
    const out = new Map<string, FloatTensor>();
    for (const name of names) {
      const view = this.viewOf(name);
      out.set(name, floatTensor(view.shape, await this.read(view)));
    }
    return out;
  }

  /** A copy of all that changes from step to step. */
  async state(): Promise<ParametersState> {
    await this.pending;
    const buffers = new Map<string, Float32Array>();
    for (const [buffer, length] of this.stateBuffers()) {
      buffers.set(buffer, await this.engine.read({ buffer, offset: 0, shape: [length] }));
    }
    const progress = this.placement.table
      ? await this.engine.host(ROWS, "readProgress", TABLE)
      : { current: new Int32Array(0), touched: new Int32Array(0), began: 0 };
    // The host kernel returns exactly these three; the message channel has no types.
    const { began, ...rows } = progress as RowProgress;
    return { buffers, ...rows, rates: [...this.rates], began: Int32Array.of(this.began, began) };
  }

  /** Where a method's host work reads and writes. */
  bench(): Workbench {
    return {
      read: (name) => this.read(this.viewOf(name)),
      write: (name, data) => this.write(this.viewOf(name), data),
      prune: async ({ groups, of, ...request }) => {
        const viewsOf = (names: readonly string[]): View[] => names.map((name) => this.viewOf(name));
        const places = groups.map(viewsOf);
        if (places.flat().some(({ buffer }) => buffer === BUFFERS.table)) {
          throw new InputError("train/tensor", "train: rows of a table are not pruned where they lie");
        }
        const matrices = of && { of: of.map(viewsOf) };
        const views = { ...request, ...matrices, groups: places };
        const thresholds = await this.engine.host(PRUNING, "prune", views);
        if (request.fill !== undefined) await this.copyKept(BUFFERS.kept, BUFFERS.next);
        // The host kernel returns one number for each group; the message channel has no types.
        return thresholds as number[];
      },
      forget: () => this.forget(),
    };
  }

  private viewOf(name: string): View {
    const view = this.placement.views.get(name);
    if (view === undefined) throw new InputError("train/tensor", `train: the run has no tensor ${name}`);
    return view;
  }

  private async read(view: View): Promise<Float32Array> {
    if (view.buffer !== BUFFERS.table) return this.engine.read(view);
    const data = await this.engine.host(ROWS, "readTable", { ...TABLE, t: this.steps });
    return requireFloats(data, "word embeddings");
  }

  private async write(view: View, data: Float32Array): Promise<void> {
    // What rows have missed is done before they are replaced, not after.
    if (view.buffer === BUFFERS.table) await this.restartRows();
    await this.engine.write(view, data);
    if (view.buffer === BUFFERS.kept) await this.engine.write(nextView(view), data);
  }

  private async forget(): Promise<void> {
    const { total, table } = this.placement;
    for (const buffer of total > 0 ? [BUFFERS.mean, BUFFERS.square] : []) {
      await this.engine.write({ buffer, offset: 0, shape: [total] }, new Float32Array(total));
    }
    this.began = this.steps;
    if (table) await this.restartRows();
  }

  private async restartRows(): Promise<void> {
    await this.engine.host(ROWS, "restartRows", { ...TABLE, t: this.steps });
  }

  private async copyKept(from: string, to: string): Promise<void> {
    const { kept: length } = this.placement;
    if (length > 0) await this.engine.host(KERNELS, "copyBuffer", { from, to, length });
  }

  private async restore(state: ParametersState | undefined): Promise<void> {
    if (state) this.checkState(state);
    for (const [buffer, data] of state?.buffers ?? []) {
      await this.engine.write({ buffer, offset: 0, shape: [data.length] }, data);
    }
    await this.copyKept(BUFFERS.kept, BUFFERS.next);
    this.rates.push(...(state?.rates ?? []));
    const [flat = 0, ofTable = 0] = state?.began ?? [];
    this.began = flat;
    const { table, tableFactor } = this.placement;
    if (table === undefined) return;
    const [rows, columns] = table;
    const { adamw } = this;
    const rates = this.rates.map((rate) => rate * tableFactor);
    await this.engine.host(ROWS, "openTable", { ...TABLE, rows, columns, adamw, rates });
    if (state === undefined) return;
    const { current, touched } = state;
    await this.engine.host(ROWS, "writeProgress", { ...TABLE, current, touched, began: ofTable });
  }

  /** A state of another network or method must not be half loaded. */
  private checkState({ buffers, current }: ParametersState): void {
    const told = (sizes: Iterable<readonly [string, number]>): string =>
      [...sizes].map(([name, length]) => `${name} of ${length}`).join(", ");
    const [rows] = this.placement.table ?? [0];
    const own = told([...this.stateBuffers(), ["rows", rows]]);
    const found = this.stateBuffers().map(([name]) => [name, buffers.get(name)?.length ?? 0] as const);
    const got = told([...found, ["rows", current.length]]);
    if (own === got && buffers.size === found.length) return;
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
}
