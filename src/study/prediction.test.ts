import { expect, test } from "vitest";
import { value } from "../../test/support/golden.ts";
import { runRecord } from "../../test/support/study.ts";
import { requireItem } from "../base/present.ts";
import { fold, keyOf, normals } from "../base/random.ts";
import { distinguish, type StudyRun } from "./groups.ts";
import { dealtByBlock, foretell, isTooFew, orderOfBlocks, type Prediction } from "./prediction.ts";
import type { RunRecord } from "./record.ts";

/** 4 methods × 3 sparsities, which are 12 blocks, × 2 tasks × 2 seeds, with what is left of the metric and two measures as the test says. */
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
  const { gains, baseline, bound, runs, blocks, columns, between } = found(
    runsWith((density, dead, seed) => 60 + 5 * Math.log(density) + 40 * dead + 0.1 * seed),
  );
  expect([runs, blocks]).toEqual([48, 12]);
  // Three methods, the encoder's line with a bend, the embeddings; the task, which every block has, is no block's.
  expect([columns, between]).toEqual([7, 6]);
  const [best, other] = gains;
  expect(best?.measure).toBe("neurons.dead");
  expect(best?.p).toBe(1 / 40); // better than all of 39 deals
  expect(best?.gain).toBeGreaterThan(bound);
  expect(best?.with.byBlock).toBeGreaterThan(0.9);
  expect(best?.with.byBlock).toBeCloseTo(baseline.byBlock + (best?.gain ?? 0), 10);
  expect(other?.measure).toBe("hubs.in");
  expect(other?.p).toBeGreaterThan(0.05);
});

test("where density explains everything nothing is left to be gained", () => {
  const { gains, baseline, tasks } = found(
    runsWith((density, _, seed) => 90 + 8 * Math.log(density) + 0.1 * seed),
  );
  expect(baseline.byBlock).toBeGreaterThan(0.99);
  expect(tasks.byBlock).toBeLessThan(0.1);
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
  expect(baseline.byBlock).toBeGreaterThan(0.98);
  for (const { gain } of gains) expect(gain).toBeLessThan(0.005);
});

test("values are dealt block by block: tasks and seeds, which are nearly one run, stay together", () => {
  const runs = runsWith((density) => 50 + density, 24);
  // In the list the runs of a block do not stand beside each other.
  const mixed = [...runs.filter((_, i) => i % 2 === 0), ...runs.filter((_, i) => i % 2 === 1)];
  const blocks = [...new Set(mixed.map(({ variant, sparsity }) => `${variant} ${sparsity}`))];
  const placeOf = ({ task, seed }: StudyRun): number => (task === "cola" ? 0 : 2) + seed;
  const values = mixed.map((run) => 10 * blocks.indexOf(`${run.variant} ${run.sparsity}`) + placeOf(run));
  const deals = [1, 2, 3].map((seed) => dealtByBlock(mixed, values, orderOfBlocks(mixed, keyOf(seed))));
  for (const dealt of deals) {
    expect([...dealt].sort()).toEqual([...values].sort());
    for (const [i, run] of mixed.entries()) {
      const value = requireItem(dealt, i, "dealt");
      expect(value % 10).toBe(placeOf(run)); // from the same task and seed
      const own = mixed.findIndex(
        (other) => other.variant === run.variant && other.sparsity === run.sparsity,
      );
      expect(Math.floor(value / 10)).toBe(Math.floor(requireItem(dealt, own, "dealt") / 10));
    }
  }
  expect(deals.some((dealt) => dealt[0] !== values[0])).toBe(true);
});

/** Blocks and methods that each have an accuracy and, by other draws, a measure: on every task and seed nearly the same. */
function studyByChance(seed: number, ofMethods: number): readonly StudyRun[] {
  const draw = (name: string, count: number): Float32Array => normals(fold(keyOf(seed), name), count);
  const [level, accuracy] = [draw("level", 12), draw("accuracy", 12)];
  const [ownLevel, ownAccuracy] = [draw("method's level", 4), draw("method's accuracy", 4)];
  const [small, noise] = [draw("small", 72), draw("noise", 72)];
  const records = Array.from({ length: 72 }, (_, i): RunRecord => {
    const [block, task] = [Math.floor(i / 6), Math.floor(i / 2) % 3];
    const method = Math.floor(block / 3);
    const at = (values: Float32Array, place: number): number => requireItem([...values], place, "draws");
    const density = requireItem([0.8, 0.1, 0.01], block % 3, "densities");
    const measure = at(level, block) + ofMethods * at(ownLevel, method) + 0.05 * at(small, i);
    return runRecord({
      method: `method-${method}`,
      task: `task-${task}`,
      sparsity: 1 - density,
      seed: i % 2,
      score: 50 + 3 * at(accuracy, block) + 3 * ofMethods * at(ownAccuracy, method) + at(noise, i) - 5 * task,
      measures: {
        density,
        "density.encoder": density,
        "density.embeddings": density,
        "hubs.in": measure,
      },
    });
  });
  return distinguish(records).runs;
}

test.each([
  ["blocks alone", 0],
  ["methods too", 3],
])("where %s differ by chance, at most 4 of 24 studies have p ≤ 0.05", (_, ofMethods) => {
  const chances = Array.from({ length: 24 }, (__, seed) => {
    const study = foretell(studyByChance(seed, ofMethods), keyOf(1), 19);
    return isTooFew(study) ? Number.NaN : requireItem(study.gains, 0, "gains").p;
  });
  expect(chances.some(Number.isNaN)).toBe(false);
  // One of 20 is 1.2 of them; more than 4 come once in 200 times.
  expect(chances.filter((p) => p <= 0.05).length).toBeLessThanOrEqual(4);
});

test("from few blocks nothing is said, however many runs they have, and how many it takes is", () => {
  const few = foretell(
    runsWith((density) => 50 + density, 3),
    keyOf(1),
    9,
  );
  // One method and task; ln of the density, which bends once between three, and of the embeddings.
  const basis = { runs: 6, blocks: 3, columns: 3, between: 3, single: 0 };
  expect(few).toEqual({ ...basis, lack: "blocks", needed: 6 });
  const copies = Array.from({ length: 9 }, (_, seed) =>
    runsWith((density) => 50 + density, 3).map((run) => ({ ...run, seed })),
  ).flat();
  expect(foretell(copies, keyOf(1), 9)).toMatchObject({ runs: 54, lack: "blocks", needed: 6 });
  expect(foretell([], keyOf(1), 9)).toMatchObject({ runs: 0, lack: "blocks", needed: 4 });
});

test("numbers that are the same in all runs of which the metric is known are not counted", () => {
  const runs = runsWith((density) => 50 + density);
  const unjudged = runs.map((run) => ({
    ...run,
    dense: null,
    task: "rte",
    variant: `${run.variant}, other`,
  }));
  expect(found([...runs, ...unjudged])).toMatchObject({ runs: 48, columns: 7, between: 6 });
});

test("methods at one sparsity are left out and counted: they say nothing within a method", () => {
  const runs = runsWith((density) => 50 + density);
  const single = runs
    .filter(({ sparsity }) => sparsity === 0.9)
    .map((run) => ({ ...run, variant: "single" }));
  expect(found([...runs, ...single])).toMatchObject({ runs: 48, blocks: 12, single: 16 });
});

test("too few runs for the numbers of a run are told from too few blocks", () => {
  // Six blocks of two runs, and six tasks that each lie in two blocks: 5 and 3 numbers, of which 3 are the blocks'.
  const records = [0, 1, 2, 3, 4, 5].flatMap((block) =>
    [0, 1].map((next) => {
      const density = 0.01 * 2 ** block;
      return runRecord({
        task: `task-${(block + next) % 6}`,
        sparsity: 1 - density,
        score: 50 + block,
        measures: { density, "density.encoder": density, "density.embeddings": density },
      });
    }),
  );
  expect(foretell(distinguish(records).runs, keyOf(1), 9)).toMatchObject({
    ...{ runs: 12, blocks: 6, columns: 8, between: 3 },
    ...{ lack: "runs", needed: 16 },
  });
});

test("runs that all keep the same foretell nothing, nor do those below a constant answer", () => {
  const same = runsWith(() => 80);
  expect(foretell(same, keyOf(1), 9)).toMatchObject({ lack: "difference", runs: 48 });
  const below = runsWith((_, dead) => 40 + 10 * dead).map((run) => ({ ...run, constant: 60 }));
  expect(foretell(below, keyOf(1), 9)).toMatchObject({ lack: "difference" });
});

test("the same runs give the same numbers", () => {
  const runs = runsWith((density, dead) => 50 + 10 * dead + density);
  expect(found(runs)).toEqual(found(runs));
});
