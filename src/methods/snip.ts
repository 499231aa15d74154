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
 *   λ·Σ_k ‖F_k‖              penalty on the units that are left, for the first part of the run (`penalise`)
 *   the norm of the data     the mean over every batch since units last went (`snip.norms`)
 *   the threshold            `threshold`, or the one that removes `ratio` of the units' weights
 *   W/σ(W)                   each of the encoder's matrices, times its σ at the start (parts/spectral.ts)
 *
 * Units go in `rounds` steps, evenly over the first part: half of all units at once, in the middle of a run, takes what
 * the others were trained on. A head is never weighed against a feed-forward module (`ranking=kind`): its norm is a
 * fraction of the module's, and in one ranking every head would go first, which leaves the first token nothing to read.
 *
 * Where a head reads first tokens alone, the last layer's norms are over these. A module goes with its
 * output bias, and so does an attention module with its last head. Post-LayerNorm: LN(x + F(x)) becomes LN(x). Units that
 * are dropped leave the graph at once, and the others are trained to the end. A matrix is normalised whole,
 * rows of dropped heads included.
 */

import { ConfigError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { fold } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { asksFirstAlone } from "../bert/head-layers.ts";
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
import { concat, slice } from "../graph/ops/select.ts";
import { scalar, type Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { keepUnits, type LayerUnits } from "../network/shrink.ts";
import { checkChoice, checkCount, checkShare } from "../parts/checks.ts";
import { normSites } from "../parts/function-norms.ts";
import { withoutUnits } from "../parts/gates.ts";
import { matricesIn } from "../parts/matrices.ts";
import { LEVELS, normalised, spectralLevels, spectralSites, spectralVectors } from "../parts/spectral.ts";
import {
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
/** Σ of the function norms over the batches so far, one number per unit; a unit that is gone adds nothing. */
const NORMS = "snip.norms";
/** Batches so far. */
const BATCHES = "snip.batches";

const UNITS = ["head+ffn", "attention+ffn", "head", "attention", "ffn"] as const;
/** global: all units in one ranking. kind: heads among heads, modules among modules of their kind. */
const RANKINGS = ["global", "kind"] as const;
/** Where the largest singular value of a matrix is held while training. */
const SPECTRAL = [...LEVELS, "off"] as const;

export interface SnipConfig {
  readonly unit: (typeof UNITS)[number];
  readonly ratio: number;
  readonly threshold: number;
  readonly ranking: (typeof RANKINGS)[number];
  readonly penalty: number;
  readonly penalise: number;
  readonly rounds: number;
  readonly spectral: (typeof SPECTRAL)[number];
}

interface SnipState extends MethodState {
  readonly config: SnipConfig;
  readonly model: BertConfig;
  /** Whether the head reads the first token of a text alone. */
  readonly readsFirst: boolean;
  readonly units: readonly Unit[];
  /** Matrices that are normalised, and what their largest singular values are held at. */
  readonly levels: ReadonlyMap<string, number>;
  /** Steps after which units are dropped, once each. */
  readonly rounds: readonly number[];
}

function init(network: Network, config: SnipConfig, { steps, key }: RunFacts): SnipState {
  checkChoice(ID, "unit", config.unit, UNITS);
  checkChoice(ID, "ranking", config.ranking, RANKINGS);
  checkChoice(ID, "spectral", config.spectral, SPECTRAL);
  checkShare(ID, "penalise", config.penalise);
  checkCount(ID, "rounds", config.rounds);
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
  const level = config.spectral === "off" ? undefined : config.spectral;
  const matrices = (level === undefined ? [] : matricesIn(network.tensors, "encoder")).filter(
    (name) => requireEntry(network.tensors, name, "tensor").data.length > 0,
  );
  const vectors = spectralVectors(network.tensors, matrices, fold(key, "spectral"));
  const decided = Math.max(1, Math.floor(config.penalise * steps));
  const rounds = Math.min(config.rounds, decided);
  return {
    tensors: new Map([
      [NORMS, floatTensor([units.length], new Float32Array(units.length))],
      [BATCHES, floatTensor([1], new Float32Array(1))],
      ...vectors,
    ]),
    config,
    model: network.config,
    readsFirst: asksFirstAlone(network.head, network.config),
    units,
    levels: spectralLevels(network.tensors, matrices, vectors, level ?? "one"),
    rounds: Array.from({ length: rounds }, (_, i) => Math.floor(((i + 1) * decided) / rounds)),
  };
}

/** Steps after which the last units are gone, and the penalty with them. */
function decidedAt({ rounds }: SnipState): number {
  return requireItem(rounds, rounds.length - 1, "rounds");
}

/** A graph's structure: what it is for, and once units are dropped those that are left. */
const PENALISED = "penalised";
const TRAINED = "trained";
const PRODUCT = "product";

function structureOf(phase: string, { units }: Progress): string {
  return units === undefined ? phase : `${phase} ${units}`;
}

function sites(state: SnipState, structure: string, tools: Tools): Answers {
  const [phase = PRODUCT, text] = structure.split(" ");
  const spectral = spectralSites(state.levels, tools, phase !== PRODUCT);
  const left = text === undefined ? undefined : parseUnits(text);
  const cut = left === undefined ? undefined : withoutUnits(state.model, left);
  const read = new Map<string, Value>();
  const weight = (name: string, w: Value): Value => {
    const known = read.get(name);
    if (known !== undefined) return known;
    const whole = spectral.weight(name, w);
    const value = cut?.weight(name, whole) ?? whole;
    read.set(name, value);
    return value;
  };
  // A head's norm asks for the projection that the forward pass reads only after it.
  const weightNow = (name: string): Value => weight(name, tools.tensor(name));
  if (phase !== PENALISED) return { ...cut, weight, updates: spectral.updates };
  const isThere = unitsLeft(state.units, left);
  const measured = penaliseNorms(state, isThere, tools, weightNow);
  return {
    ...cut,
    gate: measured.gate,
    residual: (site, branch) => {
      const seen = measured.residual(site, branch);
      return cut?.residual(site, seen) ?? seen;
    },
    loss: measured.loss,
    weight,
    updates: () => ({ ...spectral.updates(), ...measured.updates() }),
  };
}

/** Which units of a list are still in the graph. */
function unitsLeft(units: readonly Unit[], left: readonly LayerUnits[] | undefined): boolean[] {
  return units.map(({ kind, layer, place }) => {
    const here = left?.[layer];
    const kept = kind === "ffn" ? here?.neurons : here?.heads;
    return kept !== "none" && (kind !== "head" || !Array.isArray(kept) || kept[place] === true);
  });
}

/** Function norms of the units that are there, the penalty on them, and their sums so far. */
function penaliseNorms(
  { units, config, model, readsFirst }: SnipState,
  isThere: readonly boolean[],
  tools: Tools,
  weightNow: (name: string) => Value,
) {
  const there = units.filter((_, i) => isThere[i]);
  const { norms, ...seen } = normSites(model, there, weightNow, readsFirst);
  const loss: Answers["loss"] = ({ task, share }) =>
    there.length === 0 ? task : add(task, mul(scale(share, config.penalty), sum(norms(), [0])));
  const updates = (): Record<string, Value> => ({
    ...(there.length === 0 ? {} : { [NORMS]: add(tools.tensor(NORMS), spread(norms(), isThere)) }),
    [BATCHES]: add(tools.tensor(BATCHES), reshape(scalar(1), [1])),
  });
  return { ...seen, loss, updates };
}

/** One number for each of the units that are there, put at their places among all, with 0 for the others: [U]. */
function spread(norms: Value, isThere: readonly boolean[]): Value {
  const gone = reshape(scalar(0), [1]);
  let next = 0;
  const places = isThere.map((here) => (here ? slice(norms, 0, next, ++next) : gone));
  return next === places.length ? norms : concat(places, 0);
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
  due: ({ rounds }, done) => rounds.includes(done),
  run: async (state, progress, done, bench): Promise<Progress> => {
    const { units, config, model, rounds } = state;
    const { sums: known, batches: seen = 0 } = progress;
    const sums = await bench.read(NORMS);
    const batches = requireItem(await bench.read(BATCHES), 0, "batches");
    const before = Array.isArray(known) ? known : sums.map(() => 0);
    const since = batches - Number(seen);
    const isThere = unitsLeft(units, parseUnitsOf(progress));
    // A unit that is gone is the least of all, and stays away.
    const norms = sums.map((sum, i) => (isThere[i] ? (sum - requireItem(before, i, "sums")) / since : -1));
    const gone = units.filter((_, i) => !isThere[i]);
    const ratio = (config.ratio * (rounds.indexOf(done) + 1)) / rounds.length;
    const dropped = new Set([...gone, ...droppedUnits(units, norms, { ...config, ratio })]);
    return {
      ...progress,
      sums: [...sums],
      batches,
      norms: [...norms],
      dropped: units.flatMap((unit, i) => (dropped.has(unit) ? [i] : [])),
      units: unitsText(withoutThe(model, dropped, "none")),
    };
  },
};

function parseUnitsOf({ units }: Progress): LayerUnits[] | undefined {
  return typeof units === "string" ? parseUnits(units) : undefined;
}

/** Normalised matrices without the units that were dropped. @throws {RunError} `method/unreached` */
function finish(
  network: Network,
  state: SnipState,
  tensors: ReadonlyMap<string, FloatTensor>,
  { units, dropped }: Progress,
): Network {
  checkRatio(state, Array.isArray(dropped) ? dropped : []);
  const own = new Map(
    [...tensors.keys()]
      .filter((name) => network.tensors.has(name))
      .map((name) => [name, normalised(name, tensors, state.levels)]),
  );
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
    ranking: {
      default: "kind",
      help: "kind: each kind of unit for itself (ours); global, the default before: heads go first",
    },
    penalty: { default: 1e-3, help: "λ, weight of the sum of function norms (ours)" },
    penalise: {
      default: 0.5,
      help: "share of the steps with the penalty; all units are gone at its end (ours)",
    },
    rounds: { default: 8, help: "in how many steps the units go, evenly until then (ours); 1 before" },
    spectral: {
      default: "pretrained",
      help: "pretrained: hold each matrix's spectral norm (abstract) where it begins; one, the default before: at 1; off",
    },
  },
  init,
  trains: (_state, name) => !isKept(name),
  keeps: (_state, name) => isKept(name),
  structure: (state, step, progress) => structureOf(step < decidedAt(state) ? PENALISED : TRAINED, progress),
  product: (_state, progress) => structureOf(PRODUCT, progress),
  sites,
  host: HOST,
  ready: (state, done, { units }) => units !== undefined && done >= decidedAt(state),
  finish,
};

function isKept(name: string): boolean {
  return name.startsWith("snip.") || name.startsWith("spectral.");
}
