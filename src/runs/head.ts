/** The head that labelled data asks for, and where its training begins. */

import { fold, keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { type Head, labelsOf, poolingOf } from "../bert/config.ts";
import { CLASSIFIER, parameters } from "../bert/names.ts";
import { classOf, type Dataset } from "../data/dataset.ts";
import { type Network, withHead } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";

/** The head a data set asks for. Vectors are made as the network has them made. */
export function headFor(
  { task, labels }: Pick<Dataset, "task" | "labels">,
  now: Head = { kind: "none" },
): Head {
  switch (task) {
    case "regression":
      return { kind: "regression" };
    case "embedding":
      return { kind: "none", pooling: poolingOf(now) ?? null };
    default:
      return { kind: task, labels };
  }
}

/** What a file is read as for a model, the other way round than `headFor`. */
export function labellingOf(head: Head): Pick<Dataset, "task" | "labels"> {
  if (head.kind === "none") return { task: "embedding", labels: [] };
  return { task: head.kind === "mlm" ? "regression" : head.kind, labels: labelsOf(head) };
}

/** Without the pooler, which no vector is made by: what is trained is what is read. */
function withoutSpare(network: Network): Network {
  const names = parameters(network.config, network.head);
  return { ...network, tensors: new Map([...network.tensors].filter(([name]) => names.has(name))) };
}

/**
 * The encoder in float32 under the data's head: the one it has where that is the same, else one drawn from the seed. A new regression
 * begins at the labels' mean, for Adam moves a bias by one learning rate a step: 120 steps of 5e-5 from 0 never reach a 3.
 */
export function withHeadFor(network: Network, train: Dataset, seed: number): Network {
  const headed = withHead(inFloat(network), headFor(train, network.head), fold(keyOf(seed), "head"));
  if (train.task === "embedding") return withoutSpare(headed);
  if (train.task !== "regression" || network.head.kind === "regression") return headed;
  const mean = train.examples.reduce((sum, example) => sum + classOf(example) / train.examples.length, 0);
  const tensors = new Map(headed.tensors);
  tensors.set(`${CLASSIFIER}.bias`, floatTensor([1], Float32Array.of(mean)));
  return { ...headed, tensors };
}
