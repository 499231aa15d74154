/**
 * Patient knowledge distillation: the student also follows the teacher's [CLS] states, layer by layer.
 *
 *   Paper    Sun, Cheng, Gan & Liu, EMNLP 2019 · https://arxiv.org/abs/1908.09355
 *   From     the pre-trained encoder's first n layers, and a teacher fine-tuned on the task
 *   To       a dense student of n layers
 *   Learns   the student; the teacher is frozen and has no dropout
 *
 *   paper       here
 *   α           alpha: weight of the teacher's answers; the task has 1 − α
 *   β           beta: weight of the patient loss
 *   T           temperature
 *   I_pt        the teacher's side of `layerMap`
 *   h^s, h^t    [CLS] states of a layer, divided by their norms
 *
 * L = (1 − α)·CE + α·L_DS + β·L_PT (Eq. 8). The student's layers 1 to n − 1 follow teacher layers: every L/n-th
 * ("skip") or the last ones below the top ("last"), §3.2. The top layer learns from the answers.
 *
 * Departures: L_PT is the mean over features and layers, as in the authors' code, where Eq. 7 sums; L_DS is T²·KL, as
 * in that code, and its mean is over texts, not over texts and classes. AdamW corrects its bias, their BertAdam does not.
 */

import type { Method, MethodState, Teacher } from "../contract/method.ts";
import { add, scale } from "../graph/ops/elementwise.ts";
import { checkChoice, checkRange } from "../parts/checks.ts";
import {
  distillationLoss,
  isTeacher,
  type LayerMap,
  patientLoss,
  studentOf,
  teacherOf,
} from "../parts/distil.ts";
import { HALF, HALF_HELP, layersOf, shallower } from "../parts/students.ts";

/** Which teacher layers are followed (§3.2). */
const STRATEGIES = ["skip", "last"] as const;

export interface PkdConfig {
  readonly layers: number;
  readonly strategy: (typeof STRATEGIES)[number];
  readonly alpha: number;
  readonly beta: number;
  readonly temperature: number;
}

interface PkdState extends MethodState {
  readonly config: PkdConfig;
  readonly teacher: Teacher;
  readonly map: LayerMap;
}

/**
 * Student layer m, from 1 to n − 1, and the teacher layer it follows (§3.2).
 *
 * @example layerMap("skip", 6, 12); // [1, 2], [2, 4], …, [5, 10]; "last" gives [1, 7], …, [5, 11]
 */
export function layerMap(strategy: PkdConfig["strategy"], layers: number, depth: number): LayerMap {
  return Array.from({ length: layers - 1 }, (_, i) => [
    i + 1,
    strategy === "last" ? depth - layers + i + 1 : Math.round(((i + 1) * depth) / layers),
  ]);
}

const ID = "pkd";
const ANY = Number.POSITIVE_INFINITY;

export const PKD: Method<PkdConfig, PkdState> = {
  id: ID,
  summary: "Distil a fine-tuned model's answers and its layers' [CLS] states into the first layers.",
  paper: {
    title: "Patient Knowledge Distillation for BERT Model Compression",
    authors: "Siqi Sun, Yu Cheng, Zhe Gan, Jingjing Liu",
    venue: "EMNLP 2019",
    url: "https://arxiv.org/abs/1908.09355",
  },
  from: "pre-trained",
  config: {
    layers: {
      default: HALF,
      help: `layers of the student, at least 2: the pre-trained model's first (${HALF_HELP})`,
    },
    strategy: {
      default: "skip",
      help: "skip: follow every L/n-th teacher layer; last: the last ones (§3.2)",
    },
    alpha: {
      default: 0.5,
      help: "α: weight of the teacher's answers, from 0 to below 1 (the paper tries 0.2 to 0.7)",
    },
    beta: { default: 100, help: "β: weight of the patient loss (the paper tries 10 to 1000)" },
    temperature: {
      default: 10,
      help: "T: how soft the teacher's answers are (the paper tries 5, 10 and 20)",
    },
  },
  prepare: (network, { layers }) => shallower(network, layersOf(ID, layers, network, 2), "first"),
  init: (network, config, facts) => {
    checkChoice(ID, "strategy", config.strategy, STRATEGIES);
    checkRange(ID, "alpha", config.alpha, { from: 0, below: 1 });
    checkRange(ID, "beta", config.beta, { from: 0, below: ANY });
    checkRange(ID, "temperature", config.temperature, { from: 0.01, below: ANY });
    const taught = teacherOf(ID, network, facts, "states");
    const map = layerMap(config.strategy, network.config.layers.length, taught.teacher.config.layers.length);
    return { config, map, ...taught };
  },
  trains: (_state, name) => !isTeacher(name),
  teacher: ({ teacher }) => teacher,
  sites: ({ config: { alpha, beta, temperature }, map }) => ({
    loss: (inputs) => {
      const answers = distillationLoss(inputs, { task: 1 - alpha, teacher: alpha, temperature });
      return add(answers, scale(patientLoss(inputs, inputs.teacher(), map), beta)); // Eq. 8
    },
  }),
  finish: (network, _state, tensors) => studentOf(network, tensors),
};
