/**
 * Movement pruning: the weights stay that training moves away from zero.
 *
 *   Paper    Sanh, Wolf & Rush, NeurIPS 2020 · https://arxiv.org/abs/2005.07683
 *   From     the pre-trained model under a new head
 *   To       the same network with a share of each encoder matrix (`soft`: of all together) at 0
 *   Learns   every weight but the embedding tables, and a score of each weight of the encoder's matrices
 *
 *   paper               here
 *   W                   the checkpoint's matrices
 *   S                   `score.NAME`, from 0, with a learning rate of its own (`maskRate`)
 *   M(S) = Top_v(S)     keepMask: 1 where S ≥ τ, the threshold of its matrix
 *   a = (W ⊙ M)x        the `weight` site; ∂L/∂S = (∂L/∂W')⊙W by the straight-through estimator (§3)
 *   v                   1 − sparsity: cubic between `from` and `until` (§4.1, after Zhu & Gupta)
 *   λ·R(S)              `soft`: penalty · mean σ(S), growing with the sparsity (§3)
 *
 * Departures: τ is looked up anew every `refresh` steps, not in each; halfway between `until` and the end scores stop,
 * so that the mask that ships has been trained with and has exactly the weights asked for. Soft movement pruning is
 * given its sparsity: its τ is the quantile of all scores that leaves it, where the paper fixes τ and tunes λ.
 * With `distil` half of the loss is the fine-tuned model's, temperature 2, as in the authors' commands.
 */

import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { add, cast, less, mul, neg, scale, shift, sigmoid, surrogate } from "../graph/ops/elementwise.ts";
import type { Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
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
} from "./method.ts";
import { distilled, HALF_AND_HALF, isTeacher, teacherIf } from "./parts/distil.ts";
import { isTable, matricesIn, weightsIn } from "./parts/matrices.ts";
import { prunedNetwork } from "./parts/pruned.ts";
import { checkRamp, checkSparsity, cubicSparsity, groupsOf, kept } from "./parts/sparsity.ts";

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
}

interface MovementState extends MethodState {
  readonly teacher: Teacher | undefined;
  readonly config: MovementConfig;
  readonly names: readonly string[];
  /** Matrices that share a threshold. */
  readonly groups: readonly (readonly string[])[];
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
  const names = matricesIn(network.tensors, "encoder");
  const groups = groupsOf(names, config.soft ? "global" : "matrix");
  const zeros = (name: string): [string, FloatTensor] => {
    const { shape, data } = network.tensors.get(name) ?? floatTensor([0], new Float32Array(0));
    return [SCORE + name, floatTensor(shape, new Float32Array(data.length))];
  };
  const { teacher, tensors = [] } = teacherIf(config.distil, ID, network, facts);
  return {
    tensors: new Map([...names.map(zeros), ...tensors]),
    teacher,
    config,
    names,
    groups,
    sizes: groups.map((group) => weightsIn(network.tensors, group)),
    factor: config.maskRate / learningRate,
    steps,
    fixed: Math.max(1, Math.floor(((1 + config.until) / 2) * steps)),
  };
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

function sites({ config, teacher, names, groups, sizes }: MovementState, tools: Tools): Answers {
  const scores = new Map<string, Value>();
  const weight = (name: string, w: Value): Value => {
    const group = groups.findIndex((members) => members.includes(name));
    if (group < 0) return w;
    const score = tools.tensor(SCORE + name);
    scores.set(name, score);
    return mul(w, keepMask(score, tools.scalar(thresholdOf(group))));
  };
  const learnt = (inputs: LossInputs): Value => (teacher ? distilled(inputs, HALF_AND_HALF) : inputs.task);
  if (!config.soft) return teacher ? { weight, loss: learnt } : { weight };
  const total = sizes.reduce((a, b) => a + b, 0);
  const meanScore = (): Value =>
    names
      .map((name) => scores.get(name))
      .filter((score) => score !== undefined)
      .map((score) => sum(sigmoid(score), [0, 1]))
      .reduce(add);
  const loss: Answers["loss"] = (inputs) =>
    add(learnt(inputs), mul(mul(scale(meanScore(), 1 / total), inputs.share), tools.scalar(PENALTY)));
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
    const groups = state.groups.map((names) => names.map((name) => SCORE + name));
    const keep = state.sizes.map((size) => kept(size, sparsityAt(state, done)));
    const thresholds = await bench.prune({ groups, keep, by: "value" });
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
  { names, groups, config }: MovementState,
  tensors: ReadonlyMap<string, FloatTensor>,
  { thresholds }: Progress,
): Network {
  const known = Array.isArray(thresholds) ? thresholds : [];
  const masked = new Map(tensors);
  for (const name of names) {
    const [w, score] = [tensors.get(name), tensors.get(SCORE + name)?.data];
    const threshold = Number(known[groups.findIndex((members) => members.includes(name))] ?? NONE);
    if (w)
      masked.set(
        name,
        floatTensor(
          w.shape,
          w.data.map((x, i) => ((score?.[i] ?? 0) < threshold ? 0 : x)),
        ),
      );
  }
  return prunedNetwork(ID, network, masked, names, config.sparsity);
}

export const MOVEMENT: Method<MovementConfig, MovementState> = {
  id: ID,
  summary: "Keep the weights that training moves away from zero, by a learned score of each.",
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
