/** Examples of a judged set drawn anew, for a bootstrap (measure/paired.ts), and what each adds to a mean over texts. */

import type { Measure } from "../dataset.ts";
import { type Truth, vectorWidth } from "./judge.ts";
import { meanOf, type Numbers } from "./metrics.ts";
import { neighbourShares, rowCosines } from "./neighbours.ts";

/**
 * Examples of a set drawn anew, with what was predicted of them: the places may repeat. Predictions are as `predict` gives
 * them, or the answers themselves.
 */
export interface Drawn {
  readonly truth: Truth;
  readonly predicted: readonly Numbers[];
}

/** Draws examples. Of an embedding each prediction is one number for an example (judge.ts), and these are drawn alone. */
export function drawExamples(
  { task }: Pick<Measure, "task">,
  truth: Truth,
  predicted: readonly Numbers[],
  places: Int32Array,
): Drawn {
  const { labels, starts, width = 1, scores, names } = truth;
  if (task === "embedding") {
    const drawn = predicted.map((each) => gather(each, places));
    return { truth: { labels: [], ...(scores ? { scores: gather(scores, places) } : {}) }, predicted: drawn };
  }
  const rowsAt = (each: Numbers, at: Int32Array): Numbers =>
    gatherRows(each, at, each.length / labels.length);
  if (starts === undefined && width === 1) {
    return {
      truth: { labels: gather(labels, places) },
      predicted: predicted.map((each) => rowsAt(each, places)),
    };
  }
  const bounds = (i: number): [number, number] =>
    starts ? [starts[i] ?? 0, starts[i + 1] ?? 0] : [i * width, (i + 1) * width];
  const rows = Array.from(places, bounds);
  const flat = Int32Array.from(
    rows.flatMap(([from, to]) => Array.from({ length: to - from }, (_, k) => from + k)),
  );
  const ends = new Int32Array(rows.length + 1);
  rows.forEach(([from, to], i) => {
    ends[i + 1] = (ends[i] ?? 0) + to - from;
  });
  return {
    truth: {
      labels: gather(labels, flat),
      width,
      ...(starts ? { starts: ends } : {}),
      ...(names ? { names } : {}),
    },
    predicted: predicted.map((each) => rowsAt(each, flat)),
  };
}

/**
 * What each example adds to a metric of vectors that is a mean over texts and needs the vectors themselves; of a scored pair
 * the mean of its two texts. For `neighbours` of the texts among which they are looked for.
 */
export function vectorValues(metric: string, vectors: Numbers, truth: Truth): Float64Array {
  const width = vectorWidth(vectors, truth);
  const cosines = (): Float64Array => rowCosines(vectors, truth.labels, width);
  const each =
    metric === "neighbours"
      ? neighbourShares(vectors, truth.labels, width)
      : metric === "loss"
        ? cosines().map((value) => 1 - value)
        : cosines();
  if (truth.scores === undefined) return each;
  return Float64Array.from({ length: each.length >> 1 }, (_, i) => meanOf(each.subarray(2 * i, 2 * i + 2)));
}

/** Rows of so many numbers at some places. */
function gatherRows(values: Numbers, places: Int32Array, width: number): Numbers {
  if (width === 1) return gather(values, places);
  const rows = new Float32Array(places.length * width);
  for (let i = 0; i < rows.length; i++) {
    rows[i] = values[(places[Math.floor(i / width)] ?? 0) * width + (i % width)] ?? Number.NaN;
  }
  return rows;
}

function gather(values: Numbers, places: Int32Array): Float64Array {
  return Float64Array.from(places, (place) => values[place] ?? Number.NaN);
}
