/**
 * Agreement of importance: whether two methods, seeds or tasks rank the weights alike, before any threshold.
 *
 *   rank     Spearman's rank correlation, with ties: Pearson's of midranks. (Spearman, American Journal of Psychology
 *            15(1), 1904)
 *   top      of the weights that the first puts into its highest share, how many does the second? With a, b weights in
 *            the two sets, c in both: c / min(a, b)
 *
 * Baseline: the weights of every matrix in a random order of their own. Of one matrix that is a rank of 0, with the
 * deviation 1/√(n − 1), and c = a·b/n. Of matrices together it is not: where one has larger weights than another in both
 * networks, all in one ranking agree for that alone. With x, y the ranks less their mean, and x̄, ȳ means of matrix m:
 *
 *   rank        Σ n_m·x̄_m·ȳ_m / √(Σx²·Σy²)
 *   deviation   √(Σ Sx_m·Sy_m / (n_m − 1)) / √(Σx²·Σy²)        S the squares around the matrix's own mean
 *   top         c = Σ a_m·b_m / n_m
 *
 * Of a network whose method left no scores they are the sizes of its encoder's weights, 0 where they are pruned.
 *
 * A set is all scores at least as large as the k-th; of scores with ties it may hold more than k. Scores are compared by
 * value, so the sizes of weights are given as such. Of each matrix the ranks are exact; of all together they are exact up
 * to 2^25 scores, and of more, numbers within 2^-15 of one another may share a rank (ranks.ts), which moves the correlation
 * in the sixth decimal place or later. Two scores of each of BERT-base's 109M weights take some 36 s of processor time and
 * 1.5 GB (`node benchmarks/models/topology.mjs --scores`), nearly all for the exact ranks.
 */

import { InputError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { kthLargest } from "../base/select.ts";
import type { Network } from "../network/network.ts";
import { excessOf, shareOf } from "./chance.ts";
import { exactRanks, placeOfNan, ranksIn, roundedRanks } from "./ranks.ts";
import { differ, placesOf } from "./structure.ts";

/** Importance scores by the name of their matrix, row by row; the largest matter most. */
export type Scores = ReadonlyMap<string, Float32Array>;

/** The sizes of the weights of the encoder's layers: tables of embeddings, which hardly move, would outweigh them. */
export function sizesOf({ config, tensors, masks }: Pick<Network, "config" | "tensors" | "masks">): Scores {
  const places = placesOf(config).filter(({ layer }) => layer !== null);
  return new Map(
    places.map(({ name }) => {
      const kept = masks?.get(name)?.data;
      const { data } = requireEntry(tensors, name, "tensor");
      return [name, data.map((weight, i) => (kept?.[i] === 0 ? 0 : Math.abs(weight)))];
    }),
  );
}

/** How far two rankings agree. Null where there is nothing to compare: no scores, or all equal. */
export interface Agreement {
  readonly scores: number;
  readonly rank: number | null;
  /** What random orders within every matrix give, and their standard deviation around it; 0 of one matrix. */
  readonly chanceRank: number | null;
  readonly chanceDeviation: number | null;
  readonly top: {
    /** Weights in the two sets, and in both. */
    readonly first: number;
    readonly second: number;
    readonly both: number;
    readonly overlap: number | null;
    readonly chance: number | null;
    readonly excess: number | null;
  };
}

/** The result. */
export interface ImportanceAgreement {
  /** What counts as the top. */
  readonly share: number;
  /** Of all weights in one ranking. */
  readonly total: Agreement & { readonly exact: boolean };
  /** Of each matrix in its own. */
  readonly matrices: readonly ({ readonly name: string } & Agreement)[];
}

/** The two scores of one matrix. */
interface Pair {
  readonly name: string;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/**
 * Compares two rankings of the same weights.
 * @param share  of the weights are the top, above 0 and at most 1
 * @param exactUpTo  scores; more of them together are ranked by rounded numbers
 * @throws {InputError} `topology/shapes` for scores of other matrices, `topology/scores` for a score that is no number,
 *   `topology/share`
 */
export function compareImportance(
  first: Scores,
  second: Scores,
  share: number,
  exactUpTo = 2 ** 25,
): ImportanceAgreement {
  if (!(share > 0 && share <= 1)) {
    throw new InputError("topology/share", `share of the top: expected above 0 and at most 1, got ${share}`);
  }
  const pairs = pairScores(first, second);
  const matrices = pairs.map((pair) => ({ name: pair.name, ...agree([pair], share, true) }));
  const exact = pairs.reduce((n, pair) => n + pair.first.length, 0) <= exactUpTo;
  const [only] = matrices;
  if (only !== undefined && matrices.length === 1) {
    const { name: _, ...total } = only;
    return { share, total: { ...total, exact: true }, matrices };
  }
  return { share, total: { ...agree(pairs, share, exact), exact }, matrices };
}

function pairScores(first: Scores, second: Scores): Pair[] {
  if (first.size !== second.size) {
    throw differ(`scores of ${first.size} matrices in both`, `${second.size} in the second`);
  }
  return [...first].map(([name, scores]) => {
    const others = second.get(name);
    const there = `${scores.length} scores in both`;
    if (others?.length !== scores.length)
      throw differ(there, `${others?.length ?? "none"} in the second (${name})`);
    for (const each of [scores, others]) {
      const place = placeOfNan(each);
      if (place >= 0) {
        const which = each === scores ? "first" : "second";
        throw new InputError(
          "topology/scores",
          `scores: expected numbers, got NaN (${which}, ${name}[${place}])`,
        );
      }
    }
    return { name, first: scores, second: others };
  });
}

function agree(pairs: readonly Pair[], share: number, exact: boolean): Agreement {
  const n = pairs.reduce((sum, { first }) => sum + first.length, 0);
  return { scores: n, ...correlate(pairs, n, exact), top: shareTop(pairs, n, share) };
}

/** Doubled ranks of one matrix after the other, in one ranking of all. */
function rankAll(
  arrays: readonly Float32Array[],
  n: number,
  exact: boolean,
): (matrix: number) => Uint32Array {
  if (!exact) {
    const table = roundedRanks(arrays);
    return (matrix) => ranksIn(table, requireItem(arrays, matrix, "matrices"));
  }
  const all = new Float32Array(n);
  const starts: number[] = [];
  let end = 0;
  for (const each of arrays) {
    starts.push(end);
    all.set(each, end);
    end += each.length;
  }
  const ranks = exactRanks(all);
  return (matrix) => ranks.subarray(starts[matrix], starts[matrix + 1] ?? n);
}

/** Spearman's correlation over all pairs, beside that of random orders within each. */
function correlate(
  pairs: readonly Pair[],
  n: number,
  exact: boolean,
): Pick<Agreement, "rank" | "chanceRank" | "chanceDeviation"> {
  const firsts = rankAll(
    pairs.map(({ first }) => first),
    n,
    exact,
  );
  const seconds = rankAll(
    pairs.map(({ second }) => second),
    n,
    exact,
  );
  let [xx, yy, xy, expected, variance] = [0, 0, 0, 0, 0];
  pairs.forEach((_, matrix) => {
    const own = momentsOf(firsts(matrix), seconds(matrix), n - 1);
    xx += own.xx;
    yy += own.yy;
    xy += own.xy;
    if (own.size === 0) return;
    expected += (own.x * own.y) / own.size;
    const [aroundX, aroundY] = [own.xx - own.x ** 2 / own.size, own.yy - own.y ** 2 / own.size];
    variance += (aroundX * aroundY) / Math.max(1, own.size - 1);
  });
  if (xx === 0 || yy === 0) return { rank: null, chanceRank: null, chanceDeviation: null };
  const size = Math.sqrt(xx * yy);
  return { rank: xy / size, chanceRank: expected / size, chanceDeviation: Math.sqrt(variance) / size };
}

/** Sums over the ranks of one matrix, less the mean of all. */
function momentsOf(a: Uint32Array, b: Uint32Array, mean: number) {
  let [sumX, sumY, xx, yy, xy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const x = (a[i] ?? 0) - mean;
    const y = (b[i] ?? 0) - mean;
    sumX += x;
    sumY += y;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  return { size: a.length, x: sumX, y: sumY, xx, yy, xy };
}

function shareTop(pairs: readonly Pair[], n: number, share: number): Agreement["top"] {
  const counts = { first: 0, second: 0, both: 0 };
  let expected = 0;
  if (n > 0) {
    const k = Math.max(1, Math.round(share * n));
    const least = kthLargest(
      pairs.map(({ first }) => first),
      k,
      "value",
    );
    const leastOther = kthLargest(
      pairs.map(({ second }) => second),
      k,
      "value",
    );
    for (const { first, second } of pairs) {
      let [a, b] = [0, 0];
      for (let i = 0; i < first.length; i++) {
        const isFirst = Number((first[i] ?? 0) >= least);
        const isSecond = Number((second[i] ?? 0) >= leastOther);
        a += isFirst;
        b += isSecond;
        counts.both += isFirst & isSecond;
      }
      counts.first += a;
      counts.second += b;
      expected += first.length === 0 ? 0 : (a * b) / first.length;
    }
  }
  const smaller = Math.min(counts.first, counts.second);
  const [overlap, chance] = [shareOf(counts.both, smaller), shareOf(expected, smaller)];
  return { ...counts, overlap, chance, excess: excessOf(overlap, chance) };
}
