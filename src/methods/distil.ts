/**
 * Knowledge distillation: a shallow student learns the labels and, softened, what a fine-tuned teacher answers.
 *
 *   Paper    Hinton, Vinyals & Dean, NIPS 2014 workshop · https://arxiv.org/abs/1503.02531
 *   From     the pre-trained encoder's first n layers, and a teacher fine-tuned on the task
 *   To       a dense student of n layers
 *   Learns   the student; the teacher is frozen and has no dropout
 *
 *   paper       here
 *   T           temperature
 *   v, z        the teacher's and the student's logits
 *   p, q        softmax(v/T), softmax(z/T)
 *   α           alpha: the teacher's weight; the task has 1 − α
 *
 * L = (1 − α)·CE(labels, z) + α·T²·KL(p ‖ q), §2: the factor T² keeps the teacher's gradient as large at any T. In a
 * regression both terms are squared errors. This is the "vanilla KD" of Xu et al., EMNLP 2020, Table 2.
 *
 * Departures: KL where the paper has the cross-entropy, which differs by a constant; the student is a BERT, not the
 * paper's networks. Not here: learning from hidden states (pkd.ts, tinybert.ts).
 */

import type { Method, MethodState, Teacher } from "../contract/method.ts";
import { checkRange } from "../parts/checks.ts";
import { distillationLoss, isTeacher, studentOf, teacherOf } from "../parts/distil.ts";
import { HALF, HALF_HELP, layersOf, shallower } from "../parts/students.ts";

export interface DistilConfig {
  readonly layers: number;
  readonly alpha: number;
  readonly temperature: number;
}

interface DistilState extends MethodState {
  readonly config: DistilConfig;
  readonly teacher: Teacher;
}

const ID = "distil";

export const DISTIL: Method<DistilConfig, DistilState> = {
  id: ID,
  summary: "Train the first layers on the labels and on a fine-tuned model's softened answers.",
  paper: {
    title: "Distilling the Knowledge in a Neural Network",
    authors: "Geoffrey Hinton, Oriol Vinyals, Jeff Dean",
    venue: "NIPS 2014 Deep Learning Workshop",
    url: "https://arxiv.org/abs/1503.02531",
  },
  from: "pre-trained",
  config: {
    layers: { default: HALF, help: `layers of the student: the pre-trained model's first (${HALF_HELP})` },
    alpha: { default: 0.5, help: "α: the teacher's weight, from 0 to below 1; the labels have 1 − α (§2)" },
    temperature: { default: 2, help: "T: how soft the teacher's answers are, above 0 (§2)" },
  },
  prepare: (network, { layers }) => shallower(network, layersOf(ID, layers, network), "first"),
  init: (network, config, facts) => {
    checkRange(ID, "alpha", config.alpha, { from: 0, below: 1 });
    checkRange(ID, "temperature", config.temperature, { from: 0.01, below: Number.POSITIVE_INFINITY });
    return { config, ...teacherOf(ID, network, facts, "answers") };
  },
  trains: (_state, name) => !isTeacher(name),
  teacher: ({ teacher }) => teacher,
  sites: ({ config: { alpha, temperature } }) => ({
    loss: (inputs) => distillationLoss(inputs, { task: 1 - alpha, teacher: alpha, temperature }),
  }),
  finish: (network, _state, tensors) => studentOf(network, tensors),
};
