/**
 * Which units of an encoder a signal reaches from its inputs, and from which units its outputs are reached.
 *
 * The graph, with D hidden units, A features of all heads, F neurons; an edge is an entry that is there:
 *
 *   inputs        rows of the three tables; an entry of row r and column c is an edge to hidden unit c
 *   value         hidden units → features; features → hidden units by the attention output
 *   scores        hidden units → features of query and key → the scores of their head → each of its features
 *   neurons       hidden units → neurons (intermediate) → hidden units (output)
 *   skips         a hidden unit → itself, past the attention and past the neurons; counted or not, as is asked
 *   outputs       the hidden units of the last layer; of every layer where the head reads a mixture of them
 *
 * A signal is what differs from text to text. Biases are taken to be there and not 0, since no method here prunes them,
 * and are constants, so what has nothing but its bias carries no signal. Three products follow from that, all exact:
 *   - a constant value stays the constant under any attention, whose weights sum to 1: scores act on features with a
 *     signal alone
 *   - a constant key adds the same to all scores of a query, which the softmax takes away: a feature of the query acts
 *     only where the key's has a signal
 *   - a constant query does not switch its keys off: a feature of the key acts beside any query
 * LayerNorm is taken unit by unit. Its mean and its scale do join all units, and counting them nothing would be cut off.
 */

import { requireItem } from "../base/present.ts";
import type { Reader } from "../bert/config.ts";
import type { BitMatrix } from "./bits.ts";
import { type Component, matrixOf, requirePlain, type Structure } from "./structure.ts";

/** A set of units: unit i is bit i & 31 of word i >> 5. Bits after the last unit are 0. */
export type Units = Uint32Array;

/** The six matrices of a layer, and how its features are cut into heads. */
export interface LayerMatrices {
  readonly query: BitMatrix;
  readonly key: BitMatrix;
  readonly value: BitMatrix;
  readonly attentionOutput: BitMatrix;
  readonly intermediate: BitMatrix;
  readonly output: BitMatrix;
  readonly heads: number;
  readonly headSize: number;
}

/** The stages of a layer; `middle` are the hidden units after the attention, `out` those after the layer. */
export const STAGES = ["query", "key", "value", "middle", "neurons", "out"] as const;
export type Stage = (typeof STAGES)[number];

/** What is known of the units at each stage of a layer. */
export type AtStages<T> = Readonly<Record<Stage, T>>;

/** What a signal reaches (`forward`), and from where an output is reached (`backward`): as sets, or as chances. */
export interface Reach<T = Units> {
  /** The hidden units after the embeddings. */
  readonly embedded: { readonly forward: T; readonly backward: T };
  readonly layers: readonly { readonly forward: AtStages<T>; readonly backward: AtStages<T> }[];
}

/** What counts as a path. */
export interface PathRules {
  /** Whether the residual stream does. */
  readonly skips: boolean;
  /** What the head reads. */
  readonly reader: Reader;
}

/** The matrices of each layer. */
export function layerMatrices(structure: Structure): LayerMatrices[] {
  return structure.config.layers.map(({ heads, headSize }, layer) => {
    const bits = (component: Component): BitMatrix => matrixOf(structure, component, layer);
    return {
      query: bits("query"),
      key: bits("key"),
      value: bits("value"),
      attentionOutput: bits("attention output"),
      intermediate: bits("intermediate"),
      output: bits("output"),
      heads,
      headSize,
    };
  });
}

/** The embedding tables: rows are inputs, columns hidden units. */
export function tablesOf({ matrices }: Structure): BitMatrix[] {
  return matrices.filter(({ layer }) => layer === null).map(({ bits }) => bits);
}

/** Follows the signal forward, then back from the outputs. @throws {InputError} `topology/architecture` */
export function findReach(structure: Structure, rules: PathRules): Reach {
  requirePlain(structure);
  const layers = layerMatrices(structure);
  const all = everyUnit(structure.config.hiddenSize);
  const embedded = unionOf(tablesOf(structure).map((table) => columnsOf(table, everyUnit(table.rows))));
  const forward: AtStages<Units>[] = [];
  for (const matrices of layers) forward.push(goForward(matrices, forward.at(-1)?.out ?? embedded, rules));
  let into = all; // back from what the layer above reads
  const backward: AtStages<Units>[] = [];
  for (let i = layers.length - 1; i >= 0; i--) {
    const matrices = requireItem(layers, i, "layers");
    const out = rules.reader === "mixture" ? all : into;
    const units = goBack(matrices, requireItem(forward, i, "layers"), out, rules);
    backward.unshift(units);
    into = backThroughAttention(matrices, units, rules);
  }
  return {
    embedded: { forward: embedded, backward: into },
    layers: forward.map((units, i) => ({ forward: units, backward: requireItem(backward, i, "layers") })),
  };
}

function goForward(matrices: LayerMatrices, x: Units, { skips }: PathRules): AtStages<Units> {
  const value = rowsThatRead(matrices.value, x);
  const attended = rowsThatRead(matrices.attentionOutput, value);
  const middle = skips ? unionOf([x, attended]) : attended;
  const neurons = rowsThatRead(matrices.intermediate, middle);
  const fed = rowsThatRead(matrices.output, neurons);
  return {
    query: rowsThatRead(matrices.query, x),
    key: rowsThatRead(matrices.key, x),
    value,
    middle,
    neurons,
    out: skips ? unionOf([middle, fed]) : fed,
  };
}

function goBack(
  matrices: LayerMatrices,
  forward: AtStages<Units>,
  out: Units,
  { skips }: PathRules,
): AtStages<Units> {
  const neurons = columnsOf(matrices.output, out);
  const read = columnsOf(matrices.intermediate, neurons);
  const middle = skips ? unionOf([out, read]) : read;
  const value = columnsOf(matrices.attentionOutput, middle);
  const key = headsWith(matrices, meetOf(forward.value, value));
  return { query: meetOf(key, forward.key), key, value, middle, neurons, out };
}

/** The hidden units below a layer from which its outputs are reached. */
function backThroughAttention(matrices: LayerMatrices, back: AtStages<Units>, { skips }: PathRules): Units {
  const read = (["query", "key", "value"] as const).map((stage) => columnsOf(matrices[stage], back[stage]));
  return unionOf(skips ? [...read, back.middle] : read);
}

/** All features of the heads that have one of these. */
function headsWith({ heads, headSize }: LayerMatrices, features: Units): Units {
  const units = new Uint32Array(features.length);
  for (let first = 0; first < heads * headSize; first += headSize) {
    let found = false;
    for (let i = first; i < first + headSize && !found; i++) found = hasUnit(features, i);
    if (found) for (let i = first; i < first + headSize; i++) addUnit(units, i);
  }
  return units;
}

/** Rows with an entry in one of these columns. */
export function rowsThatRead({ rows, stride, words }: BitMatrix, columns: Units): Units {
  const units = new Uint32Array(Math.ceil(rows / 32));
  for (let r = 0; r < rows; r++) {
    for (let w = 0, at = r * stride; w < stride; w++) {
      if (((words[at + w] ?? 0) & (columns[w] ?? 0)) === 0) continue;
      addUnit(units, r);
      break;
    }
  }
  return units;
}

/** Columns with an entry in one of these rows. */
function columnsOf({ rows, stride, words }: BitMatrix, chosen: Units): Units {
  const units = new Uint32Array(stride);
  for (let r = 0; r < rows; r++) {
    if (!hasUnit(chosen, r)) continue;
    for (let w = 0, at = r * stride; w < stride; w++) units[w] = (units[w] ?? 0) | (words[at + w] ?? 0);
  }
  return units;
}

/** Units 0 to n - 1. */
export function everyUnit(n: number): Units {
  const units = new Uint32Array(Math.ceil(n / 32)).fill(0xffffffff);
  if (n % 32 !== 0) units[units.length - 1] = 2 ** (n % 32) - 1;
  return units;
}

export function hasUnit(units: Units, i: number): boolean {
  return (((units[i >> 5] ?? 0) >>> (i & 31)) & 1) === 1;
}

function addUnit(units: Units, i: number): void {
  units[i >> 5] = (units[i >> 5] ?? 0) | (1 << (i & 31));
}

/** What is in one of the sets, which are of one size. */
function unionOf(sets: readonly Units[]): Units {
  return requireItem(sets, 0, "sets").map((_, w) => sets.reduce((word, set) => word | (set[w] ?? 0), 0));
}

/** What is in both. */
export function meetOf(a: Units, b: Units): Units {
  return a.map((word, w) => word & (b[w] ?? 0));
}
