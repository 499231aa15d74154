/**
 * Measures of how well scores order what holds before what does not, whatever the threshold.
 *
 * Definitions follow scikit-learn, which the tests compare with; where those leave a value undefined (a class that never
 * occurs, or alone), the value here is 0.
 */

import { columnOf, countOf, logSumExp, meanOf, type Numbers, ranks, ratio } from "./metrics.ts";

/** How likely one that holds has a larger score than one that does not, ties halved (Mann & Whitney). */
export function rocAuc(scores: Numbers, holds: Numbers): number {
  const positive = countOf(holds, 1);
  const place = ranks(scores);
  let sum = 0;
  for (let i = 0; i < holds.length; i++) if (holds[i] === 1) sum += place[i] ?? 0;
  return ratio(sum - (positive * (positive + 1)) / 2, positive * (holds.length - positive));
}

/** Σ (R_k − R_{k−1})·P_k over the distinct scores from the largest down, without interpolation. */
export function averagePrecision(scores: Numbers, holds: Numbers): number {
  const order = Array.from(holds, (_, i) => i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const positive = countOf(holds, 1);
  let [sum, found, before] = [0, 0, 0];
  order.forEach((i, k) => {
    found += Number(holds[i] === 1);
    const next = order[k + 1];
    if (next !== undefined && scores[next] === scores[i]) return;
    sum += (ratio(found, positive) - ratio(before, positive)) * ratio(found, k + 1);
    before = found;
  });
  return sum;
}

/** One of the measures above. */
type Ordering = (scores: Numbers, holds: Numbers) => number;

/** A measure of scores: of two classes that of the second's, of more the mean over each class against the others. */
export function overClasses(of: Ordering, logits: Float32Array, labels: Numbers): number {
  const width = logits.length / labels.length;
  const rows = Array.from(labels, (_, i) => logits.subarray(i * width, (i + 1) * width));
  const holds = (c: number): Numbers => Array.from(labels, (label) => Number(label === c));
  if (width === 2)
    return of(
      rows.map(([first = 0, second = 0]) => second - first),
      holds(1),
    );
  const logs = rows.map((row) => logSumExp(row));
  return meanOf(
    Array.from({ length: width }, (_, c) =>
      of(
        rows.map((row, i) => Math.exp((row[c] ?? 0) - (logs[i] ?? 0))),
        holds(c),
      ),
    ),
  );
}

/** The mean over labels of a measure of their scores. */
export function overLabels(of: Ordering, logits: Float32Array, labels: Numbers, width: number): number {
  return meanOf(
    Array.from({ length: width }, (_, c) => of(columnOf(logits, c, width), columnOf(labels, c, width))),
  );
}
