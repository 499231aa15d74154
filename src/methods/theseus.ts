/**
 * BERT-of-Theseus: train a shallow encoder by swapping its modules into a deep one.
 *
 *   Paper    Xu, Zhou, Ge, Wei & Zhou, EMNLP 2020 · https://arxiv.org/abs/2002.02925
 *   From     a fine-tuned predecessor of L layers
 *   To       a dense successor of n layers, n dividing L
 *   Learns   the successor's layers; predecessor, embeddings and head stay frozen (§3.1)
 *
 *   paper          here
 *   prd_i          the L/n predecessor layers of module i
 *   scc_i          successor layer i, tensors `successor.layer.i.…`
 *   r_i            swapped[i]      true: scc_i runs; false: prd_i runs
 *   p_d            rate            chance that a module is swapped in a step
 *   k, b           slope, base     curriculum, §3.3
 *
 * The loss is the task's alone, with no distillation (§3.1). Gradients flow through frozen modules, which keep their
 * dropout as in the authors' code. Departures: none in the arithmetic; a draw is a function of (key, step), so a run
 * can be repeated and resumed.
 *
 * The authors' code departs from their text in two places, both options here: it starts the successor from layers of
 * the *fine-tuned* predecessor (`init`), and it clips by a norm that counts the frozen parts' gradients too, which makes
 * steps smaller (`clipOver`).
 * Not here: the loop (train/), the forward pass (bert/), the export (network/).
 */

import { ConfigError } from "../base/errors.ts";
import { fold, type Key, uniform } from "../base/random.ts";
import type { FloatTensor } from "../base/tensor.ts";
import { layerNames } from "../bert/names.ts";
import { type LayerPlace, type Sites, SKIP } from "../bert/sites.ts";
import type { Network } from "../network/network.ts";
import type { Method, MethodState, RunFacts } from "./method.ts";

/** How the replacing rate grows. */
const SCHEDULES = ["curriculum", "constant"] as const;
/** Which of the predecessor's layers the successor starts from. */
const STARTS = ["first", "even"] as const;
/** Whose weights those layers are. */
const INITS = ["pre-trained", "fine-tuned"] as const;
/** Whose gradients count in the norm that clips. */
const CLIPS = ["trained", "all"] as const;

export interface TheseusConfig {
  readonly layers: number;
  readonly schedule: (typeof SCHEDULES)[number];
  readonly base: number;
  readonly full: number;
  readonly start: (typeof STARTS)[number];
  readonly init: (typeof INITS)[number];
  readonly clipOver: (typeof CLIPS)[number];
}

interface TheseusState extends MethodState {
  readonly config: TheseusConfig;
  /** L/n. */
  readonly moduleLayers: number;
  readonly layers: number;
  readonly places: readonly LayerPlace[];
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

/** The rate of a step: the curriculum reaches 1 after `full` of the run; the constant rate jumps to 1 there (§3.2). */
function rateAt({ config, steps }: TheseusState, step: number): number {
  const { schedule, base, full } = config;
  const until = full * steps;
  if (step >= until) return 1;
  return schedule === "constant" ? base : replaceRate({ base, slope: (1 - base) / until }, step);
}

/** Where the successor's layers stand. */
const SUCCESSOR = "successor.layer";

function successorName(name: string): string {
  return name.replace("bert.encoder.layer", SUCCESSOR);
}

/** The predecessor layer that successor layer `i` starts from: the i-th, as the authors do, or its module's first. */
function sourceLayer(i: number, moduleLayers: number, start: TheseusConfig["start"]): number {
  return start === "first" ? i : i * moduleLayers;
}

/** Tensors of the predecessor's layers. */
const LAYER = /^bert\.encoder\.layer\./;

/** The tensors of layer `from`, renamed as layer `to`. */
function layerTensors(network: Network, from: number, to: number): [string, FloatTensor][] {
  const prefix = `bert.encoder.layer.${from}.`;
  return [...network.tensors]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, tensor]) => [`bert.encoder.layer.${to}.${name.slice(prefix.length)}`, tensor]);
}

/** A setting that was typed can be any text. */
function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new ConfigError(
    `theseus/${name}`,
    `theseus: expected ${name} to be ${choices.join(" or ")}, got "${value}"`,
  );
}

function missingPretrained(): never {
  throw new ConfigError(
    "theseus/init",
    "theseus: expected the pre-trained model for init=pre-trained, got none; give it, or set init=fine-tuned",
  );
}

function init(network: Network, config: TheseusConfig, { steps, key, pretrained }: RunFacts): TheseusState {
  const depth = network.config.layers.length;
  const { layers, base, full, schedule, start, init: from, clipOver } = config;
  if (!(Number.isInteger(layers) && layers >= 1 && layers < depth && depth % layers === 0)) {
    throw new ConfigError(
      "theseus/layers",
      `theseus: expected layers to divide the predecessor's ${depth}, got ${layers}`,
    );
  }
  if (!(full >= 0 && full <= 1)) {
    throw new ConfigError("theseus/full", `theseus: expected full in [0, 1], got ${full}`);
  }
  replaceRate({ base, slope: 0 }, 0);
  checkChoice("schedule", schedule, SCHEDULES);
  checkChoice("start", start, STARTS);
  checkChoice("init", from, INITS);
  checkChoice("clipOver", clipOver, CLIPS);
  const moduleLayers = depth / layers;
  const sources = Array.from({ length: layers }, (_, i) => sourceLayer(i, moduleLayers, start));
  const origin = from === "fine-tuned" ? network : (pretrained ?? missingPretrained());
  const tensors = sources.flatMap((source, i) => layerTensors(origin, source, i));
  const places = sources.map((source, i): LayerPlace => {
    const layer = network.config.layers[source];
    if (layer === undefined)
      throw new ConfigError("theseus/layers", `theseus: the predecessor has no layer ${source}`);
    return { layer, index: depth + i, names: layerNames(i, SUCCESSOR) };
  });
  return {
    tensors: new Map(tensors.map(([name, tensor]) => [successorName(name), tensor])),
    config,
    moduleLayers,
    layers,
    places,
    steps,
    key,
  };
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

/** The successor's layers under the checkpoint's names, with the predecessor's embeddings and head. */
function finish(
  network: Network,
  { places, layers }: TheseusState,
  tensors: ReadonlyMap<string, FloatTensor>,
): Network {
  const kept = [...network.tensors].filter(([name]) => !LAYER.test(name));
  const successor = [...tensors]
    .filter(([name]) => name.startsWith("successor.layer."))
    .map(([name, tensor]): [string, FloatTensor] => [
      name.replace("successor.layer.", "bert.encoder.layer."),
      tensor,
    ]);
  const config = { ...network.config, layers: places.slice(0, layers).map(({ layer }) => layer) };
  return { ...network, config, tensors: new Map([...kept, ...successor]) };
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
    layers: { default: 3, help: "layers of the successor; must divide the predecessor's (§3.1)" },
    schedule: { default: "curriculum", help: "curriculum: the rate grows linearly (§3.3); constant (§3.1)" },
    base: {
      default: 0.3,
      help: "b: replacing rate at the first step, or the constant rate (the paper tries 0.1 and 0.3)",
    },
    full: { default: 0.6, help: "share of the steps after which every module is swapped (§3.2, §3.3)" },
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
  trains: (_state, name) => name.startsWith("successor.layer."),
  measures: ({ config }) => config.clipOver === "all",
  structure: (state, step) =>
    drawSwaps(state.layers, rateAt(state, step), fold(fold(state.key, "swaps"), step))
      .map((swapped) => (swapped ? "1" : "0"))
      .join(""),
  product: ({ layers }) => "1".repeat(layers),
  sites,
  finish,
};
