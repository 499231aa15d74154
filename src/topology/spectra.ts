/**
 * Spectra of what is left of each matrix of the encoder: how many directions it still has, and how well its mask connects.
 *
 *   singular values   of the weights under the mask, σ_1 ≥ σ_2 ≥ …
 *   stable rank       ‖W‖²_F / σ_1²                                                    (Rudelson & Vershynin 2007)
 *   effective rank    exp of the entropy of σ_i / Σσ                                   (Roy & Vetterli 2007)
 *   Ramanujan gap     √(d_rows - 1) + √(d_columns - 1) - σ_2 of the mask as the adjacency of a bipartite graph, with the
 *                     mean degrees of its rows and columns. Not below 0: the graph is Ramanujan, an expander as good as there is
 *                     (of pruning: Pal et al., ICML 2022; Hoang et al., ICLR 2023)
 *
 * Conditions of the gap: the bound is one of graphs with equal degrees on each side, of 3 at least. Degrees of masks differ:
 * their coefficients of variation stand beside the gap, and `applies` is false below a mean of 3. Units without an entry
 * are no part of the graph. Its known weakness: among masks of one density it does not tell good from bad, so it is no
 * better than density alone (Hoang et al., ICLR 2023; Cunegatti et al., TMLR 2024), and a random mask has nearly the largest
 * gap there can be.
 *
 * By chance: the same weights at other places of the matrix, drawn once from the key, and measured alike; `edge` is where
 * the spectrum of independent weights of this size ends (Marchenko & Pastur 1967): their root mean square times
 * √rows + √columns. Embedding tables are left out: their rows are word pieces, which are not written by a layer.
 *
 * On one core a BERT-base that keeps a tenth of its weights takes 35 s for the largest values and 2 minutes for all, six layers
 * of D = 384 take 10 s for all. This is arithmetic on the weights; what is counted on masks alone is in the other files.
 */

import { requireEntry, requireItem } from "../base/present.ts";
import { fold, type Key, shuffled } from "../base/random.ts";
import type { Network } from "../network/network.ts";
import { forEachKept } from "./bits.ts";
import {
  allSingularValues,
  type Lines,
  largestSingularValues,
  linesOf,
  onesOf,
  squaredSize,
} from "./singular-values.ts";
import { type Place, placesOf, type Structure } from "./structure.ts";

/** Of the weights that are kept. */
export interface WeightSpectrum {
  /** σ_1; 0 of a matrix without weights. */
  readonly largest: number;
  /** Null of a matrix without weights. */
  readonly stableRank: number | null;
  /** Null where only the largest was asked for. */
  readonly effectiveRank: number | null;
  /** All, descending; null where only the largest was asked for. */
  readonly singularValues: readonly number[] | null;
}

/** Of the mask, as a bipartite graph. */
export interface MaskSpectrum {
  readonly first: number;
  readonly second: number;
  /** √(d_rows - 1) + √(d_columns - 1). */
  readonly bound: number;
  /** bound - second. */
  readonly gap: number;
  /** Mean degrees of rows and columns that have an entry, and their deviation over the mean. */
  readonly rowDegree: number;
  readonly rowVariation: number;
  readonly columnDegree: number;
  readonly columnVariation: number;
  /** Whether both mean degrees are 3 at least. */
  readonly applies: boolean;
}

export interface MatrixSpectrum extends Place {
  readonly rows: number;
  readonly columns: number;
  readonly kept: number;
  readonly weights: WeightSpectrum;
  /** Of the same weights at other places. */
  readonly weightsByChance: WeightSpectrum;
  /** The largest singular value of independent weights as large as these. */
  readonly edge: number;
  readonly mask: MaskSpectrum;
  readonly maskByChance: MaskSpectrum;
}

export interface SpectraRecord {
  /** What a reader of the numbers has to know. */
  readonly note: string;
  readonly matrices: readonly MatrixSpectrum[];
}

/** Of a run that kept its masks alone. */
export interface MaskSpectraRecord {
  readonly note: string;
  readonly matrices: ReturnType<typeof findMaskSpectra>;
}

const NOTE =
  "The Ramanujan gap predicts no better than density alone (TMLR 2024), and asks for equal degrees of at least 3.";

export interface SpectraOptions {
  /** Of the places by chance, and of the iterations' starts. */
  readonly key: Key;
  /** Every singular value, and with them the effective rank; default false: the largest alone. */
  readonly whole?: boolean;
}

/** Measures every matrix of the encoder's layers. */
export function findSpectra(network: Network, { key, whole = false }: SpectraOptions): SpectraRecord {
  const places = placesOf(network.config).filter(({ layer }) => layer !== null);
  return {
    note: NOTE,
    matrices: places.map((place) => spectrumOf(network, place, fold(key, place.name), whole)),
  };
}

/** The same of masks whose weights are gone. */
export function recordMaskSpectra(structure: Structure, key: Key): MaskSpectraRecord {
  return { note: NOTE, matrices: findMaskSpectra(structure, key) };
}

/**
 * The masks of the encoder's matrices alone, where the weights are gone. `kept` over the square of the first value is the
 * mask's stable rank.
 */
export function findMaskSpectra(
  { matrices }: Structure,
  key: Key,
): (Place & { readonly kept: number; readonly mask: MaskSpectrum })[] {
  return matrices
    .filter(({ layer }) => layer !== null)
    .map(({ bits, ...place }) => {
      const entries = new Float32Array(bits.rows * bits.columns);
      forEachKept(bits, (row, column) => {
        entries[row * bits.columns + column] = 1;
      });
      const lines = linesOf(entries, bits.rows, bits.columns);
      const mask = maskSpectrum(lines, bits.rows, bits.columns, fold(key, place.name));
      return { ...place, kept: lines.values.length, mask };
    });
}

function spectrumOf({ tensors, masks }: Network, place: Place, key: Key, whole: boolean): MatrixSpectrum {
  const { shape, data } = requireEntry(tensors, place.name, "tensor");
  const [rows, columns] = [requireItem(shape, 0, place.name), requireItem(shape, 1, place.name)];
  const kept = masks?.get(place.name)?.data;
  const left = kept === undefined ? data : data.map((weight, i) => (kept[i] === 0 ? 0 : weight));
  const graph = kept === undefined ? undefined : Float32Array.from(kept, (entry) => Number(entry !== 0));
  const linesAt = (entries: Float32Array): Lines => linesOf(entries, rows, columns);
  const elsewhere = (entries: Float32Array): Lines => linesAt(shuffled(entries, fold(key, "places")));
  const [lines, movedLines] = [linesAt(left), elsewhere(left)];
  const maskLines = graph === undefined ? onesOf(lines) : linesAt(graph);
  return {
    ...place,
    rows,
    columns,
    kept: maskLines.values.length,
    weights: weightSpectrum(lines, key, whole),
    weightsByChance: weightSpectrum(movedLines, key, whole),
    edge:
      Math.sqrt(squaredSize(lines) / Math.max(1, rows * columns)) * (Math.sqrt(rows) + Math.sqrt(columns)),
    mask: maskSpectrum(maskLines, rows, columns, key),
    maskByChance: maskSpectrum(
      graph === undefined ? onesOf(movedLines) : elsewhere(graph),
      rows,
      columns,
      key,
    ),
  };
}

function weightSpectrum(lines: Lines, key: Key, whole: boolean): WeightSpectrum {
  const all = whole ? allSingularValues(lines) : null;
  const largest = all?.[0] ?? requireItem(largestSingularValues(lines, 1, key), 0, "singular values");
  return {
    largest,
    stableRank: largest === 0 ? null : squaredSize(lines) / largest ** 2,
    effectiveRank: all === null || largest === 0 ? null : effectiveRank(all),
    singularValues: all === null ? null : [...all],
  };
}

/** exp(-Σ p·ln p) with p = σ / Σσ: n where all n are alike, 1 where there is one. */
export function effectiveRank(singularValues: Float64Array): number {
  const sum = singularValues.reduce((total, value) => total + value, 0);
  const entropy = singularValues.reduce((total, value) => {
    const share = value / sum;
    return share === 0 ? total : total - share * Math.log(share);
  }, 0);
  return Math.exp(entropy);
}

function maskSpectrum(lines: Lines, rows: number, columns: number, key: Key): MaskSpectrum {
  const [first = 0, second = 0] = largestSingularValues(lines, 2, key);
  const [long, short] = [longDegrees(lines), shortDegrees(lines)].map(meanOfDegrees);
  const [ofRows = NONE, ofColumns = NONE] = rows >= columns ? [long, short] : [short, long];
  const bound = Math.sqrt(Math.max(0, ofRows.mean - 1)) + Math.sqrt(Math.max(0, ofColumns.mean - 1));
  return {
    first,
    second,
    bound,
    gap: bound - second,
    rowDegree: ofRows.mean,
    rowVariation: ofRows.variation,
    columnDegree: ofColumns.mean,
    columnVariation: ofColumns.variation,
    applies: ofRows.mean >= 3 && ofColumns.mean >= 3,
  };
}

/** Of a graph without edges. */
const NONE = { mean: 0, variation: 0 };

function longDegrees({ starts }: Lines): Int32Array {
  return Int32Array.from({ length: starts.length - 1 }, (_, l) => (starts[l + 1] ?? 0) - (starts[l] ?? 0));
}

function shortDegrees({ width, at }: Lines): Int32Array {
  const degrees = new Int32Array(width);
  for (const place of at) degrees[place] = (degrees[place] ?? 0) + 1;
  return degrees;
}

/** Over the units that have an edge. */
function meanOfDegrees(degrees: Int32Array): { mean: number; variation: number } {
  const there = degrees.filter((degree) => degree > 0);
  if (there.length === 0) return NONE;
  const mean = there.reduce((sum, degree) => sum + degree, 0) / there.length;
  const variance = there.reduce((sum, degree) => sum + (degree - mean) ** 2, 0) / there.length;
  return { mean, variation: Math.sqrt(variance) / mean };
}
