/**
 * What an answer that is always the same scores: the floor under a metric, for which no model is needed.
 *
 * Among classes it is the most frequent label, of equal ones the first. No value correlates with an answer that is always
 * the same, so of a regression any is as good. Not here: floors that are fitted (floor/).
 */

import type { Measure } from "../data/dataset.ts";
import { metricsOf } from "../data/judging/judge.ts";

/**
 * By metric; one that needs logits is not among them.
 * @param classes  of them, 0 of a regression
 * @param truth  the label or value of each example
 */
export function constantMetrics(
  measure: Measure,
  classes: number,
  truth: readonly number[],
): Record<string, number> {
  const counts = Array.from({ length: classes }, (_, label) => truth.filter((one) => one === label).length);
  const most = Math.max(0, counts.indexOf(Math.max(...counts)));
  return metricsOf(
    measure,
    truth.map(() => most),
    { labels: truth },
  );
}
