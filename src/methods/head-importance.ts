/**
 * Head importance: measure how much the loss depends on each attention head, drop the least important, go on training.
 *
 *   Paper    Michel, Levy & Neubig, NeurIPS 2019 · https://arxiv.org/abs/1905.10650
 *   From     a fine-tuned model
 *   To       the same encoder with fewer heads
 *   Learns   every weight, once the heads are gone
 *
 *   paper          here
 *   ξ_h            a gate of 1 on each head's context, one for each text, so that its gradient is one for each text
 *   I_h            `importance`: Σ |∂L(x)/∂ξ_h| over the texts x of the first part of the run (Eq. 2, §4.1)
 *
 * While importance is measured no weight moves and nothing is dropped out: the authors' code evaluates. Scores are
 * divided by their layer's ℓ2 norm (§4.1), and all heads are ranked together.
 *
 * Departures: heads go at once, with the scores measured on the whole model; the paper removes a tenth of them at a time
 * and looks at the metric. It does not train after that; here the rest of the run does, from a new warm-up. Each
 * layer keeps at least `atLeast` heads, its best, which the authors' code has as an option. Their code takes |·| of each
 * token's share, not of the text's sum as in Eq. 2, and weighs texts by their lengths; this is Eq. 2, but that
 * the loss is a step's mean: the texts of an epoch's last step, where that is a short one, weigh more.
 */

import { ConfigError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { linearRate, USUAL_WARMUP } from "../base/schedule.ts";
import { floatTensor } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import type { Answers, HostWork, Method, MethodState, RunFacts, Tools } from "../contract/method.ts";
import { expand, reshape, sum } from "../graph/ops/broadcast.ts";
import { abs, add, mul } from "../graph/ops/elementwise.ts";
import { concat } from "../graph/ops/select.ts";
import { at } from "../graph/shape.ts";
import { scalar, type Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { checkShare } from "../parts/checks.ts";
import { withoutUnits } from "../parts/gates.ts";
import {
  ascending,
  finishWithout,
  headsToDrop,
  parseUnits,
  type Unit,
  unitsText,
  withoutThe,
} from "../parts/units.ts";

const ID = "head-importance";
/** I_h so far, one number per head. */
const IMPORTANCE = "importance";

export interface HeadImportanceConfig {
  readonly ratio: number;
  readonly measure: number;
  readonly normalise: boolean;
  readonly atLeast: number;
}

interface HeadImportanceState extends MethodState {
  readonly config: HeadImportanceConfig;
  readonly model: BertConfig;
  readonly heads: readonly Unit[];
  /** Heads that go. */
  readonly count: number;
  readonly steps: number;
  /** Share of the steps after the measurement in which the rate grows. */
  readonly warmup: number;
  /** Steps that measure. */
  readonly measured: number;
}

function init(
  network: Network,
  config: HeadImportanceConfig,
  { steps, warmup = USUAL_WARMUP }: RunFacts,
): HeadImportanceState {
  checkShare(ID, "ratio", config.ratio);
  checkShare(ID, "measure", config.measure);
  const { heads, count } = headsToDrop(ID, network.config, config.ratio);
  const free = network.config.layers.reduce((n, layer) => n + Math.max(0, layer.heads - config.atLeast), 0);
  if (!(Number.isInteger(config.atLeast) && config.atLeast >= 0 && count <= free)) {
    const got = `ratio=${config.ratio} and atLeast=${config.atLeast}, which leave ${free} to choose from`;
    throw new ConfigError(
      `${ID}/heads`,
      `${ID}: expected ${count} of ${heads.length} heads to be free, got ${got}`,
    );
  }
  return {
    tensors: new Map([[IMPORTANCE, floatTensor([heads.length], new Float32Array(heads.length))]]),
    config,
    model: network.config,
    heads,
    count,
    steps,
    warmup,
    measured: Math.max(1, Math.floor(config.measure * steps)),
  };
}

/** Structures: of the measuring steps, and of the whole model; else the units that are left. */
const MEASURING = "measuring";
const WHOLE = "whole";

function sites({ model }: HeadImportanceState, structure: string, tools: Tools): Answers {
  if (structure === WHOLE) return {};
  return structure === MEASURING ? measuring(tools) : withoutUnits(model, parseUnits(structure));
}

/** ξ_h = 1 for each text and head, [B, H, 1, 1], and the sums of its gradients' sizes (Eq. 2). */
function measuring(tools: Tools): Answers {
  const gates = new Map<number, Value>();
  return {
    dropout: false,
    gate: (site, x) => {
      if (site.kind !== "heads") return x;
      const one = expand(reshape(scalar(1), [1, 1, 1, 1]), [at(x.shape, 0), at(x.shape, 1), 1, 1]);
      // A classifier asks the last layer for first tokens, a masked language model for all: both have the same gate.
      const gate = gates.get(site.layer) ?? one;
      gates.set(site.layer, gate);
      return mul(x, gate);
    },
    watches: () => [...gates.values()],
    updates: (gradients) => {
      const sizes = gradients.map((g) => sum(abs(g), [0, 2, 3])); // [H]
      return { [IMPORTANCE]: add(tools.tensor(IMPORTANCE), concat(sizes, 0)) };
    },
  };
}

/** The `count` heads with the lowest scores, sparing the best `atLeast` of each layer. */
export function leastImportant(
  heads: readonly Unit[],
  importance: ArrayLike<number>,
  {
    normalise,
    atLeast,
    count,
  }: Pick<HeadImportanceConfig, "normalise" | "atLeast"> & { readonly count: number },
): ReadonlySet<Unit> {
  const lengths = new Map<number, number>();
  for (const [i, { layer }] of heads.entries()) {
    lengths.set(layer, (lengths.get(layer) ?? 0) + requireItem(importance, i, "importance") ** 2);
  }
  // §4.1: scores are divided by their layer's ℓ2 norm, after Molchanov et al. 2017.
  const scores = heads.map(({ layer }, i) => {
    const norm = normalise ? Math.sqrt(requireEntry(lengths, layer, "norm of layer")) : 1;
    return requireItem(importance, i, "importance") / (norm + 1e-20);
  });
  const order = ascending(scores).map((i) => requireItem(heads, i, "heads"));
  const spared = new Set(
    [...lengths.keys()].flatMap((layer) => {
      const own = order.filter((head) => head.layer === layer);
      return own.slice(Math.max(0, own.length - atLeast));
    }),
  );
  return new Set(order.filter((head) => !spared.has(head)).slice(0, count));
}

const HOST: HostWork<HeadImportanceState> = {
  due: ({ measured }, done) => done === measured,
  run: async ({ heads, config, count, model }, progress, _done, bench) => {
    const importance = await bench.read(IMPORTANCE);
    const dropped = leastImportant(heads, importance, { ...config, count });
    return { ...progress, importance: [...importance], units: unitsText(withoutThe(model, dropped, "bias")) };
  },
};

/** 0 while importance is measured, then a warm-up and a linear decay over what is left. */
function rate({ steps, measured, warmup }: HeadImportanceState, step: number): number {
  if (step < measured) return 0;
  return linearRate({ peak: 1, steps: Math.max(1, steps - measured), warmup }, step - measured);
}

export const HEAD_IMPORTANCE: Method<HeadImportanceConfig, HeadImportanceState> = {
  id: ID,
  summary: "Drop the attention heads that the loss depends on least, and train the others.",
  paper: {
    title: "Are Sixteen Heads Really Better than One?",
    authors: "Paul Michel, Omer Levy, Graham Neubig",
    venue: "NeurIPS 2019",
    url: "https://arxiv.org/abs/1905.10650",
  },
  from: "fine-tuned",
  config: {
    ratio: { default: 0.5, help: "share of the heads that is removed (§4.2 removes up to all)" },
    measure: {
      default: 0.1,
      help: "share of the steps that measure importance, on the training data (§4.1)",
    },
    normalise: { default: true, help: "divide scores by their layer's ℓ2 norm (§4.1)" },
    atLeast: {
      default: 1,
      help: "heads that each layer keeps at least (an option of the authors' code, there 0)",
    },
  },
  init,
  trains: (_state, name) => name !== IMPORTANCE,
  keeps: (_state, name) => name === IMPORTANCE,
  rate,
  structure: ({ measured }, step, { units }) => {
    if (typeof units === "string") return units;
    return step < measured ? MEASURING : WHOLE;
  },
  product: (_state, { units }) => (typeof units === "string" ? units : WHOLE),
  sites,
  host: HOST,
  ready: (_state, _done, { units }) => units !== undefined,
  finish: (network, { heads, count }, tensors, { units }) =>
    finishWithout(ID, network, tensors, { units, count, of: heads.length }),
};
