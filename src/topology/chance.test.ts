import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  chanceOfAll,
  chanceOfAtMost,
  chanceOfNone,
  chancesOfAtMost,
  excessOf,
  momentsOf,
  shareOf,
} from "./chance.ts";

interface Golden {
  readonly parts: readonly {
    readonly all: number;
    readonly kept: number;
    readonly size: number;
    readonly mean: number;
    readonly deviation: number;
    readonly none: number;
    readonly every: number;
    readonly limits: readonly number[];
    readonly atMost: readonly number[];
  }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/masks.json", import.meta.url), "utf8"),
);

test.each(golden.parts)("of $all weights $kept stay, of $size: chances within 1e-8 of SciPy's", (part) => {
  const { mean, deviation } = momentsOf(part);
  expect(mean).toBeCloseTo(part.mean, 8);
  expect(deviation).toBeCloseTo(part.deviation, 8);
  expect(chanceOfNone(part)).toBeCloseTo(part.none, 8);
  expect(chanceOfAll(part)).toBeCloseTo(part.every, 8);
  chancesOfAtMost(part.limits, part).forEach((chance, i) => {
    expect(chance).toBeCloseTo(part.atMost[i] ?? Number.NaN, 8);
  });
});

test("2 of 4 weights stay: of 2 none in 1 of 6 choices, at most one in 5 of 6, both in 1 of 6", () => {
  // C(4, 2) = 6 choices: both outside, one of each in 2 · 2 ways, both inside.
  const part = { all: 4, kept: 2, size: 2 };
  expect(chanceOfNone(part)).toBeCloseTo(1 / 6, 12);
  expect(chancesOfAtMost([-1, 0, 1, 2, 9], part).map((x) => Number(x.toFixed(12)))).toEqual(
    [0, 1 / 6, 5 / 6, 1, 1].map((x) => Number(x.toFixed(12))),
  );
  expect(chanceOfAll(part)).toBeCloseTo(1 / 6, 12);
});

test("what is kept and what is missing change places under the complement", () => {
  const [part, complement] = [
    { all: 50, kept: 12, size: 9 },
    { all: 50, kept: 38, size: 9 },
  ];
  expect(chanceOfNone(part)).toBeCloseTo(chanceOfAll(complement), 12);
  for (let k = 0; k < 9; k++) {
    expect(chanceOfAtMost(k, part)).toBeCloseTo(1 - chanceOfAtMost(8 - k, complement), 12);
  }
});

test("a part without weights keeps nothing and everything, and a matrix without weights too", () => {
  for (const all of [0, 5]) {
    const part = { all, kept: 0, size: 0 };
    expect([chanceOfNone(part), chanceOfAll(part), chanceOfAtMost(0, part)]).toEqual([1, 1, 1]);
    expect(momentsOf(part)).toEqual({ mean: 0, deviation: 0 });
  }
});

test("a share of nothing is null, and so is what differs from it", () => {
  expect([shareOf(0, 0), shareOf(1, 4)]).toEqual([null, 0.25]);
  expect([excessOf(null, 1), excessOf(1, null), excessOf(1, 0.25)]).toEqual([null, null, 0.75]);
});
