/**
 * SNIP, spectral-normalised identity prior: heads and modules whose residual branch is small are pressed towards the
 * identity, measured, and dropped.
 *
 *   Paper    Lin, Liu, Yang, Hua & Roth, Findings of EMNLP 2020 · https://arxiv.org/abs/2010.01791
 *   From     the pre-trained model under a new head
 *   To       the same encoder with fewer heads, attention modules or feed-forward modules
 *   Learns   every weight
 *
 * The full text was not available to us. The abstract says: a whole residual module x + F(x) is penalised towards the
 * identity; unimportant F are found by a threshold on their function norm; a unit may be a head, an attention block or
 * a feed-forward network; spectral normalisation steadies the distribution of post-activation values. All else is ours:
 *
 *   our reading              here
 *   F_k                      a head through its columns of the output projection, or a module's output, with dropout
 *   ‖F_k‖                    mean |F_k(x)| over the tokens of a batch (padding too) and the features
 *   λ·Σ_k ‖F_k‖              penalty, added to the task's loss for the first part of the run (`penalise`)
 *   the norm of the data     `snip.norms`, summed over every batch of that part
 *   the threshold            `threshold`, or the one that removes `ratio` of the units' weights
 *   W/σ(W)                   each of the encoder's matrices over its largest singular value (parts/spectral.ts)
 *
 * The last layer is only ever asked for the first token, so its norms are over first tokens. A module goes with its
 * output bias, and so does an attention module with its last head. Post-LayerNorm: LN(x + F(x)) becomes LN(x). Units that
 * are dropped leave the graph at once, and the others are trained to the end. A matrix is normalised whole,
 * rows of dropped heads included.
 */

import { ConfigError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { fold } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import type {
  Answers,
  HostWork,
  Method,
  MethodState,
  Progress,
  RunFacts,
  Tools,
} from "../contract/method.ts";
import { reshape, sum } from "../graph/ops/broadcast.ts";
import { add, mul, scale } from "../graph/ops/elementwise.ts";
import { scalar } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { keepUnits } from "../network/shrink.ts";
import { checkChoice } from "../parts/checks.ts";
import { normSites } from "../parts/function-norms.ts";
import { withoutUnits } from "../parts/gates.ts";
import { matricesIn } from "../parts/matrices.ts";
import {
  leftOf,
  rightOf,
  type SpectralSites,
  spectralNorm,
  spectralSites,
  spectralVectors,
} from "../parts/spectral.ts";
import {
  checkShare,
  lowestUnits,
  parseUnits,
  type Unit,
  unitsOf,
  unitsText,
  unreachedRatio,
  weightsOf,
  withoutThe,
} from "../parts/units.ts";

const ID = "snip";
/** Σ of the function norms over the batches so far, one number per unit. */
const NORMS = "snip.norms";
/** Batches so far. */
const BATCHES = "snip.batches";

const UNITS = ["head+ffn", "attention+ffn", "head", "attention", "ffn"] as const;
/** global: all units in one ranking. kind: heads among heads, modules among modules of their kind. */
const RANKINGS = ["global", "kind"] as const;

export interface SnipConfig {
  readonly unit: (typeof UNITS)[number];
  readonly ratio: number;
  readonly threshold: number;
  readonly ranking: (typeof RANKINGS)[number];
  readonly penalty: number;
  readonly penalise: number;
  readonly spectral: boolean;
}

interface SnipState extends MethodState {
  readonly config: SnipConfig;
  readonly model: BertConfig;
  readonly units: readonly Unit[];
  /** Matrices that are normalised. */
  readonly matrices: readonly string[];
  /** Steps after which units are dropped. */
  readonly decided: number;
}

function init(network: Network, config: SnipConfig, { steps, key }: RunFacts): SnipState {
  checkChoice(ID, "unit", config.unit, UNITS);
  checkChoice(ID, "ranking", config.ranking, RANKINGS);
  checkShare(ID, "penalise", config.penalise);
  if (config.threshold === 0) checkShare(ID, "ratio", config.ratio);
  if (!(config.threshold >= 0 && config.penalty >= 0)) {
    const got = `threshold=${config.threshold}, penalty=${config.penalty}`;
    throw new ConfigError(
      `${ID}/negative`,
      `${ID}: expected threshold and penalty of at least 0, got ${got}`,
    );
  }
  const kinds = config.unit.split("+");
  const units = unitsOf(network.config, ["head", "attention", "ffn"]).filter(({ kind }) =>
    kinds.includes(kind),
  );
  const matrices = config.spectral ? matricesIn(network.tensors, "encoder") : [];
  return {
    tensors: new Map([
      [NORMS, floatTensor([units.length], new Float32Array(units.length))],
      [BATCHES, floatTensor([1], new Float32Array(1))],
      ...spectralVectors(network.tensors, matrices, fold(key, "spectral")),
    ]),
    config,
    model: network.config,
    units,
    matrices,
    decided: Math.max(1, Math.floor(config.penalise * steps)),
  };
}

/** A graph's structure: what it is for, and once units are dropped those that are left. */
const PENALISED = "penalised";
const TRAINED = "trained";
const PRODUCT = "product";

function structureOf(phase: string, { units }: Progress): string {
  return units === undefined ? phase : `${phase} ${units}`;
}

function sites(state: SnipState, structure: string, tools: Tools): Answers {
  const [phase = PRODUCT, left] = structure.split(" ");
  const spectral = spectralSites(state.matrices, tools, phase !== PRODUCT);
  const cut = left === undefined ? undefined : withoutUnits(state.model, parseUnits(left));
  const weight: Answers["weight"] = (name, w) => {
    const whole = spectral.weight(name, w);
    return cut?.weight(name, whole) ?? whole;
  };
  const measured = phase === PENALISED ? penaliseNorms(state, tools, spectral.weightNow) : {};
  return {
    ...cut,
    ...measured,
    weight,
    updates: () => ({ ...spectral.updates(), ...measured.updates?.([]) }),
  };
}

/** Function norms of all units, the penalty on them, and their sums so far. */
function penaliseNorms(
  { units, config, model }: SnipState,
  tools: Tools,
  weightNow: SpectralSites["weightNow"],
): Answers {
  const { norms, ...collecting } = normSites(model, units, weightNow);
  return {
    ...collecting,
    loss: ({ task, share }) => add(task, mul(scale(share, config.penalty), sum(norms(), [0]))),
    updates: () => ({
      [NORMS]: add(tools.tensor(NORMS), norms()),
      [BATCHES]: add(tools.tensor(BATCHES), reshape(scalar(1), [1])),
    }),
  };
}

/** The units that go, by the mean norms of the run so far. */
export function droppedUnits(
  units: readonly Unit[],
  norms: ArrayLike<number>,
  { threshold, ratio, ranking }: Pick<SnipConfig, "threshold" | "ratio" | "ranking">,
): ReadonlySet<Unit> {
  if (threshold > 0) return new Set(units.filter((_, i) => requireItem(norms, i, "norms") < threshold));
  const lowest = (group: readonly Unit[]): ReadonlySet<Unit> => {
    const scores = group.map((unit) => requireItem(norms, units.indexOf(unit), "norms"));
    return lowestUnits(group, scores, ratio * weightsOf(group));
  };
  if (ranking === "global") return lowest(units);
  const kinds = [...new Set(units.map(({ kind }) => kind))];
  return new Set(kinds.flatMap((kind) => [...lowest(units.filter((unit) => unit.kind === kind))]));
}

const HOST: HostWork<SnipState> = {
  due: ({ decided }, done) => done === decided,
  run: async ({ units, config, model }, progress, _done, bench): Promise<Progress> => {
    const [batches = 1] = await bench.read(BATCHES);
    const norms = (await bench.read(NORMS)).map((norm) => norm / batches);
    const dropped = droppedUnits(units, norms, config);
    const names = units.filter((unit) => dropped.has(unit)).map((unit) => units.indexOf(unit));
    return {
      ...progress,
      norms: [...norms],
      dropped: names,
      units: unitsText(withoutThe(model, dropped, "none")),
    };
  },
};

/** Normalised matrices without the units that were dropped. @throws {RunError} `method/unreached` */
function finish(
  network: Network,
  state: SnipState,
  tensors: ReadonlyMap<string, FloatTensor>,
  { units, dropped }: Progress,
): Network {
  checkRatio(state, Array.isArray(dropped) ? dropped : []);
  const own = new Map([...tensors].filter(([name]) => network.tensors.has(name)));
  for (const name of state.matrices) {
    const [w, u, v] = [tensors.get(name), tensors.get(leftOf(name)), tensors.get(rightOf(name))];
    if (w === undefined || u === undefined || v === undefined) continue;
    const sigma = spectralNorm(w, u, v);
    own.set(
      name,
      floatTensor(
        w.shape,
        w.data.map((x) => x / sigma),
      ),
    );
  }
  const whole = { ...network, tensors: own };
  return typeof units === "string" ? keepUnits(whole, parseUnits(units)) : whole;
}

/** Asked and reached may differ by one unit of each ranking. */
function checkRatio({ units, config }: SnipState, dropped: readonly number[]): void {
  if (config.threshold > 0) return;
  const removed = weightsOf(units.filter((_, i) => dropped.includes(i)));
  const slack = config.ranking === "global" ? 1 : new Set(units.map(({ kind }) => kind)).size;
  const largest = Math.max(...units.map(({ weights }) => weights));
  const total = weightsOf(units);
  if (Math.abs(removed - config.ratio * total) <= slack * largest) return;
  throw unreachedRatio(ID, `${config.ratio} of the units' weights`, (removed / total).toFixed(4));
}

export const SNIP: Method<SnipConfig, SnipState> = {
  id: ID,
  summary: "Drop heads and modules whose residual branch is small, after a penalty that makes them so.",
  paper: {
    title: "Pruning Redundant Mappings in Transformer Models via Spectral-Normalized Identity Prior",
    authors: "Zi Lin, Jeremiah Zhe Liu, Zi Yang, Nan Hua, Dan Roth",
    venue: "Findings of EMNLP 2020",
    url: "https://arxiv.org/abs/2010.01791",
  },
  from: "pre-trained",
  config: {
    unit: { default: "head+ffn", help: `what may go: ${UNITS.join(", ")} (abstract)` },
    ratio: {
      default: 0.5,
      help: "share of those units' weights that is removed (abstract: results at 50 %)",
    },
    threshold: { default: 0, help: "drop units whose function norm is below this; 0: as many as ratio says" },
    ranking: { default: "global", help: "global: all units by norm; kind: each kind for itself (ours)" },
    penalty: { default: 1e-3, help: "λ, weight of the sum of function norms (ours)" },
    penalise: { default: 0.5, help: "share of the steps with the penalty; units go at its end (ours)" },
    spectral: { default: true, help: "divide each matrix by its spectral norm while training (abstract)" },
  },
  init,
  trains: (_state, name) => !isKept(name),
  keeps: (_state, name) => isKept(name),
  structure: ({ decided }, step, progress) =>
    structureOf(step < decided && progress.units === undefined ? PENALISED : TRAINED, progress),
  product: (_state, progress) => structureOf(PRODUCT, progress),
  sites,
  host: HOST,
  ready: (_state, _done, { units }) => units !== undefined,
  finish,
};

function isKept(name: string): boolean {
  return name.startsWith("snip.") || name.startsWith("spectral.");
}
