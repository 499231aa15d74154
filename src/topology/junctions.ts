/**
 * Junctions: of the units that one matrix writes, how many does the next one read, and the other way round?
 *
 *   written  w units of n with a weight in what writes them     read  r units with a weight in what reads them
 *   ofWritten = both / w: what is not wasted                    ofRead = both / r: what is not read for nothing
 *   Baselines  independent: both sides choose their units without regard to each other, w·r/n units in both, so r/n of
 *              the written and w/n of the read; and, for w and r themselves, masks shuffled inside their matrices
 *              (chance.ts): n·(1 − Π P(empty)) over the matrices of a side
 *
 * Five junctions of a layer in the order of the forward pass, and one before the first. Units are
 *   hidden units   embeddings (a column of any table) → query, key and value; attention output → intermediate;
 *                  output → query, key and value of the next layer
 *   head features  query → key, whose product is a score, so that a feature needs both; value → attention output
 *   neurons        intermediate → output, and gate → output where neurons are gated; hidden units are read by either
 * Narrow tables write no hidden units themselves, and the projection after them is never pruned: no junction.
 * Hidden units are also carried past every module by the skip path: one that is not written here may have been before.
 * How much of a network lies on no path at all is another question (paths.ts).
 */

import { requireItem } from "../base/present.ts";
import { factsOf } from "../bert/config.ts";
import { type BitMatrix, columnCounts, countKept, rowCounts } from "./bits.ts";
import { type Counted, chanceOfNone, shareOf } from "./chance.ts";
import { type Component, matrixOf, type Structure } from "./structure.ts";

/** What a junction's units are. */
export type JunctionUnits = "hidden units" | "head features" | "neurons";

/** Two sides of the same units. Shares of nothing are null. */
export interface Junction {
  /** As in `intermediate → output`. */
  readonly name: string;
  /** Of what writes; null for the embeddings. */
  readonly layer: number | null;
  readonly kind: JunctionUnits;
  readonly units: number;
  readonly written: Counted;
  readonly read: Counted;
  /** Units that are written and read; `chance` is that of independence. */
  readonly both: Counted;
  readonly ofWritten: number | null;
  readonly ofRead: number | null;
  /** Shares under independence: r/n and w/n. */
  readonly chance: { readonly ofWritten: number | null; readonly ofRead: number | null };
}

/** All junctions in the order of the forward pass. */
export interface Junctions {
  readonly junctions: readonly Junction[];
}

/** One side of a junction: its units by rows or by columns of these matrices; a unit needs a weight in one of them. */
interface Side {
  readonly matrices: readonly BitMatrix[];
  readonly by: "rows" | "columns";
}

/** Counts what is written and read at every junction. */
export function countJunctions(structure: Structure): Junctions {
  const tables = structure.matrices.filter(({ layer }) => layer === null).map(({ bits }) => bits);
  const layers = structure.config.layers.length;
  const isNarrow = factsOf(structure.config).embeddingSize !== undefined;
  const before = layers === 0 || isNarrow ? [] : [embeddingsJunction(structure, tables)];
  const within = Array.from({ length: layers }, (_, layer) => layerJunctions(structure, layer));
  return { junctions: [...before, ...within.flat()] };
}

function embeddingsJunction(structure: Structure, tables: readonly BitMatrix[]): Junction {
  const from: Side = { matrices: tables, by: "columns" };
  return meet("embeddings → attention", null, "hidden units", from, attentionOf(structure, 0));
}

/** What reads hidden units for the attention of a layer. */
function attentionOf(structure: Structure, layer: number): Side {
  const matrices = (["query", "key", "value"] as const).map((part) => matrixOf(structure, part, layer));
  return { matrices, by: "columns" };
}

function layerJunctions(structure: Structure, layer: number): Junction[] {
  const rows = (component: Component): Side => ({
    matrices: [matrixOf(structure, component, layer)],
    by: "rows",
  });
  const columns = (component: Component): Side => ({ ...rows(component), by: "columns" });
  const isGated = structure.config.layers[layer]?.gated === true;
  const neurons: Side = isGated
    ? { matrices: [...columns("intermediate").matrices, ...columns("gate").matrices], by: "columns" }
    : columns("intermediate");
  const within = [
    meet("query → key", layer, "head features", rows("query"), rows("key")),
    meet("value → attention output", layer, "head features", rows("value"), columns("attention output")),
    meet("attention output → intermediate", layer, "hidden units", rows("attention output"), neurons),
    meet("intermediate → output", layer, "neurons", rows("intermediate"), columns("output")),
    ...(isGated ? [meet("gate → output", layer, "neurons", rows("gate"), columns("output"))] : []),
  ];
  if (layer + 1 === structure.config.layers.length) return within;
  const next = attentionOf(structure, layer + 1);
  return [...within, meet("output → attention", layer, "hidden units", rows("output"), next)];
}

function meet(name: string, layer: number | null, kind: JunctionUnits, from: Side, to: Side): Junction {
  const [written, read] = [usedUnits(from), usedUnits(to)];
  const units = written.length;
  const count = (used: readonly boolean[]): number => used.filter(Boolean).length;
  const [w, r] = [count(written), count(read)];
  const both = count(written.map((isWritten, unit) => isWritten && read[unit] === true));
  return {
    name,
    layer,
    kind,
    units,
    written: { found: w, chance: units * chanceOfUse(from) },
    read: { found: r, chance: units * chanceOfUse(to) },
    both: { found: both, chance: units === 0 ? 0 : (w * r) / units },
    ofWritten: shareOf(both, w),
    ofRead: shareOf(both, r),
    chance: { ofWritten: w === 0 ? null : r / units, ofRead: r === 0 ? null : w / units },
  };
}

/** Which units have a weight in one of the side's matrices. */
function usedUnits({ matrices, by }: Side): boolean[] {
  const counts = matrices.map(by === "rows" ? rowCounts : columnCounts);
  return Array.from(requireItem(counts, 0, "matrices"), (_, unit) => counts.some((of) => of[unit] !== 0));
}

/** Chance that a unit has a weight in one of them when each is shuffled. */
function chanceOfUse({ matrices, by }: Side): number {
  const empty = matrices.map((bits) => {
    const size = by === "rows" ? bits.columns : bits.rows;
    return chanceOfNone({ all: bits.rows * bits.columns, kept: countKept(bits), size });
  });
  return 1 - empty.reduce((product, chance) => product * chance, 1);
}
