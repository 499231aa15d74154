/** Examples of a judged set drawn anew, for a bootstrap (measure/paired.ts), and the loss of each vector. */

import type { Measure } from "../dataset.ts";
import { type Truth, vectorWidth } from "./judge.ts";
import { meanOf, type Numbers } from "./metrics.ts";
import { rowCosines } from "./neighbours.ts";

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

/** The loss of each text of an embedding, 1 minus the cosine with its teacher's vector; of a scored pair the mean of both. */
export function vectorLosses(vectors: Numbers, truth: Truth): Float64Array {
  const width = vectorWidth(vectors, truth);
  const each = rowCosines(vectors, truth.labels, width).map((cosine) => 1 - cosine);
  if (truth.scores === undefined) return each;
  return Float64Array.from(truth.scores, (_, i) => meanOf(each.subarray(2 * i, 2 * i + 2)));
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
