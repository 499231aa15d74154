import { expect, test } from "vitest";
import { madeRun } from "../../test/support/run-folder.ts";
import { comparisonSection, paretoFront } from "./comparison.ts";
import { readRun } from "./source.ts";

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

test("runs timed at two lengths share no front of times, and a sentence says so", async () => {
  const folders = await Promise.all(["a", "b", "c"].map((name) => madeRun({ name })));
  const sources = await Promise.all(folders.map((folder, i) => readRun(folder, `r${i}`, `run ${i}`)));
  const changed = sources.map((source, i) => {
    const { result } = source;
    const models = (result?.models ?? []).map((model) => ({
      ...model,
      latency: model.latency.map((one) => ({ ...one, length: i === 2 ? 128 : one.length })),
    }));
    return result === undefined ? source : { ...source, result: { ...result, models } };
  });
  const pageOf = (runs: Parameters<typeof comparisonSection>[0]) => String(comparisonSection(runs).body);
  const page = pageOf(changed);
  expect(page).toContain("time of a pass, batch 1, 16 tokens");
  expect(page).not.toContain("128 tokens");
  expect(page).toContain("Timed as no other run of this kind, so in no chart of times: run 2.");
  expect(pageOf(sources)).not.toContain("Timed as no other run");
});
