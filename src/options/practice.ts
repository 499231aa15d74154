/**
 * What practitioners ask of training beside rate and epochs, as options of every command that trains on labels.
 *
 * None has a default: what is left out is in no recipe, so that runs from before an option stay the runs they were.
 */

import { frozenPart, integer, number, onOff, text, threshold, weights } from "./kinds.ts";
import { grouped, type Naming, optional } from "./schema.ts";
import { LARGEST, STRIDE } from "./shared.ts";

export const PRACTICE = {
  ...grouped("Data", {
    fewShot: optional(integer(1, LARGEST), "train on so many examples of each class, drawn by the seed", {
      unit: "examples",
      absent: "on all",
    }),
    folds: optional(
      integer(2, 1000),
      "judge by each of so many parts of the training examples in turn, train on the others: a run for each, in folds/",
      { absent: "one run" },
    ),
    fold: optional(integer(1, 1000), "the run of this fold alone", { absent: "all folds" }),
    ...STRIDE,
  }),
  ...grouped("Training", {
    freeze: optional(
      frozenPart(),
      "do not train the embeddings; the embeddings and the first n layers; or the encoder, which is all but the head",
      { absent: "train all that the method trains" },
    ),
    layerDecay: optional(
      number(0, 1, { above: true }),
      "rate of a layer as a share of the one above; the head has the full rate, the embeddings the lowest",
      { absent: "one rate for all" },
    ),
    classWeights: optional(
      weights(),
      "weight of each class in the loss, in the order of the classes; balanced: each class weighs the same in all",
      { absent: "1 each" },
    ),
    labelSmoothing: optional(
      number(0, 1, { below: true }),
      "share of each label that is spread over all classes",
      { absent: "0" },
    ),
    loss: optional(
      text("loss", "a loss, or several with their shares"),
      "of labels cross-entropy or focal, of values squared, absolute or huber; mixed as cross-entropy:0.7,focal:0.3",
      { absent: "cross-entropy, squared" },
    ),
    gamma: optional(number(0, 20), "exponent of the focal loss", { absent: "2" }),
  }),
  ...grouped("Judging", {
    metric: optional(
      text("name", "a metric"),
      "what decides which step is kept and when to stop: a metric of the task, or loss; of mae, rmse and loss less is better",
      { absent: "the task's own" },
    ),
    calibrate: optional(
      onOff(),
      "after training, divide the logits by the temperature of the least loss on the judging examples",
      { absent: "leave them" },
    ),
    threshold: optional(
      threshold(),
      "probability from which on the second of two classes, or each of several labels, is said; best: that of the best metric",
      { absent: "0.5" },
    ),
  }),
};

/** Folds are parts of what trains, and nothing else judges. */
export function foldsRule(
  {
    folds,
    fold,
    validation,
    augmented,
  }: {
    readonly folds?: number;
    readonly fold?: number;
    readonly validation?: string;
    readonly augmented?: string;
  },
  name: Naming,
): string | undefined {
  if (folds === undefined)
    return fold === undefined
      ? undefined
      : `${name("fold")}: expected it with ${name("folds")}, got it alone`;
  if (fold !== undefined && fold > folds)
    return `${name("fold")}: expected a number from 1 to ${name("folds")}=${folds}, got ${fold}`;
  if (augmented !== undefined)
    return `${name("folds")}: expected it without ${name("augmented")}, which has copies of what a fold judges by, got both`;
  if (validation === undefined) return undefined;
  return `${name("folds")}: expected it without ${name("validation")}, since a fold judges, got both`;
}
