/**
 * Overlap of two masks: whether methods, seeds or tasks find the same sub-network.
 *
 *   Paper    Chen et al., The Lottery Ticket Hypothesis for Pre-trained BERT, 2020 (overlap of masks between tasks) ·
 *            https://arxiv.org/abs/2007.12223
 *
 *   a, b weights that the first and the second keep, c both, of N     p = a/N, q = b/N
 *
 *   jaccard      c / (a + b − c)            hamming      (a + b − 2c) / N
 *   ofFirst      c / a: how much of the first the second has too; `ofSecond` the other way round
 *   Baselines    chance    p·q / (p + q − p·q): masks of these densities, each drawn anywhere in the group
 *                byMatrix  e / (a + b − e), e = Σ p_m·q_m·N_m over the group's matrices: what the density of every matrix
 *                          explains by itself. Of one matrix both are the same.
 *
 * Both are ratios of averages, which differ from the average ratio by O(1/N). `excess` is jaccard minus `byMatrix`, the
 * stricter of the two: two methods that agree on where to prune little, and on nothing else, have none.
 */

import { countCommon, countKept } from "./bits.ts";
import { excessOf, shareOf } from "./chance.ts";
import {
  type Grouped,
  groupMatrices,
  type Pair,
  type Place,
  pairMatrices,
  type Structure,
} from "./structure.ts";

/** How two masks overlap in a group of matrices. A share of nothing is null. */
export interface Shared {
  readonly weights: number;
  readonly first: number;
  readonly second: number;
  readonly both: number;
  readonly jaccard: number | null;
  readonly hamming: number | null;
  readonly ofFirst: number | null;
  readonly ofSecond: number | null;
  readonly chance: {
    readonly jaccard: number | null;
    readonly byMatrix: number | null;
    readonly hamming: number | null;
    /** Of both ways: the density of the second, and of the first. */
    readonly ofFirst: number | null;
    readonly ofSecond: number | null;
  };
  readonly excess: number | null;
}

/** The result. */
export interface Overlap extends Grouped<Shared> {
  readonly matrices: readonly (Place & Shared)[];
}

/** Of a matrix, or of several together; what was found of them has these too. */
export interface OverlapCounts {
  readonly weights: number;
  readonly first: number;
  readonly second: number;
  readonly both: number;
}

/**
 * Compares which weights two networks keep.
 * @throws {InputError} `topology/shapes`
 */
export function compareMasks(first: Structure, second: Structure): Overlap {
  const counted = pairMatrices(first, second).map((pair) => ({ ...placeOf(pair), ...countPair(pair) }));
  const matrices = counted.map(({ name, component, layer, ...counts }) => {
    return { name, component, layer, ...overlapIn([counts]) };
  });
  return { ...groupMatrices(counted, overlapIn), matrices };
}

function placeOf({ name, component, layer }: Pair): Place {
  return { name, component, layer };
}

function countPair({ first, second }: Pair): OverlapCounts {
  return {
    weights: first.rows * first.columns,
    first: countKept(first),
    second: countKept(second),
    both: countCommon(first, second),
  };
}

/** How two masks overlap in a group of matrices. */
export function overlapIn(group: readonly OverlapCounts[]): Shared {
  const sum = (count: (counts: OverlapCounts) => number): number =>
    group.reduce((n, counts) => n + count(counts), 0);
  const [N, a, b, c] = [sum((m) => m.weights), sum((m) => m.first), sum((m) => m.second), sum((m) => m.both)];
  const expected = sum((m) => (m.weights === 0 ? 0 : (m.first * m.second) / m.weights));
  const [p, q] = [shareOf(a, N) ?? 0, shareOf(b, N) ?? 0];
  const jaccard = shareOf(c, a + b - c);
  const byMatrix = shareOf(expected, a + b - expected);
  return {
    weights: N,
    first: a,
    second: b,
    both: c,
    jaccard,
    hamming: shareOf(a + b - 2 * c, N),
    ofFirst: shareOf(c, a),
    ofSecond: shareOf(c, b),
    chance: {
      jaccard: shareOf(p * q, p + q - p * q),
      byMatrix,
      hamming: N === 0 ? null : p + q - 2 * p * q,
      ofFirst: a === 0 ? null : q,
      ofSecond: b === 0 ? null : p,
    },
    excess: excessOf(jaccard, byMatrix),
  };
}
