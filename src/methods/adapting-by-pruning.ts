/**
 * Adapting by Pruning: a pre-trained model is fitted to a task by removing connections, and by nothing else.
 *
 *   Paper    Gao, Colombo & Wang, 2021 · https://arxiv.org/abs/2105.03343
 *   From     the pre-trained model, its weights frozen
 *   To       the same weights under a binary mask, global over encoder and embedding tables, and a trained head
 *   Learns   a score of each connection, and the head
 *
 *   paper                here
 *   w_0                  the checkpoint's matrices, never changed
 *   p, β                 the head: a mixture of all layers' first tokens and an MLP (§4), not pruned; of their means
 *                        where the encoder was trained to be read by those. Its rate is the run's, 1e-3; their β is 2e-5
 *   θ                    `score.NAME`
 *   m = σ(t_l·θ)         forward: connection(), t_l = `hard`                                          eq. 3
 *   g̃                    ∂L/∂m · t_s·σ'(t_s·θ): the surrogate's gradient, t_s = `soft`                eq. 4
 *   θ ← θ − α·g̃ − γ      α: the rule of the scores; Σγ: the scalar `threshold`, see below              eq. 7
 *   s                    `sparsity`
 *   m = 1[θ > 0]         the product's mask
 *
 * γ is the same for every connection, so it is added up in one number, the threshold τ = Σγ_i, and every θ in an
 * equation is θ − τ here: the same numbers, without a pass over them.
 *
 * `decay=scheduled`, the default, chooses γ_i ≥ 0 so that the sparsity grows as in gradual pruning (Zhu & Gupta) and is
 * reached at `until`; `decay=constant` takes one `gamma` (the paper's γ_i may follow a schedule, as α does), looks `times`
 * times, and fails where that has not reached the sparsity. Once it is reached the mask is fixed and the head alone is
 * trained, where Algorithm 1 stops at once. α follows the run's schedule.
 *
 * The step is underdetermined in print (their α cannot move θ by its own size in their number of steps): `step=sgd` is
 * eq. 7 as printed, but that the run clips gradients, `step=sign` divides the gradient by its size, `step=adam`, the
 * default, by a running mean of it: what each gives was measured (results/notes/adapting-by-pruning.md).
 *
 * Ablations (§5.3): `recovery=false`, a connection once pruned stays so; `control`, see parts/controls.ts: the first half
 * of the run finds the mask, as a run of half the length does, and the second trains a new head over what the control left.
 */

import { mapPairs, requireEntry } from "../base/present.ts";
import { fold, type Key, normals } from "../base/random.ts";
import { USUAL_WARMUP } from "../base/schedule.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type {
  Answers,
  HostWork,
  Method,
  MethodState,
  Progress,
  RunFacts,
  Tools,
  Workbench,
} from "../contract/method.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { add, cast, less, mul, scale, sigmoid, sub, surrogate } from "../graph/ops/elementwise.ts";
import { scalar, type Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { checkChoice, checkCount, checkPositive, checkRange, checkSparsity } from "../parts/checks.ts";
import { applyControl, CONTROLS, type Control, changesWeights, rateOfHalf } from "../parts/controls.ts";
import { HEAD_HELP, type HeadSetting, isHead, withReader } from "../parts/heads.ts";
import { matricesIn, SCOPES, type Scope, weightsIn } from "../parts/matrices.ts";
import { keepPruned } from "../parts/pruned.ts";
import { checkRamp, countKept, cubicSparsity } from "../parts/ramp.ts";
import { RATE_OF_HEADS } from "../parts/rates.ts";

const ID = "adapting-by-pruning";
const SCORE = "score.";
/** τ = Σγ: what a score has to exceed. */
const THRESHOLD = "threshold";
/** Multiplies α: 0 once the mask is fixed. */
const MOVING = "moving";
/** The score of a connection that may not come back. */
const GONE = -1e3;
/** Structures: of the search, and with m = 1[θ > 0] of what evaluates and of what trains the head after a control. */
const [SEARCH, PRODUCT, HEAD] = ["", "product", "head"];

const STEPS = ["sgd", "sign", "adam"] as const;
const DECAYS = ["scheduled", "constant"] as const;

export interface AdaptingConfig {
  readonly sparsity: number;
  readonly scope: Scope;
  readonly head: HeadSetting;
  readonly step: (typeof STEPS)[number];
  readonly alpha: number;
  readonly decay: (typeof DECAYS)[number];
  readonly gamma: number;
  readonly until: number;
  readonly times: number;
  readonly hard: number;
  readonly soft: number;
  readonly mean: number;
  readonly deviation: number;
  readonly recovery: boolean;
  readonly control: Control;
}

interface AdaptingState extends MethodState {
  readonly config: AdaptingConfig;
  readonly names: readonly string[];
  readonly size: number;
  /** α over the run's learning rate. */
  readonly factor: number;
  /** Steps that find the mask: all, or with a control the first half of the run, and of each half the share that warms up. */
  readonly search: number;
  readonly warmup: number;
  /** Steps between two looks at the sparsity. */
  readonly every: number;
  /** Steps after which the mask is fixed. */
  readonly fixed: number;
  readonly key: Key;
  /** The head as it begins. */
  readonly head: ReadonlyMap<string, FloatTensor>;
}

function prepare(given: Network, config: AdaptingConfig, facts: RunFacts): Network {
  checkSparsity(ID, config.sparsity);
  checkRamp(ID, { from: 0, until: config.until });
  checkChoice(ID, "scope", config.scope, SCOPES);
  checkChoice(ID, "step", config.step, STEPS);
  checkChoice(ID, "decay", config.decay, DECAYS);
  checkChoice(ID, "control", config.control, CONTROLS);
  checkCount(ID, "times", config.times);
  for (const name of ["alpha", "hard", "soft", "mean"] as const) checkPositive(ID, name, config[name]);
  // A constant γ of 0 never prunes; the scheduled one is not read.
  if (config.decay === "constant") checkPositive(ID, "gamma", config.gamma);
  checkRange(ID, "deviation", config.deviation, { from: 0, below: Number.POSITIVE_INFINITY });
  return withReader(ID, given, config.head, facts);
}

function init(network: Network, config: AdaptingConfig, facts: RunFacts): AdaptingState {
  const { steps, learningRate = 1, key, warmup = USUAL_WARMUP } = facts;
  const names = matricesIn(network.tensors, config.scope);
  const search = config.control === "none" ? steps : Math.max(1, Math.floor(steps / 2));
  const fixed = Math.max(1, Math.floor(config.until * search));
  return {
    tensors: new Map(
      names.map((name) => [SCORE + name, initialScores(network, name, config, fold(key, name))]),
    ),
    config,
    names,
    size: weightsIn(network.tensors, names),
    factor: config.alpha / learningRate,
    search,
    warmup,
    every: Math.max(1, Math.floor(fixed / config.times)),
    fixed,
    key,
    head: new Map([...network.tensors].filter(([name]) => isHead(name))),
  };
}

/** θ ~ N(mean, deviation²), positive in the main: what is negative is pruned before the first step. */
function initialScores(network: Network, name: string, config: AdaptingConfig, key: Key): FloatTensor {
  const { shape, data } = requireEntry(network.tensors, name, "tensor");
  const scores = normals(key, data.length, config.deviation).map((x) => x + config.mean);
  return floatTensor(shape, scores);
}

/**
 * m of a connection with θ − τ = x: σ(t_l·x) forward, t_s·σ'(t_s·x) backward (eq. 3, 4). Without recovery a connection
 * that is pruned gets no gradient.
 */
export function connection(x: Value, m: Pick<AdaptingConfig, "hard" | "soft" | "recovery">): Value {
  const forward = sigmoid(scale(x, m.hard));
  const backward = sigmoid(scale(x, m.soft));
  const alive = cast(less(scalar(0, x.dtype), x), x.dtype);
  return surrogate(forward, m.recovery ? backward : mul(alive, backward));
}

function sites({ config, names }: AdaptingState, structure: string, tools: Tools): Answers {
  const weight = (name: string, w: Value): Value => {
    if (!names.includes(name)) return w;
    const [score, threshold] = [tools.tensor(SCORE + name), tools.scalar(THRESHOLD)];
    if (structure !== SEARCH) return mul(w, cast(less(threshold, score), w.dtype));
    return mul(w, connection(sub(score, threshold), config));
  };
  if (structure !== HEAD) return { weight };
  // Scores that the mask is made of have a gradient, of 0, and nothing is computed backwards for it.
  const still = (name: string): Value => scale(sum(tools.tensor(SCORE + name), [0, 1]), 0);
  return { weight, loss: ({ task }) => names.map(still).reduce(add, task) };
}

const HOST: HostWork<AdaptingState> = {
  due: ({ config, search, every, fixed }, done) =>
    done === fixed || (done < fixed && done % every === 0) || (config.control !== "none" && done === search),
  run: async (state, progress, done, bench): Promise<Progress> => {
    const { config, names, search, key, head } = state;
    const found = progress.fixed === 1 ? progress : await find(state, progress, done, bench);
    if (config.control === "none" || done !== search) return found;
    await applyControl(config.control, { names, scores: SCORE, key, head }, bench);
    return { ...found, controlled: 1 };
  },
};

/** The search for the mask, up to where it is fixed. */
async function find(
  state: AdaptingState,
  progress: Progress,
  done: number,
  bench: Workbench,
): Promise<Progress> {
  const { threshold: at, reached } = await look(state, progress, done, bench);
  if (!reached && done !== state.fixed) return { ...progress, threshold: at, looked: done };
  return { ...progress, threshold: await settle(state, at, bench), looked: done, fixed: 1 };
}

/** τ after a look, and whether the mask is as sparse as asked. */
interface Look {
  readonly threshold: number;
  readonly reached: boolean;
}

/**
 * A look after `done` steps. τ never falls, since no γ is negative, but for the last look of the scheduled decay, which
 * makes the size exact.
 */
async function look(state: AdaptingState, now: Progress, done: number, bench: Workbench): Promise<Look> {
  const { config, fixed, size } = state;
  const { threshold: before = 0, looked = 0 } = now;
  const constant = config.decay === "constant";
  const due = constant
    ? config.sparsity
    : cubicSparsity({ final: config.sparsity, from: 0, until: fixed }, done);
  const target = await largestOf(state, size - countKept(size, due), bench);
  // Algorithm 1: γ for every step since the last look, and an end when the sparsity is there.
  const come = Number(before) + config.gamma * (done - Number(looked));
  const scheduled = done === fixed ? target : Math.max(Number(before), target);
  const found = constant
    ? { threshold: Math.min(come, target), reached: come >= target }
    : { threshold: scheduled, reached: false };
  return config.recovery ? found : forGood(state, found, bench);
}

/**
 * Without recovery: what a look finds pruned is put where no momentum brings it back. Connections that fall by themselves
 * count too, so the sparsity may be reached before its time.
 */
async function forGood(state: AdaptingState, { threshold, reached }: Look, bench: Workbench): Promise<Look> {
  const { names, size, config } = state;
  const target = size - countKept(size, config.sparsity);
  let pruned = 0;
  for (const name of names)
    for (const score of await bench.read(SCORE + name)) if (score <= threshold) pruned++;
  if (pruned === 0) return { threshold, reached };
  const last = await largestOf(state, Math.min(pruned, target), bench, { fill: GONE });
  return { threshold: last, reached: reached || pruned >= target };
}

/** The largest of the `count` smallest scores; 0 of none. With `fill` those below it become that. */
async function largestOf(
  { names, size }: AdaptingState,
  count: number,
  bench: Workbench,
  away: { readonly fill?: number } = {},
): Promise<number> {
  if (count === 0) return 0;
  const groups = [names.map((name) => SCORE + name)];
  const [largest = 0] = await bench.prune({ groups, keep: [size - count + 1], by: "value", ...away });
  return largest;
}

/** τ of the fixed mask. Where more scores equal it than are to go, the earlier ones stay, and the others go for good. */
async function settle({ names, size, config }: AdaptingState, at: number, bench: Workbench): Promise<number> {
  const request = {
    groups: [names.map((name) => SCORE + name)],
    keep: [countKept(size, config.sparsity)],
    by: "value",
  } as const;
  const [smallest = 0] = await bench.prune(request);
  if (smallest > at) return at;
  await bench.prune({ ...request, fill: GONE });
  return GONE;
}

/** w_0 ⊙ 1[θ > 0]: every weight is exactly 0 or exactly the checkpoint's. */
function finish(
  network: Network,
  { names, config }: AdaptingState,
  tensors: ReadonlyMap<string, FloatTensor>,
  progress: Progress,
): Network {
  const masked = new Map(tensors);
  const at = Number(progress.threshold ?? 0);
  for (const name of names) {
    const w = requireEntry(tensors, name, "tensor");
    const { data: score } = requireEntry(tensors, SCORE + name, "tensor");
    const data = mapPairs(w.data, score, "scores", (x, s) => (s > at ? x : 0));
    masked.set(name, floatTensor(w.shape, data));
  }
  return keepPruned(ID, network, masked, names, config.sparsity);
}

export const ADAPTING_BY_PRUNING: Method<AdaptingConfig, AdaptingState> = {
  id: ID,
  summary: "Fit a frozen model to a task by removing connections; the product is one mask and a head.",
  paper: {
    title: "Adapting by Pruning: A Case Study on BERT",
    authors: "Yang Gao, Nicolo Colombo, Wei Wang",
    venue: "arXiv 2021",
    url: "https://arxiv.org/abs/2105.03343",
  },
  from: "pre-trained",
  config: {
    sparsity: { default: 0.5, help: "s: share of the scope's connections that is removed (Algorithm 1)" },
    scope: { default: "all", help: "all: embedding tables too, as in the paper; or encoder" },
    head: { default: "mixture", help: HEAD_HELP },
    step: { default: "adam", help: "sgd: eq. 7 as printed; sign or adam: the normalised step" },
    alpha: { default: 2e-5, help: "α: peak learning rate of the scores (appendix, Table 1: 2e-5)" },
    decay: {
      default: "scheduled",
      help: "scheduled: γ so that the sparsity is reached at until; or constant",
    },
    gamma: { default: 2e-7, help: "γ per step of decay=constant (appendix, Table 1: 2e-7)" },
    until: { default: 0.8, help: "share of the steps after which the mask is fixed" },
    times: { default: 100, help: "looks at the sparsity on the way" },
    hard: { default: 1e5, help: "t_l: temperature of the forward pass (appendix, Table 1)" },
    soft: { default: 1, help: "t_s: temperature of the derivative (appendix, Table 1)" },
    mean: { default: 0.01, help: "mean of the initial scores (§4)" },
    deviation: { default: 0.001, help: "their deviation: the printed variance would prune 38 % at once" },
    recovery: { default: true, help: "false: a connection once pruned stays so (§5.3)" },
    control: {
      default: "none",
      help: "shuffle or reinit: the ablations of §5.3; redraw: ours; a new head has half of the run",
    },
  },
  learningRate: RATE_OF_HEADS,
  batchSize: {
    of: () => 8,
    help: "8, the paper's: a score moves by α a step, and in the fewer steps of larger batches most of a mask is the draw it begins with (results/notes/adapting-by-pruning.md; 32 before)",
  },
  prepare,
  init,
  trains: (_state, name) => name.startsWith(SCORE) || isHead(name),
  keeps: ({ config, names }, name) => changesWeights(config.control) && names.includes(name),
  rule: ({ config, factor }, name) => {
    if (!name.startsWith(SCORE)) return undefined;
    const shared = { factor, decay: 0, scaledBy: MOVING } as const;
    if (config.step === "sgd") return { ...shared, kind: "descent" };
    return { ...shared, kind: "adamw", ...(config.step === "sign" ? { beta1: 0, beta2: 0 } : {}) };
  },
  scalars: (_state, _step, { threshold: at = 0, fixed }) => ({
    [THRESHOLD]: Number(at),
    [MOVING]: fixed === 1 ? 0 : 1,
  }),
  rate: (state, step) => (state.config.control === "none" ? undefined : rateOfHalf(state, step)),
  // The head of a control reads the very mask that is judged.
  structure: (_state, _step, { controlled }) => (controlled === 1 ? HEAD : SEARCH),
  product: () => PRODUCT,
  sites,
  host: HOST,
  ready: ({ config }, _done, { fixed, controlled }) => (config.control === "none" ? fixed : controlled) === 1,
  finish,
};
