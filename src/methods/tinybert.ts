/**
 * TinyBERT's task stage: a student first imitates the teacher's embeddings, states and attention, then its answers.
 *
 *   Paper    Jiao et al., Findings of EMNLP 2020 · https://arxiv.org/abs/1909.10351
 *   From     the pre-trained encoder's layers, evenly spaced or the first; a teacher fine-tuned on the task
 *   To       a dense student of n layers
 *   Learns   the student; the teacher is frozen and has no dropout
 *
 *   paper       here
 *   M, N        layers: of the student; the teacher's number of layers
 *   g(m)        round(m·N/M): the teacher layer that student layer m follows, g(0) = 0
 *   L_embd      Eq. 9    states 0 of the map
 *   L_hidn      Eq. 8    states 1 to M of the map
 *   L_attn      Eq. 7    attention scores before the softmax
 *   L_pred      Eq. 10   soft cross-entropy of the answers, t = temperature
 *
 * Intermediate layers first (Eq. 7 to 9, weights 1), for a share `intermediate` of the steps at a constant rate; then the
 * prediction layer (Eq. 10), at `predictionRate` times that rate with a linear warm-up over a tenth and decay to 0, as
 * the authors' code has it. In a regression the second stage learns the labels, as there.
 *
 * Departures: there is no general distillation before (§3.2), since no such checkpoint is given: the student starts from
 * the pre-trained model's own layers. It has the teacher's hidden size, so there is no projection W. One optimizer
 * serves both stages, AdamW with bias correction, where theirs is BertAdam without, which takes larger first steps; their
 * teacher is never set to evaluate and has dropout, ours has none. Words of the training data are replaced by `augment`,
 * not here. Padding: see parts/distil.ts.
 */

import { linearRate, USUAL_WARMUP } from "../base/schedule.ts";
import type { LossInputs, Method, MethodState, Teacher } from "../contract/method.ts";
import { add } from "../graph/ops/elementwise.ts";
import type { Value } from "../graph/value.ts";
import { checkChoice, checkPositive, checkRange } from "../parts/checks.ts";
import {
  answerLoss,
  attentionLoss,
  hiddenLoss,
  isTeacher,
  type LayerMap,
  studentOf,
  teacherOf,
} from "../parts/distil.ts";
import { HALF, HALF_HELP, layersOf, shallower, TAKES, type Take } from "../parts/students.ts";

export interface TinyBertConfig {
  readonly layers: number;
  readonly start: Take;
  readonly intermediate: number;
  readonly predictionRate: number;
  readonly temperature: number;
}

interface TinyBertState extends MethodState {
  readonly config: TinyBertConfig;
  readonly teacher: Teacher;
  /** [m, g(m)] for m from 0 to M. */
  readonly map: LayerMap;
  readonly steps: number;
  /** Share of the second stage that warms up. */
  readonly warmup: number;
  /** Steps of the first stage. */
  readonly first: number;
}

const ID = "tinybert";
const ANY = Number.POSITIVE_INFINITY;

/** g(m) for m from 0 to `layers` (§3.1), rounded where `layers` does not divide `depth`. */
export function layerMap(layers: number, depth: number): LayerMap {
  return Array.from({ length: layers + 1 }, (_, m) => [m, Math.round((m * depth) / layers)]);
}

/** Eq. 7 to 9, each with weight 1. Layer m's attention is the m-th from 0 below. */
function intermediateLoss(inputs: LossInputs, map: LayerMap): Value {
  const layers: LayerMap = map.slice(1).map(([m, g]) => [m - 1, g - 1]);
  const teacher = inputs.teacher();
  return add(hiddenLoss(inputs, teacher, map), attentionLoss(inputs, teacher, layers));
}

/** Eq. 10, averaged over the classes as in the authors' code; the labels in a regression. */
function predictionLoss(inputs: LossInputs, temperature: number): Value {
  if (!inputs.answers.isSoft) return inputs.task;
  return answerLoss(inputs, inputs.teacher(), { temperature, form: "classes" });
}

/** Share of the peak learning rate: constant, then a warm-up and a linear decay to 0. */
function rateAt({ config, steps, first, warmup }: TinyBertState, step: number): number {
  if (step < first) return 1;
  return linearRate({ peak: config.predictionRate, steps: steps - first, warmup }, step - first);
}

export const TINYBERT: Method<TinyBertConfig, TinyBertState> = {
  id: ID,
  summary: "Imitate a fine-tuned model's states and attention in fewer layers, then its answers.",
  paper: {
    title: "TinyBERT: Distilling BERT for Natural Language Understanding",
    authors: "Xiaoqi Jiao, Yichun Yin, Lifeng Shang, Xin Jiang, Xiao Chen, Linlin Li, Fang Wang, Qun Liu",
    venue: "Findings of EMNLP 2020",
    url: "https://arxiv.org/abs/1909.10351",
  },
  from: "pre-trained",
  config: {
    layers: { default: HALF, help: `layers of the student (${HALF_HELP})` },
    start: {
      default: "even",
      help: "which of the pre-trained layers it starts from: even (spaced) or first",
    },
    intermediate: {
      default: 0.75,
      help: "share of the steps that imitate states and attention, below 1 (the authors: 10 of 13 epochs)",
    },
    predictionRate: {
      default: 0.6,
      help: "peak learning rate of the second stage, times that of the first (the authors: 3e-5 and 5e-5)",
    },
    temperature: { default: 1, help: "t: how soft the teacher's answers are, above 0 (Eq. 10)" },
  },
  prepare: (network, { layers, start }) => {
    checkChoice(ID, "start", start, TAKES);
    return shallower(network, layersOf(ID, layers, network), start);
  },
  init: (network, config, facts) => {
    checkRange(ID, "intermediate", config.intermediate, { from: 0, below: 1 });
    checkPositive(ID, "predictionRate", config.predictionRate);
    checkRange(ID, "temperature", config.temperature, { from: 0.01, below: ANY });
    const taught = teacherOf(ID, network, facts, "attention");
    const map = layerMap(network.config.layers.length, taught.teacher.config.layers.length);
    const { steps, warmup = USUAL_WARMUP } = facts;
    return { config, map, steps, warmup, first: Math.floor(config.intermediate * steps), ...taught };
  },
  trains: (_state, name) => !isTeacher(name),
  teacher: ({ teacher }) => teacher,
  rate: rateAt,
  structure: ({ first }, step) => (step < first ? "intermediate" : "prediction"),
  product: () => "prediction",
  sites: ({ map, config }, structure) =>
    structure === "intermediate"
      ? { everyToken: true, loss: (inputs) => intermediateLoss(inputs, map) }
      : { loss: (inputs) => predictionLoss(inputs, config.temperature) },
  // The head learns nothing before the second stage.
  ready: ({ first }, done) => done > first,
  finish: (network, _state, tensors) => studentOf(network, tensors),
};
