import { expect, test } from "vitest";
import { paretoFront } from "./comparison.ts";

const OFFERS = [
  { cost: 1, score: 0.5 },
  { cost: 2, score: 0.7 },
  { cost: 2, score: 0.6 },
  { cost: 3, score: 0.7 },
  { cost: 4, score: 0.9 },
];

test("a front has what no other beats: of equal cost the better, of equal score the cheaper", () => {
  expect(paretoFront(OFFERS, "higher")).toEqual([OFFERS[0], OFFERS[1], OFFERS[4]]);
  expect(paretoFront(OFFERS, "lower")).toEqual([OFFERS[0]]);
  expect(paretoFront([], "higher")).toEqual([]);
});

test("the order in which offers come does not matter", () => {
  expect(paretoFront(OFFERS.toReversed(), "higher")).toEqual(paretoFront(OFFERS, "higher"));
});
