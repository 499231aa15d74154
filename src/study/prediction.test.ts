import { expect, test } from "vitest";
import { value } from "../../test/support/golden.ts";
import { runRecord } from "../../test/support/study.ts";
import { requireItem } from "../base/present.ts";
import { keyOf } from "../base/random.ts";
import { distinguish, type StudyRun } from "./groups.ts";
import { dealtByGroup, foretell, isTooFew, orderOfGroups, type Prediction } from "./prediction.ts";

/** 4 methods × 3 sparsities × 2 tasks × 2 seeds, with what is left of the metric and two measures as the test says. */
function runsWith(
  score: (density: number, dead: number, seed: number) => number,
  cells = 24,
): readonly StudyRun[] {
  const dead = value("dead", cells);
  const hubs = value("hubs", 2 * cells);
  const records = Array.from({ length: 2 * cells }, (_, i) => {
    const [cell, seed] = [i >> 1, i & 1];
    const sparsity = requireItem([0.2, 0.9, 0.99], cell % 3, "sparsities");
    const density = 1 - sparsity;
    const ofCell = 0.5 + 0.4 * requireItem([...dead], cell, "cells");
    return runRecord({
      method: `method-${Math.floor(cell / 6)}`,
      task: cell % 6 < 3 ? "sst2" : "cola",
      sparsity,
      seed,
      score: score(density, ofCell, seed),
      measures: {
        density,
        "density.encoder": density,
        "density.embeddings": density,
        "neurons.dead": ofCell,
        "hubs.in": requireItem([...hubs], i, "hubs"),
      },
    });
  });
  return distinguish(records).runs;
}

function found(runs: readonly StudyRun[]): Prediction {
  const prediction = foretell(runs, keyOf(1), 39);
  if (isTooFew(prediction)) throw new Error("expected enough runs");
  return prediction;
}

test("a measure that the metric depends on is found, and one that it does not is not", () => {
  const { gains, baseline, bound, runs, groups } = found(
    runsWith((density, dead, seed) => 60 + 5 * Math.log(density) + 40 * dead + 0.1 * seed),
  );
  expect([runs, groups]).toEqual([48, 24]);
  const [best, other] = gains;
  expect(best?.measure).toBe("neurons.dead");
  expect(best?.p).toBe(1 / 40); // better than all of 39 deals
  expect(best?.gain).toBeGreaterThan(bound);
  expect(best?.with.bySeeds).toBeGreaterThan(0.9);
  expect(best?.with.bySeeds).toBeCloseTo(baseline.bySeeds + (best?.gain ?? 0), 10);
  expect(other?.measure).toBe("hubs.in");
  expect(other?.p).toBeGreaterThan(0.05);
});

test("where density explains everything nothing is left to be gained", () => {
  const { gains, baseline, tasks } = found(
    runsWith((density, _, seed) => 90 + 8 * Math.log(density) + 0.1 * seed),
  );
  expect(baseline.bySeeds).toBeGreaterThan(0.99);
  expect(tasks.bySeeds).toBeLessThan(0.1);
  for (const { gain } of gains) expect(gain).toBeLessThan(0.005);
});

test("a curved function of the density alone is not said to foretell anything", () => {
  const cells = 54;
  const curve = (density: number): number => (1 - density) ** 20;
  const noise = value("noise", 2 * cells);
  const records = Array.from({ length: 2 * cells }, (_, i) => {
    const [cell, seed] = [i >> 1, i & 1];
    const density = 0.01 * 80 ** (Math.floor(cell / 2) / 26);
    return runRecord({
      method: "method",
      task: cell % 2 === 0 ? "sst2" : "cola",
      sparsity: 1 - density,
      seed,
      score: 50 + 50 * (1 - curve(density)) + requireItem([...noise], i, "noise"),
      measures: {
        density,
        "density.encoder": density,
        "density.embeddings": density,
        "neurons.dead": curve(density),
      },
    });
  });
  const { gains, baseline } = found(distinguish(records).runs);
  expect(baseline.bySeeds).toBeGreaterThan(0.98);
  for (const { gain } of gains) expect(gain).toBeLessThan(0.005);
});

test("values are dealt group by group: the seeds of a run, which are nearly one run, stay together", () => {
  const runs = runsWith((density) => 50 + density, 6);
  // In the list the seeds of a group do not stand beside each other.
  const mixed = [...runs.filter((_, i) => i % 2 === 0), ...runs.filter((_, i) => i % 2 === 1)];
  const values = [10, 20, 30, 40, 50, 60, 11, 21, 31, 41, 51, 61];
  const orders = [1, 2, 3].map((seed) => dealtByGroup(mixed, values, orderOfGroups(mixed, keyOf(seed))));
  for (const dealt of orders) {
    expect([...dealt].sort()).toEqual([...values].sort());
    for (let group = 0; group < 6; group++)
      expect(requireItem(dealt, group + 6, "dealt")).toBe(requireItem(dealt, group, "dealt") + 1);
  }
  expect(orders.some((dealt) => dealt[0] !== 10)).toBe(true);
});

test("from few runs nothing is said, and how many it takes is", () => {
  const few = foretell(
    runsWith((density) => 50 + density, 3),
    keyOf(1),
    9,
  );
  // One task; ln of the density, which bends once between three, for total, embeddings and layers: 3 that differ.
  expect(few).toEqual({ runs: 6, needed: 6 });
  expect(foretell([], keyOf(1), 9)).toEqual({ runs: 0, needed: 2 });
});

test("the same runs give the same numbers", () => {
  const runs = runsWith((density, dead) => 50 + 10 * dead + density);
  expect(found(runs)).toEqual(found(runs));
});
