/**
 * L0 regularisation: a random gate on every weight of the encoder's matrices, and a penalty on how many are open.
 *
 *   Paper    Louizos, Welling & Kingma, ICLR 2018 · https://arxiv.org/abs/1712.01312
 *            on BERT as the baseline of Sanh, Wolf & Rush, NeurIPS 2020 · https://arxiv.org/abs/2005.07683
 *   From     the pre-trained model under a new head
 *   To       the same network with a share of the encoder's weights at 0
 *   Learns   every weight but the embedding tables, and log α of each gate
 *
 *   paper          here
 *   θ̃              the checkpoint's matrices
 *   log α          `gate.NAME`      from N(`start`, 0.01), with a learning rate of its own (`maskRate`)
 *   z              the gate         hard-concrete, one number per weight and batch (parts/hard-concrete.ts)
 *   θ = θ̃ ⊙ z      the `weight` site
 *   λ·L_C          penalty · the mean over matrices of their mean P(z ≠ 0), Eq. 12; means as in Sanh's code
 *
 * Departures, since λ alone cannot be asked for a size. The penalty is λ·max(0, mean P(z ≠ 0) − (1 − s)), where s grows to
 * the sparsity asked for between `from` and `until` of the run (cubic, as in Sanh's schedules): it presses until as many
 * gates are open as should be, and then rests. At `gated` the weights with the lowest log α, exactly as many as asked,
 * become 0 and stay 0; the others take their settled gates (Eq. 13) into themselves and are trained on. A weight that
 * is kept with a closed gate starts again from a hundredth of itself. As in Sanh's runs embedding tables rest, and with
 * `distil` half of the loss is the fine-tuned model's.
 */

import { ConfigError } from "../base/errors.ts";
import { mapPairs, requireEntry } from "../base/present.ts";
import { fold, normals } from "../base/random.ts";
import { type FloatTensor, floatTensor, sizeOf } from "../base/tensor.ts";
import type {
  Answers,
  HostWork,
  LossInputs,
  Method,
  MethodState,
  RunFacts,
  Teacher,
  Tools,
  Workbench,
} from "../contract/method.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { add, mul, relu, scale, sub } from "../graph/ops/elementwise.ts";
import { uniform } from "../graph/uniform.ts";
import type { Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { checkChoice, checkSparsity } from "../parts/checks.ts";
import { distillationLoss, HALF_AND_HALF, isTeacher, teacherIf } from "../parts/distil.ts";
import { gateOf, NOISE_SITES, openChance, sampleGate, settleGate } from "../parts/hard-concrete.ts";
import { isTable, matricesIn, weightsIn } from "../parts/matrices.ts";
import { groupsOf, pruneAtOnce } from "../parts/prune.ts";
import { KEEP_ZEROS, keepPruned } from "../parts/pruned.ts";
import { checkRamp, cubicSparsity } from "../parts/ramp.ts";

const ID = "l0";
/** Prefix of log α. */
const GATE = "gate.";
/** Multiplies the gates' rate: 0 once the mask is fixed. */
const MOVING = "moving";
/** Share of the gates that may be open in this step. */
const OPEN = "open";
/** β of Louizos et al., §4.1. */
const TEMPERATURE = 2 / 3;
/** Standard deviation of log α at the start (Louizos et al.), so that no two gates are alike. */
const SPREAD = 0.01;
/** What is left of a weight that is kept although its gate was closed. */
const REVIVED = 0.01;
const RANKINGS = ["global", "matrix"] as const;

export interface L0Config {
  readonly sparsity: number;
  readonly penalty: number;
  readonly maskRate: number;
  readonly start: number;
  readonly from: number;
  readonly until: number;
  readonly gated: number;
  readonly ranking: (typeof RANKINGS)[number];
  readonly distil: boolean;
}

interface L0State extends MethodState {
  readonly config: L0Config;
  readonly teacher: Teacher | undefined;
  readonly names: readonly string[];
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Weights of all matrices. */
  readonly size: number;
  readonly steps: number;
  /** Steps after which the mask is fixed. */
  readonly fixed: number;
  /** The gates' rate over the run's. */
  readonly factor: number;
}

function init(network: Network, config: L0Config, facts: RunFacts): L0State {
  const { steps, key, learningRate = 1 } = facts;
  checkSparsity(ID, config.sparsity);
  checkRamp(ID, config);
  if (!(config.gated >= config.until && config.gated < 1)) {
    const got = `gated=${config.gated}, until=${config.until}`;
    throw new ConfigError(`${ID}/gated`, `${ID}: expected until ≤ gated < 1, got ${got}`);
  }
  checkChoice(ID, "ranking", config.ranking, RANKINGS);
  if (!(config.maskRate > 0 && config.penalty >= 0)) {
    const got = `maskRate=${config.maskRate}, penalty=${config.penalty}`;
    throw new ConfigError(
      `${ID}/rate`,
      `${ID}: expected maskRate above 0 and penalty of at least 0, got ${got}`,
    );
  }
  const names = matricesIn(network.tensors, "encoder");
  const gate = (name: string): [string, FloatTensor] => {
    const { shape, data } = requireEntry(network.tensors, name, "tensor");
    const noise = normals(fold(key, name), data.length, SPREAD);
    return [
      GATE + name,
      floatTensor(
        shape,
        noise.map((x) => config.start + x),
      ),
    ];
  };
  const { teacher, tensors = [] } = teacherIf(config.distil, ID, network, facts);
  return {
    tensors: new Map([...names.map(gate), ...tensors]),
    config,
    teacher,
    names,
    shapes: new Map(names.map((name) => [name, requireEntry(network.tensors, name, "tensor").shape])),
    size: weightsIn(network.tensors, names),
    steps,
    fixed: Math.max(1, Math.floor(config.gated * steps)),
    factor: config.maskRate / learningRate,
  };
}

/** Structures: gates drawn in training, gates settled to evaluate, and no gates once the mask is in the weights. */
const DRAWN = "drawn";
const SETTLED = "settled";
const FIXED = "fixed";

function sites(state: L0State, structure: string, tools: Tools): Answers {
  const task = state.teacher
    ? (inputs: LossInputs): Value => distillationLoss(inputs, HALF_AND_HALF)
    : ({ task }: LossInputs): Value => task;
  if (structure === FIXED) return { loss: task };
  const { names, config } = state;
  const seen = new Set<string>();
  const gate = (name: string, place: number): Value => {
    const logAlpha = tools.tensor(GATE + name);
    if (structure === SETTLED || tools.noise === undefined) return settleGate(logAlpha);
    const noise = uniform(requireEntry(state.shapes, name, "shape of"), tools.noise, NOISE_SITES + place);
    return sampleGate(logAlpha, noise, TEMPERATURE);
  };
  return {
    weight: (name, w) => {
      const place = names.indexOf(name);
      if (place < 0) return w;
      seen.add(name);
      return mul(w, gate(name, place));
    },
    loss: (inputs) => {
      const open = [...seen].map((name) => {
        const chances = openChance(tools.tensor(GATE + name), TEMPERATURE);
        return scale(sum(chances, [0, 1]), 1 / sizeOf(requireEntry(state.shapes, name, "shape of")));
      });
      const above = relu(sub(scale(open.reduce(add), 1 / names.length), tools.scalar(OPEN)));
      return add(task(inputs), mul(scale(above, config.penalty), inputs.share));
    },
  };
}

const HOST: HostWork<L0State> = {
  due: ({ fixed }, done) => done === fixed,
  run: async (state, progress, _done, bench) => {
    const gates = await readAll(state, GATE, bench);
    const weights = await readAll(state, "", bench);
    const groups = groupsOf(state.names, state.config.ranking);
    const scoreOf = (name: string): Float32Array => requireEntry(gates, name, "gate of").data;
    for (const [name, { data }] of pruneAtOnce(weights, groups, state.config.sparsity, { scoreOf })) {
      const logAlpha = scoreOf(name);
      const settled = mapPairs(data, logAlpha, "gates", (w, gate) => w * Math.max(REVIVED, gateOf(gate)));
      await bench.write(name, settled);
    }
    const closed = [...gates.values()].reduce(
      (n, { data }) => n + data.filter((a) => gateOf(a) === 0).length,
      0,
    );
    return { ...progress, fixed: 1, closed: closed / state.size };
  },
};

/** The matrices, or what stands under their names with a prefix. */
async function readAll(
  { names, shapes }: L0State,
  prefix: string,
  bench: Workbench,
): Promise<Map<string, FloatTensor>> {
  const all = new Map<string, FloatTensor>();
  for (const name of names)
    all.set(name, floatTensor(requireEntry(shapes, name, "shape of"), await bench.read(prefix + name)));
  return all;
}

export const L0: Method<L0Config, L0State> = {
  id: ID,
  summary: "Learn a random gate for every weight under a penalty on open gates, and prune by it.",
  paper: {
    title: "Learning Sparse Neural Networks through L0 Regularization",
    authors: "Christos Louizos, Max Welling, Diederik P. Kingma",
    venue: "ICLR 2018",
    url: "https://arxiv.org/abs/1712.01312",
  },
  from: "pre-trained",
  config: {
    sparsity: { default: 0.9, help: "share of the encoder matrices' weights that is 0 in the end (ours)" },
    penalty: {
      default: 125,
      help: "λ, weight of the mean chance that a gate is open (Sanh et al. 2020: 125 on SQuAD)",
    },
    maskRate: { default: 0.1, help: "peak learning rate of log α (Sanh et al. 2020: 0.1)" },
    start: { default: 2.197, help: "mean of log α at the first step: gates 0.98 open (Sanh et al. 2020)" },
    from: { default: 0, help: "share of the steps before the penalty presses (ours)" },
    until: { default: 0.6, help: "share of the steps after which it presses for the whole sparsity (ours)" },
    gated: { default: 0.7, help: "share of the steps with gates; the mask is fixed at its end (ours)" },
    ranking: {
      default: "global",
      help: "global: all gates together; matrix: each matrix to the same sparsity",
    },
    distil: { default: false, help: "half of the loss is the fine-tuned model's answers, temperature 2" },
  },
  init,
  trains: (_state, name) => !isTable(name) && !isTeacher(name),
  teacher: ({ teacher }) => teacher,
  rule: ({ factor, names }, name) => {
    if (name.startsWith(GATE)) return { kind: "adamw", factor, decay: 0, scaledBy: MOVING };
    return names.includes(name) ? KEEP_ZEROS : undefined;
  },
  scalars: ({ config, steps }, step, { fixed }) => ({
    [MOVING]: fixed === 1 ? 0 : 1,
    [OPEN]: 1 - cubicSparsity({ ...config, final: config.sparsity }, step / steps),
  }),
  structure: (_state, _step, { fixed }) => (fixed === 1 ? FIXED : DRAWN),
  product: (_state, { fixed }) => (fixed === 1 ? FIXED : SETTLED),
  sites,
  host: HOST,
  ready: ({ fixed }, done) => done >= fixed,
  finish: (network, { names, config }, tensors) => keepPruned(ID, network, tensors, names, config.sparsity),
};
