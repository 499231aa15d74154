/**
 * Which units of an encoder a signal reaches from its inputs, and from which units its outputs are reached.
 *
 * The graph, with D hidden units, A features of all heads, F neurons; an edge is an entry that is there:
 *
 *   inputs        rows of the three tables; an entry of row r and column c is an edge to hidden unit c
 *   value         hidden units → features; features → hidden units by the attention output
 *   scores        hidden units → features of query and key → the scores of their head → each of its features
 *   neurons       hidden units → neurons (intermediate) → hidden units (output); a gate's rows are edges to them too
 *   skips         a hidden unit → itself, past the attention and past the neurons; counted or not, as is asked
 *   outputs       the hidden units of the last layer; of every layer where the head reads a mixture of them
 *   narrow tables write units of their own; the projection from those to the hidden units, which no method prunes, is
 *                 taken to be whole
 *   sharing       a matrix that layers share is there in each of them, and on a path where it is in one
 *
 * A signal is what differs from text to text. Biases are taken to be there and not 0, since no method here prunes them,
 * and are constants, so what has nothing but its bias carries no signal. Three products follow from that, all exact:
 *   - a constant value stays the constant under any attention, whose weights sum to 1: scores act on features with a
 *     signal alone
 *   - a constant key adds the same to all scores of a query, which the softmax takes away: a feature of the query acts
 *     only where the key's has a signal
 *   - a constant query does not switch its keys off: a feature of the key acts beside any query
 * What is without biases is 0 where it has no signal, and switches off what it is multiplied with: a factor of a score, or
 * of a gated neuron, acts where the other one has a signal. With biases either factor of a neuron acts beside any other.
 * Rotary places mix feature i of a head with feature i + A/2, so the other factor of either is its whole pair's; a constant
 * key is then another number at every place, and a query acts beside it.
 * LayerNorm is taken unit by unit. Its mean and its scale do join all units, and counting them nothing would be cut off.
 */

import { requireItem } from "../base/present.ts";
import { factsOf } from "../bert/config.ts";
import type { Reader } from "../bert/facts.ts";
import type { BitMatrix } from "./bits.ts";
import { type Component, matrixOf, type Structure } from "./structure.ts";

/** A set of units: unit i is bit i & 31 of word i >> 5. Bits after the last unit are 0. */
export type Units = Uint32Array;

/** Whether a factor of a product acts beside another one without a signal. */
interface Alone {
  readonly query: boolean;
  readonly key: boolean;
  /** Either factor of a gated neuron. */
  readonly neuron: boolean;
}

/** How the features of a layer are cut into heads, and what acts on what. */
export interface LayerRules {
  readonly heads: number;
  readonly headSize: number;
  readonly alone: Alone;
  /** Whether features i and i + A/2 of a head are mixed before they meet. */
  readonly rotary: boolean;
}

/** The matrices of a layer. */
export interface LayerMatrices extends LayerRules {
  readonly query: BitMatrix;
  readonly key: BitMatrix;
  readonly value: BitMatrix;
  readonly attentionOutput: BitMatrix;
  readonly intermediate: BitMatrix;
  readonly output: BitMatrix;
  readonly gate?: BitMatrix;
}

/**
 * The stages of a layer; `middle` are the hidden units after the attention, `out` those after the layer. Neurons are the
 * products of `intermediate` and `gate`; without a gate all three are the same.
 */
export const STAGES = ["query", "key", "value", "middle", "intermediate", "gate", "neurons", "out"] as const;
export type Stage = (typeof STAGES)[number];

/** What is known of the units at each stage of a layer. */
export type AtStages<T> = Readonly<Record<Stage, T>>;

/** What a signal reaches (`forward`), and from where an output is reached (`backward`): as sets, or as chances. */
export interface Reach<T = Units> {
  /** What the tables write: the hidden units, or those that are projected to them. */
  readonly tables: { readonly forward: T; readonly backward: T };
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
  const { without, positions } = factsOf(structure.config);
  const rotary = positions.kind === "rotary";
  const key = !without.includes("attention");
  const alone: Alone = { key, query: key && rotary, neuron: !without.includes("ffn") };
  return structure.config.layers.map(({ heads, headSize, gated }, layer) => {
    const bits = (component: Component): BitMatrix => matrixOf(structure, component, layer);
    return {
      query: bits("query"),
      key: bits("key"),
      value: bits("value"),
      attentionOutput: bits("attention output"),
      intermediate: bits("intermediate"),
      output: bits("output"),
      ...(gated === true ? { gate: bits("gate") } : {}),
      heads,
      headSize,
      alone,
      rotary,
    };
  });
}

/** The embedding tables: rows are inputs, columns hidden units or those that are projected to them. */
export function tablesOf({ matrices }: Structure): BitMatrix[] {
  return matrices.filter(({ layer }) => layer === null).map(({ bits }) => bits);
}

/** Follows the signal forward, then back from the outputs. */
export function findReach(structure: Structure, rules: PathRules): Reach {
  const layers = layerMatrices(structure);
  const all = everyUnit(structure.config.hiddenSize);
  const written = unionOf(tablesOf(structure).map((table) => columnsOf(table, everyUnit(table.rows))));
  const narrow = factsOf(structure.config).embeddingSize;
  const embedded = narrow === undefined ? written : allOrNone(written, structure.config.hiddenSize);
  const forward: AtStages<Units>[] = [];
  for (const matrices of layers) forward.push(goForward(matrices, forward.at(-1)?.out ?? embedded, rules));
  let into = all; // back from what the layer above reads
  const backward: AtStages<Units>[] = [];
  for (let i = layers.length - 1; i >= 0; i--) {
    const matrices = requireItem(layers, i, "layers");
    const out = rules.reader !== "pooler" ? all : into;
    const units = goBack(matrices, requireItem(forward, i, "layers"), out, rules);
    backward.unshift(units);
    into = backThroughAttention(matrices, units, rules);
  }
  return {
    tables: { forward: written, backward: narrow === undefined ? into : allOrNone(into, narrow) },
    embedded: { forward: embedded, backward: into },
    layers: forward.map((units, i) => ({ forward: units, backward: requireItem(backward, i, "layers") })),
  };
}

function goForward(matrices: LayerMatrices, x: Units, { skips }: PathRules): AtStages<Units> {
  const value = rowsThatRead(matrices.value, x);
  const attended = rowsThatRead(matrices.attentionOutput, value);
  const middle = skips ? unionOf([x, attended]) : attended;
  const intermediate = rowsThatRead(matrices.intermediate, middle);
  const gate = matrices.gate === undefined ? intermediate : rowsThatRead(matrices.gate, middle);
  const neurons = matrices.alone.neuron ? unionOf([intermediate, gate]) : meetOf(intermediate, gate);
  const fed = rowsThatRead(matrices.output, neurons);
  return {
    query: rowsThatRead(matrices.query, x),
    key: rowsThatRead(matrices.key, x),
    value,
    middle,
    intermediate,
    gate,
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
  const { alone, gate: gates } = matrices;
  const beside = (units: Units, other: Units, isAlone: boolean): Units =>
    isAlone ? units : meetOf(units, other);
  const neurons = columnsOf(matrices.output, out);
  const intermediate = beside(neurons, forward.gate, alone.neuron);
  const gate = beside(neurons, forward.intermediate, alone.neuron);
  const read = columnsOf(matrices.intermediate, intermediate);
  const reads = gates === undefined ? [read] : [read, columnsOf(gates, gate)];
  const middle = unionOf(skips ? [out, ...reads] : reads);
  const value = columnsOf(matrices.attentionOutput, middle);
  const scores = headsWith(matrices, meetOf(forward.value, value));
  const query = beside(scores, metBy(matrices, forward.key), alone.query);
  const key = beside(scores, metBy(matrices, forward.query), alone.key);
  return { query, key, value, middle, intermediate, gate, neurons, out };
}

/** The features of a factor of scores that meet one of these of the other: the same ones, or their pairs. */
export function metBy({ heads, headSize, rotary }: LayerRules, features: Units): Units {
  if (!rotary) return features;
  const units = features.slice();
  for (let i = 0; i < heads * headSize; i++) {
    if (hasUnit(features, i))
      addUnit(units, i % headSize < headSize / 2 ? i + headSize / 2 : i - headSize / 2);
  }
  return units;
}

/** All of `n` units where there is one among these, else none. */
function allOrNone(units: Units, n: number): Units {
  return units.some((word) => word !== 0) ? everyUnit(n) : new Uint32Array(Math.ceil(n / 32));
}

/** The hidden units below a layer from which its outputs are reached. */
function backThroughAttention(matrices: LayerMatrices, back: AtStages<Units>, { skips }: PathRules): Units {
  const read = (["query", "key", "value"] as const).map((stage) => columnsOf(matrices[stage], back[stage]));
  return unionOf(skips ? [...read, back.middle] : read);
}

/** All features of the heads that have one of these. */
function headsWith({ heads, headSize }: LayerRules, features: Units): Units {
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
