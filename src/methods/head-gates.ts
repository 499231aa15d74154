/**
 * Head gates: a random gate on each attention head learns whether the head is needed; heads whose gates close are dropped.
 *
 *   Paper    Voita, Talbot, Moiseev, Sennrich & Titov, ACL 2019 · https://arxiv.org/abs/1905.09418
 *   From     a fine-tuned model
 *   To       the same encoder with fewer heads
 *   Learns   every weight, and log α of each head's gate
 *
 *   paper          here
 *   g_i            gates            one hard-concrete number per head and batch (parts/hard-concrete.ts)
 *   log α_i        `gate.LAYER`     [H] for each layer, with a learning rate of its own (`gateRate`)
 *   L_C            Σ P(g_i ≠ 0)     the relaxed L0 norm
 *   λ              penalty          its weight
 *
 * Departure: the paper trains with one λ and takes what closes; a size cannot be asked for. Here after `gated` of the run
 * the heads with the lowest log α leave, exactly `ratio` of them, and the others are trained on with their gates at 1.
 * A layer whose last head leaves keeps its output bias. The stretch, the temperature, the rate and λ are those of a later
 * comparison (Li, Cotterell & Sachan 2021), as the paper is about translation.
 */

import { ConfigError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import type { Answers, HostWork, Method, MethodState, RunFacts, Tools } from "../contract/method.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { add, mul, scale } from "../graph/ops/elementwise.ts";
import { uniform } from "../graph/uniform.ts";
import type { Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { checkShare } from "../parts/checks.ts";
import { gateHeads, withoutUnits } from "../parts/gates.ts";
import { NOISE_SITES, openChance, sampleGate, settleGate } from "../parts/hard-concrete.ts";
import {
  ascending,
  finishWithout,
  headsToDrop,
  parseUnits,
  type Unit,
  unitsText,
  withoutThe,
} from "../parts/units.ts";

const ID = "head-gates";
/** Prefix of log α. */
const GATE = "gate.";
/** Multiplies the gates' rate: 0 once the heads have left. */
const MOVING = "moving";
/** β, in comparisons on BERT. */
const TEMPERATURE = 0.33;

export interface HeadGatesConfig {
  readonly ratio: number;
  readonly penalty: number;
  readonly gateRate: number;
  readonly start: number;
  readonly gated: number;
}

interface HeadGatesState extends MethodState {
  readonly config: HeadGatesConfig;
  readonly model: BertConfig;
  readonly heads: readonly Unit[];
  /** Heads that leave. */
  readonly count: number;
  /** Steps with gates. */
  readonly gatedSteps: number;
  /** The gates' rate over the run's. */
  readonly factor: number;
}

function init(
  network: Network,
  config: HeadGatesConfig,
  { steps, learningRate = 1 }: RunFacts,
): HeadGatesState {
  checkShare(ID, "ratio", config.ratio);
  checkShare(ID, "gated", config.gated);
  if (!(config.gateRate > 0 && config.penalty >= 0)) {
    const got = `gateRate=${config.gateRate}, penalty=${config.penalty}`;
    throw new ConfigError(
      `${ID}/rate`,
      `${ID}: expected gateRate above 0 and penalty of at least 0, got ${got}`,
    );
  }
  const { heads, count } = headsToDrop(ID, network.config, config.ratio);
  const gates = network.config.layers.flatMap(({ heads: H }, layer): [string, FloatTensor][] =>
    H === 0 ? [] : [[GATE + layer, floatTensor([H], new Float32Array(H).fill(config.start))]],
  );
  return {
    tensors: new Map(gates),
    config,
    model: network.config,
    heads,
    count,
    gatedSteps: Math.max(1, Math.floor(config.gated * steps)),
    factor: config.gateRate / learningRate,
  };
}

/** Structures while there are gates: in training, and to evaluate. After that, the units that are left. */
const DRAWN = "drawn";
const SETTLED = "settled";

function sites(state: HeadGatesState, structure: string, tools: Tools): Answers {
  if (structure !== DRAWN && structure !== SETTLED) return withoutUnits(state.model, parseUnits(structure));
  const gates = new Map<number, Value>();
  const gateOf = (layer: number): Value => {
    const logAlpha = tools.tensor(GATE + layer);
    const { noise } = tools;
    const draws =
      structure === DRAWN && noise ? uniform(shapeOf(state, layer), noise, NOISE_SITES + layer) : undefined;
    const gate = draws ? sampleGate(logAlpha, draws, TEMPERATURE) : settleGate(logAlpha);
    gates.set(layer, gates.get(layer) ?? gate);
    return gates.get(layer) ?? gate;
  };
  const expected = (): Value =>
    [...gates.keys()]
      .map((layer) => sum(openChance(tools.tensor(GATE + layer), TEMPERATURE), [0]))
      .reduce(add);
  return {
    gate: (site, x) => (site.kind === "heads" ? gateHeads(x, gateOf(site.layer)) : x),
    loss: ({ task, share }) => add(task, mul(scale(expected(), state.config.penalty), share)),
  };
}

function shapeOf({ model }: HeadGatesState, layer: number): number[] {
  return [requireItem(model.layers, layer, "layers").heads];
}

const HOST: HostWork<HeadGatesState> = {
  due: ({ gatedSteps }, done) => done === gatedSteps,
  run: async ({ tensors, heads, count, model }, progress, _done, bench) => {
    const read = await Promise.all([...tensors.keys()].map(bench.read));
    const logAlpha = read.flatMap((gate) => [...gate]);
    const closed = ascending(logAlpha).slice(0, count);
    const dropped = new Set(closed.map((i) => requireItem(heads, i, "heads")));
    return { ...progress, logAlpha, units: unitsText(withoutThe(model, dropped, "bias")) };
  },
};

export const HEAD_GATES: Method<HeadGatesConfig, HeadGatesState> = {
  id: ID,
  summary: "Learn a gate for each attention head, drop those that close, and train the others.",
  paper: {
    title:
      "Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy Lifting, the Rest Can Be Pruned",
    authors: "Elena Voita, David Talbot, Fedor Moiseev, Rico Sennrich, Ivan Titov",
    venue: "ACL 2019",
    url: "https://arxiv.org/abs/1905.09418",
  },
  from: "fine-tuned",
  config: {
    ratio: { default: 0.5, help: "share of the heads that is removed (ours)" },
    penalty: {
      default: 0.0015,
      help: "λ, weight of the expected number of open gates (Li et al. 2021 on MNLI)",
    },
    gateRate: { default: 0.1, help: "peak learning rate of log α (Li et al. 2021)" },
    start: { default: 2, help: "log α at the first step: a gate is nearly open (ours)" },
    gated: { default: 0.6, help: "share of the steps with gates; the heads leave at its end (ours)" },
  },
  init,
  trains: () => true,
  rule: ({ factor }, name) =>
    name.startsWith(GATE) ? { kind: "adamw", factor, decay: 0, scaledBy: MOVING } : undefined,
  scalars: (_state, _step, { units }) => ({ [MOVING]: units === undefined ? 1 : 0 }),
  structure: (_state, _step, { units }) => (typeof units === "string" ? units : DRAWN),
  product: (_state, { units }) => (typeof units === "string" ? units : SETTLED),
  sites,
  host: HOST,
  ready: (_state, _done, { units }) => units !== undefined,
  finish: (network, { heads, count }, tensors, { units }) =>
    finishWithout(ID, network, tensors, { units, count, of: heads.length }),
};
