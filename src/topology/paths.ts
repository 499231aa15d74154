/**
 * Effective density: the weights that lie on a path from an input to an output. What lies on none does nothing.
 *
 *   Vysogorets & Kempe, "Connectivity Matters", JMLR 2023 · https://arxiv.org/abs/2107.02306   weights on a path
 *   Pham et al., "Towards Data-Agnostic Pruning At Initialization: What Makes a Good Sparse Mask?", NeurIPS 2023
 *                                                                        effective nodes, and the number of paths
 *
 * An entry (o, i) is on a path when a signal reaches i and an output is reached from o. Which edges there are, and what is
 * assumed of biases, attention and LayerNorm, is in reach.ts. Everything is said twice: with the residual stream, by which
 * a hidden unit that any table writes is reached in every layer, and without it, where each layer has to hand on by itself.
 * The first paper's code counts the skips of ResNets (effective_masks.py of avysogorets/effective-sparsity), so what it
 * calls effective is the number with it.
 * Taking away what no output is reached from changes no answer; what no signal reaches adds a constant.
 *
 * By chance (reach-by-chance.ts): the expectation for a random mask with the density of each matrix.
 */

import { requireItem } from "../base/present.ts";
import { factsOf } from "../bert/config.ts";
import { type BitMatrix, countBits, countKept } from "./bits.ts";
import { logPaths } from "./path-count.ts";
import {
  type AtStages,
  everyUnit,
  findReach,
  hasUnit,
  meetOf,
  type Reach,
  rowsThatRead,
  STAGES,
  type Stage,
  tablesOf,
  type Units,
} from "./reach.ts";
import { type ReachByChance, reachByChance } from "./reach-by-chance.ts";
import {
  type Component,
  type Grouped,
  groupMatrices,
  type Place,
  type Structure,
  usersOf,
} from "./structure.ts";

/** Weights of a part. Those on a path are `onPath` of `kept` of `size`; the effective density is onPath / size. */
export interface PathWeights {
  readonly size: number;
  readonly kept: number;
  readonly onPath: number;
  /** Expected of a random mask of the same densities. */
  readonly onPathByChance: number;
}

/** Of one matrix. */
export interface MatrixPaths extends Place, PathWeights {}

/** Units that lie on a path, of all of their kind. */
export interface EffectiveUnits {
  readonly kind: UnitKind;
  readonly units: number;
  readonly effective: number;
  readonly effectiveByChance: number;
}

/**
 * Rows of tables; what those write where it is projected to the hidden units; hidden units after the embeddings, after
 * each attention and after each layer; the inner ones.
 */
export const UNIT_KINDS = ["input", "embedding", "hidden", "query", "key", "value", "neuron"] as const;
export type UnitKind = (typeof UNIT_KINDS)[number];

/** Everything about the paths, with or without the residual stream. */
export interface PathRecord extends Grouped<PathWeights> {
  readonly matrices: readonly MatrixPaths[];
  readonly units: readonly EffectiveUnits[];
  /** ln of the number of paths; null where there is none. */
  readonly logPaths: number | null;
  readonly logPathsByChance: number | null;
}

export interface Paths {
  readonly withResidual: PathRecord;
  readonly withoutResidual: PathRecord;
}

/** Finds the weights on paths to what the head reads. BERT-base takes 0.3 to 0.5 s of one core. */
export function findPaths(structure: Structure): Paths {
  return { withResidual: pathsUnder(structure, true), withoutResidual: pathsUnder(structure, false) };
}

function pathsUnder(structure: Structure, skips: boolean): PathRecord {
  const { reader } = structure;
  const reach = findReach(structure, { skips, reader });
  const chance = reachByChance(structure, { skips, reader });
  const matrices = structure.matrices.map((matrix): MatrixPaths => {
    const { name, component, layer, bits } = matrix;
    const kept = countKept(bits);
    const layers = layer === null ? [null] : usersOf(structure.config, layer);
    const uses = layers.map((user) => endsOf(component, user, reach, everyUnit(bits.rows)));
    const chances = layers.map((user) => endsOf(component, user, chance, 1));
    return {
      name,
      component,
      layer,
      size: bits.rows * bits.columns,
      kept,
      onPath: countBetween(bits, uses),
      // The mask of a shared matrix is one: what one use reaches the others do, so the widest of them stands for all.
      onPathByChance: kept * chances.reduce((most, { from, to }) => Math.max(most, from * to), 0),
    };
  });
  return {
    matrices,
    ...groupMatrices<MatrixPaths, PathWeights>(matrices, addUp),
    units: unitsOf(structure, reach, chance),
    logPaths: logPaths(structure, reach, { skips, reader }),
    logPathsByChance: Number.isFinite(chance.logPaths) ? chance.logPaths : null,
  };
}

/** Where a matrix reads and where it writes; `below` are the hidden units before the layer. */
const ENDS: Readonly<
  Record<Exclude<Component, "embeddings">, { readonly from: Stage | "below"; readonly to: Stage }>
> = {
  query: { from: "below", to: "query" },
  key: { from: "below", to: "key" },
  value: { from: "below", to: "value" },
  "attention output": { from: "value", to: "middle" },
  intermediate: { from: "middle", to: "intermediate" },
  gate: { from: "middle", to: "gate" },
  output: { from: "neurons", to: "out" },
};

/** What has a signal among what a matrix reads (its columns), and what reaches an output among what it writes (its rows). */
interface Ends<T> {
  readonly from: T;
  readonly to: T;
}

/** The ends of a component's matrix where a layer computes with it. */
function endsOf<T>(component: Component, layer: number | null, reach: Reach<T>, every: T): Ends<T> {
  // A table is read by its rows, all of which have a signal, and writes what its columns are.
  if (component === "embeddings" || layer === null) return { from: reach.tables.backward, to: every };
  const { from, to } = ENDS[component];
  const { forward, backward } = requireItem(reach.layers, layer, "layers");
  if (from !== "below") return { from: forward[from], to: backward[to] };
  const below =
    layer === 0 ? reach.embedded.forward : requireItem(reach.layers, layer - 1, "layers").forward.out;
  return { from: below, to: backward[to] };
}

/** Entries whose row and column are between the ends of one of the uses. */
function countBetween({ rows, stride, words }: BitMatrix, uses: readonly Ends<Units>[]): number {
  let n = 0;
  for (let r = 0; r < rows; r++) {
    const columns = uses.flatMap(({ from, to }) => (hasUnit(to, r) ? [from] : []));
    if (columns.length === 0) continue;
    for (let w = 0, at = r * stride; w < stride; w++) {
      const word = words[at + w] ?? 0;
      if (word === 0) continue;
      let read = 0;
      for (const set of columns) read |= set[w] ?? 0;
      n += countBits(word & read);
    }
  }
  return n;
}

function addUp(parts: readonly PathWeights[]): PathWeights {
  return parts.reduce(
    (sum, part): PathWeights => ({
      size: sum.size + part.size,
      kept: sum.kept + part.kept,
      onPath: sum.onPath + part.onPath,
      onPathByChance: sum.onPathByChance + part.onPathByChance,
    }),
    { size: 0, kept: 0, onPath: 0, onPathByChance: 0 },
  );
}

/** The kind of unit at each stage; a neuron is counted once, not by its factors. */
const KINDS: AtStages<UnitKind | null> = {
  query: "query",
  key: "key",
  value: "value",
  middle: "hidden",
  intermediate: null,
  gate: null,
  neurons: "neuron",
  out: "hidden",
};

function unitsOf(structure: Structure, reach: Reach, chance: ReachByChance): EffectiveUnits[] {
  const { hiddenSize: D, layers } = structure.config;
  const found: EffectiveUnits[] = tablesOf(structure).map((table) => {
    const effective = countUnits(rowsThatRead(table, reach.tables.backward));
    const density = countKept(table) / (table.rows * table.columns);
    const each = 1 - (1 - density * chance.tables.backward) ** table.columns;
    return { kind: "input", units: table.rows, effective, effectiveByChance: table.rows * each };
  });
  const add = (kind: UnitKind, units: number, at: BothWays<Units>, chances: BothWays<number>): void => {
    const effectiveByChance = units * chances.forward * chances.backward;
    found.push({ kind, units, effective: countUnits(meetOf(at.forward, at.backward)), effectiveByChance });
  };
  const narrow = factsOf(structure.config).embeddingSize;
  if (narrow !== undefined) add("embedding", narrow, reach.tables, chance.tables);
  add("hidden", D, reach.embedded, chance.embedded);
  layers.forEach(({ heads, headSize, ffn }, i) => {
    const A = heads * headSize;
    const sizes = { query: A, key: A, value: A, middle: D, intermediate: 0, gate: 0, neurons: ffn, out: D };
    for (const stage of STAGES) {
      const kind = KINDS[stage];
      if (kind === null) continue;
      const [at, chances] = [requireItem(reach.layers, i, "layers"), requireItem(chance.layers, i, "layers")];
      add(kind, sizes[stage], atStage(at, stage), atStage(chances, stage));
    }
  });
  return UNIT_KINDS.flatMap((kind) => {
    const own = found.filter((each) => each.kind === kind);
    return own.length === 0 ? [] : [addUnits(kind, own)];
  });
}

interface BothWays<T> {
  readonly forward: T;
  readonly backward: T;
}

function atStage<T>({ forward, backward }: BothWays<AtStages<T>>, stage: Stage): BothWays<T> {
  return { forward: forward[stage], backward: backward[stage] };
}

function addUnits(kind: UnitKind, parts: readonly EffectiveUnits[]): EffectiveUnits {
  const sum = (of: (part: EffectiveUnits) => number): number => parts.reduce((n, part) => n + of(part), 0);
  return {
    kind,
    units: sum(({ units }) => units),
    effective: sum(({ effective }) => effective),
    effectiveByChance: sum(({ effectiveByChance }) => effectiveByChance),
  };
}

function countUnits(units: Units): number {
  return units.reduce((n, word) => n + countBits(word), 0);
}
