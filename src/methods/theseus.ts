/**
 * BERT-of-Theseus: train a shallow encoder by swapping its modules into a deep one.
 *
 *   Paper    Xu, Zhou, Ge, Wei & Zhou, EMNLP 2020 · https://arxiv.org/abs/2002.02925
 *   From     a fine-tuned predecessor of L layers
 *   To       a dense successor of n layers, n dividing L; with `swap`, the predecessor with one module replaced
 *   Learns   the successor's layers; predecessor, embeddings and head stay frozen (§3.1)
 *
 *   paper          here
 *   prd_i          the L/n predecessor layers of module i
 *   scc_i          successor layer i, tensors `successor.layer.i.…`
 *   r_i            swapped[i]      true: scc_i runs; false: prd_i runs
 *   p_d            rate            chance that a module is swapped in a step
 *   k, b           slope, base     curriculum, §3.3
 *
 * Two of the paper's analyses are settings. Its ablation swaps at a rate of 1 - p_d (`schedule=anti-curriculum`), which
 * ends at 0, where nothing of the successor runs or learns. What comes then is our reading: the rate falls for as long as
 * the curriculum's would rise, and the successor is fine-tuned after that, as after a constant rate (§3.2), because it is
 * the product in every case. `full=1` leaves that part out.
 * The other asks what replacing module i alone costs (`swap=i`): no other is ever swapped, the rate is constant, and no
 * successor is fine-tuned. The product is then the predecessor in which scc_i stands for prd_i.
 *
 * The loss is the task's alone, with no distillation (§3.1). Gradients flow through frozen modules, which keep their
 * dropout as in the authors' code. Departures: none in the arithmetic of a step; a draw is a function of (key, step), so a
 * run can be repeated and resumed. The authors' optimizer has no weight decay and no warm-up; here the run's are taken, as
 * by every method (`--weight-decay 0 --warmup 0` are theirs).
 *
 * The authors' code departs from their text in two places, both options here: it starts the successor from layers of
 * the *fine-tuned* predecessor (`init`), and it clips by a norm that counts the frozen parts' gradients too, which makes
 * steps smaller (`clipOver`).
 * Not here: the loop (train/), the forward pass (bert/), the export (network/).
 */

import { ConfigError } from "../base/errors.ts";
import { fold, type Key, uniform } from "../base/random.ts";
import type { FloatTensor } from "../base/tensor.ts";
import { layerNames, layerStem } from "../bert/names.ts";
import { type LayerPlace, type Sites, SKIP } from "../bert/sites.ts";
import type { Method, MethodState, RunFacts } from "../contract/method.ts";
import { type LayerSource, withLayers } from "../network/layers.ts";
import type { Network } from "../network/network.ts";
import { checkChoice } from "../parts/checks.ts";
import { HALF, TAKES, type Take, takeLayers } from "../parts/students.ts";

/** How the replacing rate goes. */
const SCHEDULES = ["curriculum", "constant", "anti-curriculum"] as const;
/** Whose weights those layers are. */
const INITS = ["pre-trained", "fine-tuned"] as const;
/** Whose gradients count in the norm that clips. */
const CLIPS = ["trained", "all"] as const;

export interface TheseusConfig {
  readonly layers: number;
  readonly schedule: (typeof SCHEDULES)[number];
  readonly base: number;
  readonly full: number;
  readonly swap: number;
  /** Which of the predecessor's layers the successor starts from. */
  readonly start: Take;
  readonly init: (typeof INITS)[number];
  readonly clipOver: (typeof CLIPS)[number];
}

interface TheseusState extends MethodState {
  readonly config: TheseusConfig;
  /** L/n. */
  readonly moduleLayers: number;
  /** By module: its successor layer. Undefined for one that is never swapped. */
  readonly places: readonly (LayerPlace | undefined)[];
  readonly steps: number;
  readonly key: Key;
}

/** §3.3. `slope = 0` gives the constant rate of §3.1. */
export interface Curriculum {
  /** b: the rate at step 0, in (0, 1]. */
  readonly base: number;
  /** k: growth of the rate per optimizer step, at least 0. */
  readonly slope: number;
}

/**
 * Chance that a module is swapped at `step` (§3.3): p_d = min(1, k·t + b).
 *
 * Starts at `base`, never falls, and stays at 1 once reached; from there on the successor trains alone, which is the
 * fine-tuning of §3.2.
 *
 * @param step  optimizer steps already taken, t
 * @throws {ConfigError} `theseus/curriculum` when `base` is outside (0, 1] or `slope` is negative
 * @example replaceRate({ base: 0.5, slope: 1e-4 }, 2_500); // 0.75
 */
export function replaceRate({ base, slope }: Curriculum, step: number): number {
  if (!(base > 0 && base <= 1 && slope >= 0)) {
    throw new ConfigError(
      "theseus/curriculum",
      `theseus: expected 0 < base ≤ 1 and slope ≥ 0, got base=${base}, slope=${slope}`,
    );
  }
  return Math.min(1, slope * step + base);
}

/** §3.1: r_i ~ Bernoulli(rate), drawn once per module and batch and shared by the batch's rows. */
export function drawSwaps(modules: number, rate: number, key: Key): boolean[] {
  return Array.from({ length: modules }, (_, i) => uniform(fold(key, i)) < rate);
}

/** The rate of a step: the curriculum reaches 1 after `full` of the run; the other rates jump to 1 there (§3.2). */
function rateAt({ config, steps }: TheseusState, step: number): number {
  const { schedule, base, full } = config;
  const until = full * steps;
  if (step >= until) return 1;
  if (schedule === "constant") return base;
  const rate = replaceRate({ base, slope: (1 - base) / until }, step);
  return schedule === "curriculum" ? rate : 1 - rate;
}

/** Where the successor's layers stand. */
const SUCCESSOR = "successor.layer";

/** The tensors of layer `from`, renamed as successor layer `to`. */
function successorTensors(network: Network, from: number, to: number): [string, FloatTensor][] {
  const prefix = `${layerStem(from)}.`;
  return [...network.tensors]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, tensor]) => [`${layerStem(to, SUCCESSOR)}.${name.slice(prefix.length)}`, tensor]);
}

function missingPretrained(): never {
  throw new ConfigError(
    "theseus/init",
    "theseus: expected the pre-trained model for init=pre-trained, got none; give it, or set init=fine-tuned",
  );
}

/** Modules of the predecessor, and so layers of the successor. */
function modulesOf(asked: number, depth: number): number {
  const fitting = Array.from({ length: depth }, (_, i) => i).filter((n) => n > 0 && depth % n === 0);
  const layers = asked === HALF ? fitting.at(-1) : asked;
  if (layers !== undefined && fitting.includes(layers)) return layers;
  const expected = `layers to divide the predecessor's ${depth} (${fitting.join(", ") || "one layer has no fewer"})`;
  throw new ConfigError("theseus/layers", `theseus: expected ${expected}, got ${asked}`);
}

function check(config: TheseusConfig): void {
  const { layers, base, full, schedule, swap } = config;
  if (!(full >= 0 && full <= 1)) {
    throw new ConfigError("theseus/full", `theseus: expected full in [0, 1], got ${full}`);
  }
  replaceRate({ base, slope: 0 }, 0);
  checkChoice("theseus", "schedule", schedule, SCHEDULES);
  checkChoice("theseus", "start", config.start, TAKES);
  checkChoice("theseus", "init", config.init, INITS);
  checkChoice("theseus", "clipOver", config.clipOver, CLIPS);
  if (!(Number.isInteger(swap) && swap >= 0 && swap <= layers)) {
    throw new ConfigError("theseus/swap", `theseus: expected swap from 1 to ${layers}, or 0, got ${swap}`);
  }
  if (swap > 0 && (schedule !== "constant" || full !== 1)) {
    const expected = "schedule=constant and full=1 with swap, which has no successor to fine-tune";
    throw new ConfigError("theseus/swap", `theseus: expected ${expected}, got ${schedule} and ${full}`);
  }
}

function init(network: Network, given: TheseusConfig, { steps, key, pretrained }: RunFacts): TheseusState {
  const { layers: all } = network.config;
  const config = { ...given, layers: modulesOf(given.layers, all.length) };
  check(config);
  const moduleLayers = all.length / config.layers;
  const origin = config.init === "fine-tuned" ? network : (pretrained ?? missingPretrained());
  const [own, others] = [network.config, origin.config];
  if (others.layers.length !== all.length || others.hiddenSize !== own.hiddenSize) {
    throw new ConfigError(
      "theseus/init",
      `theseus: expected a pre-trained model of ${all.length} layers x ${own.hiddenSize}, as the predecessor's, got ${others.layers.length} x ${others.hiddenSize}; init=fine-tuned takes the predecessor's own`,
    );
  }
  const tensors = new Map<string, FloatTensor>();
  // The i-th, as the authors do, or the first of each module.
  const places = takeLayers(config.start, config.layers, all.length).map(
    (source, i): LayerPlace | undefined => {
      const layer = others.layers[source];
      if (layer === undefined || (config.swap > 0 && config.swap !== i + 1)) return undefined;
      for (const [name, tensor] of successorTensors(origin, source, i)) tensors.set(name, tensor);
      return { layer, index: all.length + i, names: layerNames(i, SUCCESSOR) };
    },
  );
  return { tensors, config, moduleLayers, places, steps, key };
}

/** A module swapped in runs the successor's layer where its first predecessor layer stood, and skips the others. */
function sites({ moduleLayers, places }: TheseusState, structure: string): Sites {
  return {
    layer: (i, run, at) => {
      const place = places[Math.floor(i / moduleLayers)];
      if (place === undefined || structure[Math.floor(i / moduleLayers)] !== "1") return run;
      return i % moduleLayers === 0 ? at(place) : SKIP;
    },
  };
}

/** Module by module its successor layer or, where it has none, the predecessor's layers; the rest is the predecessor's. */
function finish(
  network: Network,
  { places, moduleLayers }: TheseusState,
  tensors: ReadonlyMap<string, FloatTensor>,
): Network {
  const kept = network.config.layers.map(
    (layer, i): LayerSource => ({ layer, stem: layerStem(i), spans: 1 }),
  );
  const sources = places.flatMap((place, i): LayerSource[] =>
    place
      ? [{ layer: place.layer, stem: layerStem(i, SUCCESSOR), spans: moduleLayers }]
      : kept.slice(i * moduleLayers, (i + 1) * moduleLayers),
  );
  return withLayers(network, sources, tensors);
}

/** One character for each module: 1 where it is swapped, which only a module with a successor can be. */
function structureOf({ places }: TheseusState, swapped: readonly boolean[]): string {
  return places.map((place, i) => (place && swapped[i] ? "1" : "0")).join("");
}

export const THESEUS: Method<TheseusConfig, TheseusState> = {
  id: "theseus",
  summary: "Swap the modules of a fine-tuned model for shallower ones, a few at a time.",
  paper: {
    title: "BERT-of-Theseus: Compressing BERT by Progressive Module Replacing",
    authors: "Canwen Xu, Wangchunshu Zhou, Tao Ge, Furu Wei, Ming Zhou",
    venue: "EMNLP 2020",
    url: "https://arxiv.org/abs/2002.02925",
  },
  from: "fine-tuned",
  config: {
    layers: {
      default: HALF,
      help: "layers of the successor; must divide the predecessor's (§3.1; 0: half of them, or the next that does)",
    },
    schedule: {
      default: "curriculum",
      help: "curriculum: the rate grows linearly (§3.3); constant (§3.1); anti-curriculum: it falls, the ablation",
    },
    base: {
      default: 0.3,
      help: "b: replacing rate at the first step, or the constant rate (the paper tries 0.1 and 0.3)",
    },
    full: { default: 0.6, help: "share of the steps after which every module is swapped (§3.2, §3.3)" },
    swap: {
      default: 0,
      help: "the only module that is swapped, from 1; needs schedule=constant and full=1; 0: every module",
    },
    start: {
      default: "first",
      help: "first: the successor starts from layers 0..n-1, as in the paper; even: from each module's first",
    },
    init: {
      default: "pre-trained",
      help: "whose layers: pre-trained, as the paper says, or fine-tuned, as the authors' code does",
    },
    clipOver: {
      default: "trained",
      help: "whose gradients count when clipping: trained, or all, as in the authors' code",
    },
  },
  init,
  trains: (_state, name) => name.startsWith(`${SUCCESSOR}.`),
  measures: ({ config }) => config.clipOver === "all",
  structure: (state, step) =>
    structureOf(
      state,
      drawSwaps(state.places.length, rateAt(state, step), fold(fold(state.key, "swaps"), step)),
    ),
  product: (state) =>
    structureOf(
      state,
      state.places.map(() => true),
    ),
  sites,
  finish,
};
