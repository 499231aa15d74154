/** The head that labelled data asks for, and where its training begins. */

import { fold, keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { CLASSIFIER } from "../bert/names.ts";
import type { Dataset } from "../data/dataset.ts";
import { type Network, withHead } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";

/** The head a data set asks for. */
export function headFor({ task, labels }: Pick<Dataset, "task" | "labels">): Head {
  return task === "regression" ? { kind: "regression" } : { kind: "classification", labels };
}

/** What a file is read as for a model, the other way round than `headFor`. */
export function labellingOf(head: Head): Pick<Dataset, "task" | "labels"> {
  return head.kind === "classification"
    ? { task: "classification", labels: head.labels }
    : { task: "regression", labels: [] };
}

/**
 * The encoder in float32 under the data's head: the one it has where that is the same, else one drawn from the seed. A new regression
 * begins at the labels' mean, for Adam moves a bias by one learning rate a step: 120 steps of 5e-5 from 0 never reach a 3.
 */
export function withHeadFor(network: Network, train: Dataset, seed: number): Network {
  const headed = withHead(inFloat(network), headFor(train), fold(keyOf(seed), "head"));
  if (train.task !== "regression" || network.head.kind === "regression") return headed;
  const mean = train.examples.reduce((sum, { label }) => sum + label / train.examples.length, 0);
  const tensors = new Map(headed.tensors);
  tensors.set(`${CLASSIFIER}.bias`, floatTensor([1], Float32Array.of(mean)));
  return { ...headed, tensors };
}
