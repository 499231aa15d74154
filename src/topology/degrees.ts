/**
 * Degrees: how many weights each output reads by (fan-in, a row) and each input is read by (fan-out, a column), how
 * unequal they are, and which units are hubs.
 *
 *   variation    standard deviation / mean of the degrees of one side of a matrix
 *   Baseline     the mask shuffled inside its matrix (chance.ts): mean μ = n·p, deviation σ, which for a part of n weights
 *                far smaller than the matrix is the binomial's √(n·p·(1 − p)); so chance gives the variation σ/μ
 *   bins         how many units lie between μ + z·σ for z = −4 … 4, the ends open, and how many do by chance
 *   hub          a degree above μ + 3σ
 *
 * Studies of brain networks call those hubs whose degree lies one or two standard deviations above the mean, of the degrees
 * that were found (van den Heuvel & Sporns, Trends in Cognitive Sciences 17(12), 2013, reviews them). Departures: σ is
 * that of chance, since the deviation that is found grows with the hubs one looks for; and it is 3σ, since at 2σ one of 44
 * units of a random mask would be a hub, at 3σ one of 740. The exact number by chance stands beside what is found.
 *
 * Hubs of two masks: Jaccard of both sets of units, beside a·b/U units that sets of these sizes share by chance among U.
 * Of a table a row is a word piece, which is no unit that computes, and its columns are the hidden units: tables are among the
 * matrices, and no part of what is said of all together.
 */

import { requireItem } from "../base/present.ts";
import { type BitMatrix, columnCounts, countKept, rowCounts } from "./bits.ts";
import { type Counted, chancesOfAtMost, excessOf, momentsOf, shareOf } from "./chance.ts";
import { type Place, pairMatrices, type Structure } from "./structure.ts";

/** Edges of the bins, in standard deviations from the mean. */
export const EDGES = [-4, -3, -2, -1, 0, 1, 2, 3, 4] as const;

/** A hub's degree is above this many standard deviations. */
export const HUB: (typeof EDGES)[number] = 3;

/** How many hubs are named. */
const NAMED = 10;

/** One side of a matrix. */
export interface Degrees {
  readonly units: number;
  /** Weights that a unit can have. */
  readonly of: number;
  readonly mean: number | null;
  readonly least: number | null;
  readonly median: number | null;
  readonly most: number | null;
  /** Null where no weight is left. */
  readonly variation: number | null;
  readonly chanceVariation: number | null;
  /** Units by bin: up to the first edge, up to the second, …, above the last. */
  readonly bins: readonly Counted[];
  readonly hubs: Counted;
  /** The largest hubs, at most ten, by place; of equal ones the first. */
  readonly largest: readonly { readonly unit: number; readonly degree: number }[];
}

/** The result, in the order of the forward pass. */
export interface DegreeStudy {
  readonly matrices: readonly (Place & { readonly fanIn: Degrees; readonly fanOut: Degrees })[];
}

/** Hubs of two masks. */
export interface SharedHubs {
  readonly units: number;
  readonly first: number;
  readonly second: number;
  /** Units that are hubs of both, and how many are by chance. */
  readonly both: Counted;
  readonly jaccard: number | null;
  readonly chanceJaccard: number | null;
  readonly excess: number | null;
}

/** Hubs of two networks, of each matrix and of all of the encoder together. */
export interface HubOverlap {
  readonly fanIn: SharedHubs;
  readonly fanOut: SharedHubs;
  readonly matrices: readonly (Place & { readonly fanIn: SharedHubs; readonly fanOut: SharedHubs })[];
}

/** Degrees of one side: those of its units, and what chance gives a unit. */
interface Side {
  readonly degrees: Uint32Array;
  readonly of: number;
  readonly all: number;
  readonly kept: number;
}

/** Measures fan-in and fan-out of every matrix. */
export function measureDegrees({ matrices }: Structure): DegreeStudy {
  return {
    matrices: matrices.map(({ name, component, layer, bits }) => {
      const { fanIn, fanOut } = sidesOf(bits);
      return { name, component, layer, fanIn: describe(fanIn), fanOut: describe(fanOut) };
    }),
  };
}

/**
 * Compares which units are hubs.
 * @throws {InputError} `topology/shapes`
 */
export function compareHubs(first: Structure, second: Structure): HubOverlap {
  const matrices = pairMatrices(first, second).map((pair) => {
    const { name, component, layer } = pair;
    const [one, other] = [sidesOf(pair.first), sidesOf(pair.second)];
    const fanIn = shared([countHubs(one.fanIn, other.fanIn)]);
    return { name, component, layer, fanIn, fanOut: shared([countHubs(one.fanOut, other.fanOut)]) };
  });
  const inner = matrices.filter(({ layer }) => layer !== null);
  const [fanIn, fanOut] = [inner.map((matrix) => matrix.fanIn), inner.map((matrix) => matrix.fanOut)];
  return { fanIn: shared(fanIn), fanOut: shared(fanOut), matrices };
}

function sidesOf(bits: BitMatrix): { readonly fanIn: Side; readonly fanOut: Side } {
  const { rows, columns } = bits;
  const [all, kept] = [rows * columns, countKept(bits)];
  return {
    fanIn: { degrees: rowCounts(bits), of: columns, all, kept },
    fanOut: { degrees: columnCounts(bits), of: rows, all, kept },
  };
}

function describe(side: Side): Degrees {
  const { degrees, of, all, kept } = side;
  const units = degrees.length;
  const sorted = degrees.toSorted();
  const { mean, deviation } = momentsOf({ all, kept, size: of });
  const squares = sorted.reduce((sum, degree) => sum + (degree - mean) ** 2, 0);
  const bins = binsOf(side);
  const hubs = bins.slice(EDGES.indexOf(HUB) + 1);
  return {
    units,
    of,
    mean: shareOf(kept, units),
    least: sorted[0] ?? null,
    median: units === 0 ? null : medianOf(sorted),
    most: sorted.at(-1) ?? null,
    variation: kept === 0 ? null : Math.sqrt(squares / units) / mean,
    chanceVariation: kept === 0 ? null : deviation / mean,
    bins,
    hubs: {
      found: hubs.reduce((n, { found }) => n + found, 0),
      chance: hubs.reduce((n, { chance }) => n + chance, 0),
    },
    largest: largestHubs(side),
  };
}

function medianOf(sorted: Uint32Array): number {
  const half = sorted.length >> 1;
  const upper = requireItem(sorted, half, "degrees");
  return sorted.length % 2 === 1 ? upper : (requireItem(sorted, half - 1, "degrees") + upper) / 2;
}

/** The largest degree that is not above each edge: whole numbers, so that a bin and its chance have the same border. */
function bordersOf({ of, all, kept }: Side): number[] {
  const { mean, deviation } = momentsOf({ all, kept, size: of });
  const step = Math.max(deviation, 1e-9); // where all degrees must be the mean, it still lies above the edges below it
  return EDGES.map((z) => Math.floor(mean + z * step));
}

function binsOf(side: Side): Counted[] {
  const { degrees, of, all, kept } = side;
  const borders = bordersOf(side);
  const below = (border: number) => degrees.reduce((n, degree) => n + Number(degree <= border), 0);
  const found = rises([...borders.map(below), degrees.length]);
  const chance = rises([...chancesOfAtMost(borders, { all, kept, size: of }), 1]);
  return found.map((n, i) => ({ found: n, chance: degrees.length * requireItem(chance, i, "bins") }));
}

/** By how much each sum is above the one before it. */
function rises(sums: readonly number[]): number[] {
  return sums.map((sum, i) => (i === 0 ? sum : sum - requireItem(sums, i - 1, "sums")));
}

/** The largest degree that is no hub's. */
function hubBorder(side: Side): number {
  return requireItem(bordersOf(side), EDGES.indexOf(HUB), "borders");
}

function largestHubs(side: Side): Degrees["largest"] {
  const border = hubBorder(side);
  return Array.from(side.degrees, (degree, unit) => ({ unit, degree }))
    .filter(({ degree }) => degree > border)
    .sort((a, b) => b.degree - a.degree)
    .slice(0, NAMED);
}

type HubCounts = Pick<SharedHubs, "units" | "first" | "second" | "both">;

function countHubs(one: Side, other: Side): HubCounts {
  const [border, otherBorder] = [hubBorder(one), hubBorder(other)];
  const isFirst = (unit: number) => requireItem(one.degrees, unit, "degrees") > border;
  const isSecond = (unit: number) => requireItem(other.degrees, unit, "degrees") > otherBorder;
  const units = Array.from(one.degrees, (_, unit) => unit);
  const first = units.filter(isFirst);
  const second = units.filter(isSecond).length;
  const chance = units.length === 0 ? 0 : (first.length * second) / units.length;
  return {
    units: units.length,
    first: first.length,
    second,
    both: { found: first.filter(isSecond).length, chance },
  };
}

function shared(counts: readonly HubCounts[]): SharedHubs {
  const sum = (number: (of: HubCounts) => number): number => counts.reduce((n, of) => n + number(of), 0);
  const [first, second] = [sum((of) => of.first), sum((of) => of.second)];
  const both = { found: sum((of) => of.both.found), chance: sum((of) => of.both.chance) };
  const jaccard = shareOf(both.found, first + second - both.found);
  const chanceJaccard = shareOf(both.chance, first + second - both.chance);
  const excess = excessOf(jaccard, chanceJaccard);
  return { units: sum((of) => of.units), first, second, both, jaccard, chanceJaccard, excess };
}
