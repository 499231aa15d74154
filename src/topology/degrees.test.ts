import { expect, test } from "vitest";
import { type Keeps, onlyGiven, SMALL, structureWith } from "../../test/support/structures.ts";
import { requireValue } from "../base/present.ts";
import { keyOf, permutation, uniform } from "../base/random.ts";
import { chanceOfAtMost } from "./chance.ts";
import { compareHubs, measureDegrees } from "./degrees.ts";
import type { Component, Structure } from "./structure.ts";

function degreesOf(structure: Structure, component: Component) {
  const found = measureDegrees(structure).matrices.find((matrix) => matrix.component === component);
  return requireValue(found, component);
}

test("fan-in of six neurons, by hand: 4, 2, 0, 2, 2, 2", () => {
  const intermediate = ["1111", "1100", "0000", "1100", "0110", "0011"];
  const { fanIn, fanOut } = degreesOf(structureWith(SMALL, onlyGiven({ intermediate })), "intermediate");
  // Mean 2, squares of the differences 4 + 4. Of 24 weights 12 are left: σ² = 4 · ½ · ½ · 20/23.
  expect(fanIn).toMatchObject({ units: 6, of: 4, mean: 2, least: 0, median: 2, most: 4 });
  expect(fanIn.variation).toBeCloseTo(Math.sqrt(8 / 6) / 2, 12);
  expect(fanIn.chanceVariation).toBeCloseTo(Math.sqrt(20 / 23) / 2, 12);
  // Between the edges −1.7, −0.8, 0.1, 1.1, 2, 2.9, 3.9, 4.8, 5.7 lie no whole number or one: 0, 1, 2, 3 and 4.
  expect(fanIn.bins.map(({ found }) => found)).toEqual([0, 0, 1, 0, 4, 0, 0, 1, 0, 0]);
  // Of C(24, 4) = 10626 choices C(12, k) · C(12, 4 − k) leave k: 495, 2640, 4356, 2640, 495.
  const chances = [0, 0, 495, 2640, 4356, 0, 2640, 495, 0, 0];
  fanIn.bins.forEach(({ chance }, i) => {
    expect(chance).toBeCloseTo((6 * (chances[i] ?? Number.NaN)) / 10626, 10);
  });
  expect(fanIn.hubs.found).toBe(0);
  expect(fanOut).toMatchObject({ units: 4, of: 6, mean: 3, least: 2, median: 3, most: 4 });
});

const WIDE = { ...SMALL, hiddenSize: 40, layers: [{ heads: 2, headSize: 20, ffn: 100 }] };

/** Neurons of 4 weights each, and hubs of 40. */
const withHubs = (...hubs: readonly number[]): Keeps => {
  return ({ component }, row, column) =>
    component !== "intermediate" || hubs.includes(row) || (column + 40 - (row % 40)) % 40 < 4;
};

test("one neuron that reads everything among 99 that read 4 of 40 is a hub", () => {
  const { fanIn } = degreesOf(structureWith(WIDE, withHubs(7)), "intermediate");
  expect(fanIn.largest).toEqual([{ unit: 7, degree: 40 }]);
  expect(fanIn.hubs.found).toBe(1);
  // μ = 436/100 = 4.36, σ² = 40 · 0.109 · 0.891 · 3960/3999 = 1.961²: the line is at 10.24.
  const atMost = chanceOfAtMost(10, { all: 4000, kept: 436, size: 40 });
  expect(fanIn.hubs.chance).toBeCloseTo(100 * (1 - atMost), 10);
});

test("hubs of two masks, by hand: one of two is the same", () => {
  const [first, second] = [structureWith(WIDE, withHubs(7)), structureWith(WIDE, withHubs(7, 9))];
  const { matrices, fanIn } = compareHubs(first, second);
  const found = requireValue(
    matrices.find(({ component }) => component === "intermediate"),
    "intermediate",
  );
  // By chance 1 · 2 / 100 neurons are in both.
  const chanceJaccard = 0.02 / (3 - 0.02);
  const expected = { first: 1, second: 2, both: { found: 1, chance: 0.02 }, jaccard: 1 / 2, chanceJaccard };
  expect(found.fanIn).toEqual({ units: 100, ...expected, excess: 0.5 - chanceJaccard });
  // Every other matrix is whole and has no hubs; rows of the tables are word pieces, and no units.
  expect(fanIn).toMatchObject({ ...expected, units: 4 * 40 + 100 + 40 });
  expect(compareHubs(first, first).fanIn).toMatchObject({ jaccard: 1, both: { found: 1 } });
  expect(compareHubs(first, structureWith(WIDE, withHubs())).fanIn).toMatchObject({ jaccard: 0, second: 0 });
});

test("word pieces that both masks keep whole are no hubs that two networks share", () => {
  // Of 400 word pieces one is whole and the others are gone, so its row is a hub of the table, of both masks.
  const table: Keeps = ({ component, name }, row) =>
    component === "embeddings" && (!name.includes("word") || row === 0);
  const wide = { ...SMALL, vocabSize: 400 };
  const { matrices, fanIn } = compareHubs(structureWith(wide, table), structureWith(wide, table));
  expect(matrices[0]?.fanIn.both.found).toBe(1);
  expect(fanIn).toMatchObject({ first: 0, both: { found: 0 }, jaccard: null });
});

test("a matrix that is whole, or empty, has equal degrees and no hubs", () => {
  for (const isThere of [true, false]) {
    const structure = structureWith(SMALL, () => isThere);
    for (const { fanIn, fanOut } of measureDegrees(structure).matrices) {
      for (const { variation, chanceVariation, hubs, least, most, bins, units } of [fanIn, fanOut]) {
        expect(bins[4]).toEqual({ found: units, chance: units });
        expect([variation, chanceVariation]).toEqual(isThere ? [0, 0] : [null, null]);
        expect([hubs, most]).toEqual([{ found: 0, chance: 0 }, least]);
      }
    }
    expect(compareHubs(structure, structure).fanOut).toMatchObject({ jaccard: null, chanceJaccard: null });
  }
});

const BIG = { ...SMALL, hiddenSize: 64, layers: [{ heads: 2, headSize: 32, ffn: 2000 }] };

test("a random mask is as unequal as chance says, within 0.005, whatever the order of its neurons", () => {
  const order = permutation(keyOf(1), 2000);
  const mask = (at: (row: number) => number): Structure =>
    structureWith(BIG, ({ component }, row, column) => {
      return component !== "intermediate" || uniform(keyOf(4), at(row) * 64 + column) < 0.3;
    });
  const { fanIn } = degreesOf(
    mask((row) => row),
    "intermediate",
  );
  expect(fanIn.variation).toBeCloseTo(requireValue(fanIn.chanceVariation ?? undefined, "variation"), 2);
  for (const { found, chance } of fanIn.bins) {
    expect(Math.abs(found - chance)).toBeLessThan(4 * Math.sqrt(chance) + 1);
  }
  const moved = degreesOf(
    mask((row) => order[row] ?? 0),
    "intermediate",
  );
  const named = ({ largest }: typeof fanIn) => largest.map(({ degree }) => degree);
  expect({ ...moved.fanIn, largest: named(moved.fanIn) }).toEqual({ ...fanIn, largest: named(fanIn) });
});

test("the complement's degrees lie as far apart: the same deviation around the other mean", () => {
  const keeps: Keeps = (_, row, column) => (row * row * 7 + column * 3) % 11 < 4;
  const [mask, complement] = [structureWith(SMALL, keeps), structureWith(SMALL, (...at) => !keeps(...at))];
  const deviation = (structure: Structure) => {
    const { fanIn } = degreesOf(structure, "output");
    return requireValue(fanIn.variation ?? undefined, "variation") * (fanIn.mean ?? Number.NaN);
  };
  expect(deviation(mask)).toBeCloseTo(deviation(complement), 12);
  expect(deviation(mask)).toBeGreaterThan(0);
});
