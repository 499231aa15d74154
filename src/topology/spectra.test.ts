import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configOf } from "../../test/support/configs.ts";
import { value } from "../../test/support/golden.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { requireEntry, requireItem, requireValue } from "../base/present.ts";
import { keyOf, normals, permutation } from "../base/random.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { layerNames, weightOf } from "../bert/names.ts";
import type { Network } from "../network/network.ts";
import { symmetricEigenvalues } from "./eigenvalues.ts";
import { allSingularValues, largestSingularValues, linesOf } from "./singular-values.ts";
import { effectiveRank, findSpectra, type MatrixSpectrum } from "./spectra.ts";

/** Numbers of test/goldens/topology.py. */
interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly rows: number;
    readonly columns: number;
    readonly border: number;
    readonly kept: number;
    readonly values: readonly number[];
    readonly stableRank: number;
    readonly effectiveRank: number;
    readonly mask: readonly number[];
    readonly bound: number;
    readonly variations: readonly number[];
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/topology.json", import.meta.url), "utf8"),
);
const key = keyOf(2);

/** D = A = 24, F = 60: where the golden's matrices fit. */
const CONFIG = configOf({
  vocabSize: 15,
  hiddenSize: 24,
  layers: [{ heads: 2, headSize: 12, ffn: 60 }],
  maxPositions: 24,
  initializerRange: 0.4,
});
const names = layerNames(0);
const PLACES = new Map([
  ["wide", weightOf(names.output)],
  ["tall", weightOf(names.intermediate)],
  ["square", weightOf(names.query)],
  ["dense", weightOf(names.key)],
]);

/** A network with these matrices; a mask of each leaves out what `masks` has 0. */
function networkWith(matrices: ReadonlyMap<string, { weights: Float32Array; mask?: Uint8Array }>): Network {
  const model = tinyModel(undefined, CONFIG);
  const tensors = new Map(model.tensors);
  const masks = new Map<string, Tensor<"uint8">>();
  for (const [name, { weights, mask }] of matrices) {
    const { shape } = requireEntry(tensors, name, "tensor");
    tensors.set(name, floatTensor(shape, weights));
    if (mask) masks.set(name, { dtype: "uint8", shape, data: mask });
  }
  return { ...model, tensors, masks };
}

const goldenNetwork = networkWith(
  new Map(
    golden.cases.map(({ name, rows, columns, border }) => [
      requireEntry(PLACES, name, "place"),
      {
        weights: Float32Array.from(value(name, rows * columns)),
        mask: Uint8Array.from(value(`mask.${name}`, rows * columns), (x) => Number(x < border)),
      },
    ]),
  ),
);

const spectrumIn = (matrices: readonly MatrixSpectrum[], name: string): MatrixSpectrum =>
  requireValue(
    matrices.find((matrix) => matrix.name === name),
    name,
  );

test.each(golden.cases)("$name: values and ranks are LAPACK's within 1e-6, quick and whole", (expected) => {
  const name = requireEntry(PLACES, expected.name, "place");
  const whole = spectrumIn(findSpectra(goldenNetwork, { key, whole: true }).matrices, name);
  const quick = spectrumIn(findSpectra(goldenNetwork, { key }).matrices, name);
  expect(whole.kept).toBe(expected.kept);
  const values = requireValue(whole.weights.singularValues ?? undefined, "values");
  expect(values).toHaveLength(expected.values.length);
  values.forEach((found, i) => {
    expect(Math.abs(found - requireItem(expected.values, i, "values"))).toBeLessThan(1e-6);
  });
  expect(whole.weights.effectiveRank).toBeCloseTo(expected.effectiveRank, 5);
  for (const { weights, mask } of [whole, quick]) {
    expect(weights.stableRank).toBeCloseTo(expected.stableRank, 6);
    expect(mask.first).toBeCloseTo(requireItem(expected.mask, 0, "mask"), 6);
    expect(mask.second).toBeCloseTo(requireItem(expected.mask, 1, "mask"), 6);
    expect(mask.bound).toBeCloseTo(expected.bound, 10);
    expect([mask.rowVariation, mask.columnVariation]).toEqual(
      expected.variations.map((variation) => expect.closeTo(variation, 10)),
    );
  }
  expect(quick.weights.singularValues).toBeNull();
});

/** The spectrum of one 24 × 24 matrix. */
function squareOf(entry: (row: number, column: number) => number): MatrixSpectrum {
  const name = weightOf(names.value);
  const weights = Float32Array.from({ length: 576 }, (_, i) => entry(Math.floor(i / 24), i % 24));
  const network = networkWith(new Map([[name, { weights }]]));
  return spectrumIn(findSpectra(network, { key, whole: true }).matrices, name);
}

test("ranks worked out by hand: the identity has all, one row times one column has one, diag(2, 1) between", () => {
  const identity = squareOf((r, c) => Number(r === c)).weights;
  expect(identity.stableRank).toBeCloseTo(24, 8);
  expect(identity.effectiveRank).toBeCloseTo(24, 6);
  const outer = squareOf((r, c) => (r + 1) * (c - 7)).weights;
  expect(outer.stableRank).toBeCloseTo(1, 8);
  expect(outer.effectiveRank).toBeCloseTo(1, 4); // noise of 1e-8 in 23 values
  // σ = 2, 1: (4 + 1) / 4; and exp(2/3·ln(3/2) + 1/3·ln 3) = 3 / 2^(2/3).
  const two = squareOf((r, c) => (r === c && r < 2 ? 2 - r : 0)).weights;
  expect(two.stableRank).toBeCloseTo(5 / 4, 10);
  expect(two.effectiveRank).toBeCloseTo(3 / 2 ** (2 / 3), 10);
  expect(effectiveRank(Float64Array.of(2, 1))).toBeCloseTo(3 / 2 ** (2 / 3), 12);
});

test("graphs whose values are known: the Fano plane is Ramanujan, two that do not meet are not", () => {
  // Points and lines of the Fano plane: line l has the points l, l + 1, l + 3 modulo 7. M·Mᵀ = 2·1 + J, so σ is 3, √2.
  const fano = squareOf((r, c) => Number(r < 7 && c < 7 && [0, 1, 3].includes((c - r + 7) % 7))).mask;
  expect(fano.first).toBeCloseTo(3, 8);
  expect(fano.second).toBeCloseTo(Math.SQRT2, 6);
  expect(fano.gap).toBeCloseTo(2 * Math.SQRT2 - Math.SQRT2, 6);
  expect(fano).toMatchObject({ rowDegree: 3, columnDegree: 3, rowVariation: 0, applies: true });
  // Two complete graphs of 4 and 4: σ is 4 twice, above the bound 2·√3.
  const apart = squareOf((r, c) => Number(r < 8 && c < 8 && r >> 2 === c >> 2)).mask;
  expect([apart.first, apart.second]).toEqual([expect.closeTo(4, 8), expect.closeTo(4, 6)]);
  expect(apart.gap).toBeCloseTo(2 * Math.sqrt(3) - 4, 6);
  // Of a dense matrix nothing is left beside the first.
  expect(squareOf(() => 1).mask.second).toBeCloseTo(0, 6);
  expect(squareOf((r, c) => Number(r === c)).mask).toMatchObject({ bound: 0, applies: false });
});

test("a matrix without weights has no ranks", () => {
  const { kept, weights, mask, edge } = squareOf(() => 0);
  expect({ kept, edge }).toEqual({ kept: 0, edge: 0 });
  expect(weights).toMatchObject({ largest: 0, stableRank: null, effectiveRank: null });
  expect(mask).toMatchObject({ first: 0, second: 0, bound: 0, applies: false });
});

test("rows and columns in another order change nothing", () => {
  const entries = normals(keyOf(4), 576).map((x) => (x > 0.8 ? x : 0));
  const [rows, columns] = [permutation(keyOf(5), 24), permutation(keyOf(6), 24)];
  const at = (r: number, c: number) => requireItem(entries, r * 24 + c, "entries");
  const [one, other] = [squareOf(at), squareOf((r, c) => at(rows[r] ?? 0, columns[c] ?? 0))];
  expect(other.weights.effectiveRank).toBeCloseTo(one.weights.effectiveRank ?? Number.NaN, 5);
  expect(other.weights.largest).toBeCloseTo(one.weights.largest, 8);
  expect(other.mask.gap).toBeCloseTo(one.mask.gap, 6);
});

test("weights at random end at the edge within 12 %; low rank ends far beyond it and its shuffle does not", () => {
  const random = squareOf((r, c) => requireItem(normals(keyOf(8), 576), r * 24 + c, "normals"));
  expect(Math.abs(random.weights.largest / random.edge - 1)).toBeLessThan(0.12);
  const low = squareOf((r, c) => Math.sin(r + 1) * Math.cos(c));
  expect(low.weights.largest / low.edge).toBeGreaterThan(2);
  expect(low.weightsByChance.largest / low.edge).toBeLessThan(1.3);
  expect(low.weightsByChance.stableRank).toBeGreaterThan(4 * (low.weights.stableRank ?? Number.NaN));
  expect(low.maskByChance.rowDegree).toBe(low.mask.rowDegree);
});

test("of 200 × 120 the iteration finds the two largest of all values, within 1e-9 of the first", () => {
  const entries = normals(keyOf(9), 200 * 120).map((x, i) => (i % 7 === 0 ? x : 0));
  const lines = linesOf(entries, 200, 120);
  const all = allSingularValues(lines);
  const [first = 0, second = 0] = largestSingularValues(lines, 2, key);
  expect(Math.abs(first - requireItem(all, 0, "values"))).toBeLessThan(1e-9 * first);
  expect(Math.abs(second - requireItem(all, 1, "values"))).toBeLessThan(1e-9 * first);
});

test("eigenvalues are 2 - 2·cos(kπ/(n + 1)) for second differences; of any matrix they add up", () => {
  const n = 50;
  const path = Float64Array.from({ length: n * n }, (_, i) => {
    const away = Math.abs(Math.floor(i / n) - (i % n));
    return away === 0 ? 2 : away === 1 ? -1 : 0;
  });
  symmetricEigenvalues(path, n).forEach((found, k) => {
    expect(found).toBeCloseTo(2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)), 12);
  });
  const half = normals(keyOf(1), n * n);
  const full = Float64Array.from(
    half,
    (x, i) => x + requireItem(half, (i % n) * n + Math.floor(i / n), "half"),
  );
  const values = symmetricEigenvalues(full, n);
  const trace = full.reduce((sum, x, i) => sum + (i % (n + 1) === 0 ? x : 0), 0);
  expect(values.reduce((sum, x) => sum + x, 0)).toBeCloseTo(trace, 10);
  const squares = full.reduce((sum, x) => sum + x * x, 0);
  expect(values.reduce((sum, x) => sum + x * x, 0) / squares).toBeCloseTo(1, 12);
});
