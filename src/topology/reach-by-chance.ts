/**
 * What density alone explains of the paths through an encoder: a random mask with the density of each matrix, in expectation.
 *
 * Every entry is there with its matrix's density p, independently. A unit is then reached with the chance
 * 1 - (1 - p·c)^n from n units of chance c, and back alike; chances of one matrix are taken to be equal and independent of
 * one another ("mean field"), which is close for layers of hundreds of units and rough for tiny ones. The number of paths is
 * an expectation too, so its logarithm lies a little above the mean of the logarithms. The graph is that of reach.ts.
 */

import { requireItem } from "../base/present.ts";
import { factsOf } from "../bert/config.ts";
import { type BitMatrix, countKept } from "./bits.ts";
import { chanceOfAny } from "./chance.ts";
import {
  type AtStages,
  type LayerMatrices,
  type LayerRules,
  layerMatrices,
  type PathRules,
  type Reach,
  tablesOf,
} from "./reach.ts";
import type { Structure } from "./structure.ts";

/** Chances of units, and ln of the expected number of paths; -∞ where there can be none. */
export interface ReachByChance extends Reach<number> {
  readonly logPaths: number;
}

/** A matrix of which the density is known alone. */
interface Sparse {
  readonly rows: number;
  readonly columns: number;
  readonly density: number;
}
type SparseLayer = Readonly<Record<(typeof MATRICES)[number], Sparse>> &
  LayerRules & { readonly gate: Sparse | undefined };
const MATRICES = ["query", "key", "value", "attentionOutput", "intermediate", "output"] as const;

/** The chances of a structure's densities. */
export function reachByChance(structure: Structure, { skips, reader }: PathRules): ReachByChance {
  const layers = layerMatrices(structure).map(densitiesOf);
  const tables = tablesOf(structure).map(densityOf);
  const written = chanceOfAny(tables.map((table) => someOf(table.density, table.rows)));
  const narrow = factsOf(structure.config).embeddingSize;
  const embedded = narrow === undefined ? written : someOf(written, narrow);
  const paths = tables.reduce((sum, { density, rows }) => sum + density * rows, 0) * (narrow ?? 1);
  const forward: AtStages<number>[] = [];
  let counts: Counts = { unit: Math.log(paths), ends: Number.NEGATIVE_INFINITY };
  for (const layer of layers) {
    const chances = goForward(layer, forward.at(-1)?.out ?? embedded, skips);
    forward.push(chances);
    counts = throughLayer(layer, chances, counts, skips);
  }
  let into = 1;
  const backward: AtStages<number>[] = [];
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = requireItem(layers, i, "layers");
    const back = goBack(layer, requireItem(forward, i, "layers"), reader === "pooler" ? into : 1, skips);
    backward.unshift(back);
    const read = (["query", "key", "value"] as const).map((stage) => readBy(layer[stage], back[stage]));
    into = chanceOfAny(skips ? [...read, back.middle] : read);
  }
  return {
    tables: {
      forward: written,
      backward: narrow === undefined ? into : someOf(into, structure.config.hiddenSize),
    },
    embedded: { forward: embedded, backward: into },
    layers: forward.map((chances, i) => ({ forward: chances, backward: requireItem(backward, i, "layers") })),
    logPaths: Math.log(structure.config.hiddenSize) + (reader === "pooler" ? counts.unit : counts.ends),
  };
}

function densityOf(bits: BitMatrix): Sparse {
  const { rows, columns } = bits;
  const size = rows * columns;
  return { rows, columns, density: size === 0 ? 0 : countKept(bits) / size };
}

function densitiesOf(matrices: LayerMatrices): SparseLayer {
  const { heads, headSize, alone, rotary, gate } = matrices;
  return {
    query: densityOf(matrices.query),
    key: densityOf(matrices.key),
    value: densityOf(matrices.value),
    attentionOutput: densityOf(matrices.attentionOutput),
    intermediate: densityOf(matrices.intermediate),
    output: densityOf(matrices.output),
    gate: gate && densityOf(gate),
    heads,
    headSize,
    alone,
    rotary,
  };
}

/** The chance of at least one of `n` independent events of one chance. */
function someOf(chance: number, n: number): number {
  return 1 - (1 - chance) ** n;
}

/** The chance that a row reads one of the columns, each of which counts with a chance. */
function reads({ density, columns }: Sparse, chance: number): number {
  return someOf(density * chance, columns);
}

/** The chance that a column is read by one of the rows. */
function readBy({ density, rows }: Sparse, chance: number): number {
  return someOf(density * chance, rows);
}

function goForward(layer: SparseLayer, x: number, skips: boolean): AtStages<number> {
  const value = reads(layer.value, x);
  const attended = reads(layer.attentionOutput, value);
  const middle = skips ? chanceOfAny([x, attended]) : attended;
  const intermediate = reads(layer.intermediate, middle);
  const gate = layer.gate === undefined ? intermediate : reads(layer.gate, middle);
  const product = layer.alone.neuron ? chanceOfAny([intermediate, gate]) : intermediate * gate;
  const neurons = layer.gate === undefined ? intermediate : product;
  const fed = reads(layer.output, neurons);
  const out = skips ? chanceOfAny([middle, fed]) : fed;
  const [query, key] = [reads(layer.query, x), reads(layer.key, x)];
  return { query, key, value, middle, intermediate, gate, neurons, out };
}

function goBack(
  layer: SparseLayer,
  forward: AtStages<number>,
  out: number,
  skips: boolean,
): AtStages<number> {
  const { alone } = layer;
  const neurons = readBy(layer.output, out);
  const intermediate = neurons * besideGate(layer, forward.gate);
  const gate = neurons * besideGate(layer, forward.intermediate);
  const read = readBy(layer.intermediate, intermediate);
  const reads = layer.gate === undefined ? [read] : [read, readBy(layer.gate, gate)];
  const middle = chanceOfAny(skips ? [out, ...reads] : reads);
  const value = readBy(layer.attentionOutput, middle);
  const scores = someOf(forward.value * value, layer.headSize);
  const query = scores * (alone.query ? 1 : metBy(layer, forward.key));
  const key = scores * (alone.key ? 1 : metBy(layer, forward.query));
  return { query, key, value, middle, intermediate, gate, neurons, out };
}

/** The chance that a factor of a neuron acts beside the other one. */
function besideGate({ gate, alone }: SparseLayer, other: number): number {
  return gate === undefined || alone.neuron ? 1 : other;
}

/** The chance that a feature of a factor of scores meets a signal of the other. */
function metBy({ rotary }: LayerRules, chance: number): number {
  return rotary ? someOf(chance, 2) : chance;
}

/** ln of the expected paths to one unit, and of their sum over the layers so far. */
interface Counts {
  readonly unit: number;
  readonly ends: number;
}

function throughLayer(layer: SparseLayer, forward: AtStages<number>, before: Counts, skips: boolean): Counts {
  const through = ({ density, columns }: Sparse): number => Math.log(density * columns);
  const feature = (matrix: Sparse): number => before.unit + through(matrix);
  const queries = feature(layer.query) + (layer.alone.query ? 0 : Math.log(metBy(layer, forward.key)));
  const keys = feature(layer.key) + (layer.alone.key ? 0 : Math.log(metBy(layer, forward.query)));
  const scores = Math.log(layer.headSize) + logAdd(keys, queries) + Math.log(forward.value);
  const attended = logAdd(feature(layer.value), scores) + through(layer.attentionOutput);
  const middle = skips ? logAdd(before.unit, attended) : attended;
  const own = through(layer.intermediate) + Math.log(besideGate(layer, forward.gate));
  const gate = layer.gate && through(layer.gate) + Math.log(besideGate(layer, forward.intermediate));
  const fed = middle + (gate === undefined ? own : logAdd(own, gate)) + through(layer.output);
  const unit = skips ? logAdd(middle, fed) : fed;
  return { unit, ends: logAdd(before.ends, unit) };
}

/** ln(e^a + e^b). */
function logAdd(a: number, b: number): number {
  const most = Math.max(a, b);
  return most === Number.NEGATIVE_INFINITY ? most : most + Math.log(Math.exp(a - most) + Math.exp(b - most));
}
