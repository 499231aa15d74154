/**
 * Quantization-aware training: a network learns with the rounding of 8 bits in its forward pass, so that it loses less by it.
 *
 *   Paper    Jacob et al., CVPR 2018 · https://arxiv.org/abs/1712.05877, simulated quantization (§3)
 *            Zafrir, Boudoukh, Izsak & Wasserblat, 2019 (Q8BERT) · https://arxiv.org/abs/1910.06188, the same for BERT while it
 *            is fine-tuned
 *   From     a model that already answers the task, such as a pruned one, with its zeros; any other: the fine-tuned model.
 *            Heads tell them apart: the same labels in their order; of two regressions nothing does
 *   To       the same network with every linear layer of its encoder in 8 bits
 *   Learns   every weight, pruned ones apart, at its full precision beside the rounded one
 *
 *   paper         here
 *   q(w), q(x)    `roundRows`, `tokenRounding` of graph/quantize.ts: rounded in the forward pass, the gradient that of w and x
 *                 (straight-through)
 *
 * Pruned weights stay 0: zero is a level, and the optimizer leaves zeros alone. So a model may be pruned first, by any method,
 * and then trained to be in 8 bits, with the teacher it had.
 *
 * Departures: each token has a range of its own, where both papers take a moving average over batches for all; rows have
 * scales of their own, and inputs 7 bits, so that no processor's sums overflow; embeddings, pooler and head stay float32. The
 * papers have no teacher; here its answers are half of the loss unless `alpha` is 0. Not here: quantization without
 * training (quantize/).
 */

import { weightOf } from "../bert/names.ts";
import { linearModules } from "../bert/quantized.ts";
import type { Answers, Method, MethodState, RunFacts, Teacher } from "../contract/method.ts";
import { roundRows, tokenRounding } from "../graph/quantize.ts";
import { type Network, sameHead } from "../network/network.ts";
import { inFloat, withQuantized } from "../network/quantized.ts";
import { checkRange } from "../parts/checks.ts";
import { distillationLoss, isTeacher, studentOf, teacherIf } from "../parts/distil.ts";
import { KEEP_ZEROS } from "../parts/pruned.ts";

export interface QuantizationAwareConfig {
  readonly alpha: number;
  readonly temperature: number;
}

interface QuantizationAwareState extends MethodState {
  readonly config: QuantizationAwareConfig;
  readonly teacher: Teacher | undefined;
  /** The layers in 8 bits. */
  readonly modules: readonly string[];
  /** Their weights. */
  readonly weights: ReadonlySet<string>;
  /** Tensors whose zeros stay: the weights, and whatever else was pruned. */
  readonly pruned: ReadonlySet<string>;
}

const ID = "quantization-aware";

/**
 * A model that came with the task's head, its labels in their order, has learnt the task; under a new head the fine-tuned
 * one has. Vectors have no head to be new.
 */
function prepare(
  network: Network,
  _config: QuantizationAwareConfig,
  { pretrained, finetuned }: RunFacts,
): Network {
  const isVectors = network.head.kind === "none" && pretrained?.head.kind === "none";
  const isNew = pretrained !== undefined && !isVectors && !sameHead(pretrained.head, network.head);
  return isNew && finetuned !== undefined ? inFloat(finetuned) : network;
}

function init(network: Network, config: QuantizationAwareConfig, facts: RunFacts): QuantizationAwareState {
  checkRange(ID, "alpha", config.alpha, { from: 0, below: 1 });
  checkRange(ID, "temperature", config.temperature, { from: 0.01, below: Number.POSITIVE_INFINITY });
  const { teacher, tensors = new Map() } = teacherIf(config.alpha > 0, ID, network, facts);
  const modules = linearModules(network.config.layers);
  const weights = new Set(modules.map(weightOf));
  const pruned = new Set([...weights, ...(network.masks?.keys() ?? [])]);
  return { config, teacher, tensors, modules, weights, pruned };
}

function sites({ config, teacher, modules, weights }: QuantizationAwareState): Answers {
  const { alpha, temperature } = config;
  const rounded = tokenRounding();
  return {
    weight: (name, w) => (weights.has(name) ? roundRows(w) : w),
    input: (module, x) => (modules.includes(module) ? rounded(x) : x),
    ...(teacher
      ? { loss: (inputs) => distillationLoss(inputs, { task: 1 - alpha, teacher: alpha, temperature }) }
      : {}),
  };
}

export const QUANTIZATION_AWARE: Method<QuantizationAwareConfig, QuantizationAwareState> = {
  id: ID,
  summary: "Train a fine-tuned or pruned model with the rounding of 8 bits, until it answers well with it.",
  paper: {
    title: "Q8BERT: Quantized 8Bit BERT",
    authors: "Ofir Zafrir, Guy Boudoukh, Peter Izsak, Moshe Wasserblat",
    venue: "NeurIPS 2019 workshop on Energy Efficient Machine Learning and Cognitive Computing",
    url: "https://arxiv.org/abs/1910.06188",
  },
  from: "pre-trained",
  config: {
    alpha: {
      default: 0.5,
      help: "the fine-tuned model's weight in the loss, below 1; 0: the labels alone, as in the papers",
    },
    temperature: { default: 2, help: "how soft its answers are, above 0" },
  },
  prepare,
  init,
  trains: (_state, name) => !isTeacher(name),
  rule: ({ pruned }, name) => (pruned.has(name) ? KEEP_ZEROS : undefined),
  teacher: ({ teacher }) => teacher,
  sites,
  finish: (network, { modules }, tensors) =>
    withQuantized(studentOf(network, tensors), new Map(modules.map((module) => [module, {}]))),
};
