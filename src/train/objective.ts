/**
 * The task's loss that a run's settings ask for, of its training data: weights of classes and a mixture by name.
 *
 * `balanced` weights are scikit-learn's, n / (C·n_c), so that every class weighs the same in all; of labels that hold or do
 * not they are n_not / n_hold, so that both weigh the same. What never occurs has 1. Not here: the losses (bert/objective.ts).
 */

import { ConfigError } from "../base/errors.ts";
import { FOCAL_GAMMA, LABEL_LOSSES, type LossName, type Objective, VALUE_LOSSES } from "../bert/objective.ts";
import { type Dataset, labelsOf, type TaskKind } from "../data/dataset.ts";

/** What a run says of its loss. */
export interface ObjectiveSettings {
  readonly classWeights?: "balanced" | readonly number[] | undefined;
  readonly labelSmoothing?: number | undefined;
  /** `focal`, or `cross-entropy:0.7,focal:0.3`. */
  readonly loss?: string | undefined;
  readonly gamma?: number | undefined;
}

/** Losses that a task may have. */
const LOSSES: Readonly<Record<TaskKind, readonly LossName[]>> = {
  classification: LABEL_LOSSES,
  "multi-label": LABEL_LOSSES,
  tokens: LABEL_LOSSES,
  regression: VALUE_LOSSES,
  embedding: [],
};

/**
 * The objective; undefined for the task's own loss.
 *
 * @throws {ConfigError} `loss/name`, `loss/classes`, `loss/weights`, `loss/gamma` for what the task does not have
 */
export function objectiveOf(settings: ObjectiveSettings, train: Dataset): Objective | undefined {
  const { labelSmoothing, classWeights, gamma } = settings;
  const needs = classWeights !== undefined ? "classWeights" : labelSmoothing ? "labelSmoothing" : undefined;
  if (needs !== undefined && train.labels.length === 0) {
    throw new ConfigError(
      "loss/classes",
      `${needs}: expected data with classes, got ${train.task} (${train.name})`,
    );
  }
  const mix = mixOf(settings.loss, train);
  if (gamma !== undefined && !mix?.some(({ loss }) => loss === "focal")) {
    throw new ConfigError(
      "loss/gamma",
      `gamma: expected it with the loss focal, got ${settings.loss ?? "none"}`,
    );
  }
  const weights = weightsOf(classWeights, train);
  const objective: Objective = {
    ...(weights ? { weights } : {}),
    ...(labelSmoothing ? { smoothing: labelSmoothing } : {}),
    ...(mix ? { mix, gamma: gamma ?? FOCAL_GAMMA } : {}),
  };
  return Object.keys(objective).length === 0 ? undefined : objective;
}

/**
 * What vectors are held to: at their whole length, and at the ones that they may be cut to.
 *
 * @param widths  numbers, or as they are typed
 * @throws {ConfigError} `loss/widths` for more than the encoder has
 */
export function vectorObjective(
  widths: readonly (number | string)[] | undefined,
  hiddenSize: number,
): Objective | undefined {
  if (widths === undefined || widths.length === 0) return undefined;
  const all = [...new Set([hiddenSize, ...widths.map(Number)])];
  const wrong = all.find((width) => width > hiddenSize);
  if (wrong === undefined) return { widths: all };
  throw new ConfigError(
    "loss/widths",
    `widths: expected numbers up to ${hiddenSize}, the encoder's, got ${wrong}`,
  );
}

/** What a run says of its weights. */
export function objectiveNotes({ weights }: Objective, labels: readonly string[]): string[] {
  if (weights === undefined) return [];
  const each = weights
    .slice(0, SHOWN)
    .map((weight, c) => `${labels[c] ?? c} ${Number(weight.toPrecision(3))}`);
  const more = weights.length > SHOWN ? `, and ${weights.length - SHOWN} more` : "";
  return [`weights of the classes in the loss: ${each.join(", ")}${more}`];
}

const SHOWN = 10;

function mixOf(text: string | undefined, { task, name }: Dataset): Objective["mix"] {
  if (text === undefined) return undefined;
  const known: readonly LossName[] = LOSSES[task];
  return text.split(",").map((part) => {
    const [typed = "", share = "1", ...rest] = part.trim().split(":");
    const loss = known.find((each) => each === typed.trim());
    const number = Number(share);
    if (loss !== undefined && rest.length === 0 && number > 0 && Number.isFinite(number))
      return { loss, share: number };
    const expected =
      known.length === 0
        ? `none for ${task}`
        : `${known.join(" or ")}, or several as in ${known[0]}:0.7,${known[1]}:0.3`;
    throw new ConfigError("loss/name", `loss: expected ${expected}, got ${JSON.stringify(part)} (${name})`);
  });
}

function weightsOf(given: ObjectiveSettings["classWeights"], train: Dataset): readonly number[] | undefined {
  if (given === undefined) return undefined;
  const { labels, name } = train;
  if (given === "balanced") return balanced(train);
  if (given.length === labels.length) return given;
  const shown = labels.length <= SHOWN ? `: ${labels.join(", ")}` : "";
  const expected = `${labels.length} weights, one for each class in this order${shown}`;
  throw new ConfigError("loss/weights", `classWeights: expected ${expected}, got ${given.length} (${name})`);
}

function balanced({ task, labels, examples }: Dataset): number[] {
  const counts = new Array<number>(labels.length).fill(0);
  for (const example of examples)
    for (const label of labelsOf(example)) counts[label] = (counts[label] ?? 0) + 1;
  const all = task === "multi-label" ? examples.length : counts.reduce((sum, n) => sum + n, 0);
  return counts.map((n) => {
    if (n === 0 || (task === "multi-label" && n === all)) return 1;
    return task === "multi-label" ? (all - n) / n : all / (labels.length * n);
  });
}
