/**
 * Movement pruning: the weights stay that training moves away from zero.
 *
 *   Paper    Sanh, Wolf & Rush, NeurIPS 2020 · https://arxiv.org/abs/2005.07683
 *   From     the pre-trained model under a new head
 *   To       the same network with a share of each encoder matrix (`soft`: of all together) at 0
 *   Learns   every weight but the embedding tables, and a score of each weight, or block, of the encoder's matrices
 *
 *   paper               here
 *   W                   the checkpoint's matrices
 *   S                   `score.NAME`, from 0, with a learning rate of its own (`maskRate`)
 *   M(S) = Top_v(S)     keepMask: 1 where S ≥ τ, the threshold of its matrix
 *   a = (W ⊙ M)x        the `weight` site; ∂L/∂S = (∂L/∂W')⊙W by the straight-through estimator (§3)
 *   v                   1 − sparsity: cubic between `from` and `until` (§4.1, after Zhu & Gupta)
 *   λ·R(S)              `soft`: penalty · the mean over matrices of their mean σ(S), as in the authors' code, growing with
 *                       the sparsity (§3)
 *
 * With `block` a block has one score, as in Lagunas et al. 2021 (https://arxiv.org/abs/2109.04838): the gradient
 * is the sum over its weights. Scores of single weights, ranked by their sum, would all have that same gradient, and be
 * copies of one.
 *
 * Departures: τ is looked up anew every `refresh` steps, not in each; halfway between `until` and the end scores stop,
 * so that the mask that ships has been trained with and has exactly the weights asked for. Soft movement pruning is
 * given its sparsity: its τ is the quantile of all scores that leaves it, where the paper fixes τ and tunes λ. Their code
 * leaves at least 0.5 % of each matrix; this quantile may leave nothing of one.
 * With `distil` half of the loss is the fine-tuned model's, temperature 2, the defaults of the authors' scripts; their
 * printed commands do without. Their whole embeddings rest, LayerNorm included, and they have no weight decay.
 *
 * It needs epochs, of which one is too few (results/archive/papers.md, Other baselines).
 */

import { type BlockShape, blockAt, blockGrid, blockSize, matrixOf } from "../base/blocks.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { type FloatTensor, floatTensor, sizeOf } from "../base/tensor.ts";
import type {
  Answers,
  HostWork,
  LossInputs,
  Method,
  MethodState,
  Progress,
  RunFacts,
  Teacher,
  Tools,
} from "../contract/method.ts";
import { expand, reshape, sum } from "../graph/ops/broadcast.ts";
import { add, cast, less, mul, neg, scale, shift, sigmoid, surrogate } from "../graph/ops/elementwise.ts";
import { slice } from "../graph/ops/select.ts";
import { at, type Dim, product, type Shape, sameShape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import {
  BLOCK_HELP,
  checkBlock,
  checkCount,
  checkPositive,
  checkRange,
  checkSparsity,
} from "../parts/checks.ts";
import { distillationLoss, HALF_AND_HALF, isTeacher, teacherIf } from "../parts/distil.ts";
import { isTable, matricesIn, weightsIn } from "../parts/matrices.ts";
import { groupsOf } from "../parts/prune.ts";
import { keepPruned } from "../parts/pruned.ts";
import { checkRamp, countKept, cubicSparsity } from "../parts/ramp.ts";

const ID = "movement";
/** Below every score: nothing is pruned yet. */
const NONE = -3e38;
/** Multiplies the scores' rate: 0 once the mask is fixed. */
const MOVING = "moving";
/** λ·R(S)'s factor in this step. */
const PENALTY = "penalty";
/** Prefix of the scores' names. */
const SCORE = "score.";

export interface MovementConfig {
  readonly sparsity: number;
  readonly soft: boolean;
  readonly distil: boolean;
  readonly maskRate: number;
  readonly from: number;
  readonly until: number;
  readonly refresh: number;
  readonly penalty: number;
  readonly block: string;
}

interface MovementState extends MethodState {
  readonly teacher: Teacher | undefined;
  readonly config: MovementConfig;
  readonly names: readonly string[];
  /** Matrices that share a threshold. */
  readonly groups: readonly (readonly string[])[];
  readonly block: BlockShape;
  readonly sizes: readonly number[];
  /** The scores' rate over the run's. */
  readonly factor: number;
  readonly steps: number;
  /** Steps after which the mask is fixed. */
  readonly fixed: number;
}

function init(network: Network, config: MovementConfig, facts: RunFacts): MovementState {
  const { steps, learningRate = 1 } = facts;
  checkSparsity(ID, config.sparsity);
  checkRamp(ID, config);
  checkCount(ID, "refresh", config.refresh);
  checkPositive(ID, "maskRate", config.maskRate);
  checkRange(ID, "penalty", config.penalty, { from: 0, below: Number.POSITIVE_INFINITY });
  const block = checkBlock(ID, config.block);
  const names = matricesIn(network.tensors, "encoder");
  const groups = groupsOf(names, config.soft ? "global" : "matrix");
  const zeros = (name: string): [string, FloatTensor] => {
    const shape = scoreShape(requireEntry(network.tensors, name, "tensor").shape, block);
    return [SCORE + name, floatTensor(shape, new Float32Array(sizeOf(shape)))];
  };
  const { teacher, tensors = [] } = teacherIf(config.distil, ID, network, facts);
  return {
    tensors: new Map([...names.map(zeros), ...tensors]),
    teacher,
    config,
    names,
    groups,
    block,
    sizes: groups.map((group) => weightsIn(network.tensors, group)),
    factor: config.maskRate / learningRate,
    steps,
    fixed: Math.max(1, Math.floor(((1 + config.until) / 2) * steps)),
  };
}

/** A score for each block. */
function scoreShape(shape: readonly number[], block: BlockShape): number[] {
  return [...blockGrid({ ...matrixOf(shape), block })];
}

/** Name of the number that is a group's threshold. */
function thresholdOf(group: number): string {
  return `threshold.${group}`;
}

/** 1 where the score reaches the threshold, with the gradient of the score itself. */
export function keepMask(score: Value, threshold: Value): Value {
  const pruned = cast(less(score, threshold), score.dtype);
  return surrogate(shift(neg(pruned), 1), score);
}

/** Each number of a mask of blocks for all of its block's weights: [rows, columns]. */
export function spread(mask: Value, shape: Shape, block: BlockShape): Value {
  const { height, width } = blockSize(block);
  return repeat(repeat(mask, 0, height, at(shape, 0)), 1, width, at(shape, 1));
}

/** A matrix with each of its rows (`axis` 0) or columns (1) `times` times, of which the first `length` are left. */
function repeat(x: Value, axis: 0 | 1, times: number, length: Dim): Value {
  if (times === 1) return x;
  const [rows, columns] = [at(x.shape, 0), at(x.shape, 1)];
  const [one, many] =
    axis === 0
      ? [
          [rows, 1, columns],
          [rows, times, columns],
        ]
      : [
          [rows, columns, 1],
          [rows, columns, times],
        ];
  const whole: Shape = axis === 0 ? [product([rows, times]), columns] : [rows, product([columns, times])];
  const repeated = reshape(expand(reshape(x, one), many), whole);
  return sameShape([at(whole, axis)], [length]) ? repeated : slice(repeated, axis, 0, Number(length));
}

function sites(state: MovementState, tools: Tools): Answers {
  const { config, teacher, names, groups, block } = state;
  const scores = new Map<string, Value>();
  const weight = (name: string, w: Value): Value => {
    const group = groups.findIndex((members) => members.includes(name));
    if (group < 0) return w;
    const score = tools.tensor(SCORE + name);
    scores.set(name, score);
    return mul(w, spread(keepMask(score, tools.scalar(thresholdOf(group))), w.shape, block));
  };
  const learnt = (inputs: LossInputs): Value =>
    teacher ? distillationLoss(inputs, HALF_AND_HALF) : inputs.task;
  if (!config.soft) return teacher ? { weight, loss: learnt } : { weight };
  const meanScore = (name: string, score: Value): Value =>
    scale(sum(sigmoid(score), [0, 1]), 1 / weightsIn(state.tensors, [SCORE + name]));
  const regulariser = (): Value =>
    scale([...scores].map(([name, score]) => meanScore(name, score)).reduce(add), 1 / names.length);
  const loss: Answers["loss"] = (inputs) =>
    add(learnt(inputs), mul(mul(regulariser(), inputs.share), tools.scalar(PENALTY)));
  return { weight, loss };
}

function sparsityAt({ config, steps }: MovementState, done: number): number {
  return cubicSparsity({ ...config, final: config.sparsity }, done / steps);
}

const HOST: HostWork<MovementState> = {
  due: (state, done) =>
    done === state.fixed ||
    (done < state.fixed && done % state.config.refresh === 0 && sparsityAt(state, done) > 0),
  run: async (state, progress, done, bench): Promise<Progress> => {
    const { groups: of, block } = state;
    const groups = of.map((names) => names.map((name) => SCORE + name));
    const keep = state.sizes.map((size) => countKept(size, sparsityAt(state, done)));
    const thresholds = await bench.prune({ groups, of, keep, by: "value", block });
    return { ...progress, thresholds, fixed: done === state.fixed ? 1 : 0 };
  },
};

function scalars(
  state: MovementState,
  step: number,
  { thresholds, fixed }: Progress,
): Record<string, number> {
  const known = Array.isArray(thresholds) ? thresholds : [];
  const { penalty, sparsity } = state.config;
  const growth = sparsity === 0 ? 0 : sparsityAt(state, step) / sparsity;
  return {
    ...Object.fromEntries(state.groups.map((_, i) => [thresholdOf(i), Number(known[i] ?? NONE)])),
    [MOVING]: fixed === 1 ? 0 : 1,
    [PENALTY]: penalty * growth,
  };
}

/** W ⊙ M, and no scores. */
function finish(
  network: Network,
  { names, groups, config, block }: MovementState,
  tensors: ReadonlyMap<string, FloatTensor>,
  { thresholds }: Progress,
): Network {
  const known = Array.isArray(thresholds) ? thresholds : [];
  const masked = new Map(tensors);
  for (const name of names) {
    const w = requireEntry(tensors, name, "tensor");
    const { data: score } = requireEntry(tensors, SCORE + name, "tensor");
    const threshold = Number(known[groups.findIndex((members) => members.includes(name))] ?? NONE);
    const matrix = { ...matrixOf(w.shape), block };
    const data = w.data.map((x, i) => (requireItem(score, blockAt(matrix, i), "scores") < threshold ? 0 : x));
    masked.set(name, floatTensor(w.shape, data));
  }
  return keepPruned(ID, network, masked, names, config.sparsity, block);
}

export const MOVEMENT: Method<MovementConfig, MovementState> = {
  id: ID,
  summary:
    "Keep the weights that training moves away from zero, by a learned score of each; needs many epochs.",
  paper: {
    title: "Movement Pruning: Adaptive Sparsity by Fine-Tuning",
    authors: "Victor Sanh, Thomas Wolf, Alexander M. Rush",
    venue: "NeurIPS 2020",
    url: "https://arxiv.org/abs/2005.07683",
  },
  from: "pre-trained",
  config: {
    sparsity: { default: 0.9, help: "share of the encoder matrices' weights that is 0 in the end" },
    soft: { default: false, help: "one threshold for all matrices, and a penalty on the scores (§3)" },
    distil: { default: false, help: "half of the loss is the fine-tuned model's answers, temperature 2" },
    maskRate: { default: 0.01, help: "peak learning rate of the scores (1e-2 in the authors' commands)" },
    from: { default: 0.1, help: "share of the steps before the first pruning (one warm-up)" },
    until: {
      default: 0.8,
      help: "share of the steps after which the sparsity is reached (two warm-ups before the end)",
    },
    refresh: { default: 10, help: "steps between two looks for the thresholds" },
    penalty: {
      default: 1,
      help: "soft: λ, weight of the mean of σ(S) at full sparsity (theirs: 400 on SQuAD)",
    },
    block: { default: "1", help: BLOCK_HELP },
  },
  init,
  trains: (_state, name) => !isTable(name) && !isTeacher(name),
  teacher: ({ teacher }) => teacher,
  rule: ({ factor }, name) =>
    name.startsWith(SCORE) ? { kind: "adamw", factor, decay: 0, scaledBy: MOVING } : undefined,
  scalars,
  sites: (state, _structure, tools) => sites(state, tools),
  host: HOST,
  ready: ({ fixed }, done) => done >= fixed,
  finish,
};
