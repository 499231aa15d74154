/**
 * DistilBERT's losses on a task: a student of every other layer learns the labels, the teacher's answers, and the
 * directions of its last states.
 *
 *   Paper    Sanh, Debut, Chaumond & Wolf, 2019 · https://arxiv.org/abs/1910.01108
 *   From     every other layer (n evenly spaced ones) of the pre-trained or the fine-tuned model; a fine-tuned teacher
 *   To       a dense student of n layers
 *   Learns   the student; the teacher is frozen and has no dropout
 *
 *   paper       here
 *   L_ce        teacher·T²·KL       the teacher's softened answers
 *   L_mlm       task                the labels of the task
 *   L_cos       cosine              1 − cos of student's and teacher's last states, token by token
 *
 * Departures: the original distils while pre-training on a corpus, where L_ce is over word pieces and L_mlm is the
 * masked-language-model loss. Neither is here: the teacher's answers are classes and the task's loss stands in the
 * place of L_mlm, as in the paper's second distillation (§4, "additional step of distillation during the adaptation
 * phase"), with L_cos kept. The weights are in the proportion 5 : 2 : 1 of the authors' scripts, scaled to sum to 1, so that
 * clipping means what it means elsewhere. Six of twelve layers are 0, 2, 4, 6, 8 and 10, as the text has it; the authors'
 * script takes 0, 2, 4, 7, 9 and 11. Token types and the pooler, which they remove, are kept.
 */

import { ConfigError } from "../base/errors.ts";
import type { Method, MethodState, RunFacts, Teacher } from "../contract/method.ts";
import { add, scale } from "../graph/ops/elementwise.ts";
import type { Network } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";
import { checkChoice, checkRange } from "../parts/checks.ts";
import { cosineLoss, distillationLoss, isTeacher, studentOf, teacherOf } from "../parts/distil.ts";
import { HALF, HALF_HELP, layersOf, shallower } from "../parts/students.ts";

/** Whose layers the student starts from. */
const INITS = ["pre-trained", "fine-tuned"] as const;

export interface DistilBertConfig {
  readonly layers: number;
  readonly init: (typeof INITS)[number];
  readonly teacher: number;
  readonly task: number;
  readonly cosine: number;
  readonly temperature: number;
}

interface DistilBertState extends MethodState {
  readonly config: DistilBertConfig;
  readonly teacher: Teacher;
}

const ID = "distilbert";
const ANY = Number.POSITIVE_INFINITY;

/** One layer out of two, for half of the depth (§2, "Student initialization"). */
function prepare(network: Network, { layers, init }: DistilBertConfig, { finetuned }: RunFacts): Network {
  checkChoice(ID, "init", init, INITS);
  const origin = init === "fine-tuned" ? finetuned : network;
  if (origin === undefined)
    throw new ConfigError(
      "distilbert/teacher",
      "distilbert: expected a fine-tuned model to learn from, got none",
    );
  return shallower(inFloat(origin), layersOf(ID, layers, origin), "even");
}

export const DISTILBERT: Method<DistilBertConfig, DistilBertState> = {
  id: ID,
  summary: "Distil a fine-tuned model's answers and last states into every other of its layers.",
  paper: {
    title: "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter",
    authors: "Victor Sanh, Lysandre Debut, Julien Chaumond, Thomas Wolf",
    venue: "EMC² workshop, NeurIPS 2019",
    url: "https://arxiv.org/abs/1910.01108",
  },
  from: "pre-trained",
  config: {
    layers: { default: HALF, help: `layers of the student, evenly spaced (§2; ${HALF_HELP})` },
    init: { default: "pre-trained", help: "whose layers the student starts from: pre-trained or fine-tuned" },
    teacher: { default: 0.625, help: "weight of the teacher's answers, at least 0" },
    task: { default: 0.25, help: "weight of the labels, at least 0" },
    cosine: { default: 0.125, help: "weight of the cosine of the last states, at least 0 (§2)" },
    temperature: { default: 2, help: "T: how soft the teacher's answers are, above 0" },
  },
  prepare,
  init: (network, config, facts) => {
    for (const name of ["teacher", "task", "cosine"] as const)
      checkRange(ID, name, config[name], { from: 0, below: ANY });
    const { teacher, task, cosine } = config;
    if (teacher + task + cosine === 0)
      throw new ConfigError(
        "distilbert/weights",
        "distilbert: expected teacher, task or cosine above 0, got 0",
      );
    checkRange(ID, "temperature", config.temperature, { from: 0.01, below: ANY });
    return { config, ...teacherOf(ID, network, facts, "states") };
  },
  trains: (_state, name) => !isTeacher(name),
  teacher: ({ teacher }) => teacher,
  sites: ({ config }) => ({
    everyToken: true,
    loss: (inputs) =>
      add(distillationLoss(inputs, config), scale(cosineLoss(inputs, inputs.teacher()), config.cosine)),
  }),
  finish: (network, _state, tensors) => studentOf(network, tensors),
};
