import { expect, test } from "vitest";
import { madeRun } from "../../test/support/run-folder.ts";
import { type Finished, finishedRuns, groupsOf, timedAlike } from "./groups.ts";
import { readRun } from "./source.ts";

/** Runs that have ended, one for each record of settings. */
async function runsOf(...settings: readonly Readonly<Record<string, unknown>>[]): Promise<Finished[]> {
  const sources = await Promise.all(
    settings.map(async (own, i) => readRun(await madeRun({ settings: own }), `r${i}`, `run ${i}`)),
  );
  return finishedRuns(sources);
}

test("folds of one size are judged on different rows, and so are those that another seed draws", async () => {
  const runs = await runsOf(
    { folds: 5, fold: 1 },
    { folds: 5, fold: 2 },
    { folds: 5, fold: 1, method: "snip" },
    { folds: 5, fold: 1, seed: 1 },
    { folds: 5 },
    {},
    { seed: 1 },
  );
  const groups = groupsOf(runs);
  expect(groups.map(({ runs: own }) => own.map(({ number }) => number))).toEqual([
    [1, 3],
    [2],
    [4],
    [5],
    [6, 7],
  ]);
  expect(groups.map(({ name }) => name)).toEqual([
    "reviews.csv, fold 1 of 5, 40 examples",
    "reviews.csv, fold 2 of 5, 40 examples",
    "reviews.csv, fold 1 of 5, 40 examples",
    "reviews.csv, all folds, 40 examples",
    "reviews.csv, 40 examples",
  ]);
});

test("times stand together only at one length, one batch size and on one machine", async () => {
  const runs = await runsOf({}, {}, {}, {}, {});
  const changed = runs.map((each, i): Finished => {
    const latency = each.product.latency.map((one) => ({ ...one, length: i === 1 ? 128 : one.length }));
    const machine = { ...each.result.machine, ...(i === 2 ? { threads: 8 } : {}) };
    const product = { ...each.product, latency: i === 4 ? [] : latency };
    return { ...each, product, result: { ...each.result, machine } };
  });
  const timed = timedAlike(changed);
  expect(timed.map(({ runs: own }) => own.map(({ number }) => number))).toEqual([[1, 4], [2], [3]]);
  expect(timed.map(({ at }) => at.length)).toEqual([16, 128, 16]);
});
