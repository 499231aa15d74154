/**
 * Heads and neurons: which are dead, nearly dead or full, and how dense each is.
 *
 *   Paper    Prasanna, Rogers & Rumshisky, When BERT Plays the Lottery, All Tickets Are Winning, 2020 (which heads and
 *            feed-forward modules survive) · https://arxiv.org/abs/2005.00561
 *
 * A neuron has two sides: what it reads (its row of `intermediate`) and who reads it (its column of `output`). A head's
 * feature has two as well: its row of `value`, its column of `attention output`; query and key say only where a head looks.
 *
 *   dead         every feature has an empty side: what the unit says is a constant (network/dead-units.ts removes it)
 *   nearly dead  not dead, and of one side at most `nearly` × the mean of its matrix is left; one weight always counts so
 *   full         nothing is missing: of a neuron all sides, of a head all four matrices
 * A gated neuron has one side more, its row of `gate`. What it says is the product of both rows' sums. Without biases one
 * empty row makes it 0, and the neuron dead. With biases an empty row is a constant factor, and it takes two for that.
 *
 * Baseline: how many there would be if every mask were shuffled inside its matrix (chance.ts). With P(side) the chance
 * that a side of n weights keeps at most so many, two matrices being independent, 1 − (1 − P₁)(1 − P₂) units of a kind.
 * Exact but for dead heads: the A features of a head count as independent, P(feature)^A, which is off by O(n/N).
 */

import { requireItem } from "../base/present.ts";
import { factsOf, type LayerConfig } from "../bert/config.ts";
import { type BitMatrix, columnCounts, countKept, rowCounts } from "./bits.ts";
import {
  type Counted,
  chanceOfAll,
  chanceOfAny,
  chanceOfAtMost,
  chanceOfNone,
  type Part,
  shareOf,
} from "./chance.ts";
import { type Component, matrixOf, type Structure } from "./structure.ts";

/** Units of a kind. */
export interface Tally {
  readonly units: number;
  readonly dead: Counted;
  readonly nearlyDead: Counted;
  readonly full: Counted;
}

/** What a unit is; `alive` is everything between. */
export type UnitState = "dead" | "nearly dead" | "alive" | "full";

/** Shares kept of a head's four parts, or of the four matrices together, which are the heads' baseline. */
export interface HeadShares {
  readonly query: number | null;
  readonly key: number | null;
  readonly value: number | null;
  readonly output: number | null;
  readonly all: number | null;
}

/** One head. */
export interface HeadUnit extends HeadShares {
  readonly state: UnitState;
}

/** One layer. */
export interface LayerUnits {
  readonly layer: number;
  readonly heads: Tally & { readonly baseline: HeadShares; readonly each: readonly HeadUnit[] };
  readonly neurons: Tally & {
    /** Weights of each side of a neuron: the hidden size. Shares are the numbers below by this one. */
    readonly of: number;
    /** Kept weights that each neuron reads by, and that it is read by. */
    readonly reads: readonly number[];
    readonly readBy: readonly number[];
    /** Their means, the neurons' baseline; null without neurons. */
    readonly meanReads: number | null;
    readonly meanReadBy: number | null;
  };
}

/** The result. */
export interface Units {
  readonly heads: Tally;
  readonly neurons: Tally;
  readonly layers: readonly LayerUnits[];
}

/**
 * Looks at every head and neuron.
 * @param nearly  see the header; a tenth of what a unit of that matrix has on average
 */
export function surveyUnits(structure: Structure, nearly = 0.1): Units {
  const layers = structure.config.layers.map((sizes, layer): LayerUnits => {
    const heads = surveyHeads(structure, layer, sizes, nearly);
    return { layer, heads, neurons: surveyNeurons(structure, layer, sizes.gated === true, nearly) };
  });
  return {
    heads: sumTallies(layers.map(({ heads }) => heads)),
    neurons: sumTallies(layers.map(({ neurons }) => neurons)),
    layers,
  };
}

/** The same part of every unit of a matrix. */
interface Side {
  /** Weights that each unit keeps of it. */
  readonly counts: readonly number[];
  readonly part: Part;
  /** The most that counts as nearly dead. */
  readonly little: number;
}

/** All units of a module. */
interface Module {
  /** Input and output: a unit without one of them does nothing. */
  readonly sides: readonly Side[];
  /** Everything that a full unit has. */
  readonly whole: readonly Side[];
  readonly isDead: readonly boolean[];
  /** Chance that a unit is dead. */
  readonly dead: number;
}

function sideOf(matrix: BitMatrix, counts: readonly number[], nearly: number): Side {
  const [all, kept, units] = [matrix.rows * matrix.columns, countKept(matrix), Math.max(1, counts.length)];
  const little = Math.max(1, Math.floor((nearly * kept) / units));
  return { counts, part: { all, kept, size: all / units }, little };
}

function surveyNeurons(
  structure: Structure,
  layer: number,
  isGated: boolean,
  nearly: number,
): LayerUnits["neurons"] {
  const [into, out] = [matrixOf(structure, "intermediate", layer), matrixOf(structure, "output", layer)];
  const rowSide = (component: Component): Side => {
    const matrix = matrixOf(structure, component, layer);
    return sideOf(matrix, [...rowCounts(matrix)], nearly);
  };
  const reads = rowSide("intermediate");
  const readBy = sideOf(out, [...columnCounts(out)], nearly);
  const { without } = factsOf(structure.config);
  const gate = isGated ? [rowSide("gate")] : [];
  const sides = [reads, ...gate, readBy];
  // Sides of which one has to be empty for a neuron to be dead; both factors of a product with biases are one of them.
  const deaths = without.includes("ffn") ? sides.map((side) => [side]) : [[reads, ...gate], [readBy]];
  const isEmpty = (unit: number) => (side: Side) => side.counts[unit] === 0;
  const isDead = reads.counts.map((_, i) => deaths.some((together) => together.every(isEmpty(i))));
  const dead = chanceOfAny(
    deaths.map((together) => together.reduce((chance, { part }) => chance * chanceOfNone(part), 1)),
  );
  const module: Module = { sides, whole: sides, isDead, dead };
  return {
    ...tally(module, statesOf(module)),
    of: structure.config.hiddenSize,
    reads: reads.counts,
    readBy: readBy.counts,
    meanReads: shareOf(reads.part.kept, into.rows),
    meanReadBy: shareOf(readBy.part.kept, into.rows),
  };
}

function surveyHeads(
  structure: Structure,
  layer: number,
  { heads, headSize }: LayerConfig,
  nearly: number,
): LayerUnits["heads"] {
  const part = (component: Component, count: (matrix: BitMatrix) => Uint32Array) => {
    const matrix = matrixOf(structure, component, layer);
    const features = count(matrix);
    const counts = Array.from({ length: heads }, (_, head) =>
      features.subarray(head * headSize, (head + 1) * headSize).reduce((sum, n) => sum + n, 0),
    );
    return { features, ...sideOf(matrix, counts, nearly) };
  };
  const [value, output] = [part("value", rowCounts), part("attention output", columnCounts)];
  const whole = [part("query", rowCounts), part("key", rowCounts), value, output];
  const isDeadFeature = Array.from(value.features, (n, a) => n === 0 || output.features[a] === 0);
  const isDead = Array.from({ length: heads }, (_, head) =>
    isDeadFeature.slice(head * headSize, (head + 1) * headSize).every(Boolean),
  );
  const sides = [value, output];
  const ofFeature = sides.map((side) => chanceOfNone({ ...side.part, size: side.part.size / headSize }));
  const module: Module = { sides, whole, isDead, dead: chanceOfAny(ofFeature) ** headSize };
  const states = statesOf(module);
  return {
    ...tally(module, states),
    baseline: sharesOf(whole.map(({ part: { kept, all } }) => [kept, all])),
    each: states.map((state, head): HeadUnit => {
      const own = whole.map(({ counts, part }) => [requireItem(counts, head, "heads"), part.size] as const);
      return { state, ...sharesOf(own) };
    }),
  };
}

/** @param parts  kept weights and all weights of query, key, value and output */
function sharesOf(parts: readonly (readonly [kept: number, all: number])[]): HeadShares {
  const [query = null, key = null, value = null, output = null] = parts.map(([kept, all]) =>
    shareOf(kept, all),
  );
  const sum = (i: 0 | 1) => parts.reduce((total, part) => total + part[i], 0);
  return { query, key, value, output, all: shareOf(sum(0), sum(1)) };
}

function statesOf({ sides, whole, isDead }: Module): UnitState[] {
  return isDead.map((dead, unit) => {
    if (dead) return "dead";
    if (whole.every(({ counts, part }) => counts[unit] === part.size)) return "full";
    const isLittle = sides.some(({ counts, little }) => requireItem(counts, unit, "units") <= little);
    return isLittle ? "nearly dead" : "alive";
  });
}

function tally({ sides, whole, dead }: Module, states: readonly UnitState[]): Tally {
  const units = states.length;
  const little = chanceOfAny(sides.map((side) => chanceOfAtMost(side.little, side.part)));
  const full = whole.reduce((chance, { part }) => chance * chanceOfAll(part), 1);
  const count = (kind: UnitState, chance: number): Counted => ({
    found: states.filter((state) => state === kind).length,
    chance: units * chance,
  });
  return {
    units,
    dead: count("dead", dead),
    nearlyDead: count("nearly dead", Math.max(0, little - dead)),
    full: count("full", full),
  };
}

function sumTallies(tallies: readonly Tally[]): Tally {
  const sum = (number: (tally: Tally) => number): number =>
    tallies.reduce((n, tally) => n + number(tally), 0);
  const counted = (kind: "dead" | "nearlyDead" | "full"): Counted => ({
    found: sum((tally) => tally[kind].found),
    chance: sum((tally) => tally[kind].chance),
  });
  return {
    units: sum(({ units }) => units),
    dead: counted("dead"),
    nearlyDead: counted("nearlyDead"),
    full: counted("full"),
  };
}
