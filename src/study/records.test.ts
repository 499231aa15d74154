import { expect, test } from "vitest";
import { pairRecord, runRecord } from "../../test/support/study.ts";
import { distinguish, isFrozen, isOneMethod, relationOf, sparsityText } from "./groups.ts";
import { asWritten, isAtFloor, joinRecords, keptMetric, parseRecords, recordsText } from "./record.ts";

const [first, second] = [runRecord({ seed: 0 }), runRecord({ seed: 1, measures: { "paths.log": null } })];
const records = { runs: [first, second], pairs: [pairRecord(first, second, 0.5, 0.25)] };

test("records are read as they were written, numbers with six digits", () => {
  expect(parseRecords(recordsText(records), "study.jsonl")).toEqual(records);
  const third = runRecord({ score: 200 / 3 });
  expect(recordsText({ runs: [third], pairs: [] })).toContain('"score":66.6667');
  expect(asWritten({ runs: [third], pairs: [] }).runs).toEqual([{ ...third, score: 66.6667 }]);
});

test("records of earlier versions, without a constant answer and a digest, are read; newer ones keep both", () => {
  const newer = { ...first, constant: 50.9174, model: "53aa5117" };
  const read = parseRecords(recordsText({ runs: [first, newer], pairs: [] }), "study.jsonl").runs;
  expect(read).toEqual([first, newer]);
  expect(read[0]).not.toHaveProperty("constant");
});

test("a line that is none is named, and a file without runs is refused", () => {
  const text = recordsText(records).replace('"seed":1', '"seed":"one"');
  expect(() => parseRecords(text, "study.jsonl")).toThrow(/study\.jsonl, line 2/);
  expect(() => parseRecords("\n", "study.jsonl")).toThrow(/expected lines about runs, got none/);
});

test("of two records of one name the later counts, and of a pair in both orders one is left", () => {
  const newer = { ...first, score: 70 };
  const turned = pairRecord(second, first, 0.75, 0.25);
  const { runs, pairs } = joinRecords([records, { runs: [newer], pairs: [turned] }]);
  expect(runs.map(({ score }) => score)).toEqual([70, 80]);
  expect(pairs).toEqual([turned]);
});

test("a pair goes with its masks: where one is measured anew and is another, the old pair is lost", () => {
  const third = runRecord({ seed: 2 });
  const old = {
    runs: [first, second, third],
    pairs: [pairRecord(first, second, 0.5, 0.25), pairRecord(second, third, 0.6, 0.25)],
  };
  const anew = { ...first, measures: { ...first.measures, density: 0.4 } };
  const joined = joinRecords([old, { runs: [anew], pairs: [] }]);
  expect(joined.pairs).toEqual([pairRecord(second, third, 0.6, 0.25)]);
  expect(joined.lost).toBe(1);
  const compared = pairRecord(anew, second, 0.3, 0.2);
  expect(joinRecords([old, { runs: [anew], pairs: [compared] }])).toMatchObject({ lost: 0 });
  // The same mask, with one measure more, is no other mask.
  const more = { ...first, score: 70, measures: { ...first.measures, "spectra.gap": 1 } };
  expect(joinRecords([old, { runs: [more], pairs: [] }])).toMatchObject({ pairs: old.pairs, lost: 0 });
});

test("the metric that is left is a share of the dense one, where that is above 0", () => {
  expect(keptMetric({ score: 45, dense: 90 })).toBe(0.5);
  expect(keptMetric({ score: 45, dense: 0 })).toBeNull();
  expect(keptMetric({ score: 45, dense: null })).toBeNull();
});

test("of what is above a constant answer the share counts, where that answer's score is known", () => {
  expect(keptMetric({ score: 70, dense: 90, constant: 50 })).toBe(0.5);
  expect(keptMetric({ score: 40, dense: 90, constant: 50 })).toBe(-0.25);
  expect(keptMetric({ score: 40, dense: 50, constant: 50 })).toBeNull();
  expect([49, 50, 51].map((score) => isAtFloor({ score, constant: 50 }))).toEqual([true, true, false]);
  expect(isAtFloor({ score: 0 })).toBe(false);
});

test("runs of two models are told apart by their shape, of one shape by their digest", () => {
  const variantsOf = (...models: Parameters<typeof runRecord>[0][]): string[] =>
    distinguish(models.map((model, i) => runRecord({ id: String(i), ...model }))).runs.map(
      ({ variant }) => variant,
    );
  expect(variantsOf({ layers: 2 }, { layers: 4 })).toEqual([
    "magnitude, 2 layers × 8",
    "magnitude, 4 layers × 8",
  ]);
  expect(variantsOf({ model: "aa" }, { model: "bb" })).toEqual([
    "magnitude, 2 layers × 8, aa",
    "magnitude, 2 layers × 8, bb",
  ]);
  // A record of an earlier version is of the only model of its shape.
  expect(variantsOf({ model: "aa" }, { seed: 1 })).toEqual(["magnitude", "magnitude"]);
});

test("weights are frozen by the method, or by a setting", () => {
  expect(isFrozen(runRecord({ method: "adapting-by-pruning" }))).toBe(true);
  expect(isFrozen(runRecord({ settings: { frozen: "true" } }))).toBe(true);
  expect(isFrozen(runRecord({ settings: { frozen: false } }))).toBe(false);
  expect(isFrozen(runRecord({ method: "sparsebert" }))).toBe(false);
});

test("a method is called by its name, and by the settings in which its runs differ", () => {
  const plain = runRecord({ method: "adapting-by-pruning" });
  const control = runRecord({ method: "adapting-by-pruning", settings: { control: "shuffle" } });
  const frozen = runRecord({ method: "magnitude", settings: { frozen: "true" } });
  const { runs, notes } = distinguish([plain, control, frozen]);
  expect(runs.map(({ variant }) => variant)).toEqual([
    "Adapting by Pruning",
    "Adapting by Pruning, control shuffle",
    "magnitude",
  ]);
  expect(notes).toEqual([]);
});

test("what nothing tells apart counts once, and a note says so", () => {
  const { runs, notes } = distinguish([
    runRecord({ id: "a" }),
    runRecord({ id: "b" }),
    runRecord({ seed: 1 }),
  ]);
  expect(runs.map(({ id }) => id)).toEqual(["a", "sst2-s1-magnitude-0.5"]);
  expect(notes).toEqual([expect.stringMatching(/^1 run is left out/)]);
});

test("two runs are compared when they differ in one thing, or in task and seed, and controls with nothing", () => {
  const { runs } = distinguish([
    runRecord(),
    runRecord({ seed: 1 }),
    runRecord({ method: "lottery" }),
    runRecord({ task: "cola" }),
    runRecord({ task: "cola", seed: 1 }),
    runRecord({ method: "lottery", seed: 1 }),
    runRecord({ sparsity: 0.9 }),
    runRecord({ settings: { control: "shuffle" } }),
    runRecord({ method: "lottery", layers: 4 }),
  ]);
  const [base, ...others] = runs;
  if (base === undefined) throw new Error("expected runs");
  expect(others.map((other) => relationOf(base, other))).toEqual([
    "seeds",
    "methods",
    "tasks",
    "both",
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("two settings of one method differ in their name, and are one method", () => {
  const { runs } = distinguish([runRecord(), runRecord({ settings: { deviation: "0.0001" } })]);
  const [first, second] = runs;
  if (first === undefined || second === undefined) throw new Error("expected runs");
  expect(relationOf(first, second)).toBe("methods");
  expect(isOneMethod({ first, second })).toBe(true);
});

test("sparsities have a digit behind the point where they need one", () => {
  expect([0.2, 0.99, 0.995, null].map(sparsityText)).toEqual(["20 %", "99 %", "99.5 %", "no sparsity"]);
});
