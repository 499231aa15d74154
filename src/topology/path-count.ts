/**
 * The number of paths from an input to an output of the graph of reach.ts, as a natural logarithm.
 *
 * The paths to a unit are the sum of the paths to what it reads. A dense BERT-base has some 10^170 of them, and deeper
 * models more than a double holds, so the numbers of a layer stand over one common factor, whose logarithm is kept aside.
 * Sums over the entries of a row are taken 8 columns at a time, from a table of the 256 sums that these may have.
 */

import { requireItem } from "../base/present.ts";
import { factsOf } from "../bert/config.ts";
import { type BitMatrix, columnCounts } from "./bits.ts";
import {
  hasUnit,
  type LayerMatrices,
  layerMatrices,
  metBy,
  type PathRules,
  type Reach,
  tablesOf,
  type Units,
} from "./reach.ts";
import type { Structure } from "./structure.ts";

/** Numbers of paths to each unit, over e^scale. */
interface Counts {
  readonly paths: Float64Array;
  readonly scale: number;
}

/** ln of the number of paths; null where there is none. @param reach  of the same structure and rules */
export function logPaths(structure: Structure, reach: Reach, rules: PathRules): number | null {
  let counts = rescale({ paths: embeddedPaths(structure), scale: 0 });
  const ends: Counts[] = [];
  layerMatrices(structure).forEach((matrices, i) => {
    counts = throughLayer(matrices, requireItem(reach.layers, i, "layers"), counts, rules);
    if (rules.reader !== "pooler") ends.push(counts);
  });
  return logSum(ends.length > 0 ? ends : [counts]);
}

/** Paths to each hidden unit after the embeddings: one from each entry of a table, and through all of a projection. */
function embeddedPaths(structure: Structure): Float64Array {
  const tables = tablesOf(structure).map(columnCounts);
  const { hiddenSize } = structure.config;
  const { embeddingSize } = factsOf(structure.config);
  const paths = Float64Array.from({ length: embeddingSize ?? hiddenSize }, (_, unit) =>
    tables.reduce((sum, table) => sum + requireItem(table, unit, "columns"), 0),
  );
  if (embeddingSize === undefined) return paths;
  return new Float64Array(hiddenSize).fill(paths.reduce((sum, n) => sum + n, 0));
}

function throughLayer(
  matrices: LayerMatrices,
  { forward }: Reach["layers"][number],
  { paths: x, scale }: Counts,
  { skips }: PathRules,
): Counts {
  const mixed = sumsOver(matrices.value, x);
  const scores = scorePaths(matrices, forward, x);
  const ofHead = (feature: number): number => scores[Math.floor(feature / matrices.headSize)] ?? 0;
  for (let i = 0; i < mixed.length; i++)
    if (hasUnit(forward.value, i)) mixed[i] = (mixed[i] ?? 0) + ofHead(i);
  const attended = sumsOver(matrices.attentionOutput, mixed);
  const middle = rescale({ paths: skips ? plus(attended, x) : attended, scale });
  const fed = sumsOver(matrices.output, neuronPaths(matrices, forward, middle.paths));
  return rescale({ paths: skips ? plus(fed, middle.paths) : fed, scale: middle.scale });
}

/** Paths to each neuron: by its row, and by its gate's. */
function neuronPaths(
  { intermediate, gate, alone }: LayerMatrices,
  forward: Reach["layers"][number]["forward"],
  middle: Float64Array,
): Float64Array {
  const own = sumsOver(intermediate, middle);
  if (gate === undefined) return own;
  const gates = sumsOver(gate, middle);
  return plus(acting(own, forward.gate, alone.neuron), acting(gates, forward.intermediate, alone.neuron));
}

/** Paths to the scores of each head: by the features of its keys and of its queries that act. */
function scorePaths(
  matrices: LayerMatrices,
  forward: Reach["layers"][number]["forward"],
  x: Float64Array,
): Float64Array {
  const { query, key, heads, headSize, alone } = matrices;
  const queries = acting(sumsOver(query, x), metBy(matrices, forward.key), alone.query);
  const keys = acting(sumsOver(key, x), metBy(matrices, forward.query), alone.key);
  const features = plus(keys, queries);
  return Float64Array.from({ length: heads }, (_, head) =>
    features.subarray(head * headSize, (head + 1) * headSize).reduce((sum, n) => sum + n, 0),
  );
}

/** Paths to the units of a factor that act: all of them alone, else those beside a signal of the other. */
function acting(paths: Float64Array, beside: Units, isAlone: boolean): Float64Array {
  return isAlone ? paths : paths.map((n, i) => (hasUnit(beside, i) ? n : 0));
}

/** For each row the sum of `numbers` over the columns where it has an entry. */
function sumsOver({ rows, stride, words }: BitMatrix, numbers: Float64Array): Float64Array {
  const tables = byteSums(numbers, stride);
  const sums = new Float64Array(rows);
  for (let r = 0, w = 0; r < rows; r++) {
    let sum = 0;
    for (let at = 0; at < stride * 1024; at += 1024, w++) {
      const word = words[w] ?? 0;
      if (word === 0) continue;
      sum +=
        (tables[at + (word & 255)] ?? 0) +
        (tables[at + 256 + ((word >>> 8) & 255)] ?? 0) +
        (tables[at + 512 + ((word >>> 16) & 255)] ?? 0) +
        (tables[at + 768 + (word >>> 24)] ?? 0);
    }
    sums[r] = sum;
  }
  return sums;
}

/** For every 8 numbers the sums of their subsets: subset `bits` of numbers 8·k to 8·k + 7 at place 256·k + bits. */
function byteSums(numbers: Float64Array, stride: number): Float64Array {
  const tables = new Float64Array(stride * 1024);
  for (let first = 0; first < tables.length; first += 256) {
    for (let bits = 1; bits < 256; bits++) {
      const low = 31 - Math.clz32(bits & -bits);
      const rest = tables[first + (bits & (bits - 1))] ?? 0;
      tables[first + bits] = rest + (numbers[(first >> 5) + low] ?? 0);
    }
  }
  return tables;
}

/** The same numbers, the largest of them 1. */
function rescale({ paths, scale }: Counts): Counts {
  const largest = paths.reduce((most, n) => Math.max(most, n), 0);
  return largest === 0
    ? { paths, scale }
    : { paths: paths.map((n) => n / largest), scale: scale + Math.log(largest) };
}

function plus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((n, i) => n + (b[i] ?? 0));
}

/** ln of the sum of all paths; null where it is 0. */
function logSum(parts: readonly Counts[]): number | null {
  const scale = parts.reduce((most, part) => Math.max(most, part.scale), Number.NEGATIVE_INFINITY);
  const sum = parts.reduce(
    (all, part) => all + Math.exp(part.scale - scale) * part.paths.reduce((n, m) => n + m, 0),
    0,
  );
  return sum === 0 ? null : scale + Math.log(sum);
}
