/**
 * Which column of a model's answers is for which class of the data.
 *
 * A model from elsewhere may number its classes otherwise, or call them `LABEL_0` and `LABEL_1`: labels are matched by
 * what they mean (data/label-names.ts), a task's also by their letters and digits alone, or by number where the model
 * has no names. They are never guessed.
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { type Head, labelsOf } from "../bert/config.ts";
import type { Dataset } from "../data/dataset.ts";
import { classFinder } from "../data/label-names.ts";

/**
 * For each class of the data the column of the model's logits; none where answers are no logits.
 * @throws {InputError} `evaluate/task`, `evaluate/labels`
 */
export function classColumns(
  head: Head,
  { task, labels, name }: Pick<Dataset, "task" | "labels" | "name">,
): number[] {
  const own = labelsOf(head);
  if (task !== (head.kind === "none" ? "embedding" : head.kind)) {
    const message = `model: expected one for ${task}, as ${name} is, got one for ${head.kind}`;
    throw new InputError("evaluate/task", message);
  }
  if (task === "regression") return [0];
  if (task === "embedding") return [];
  if (own.length === labels.length && !hasNames(own)) return labels.map((_, i) => i);
  const finder = classFinder(own);
  const plain = own.map(plainLabel);
  const byMeaning = labels.map((label) => finder.find(label));
  const byLetters = labels.map((label) => plain.indexOf(plainLabel(label)));
  for (const columns of [byMeaning, byLetters]) {
    const places = columns.filter((place) => typeof place === "number" && place >= 0);
    if (new Set(places).size === own.length && labels.length === own.length) return places.map(Number);
  }
  const message = `labels: expected those of the model, ${own.join(", ")}, got ${labels.join(", ")} (${name})`;
  throw new InputError("evaluate/labels", message);
}

/** False for the names that stand for having none. */
function hasNames(labels: readonly string[]): boolean {
  return labels.some((label, i) => label !== `LABEL_${i}` && label !== String(i));
}

function plainLabel(label: string): string {
  return label.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "") || label;
}

/** The columns of [N, C] in another order; as they are where none is named. */
export function reorderColumns(logits: Float32Array, columns: readonly number[]): Float32Array {
  const width = columns.length;
  if (width === 0) return logits;
  return logits.map((_, i) => {
    const column = requireItem(columns, i % width, "columns");
    return requireItem(logits, i - (i % width) + column, "logits");
  });
}
