/** How the labels of a data set are spread: rows of each class, or the values of a regression. */

import { requireItem } from "../base/present.ts";
import { deviation, mean } from "../base/statistics.ts";
import { classOf, type Dataset, labelCounts } from "../data/dataset.ts";

/** Rows with a label; of words, words. */
export interface LabelCount {
  readonly label: string;
  readonly train: number;
  /** Null without a set to judge by. */
  readonly validation: number | null;
}

/** Values of a regression. */
export interface Values {
  readonly least: number;
  readonly largest: number;
  readonly mean: number;
  /** Null for one value alone. */
  readonly deviation: number | null;
}

/** A label with fewer training examples than this is hardly learnt. */
export const FEW = 10;

/** Counts by label, in the data's order of labels. */
export function countLabels(train: Dataset, dev: Dataset | undefined): LabelCount[] {
  const [learnt, judging] = [labelCounts(train), dev && labelCounts(dev)];
  return train.labels.map((label, i) => ({
    label,
    train: requireItem(learnt, i, "counts"),
    validation: judging === undefined ? null : requireItem(judging, i, "counts"),
  }));
}

/** Null for a set that is no regression, or has no rows. */
export function valuesOf({ task, examples }: Dataset): Values | null {
  if (task !== "regression" || examples.length === 0) return null;
  const values = examples.map(classOf);
  const [least, largest] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  return { least, largest, mean: mean(values), deviation: deviation(values) ?? null };
}
