import { expect, test } from "vitest";
import { onlyGiven, SMALL, structureWith } from "../../test/support/structures.ts";
import { keyOf, uniform } from "../base/random.ts";
import { compareMasks } from "./overlap.ts";
import type { Structure } from "./structure.ts";

const FIRST = structureWith(SMALL, onlyGiven({ query: ["1100", "1100", "0000", "0000"] }));
const SECOND = structureWith(SMALL, onlyGiven({ query: ["1000", "1000", "1000", "1111"] }));

test("two masks of one matrix, by hand", () => {
  // 4 and 7 of 16 are kept, 2 by both: 2/9, and 4 + 7 − 2·2 = 7 differ. At p = 1/4 and q = 7/16 chance expects
  // 16pq = 1.75 in both: 1.75/(11 − 1.75) = 7/37, and p(1 − q) + q(1 − p) = 30/64 to differ.
  const query = compareMasks(FIRST, SECOND).matrices.find(({ component }) => component === "query");
  expect(query).toMatchObject({ weights: 16, first: 4, second: 7, both: 2 });
  expect(query?.jaccard).toBe(2 / 9);
  expect(query?.hamming).toBe(7 / 16);
  expect([query?.ofFirst, query?.ofSecond]).toEqual([2 / 4, 2 / 7]);
  expect(query?.chance.jaccard).toBeCloseTo(7 / 37, 12);
  expect(query?.chance.byMatrix).toBeCloseTo(7 / 37, 12);
  expect(query?.chance.hamming).toBeCloseTo(30 / 64, 12);
  expect([query?.chance.ofFirst, query?.chance.ofSecond]).toEqual([7 / 16, 1 / 4]);
  expect(query?.excess).toBeCloseTo(2 / 9 - 7 / 37, 12);
});

test("of several matrices chance knows the density of all together, or of each", () => {
  // The layer has 112 weights: 100 and 103 are kept. The query expects 1.75 in both, the other 96 are there for certain.
  const layer = compareMasks(FIRST, SECOND).layers.find((group) => group.layer === 0);
  const [p, q] = [100 / 112, 103 / 112];
  expect(layer).toMatchObject({ weights: 112, first: 100, second: 103, both: 98 });
  expect(layer?.chance.jaccard).toBeCloseTo((p * q) / (p + q - p * q), 12);
  expect(layer?.chance.byMatrix).toBeCloseTo(97.75 / (203 - 97.75), 12);
  expect(layer?.excess).toBeCloseTo(98 / 105 - 97.75 / 105.25, 12);
});

const random = (seed: number, share: number): Structure =>
  structureWith(
    { ...SMALL, hiddenSize: 60, vocabSize: 400, layers: [{ heads: 2, headSize: 30, ffn: 90 }] },
    ({ name }, row, column) => uniform(keyOf(seed), name.length * 100_000 + row * 100 + column) < share,
  );

test("a mask overlaps itself fully and its complement not at all", () => {
  const keeps = (_: unknown, row: number, column: number) => (row * 7 + column * 3) % 5 < 2;
  const mask = structureWith(SMALL, keeps);
  const complement = structureWith(SMALL, (...at) => !keeps(...at));
  expect(compareMasks(mask, mask).total).toMatchObject({ jaccard: 1, hamming: 0, ofFirst: 1, ofSecond: 1 });
  expect(compareMasks(mask, complement).total).toMatchObject({
    jaccard: 0,
    hamming: 1,
    ofFirst: 0,
    ofSecond: 0,
  });
});

test("the order of the two changes nothing but who is first", () => {
  const [there, back] = [compareMasks(FIRST, SECOND).total, compareMasks(SECOND, FIRST).total];
  expect(back).toMatchObject({ jaccard: there.jaccard, hamming: there.hamming, ofFirst: there.ofSecond });
  expect(back.excess).toBeCloseTo(there.excess ?? Number.NaN, 12);
});

test("two random masks overlap by chance: excess below 0.01 of 36,000 weights at 20 and 40 %", () => {
  const { total } = compareMasks(random(1, 0.2), random(2, 0.4));
  expect(total.weights).toBeGreaterThan(36_000);
  expect(total.chance.jaccard).toBeCloseTo(0.08 / 0.52, 2);
  expect(Math.abs(total.excess ?? 1)).toBeLessThan(0.01);
});

test("two masks that keep nothing share nothing of nothing", () => {
  const empty = structureWith(SMALL, () => false);
  expect(compareMasks(empty, empty).total).toMatchObject({
    jaccard: null,
    hamming: 0,
    ofFirst: null,
    excess: null,
  });
});
