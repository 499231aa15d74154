import { expect, test } from "vitest";
import { pairRecord, runRecord } from "../../test/support/study.ts";
import { distinguish, relationOf, sparsityText } from "./groups.ts";
import { joinRecords, keptMetric, parseRecords, recordsText } from "./record.ts";

const [first, second] = [runRecord({ seed: 0 }), runRecord({ seed: 1, measures: { "paths.log": null } })];
const records = { runs: [first, second], pairs: [pairRecord(first, second, 0.5, 0.25)] };

test("records are read as they were written, numbers with six digits", () => {
  expect(parseRecords(recordsText(records), "study.jsonl")).toEqual(records);
  const third = runRecord({ score: 200 / 3 });
  expect(recordsText({ runs: [third], pairs: [] })).toContain('"score":66.6667');
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

test("the metric that is left is a share of the dense one, where that is above 0", () => {
  expect(keptMetric({ score: 45, dense: 90 })).toBe(0.5);
  expect(keptMetric({ score: 45, dense: 0 })).toBeNull();
  expect(keptMetric({ score: 45, dense: null })).toBeNull();
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
  ]);
});

test("sparsities have a digit behind the point where they need one", () => {
  expect([0.2, 0.99, 0.995, null].map(sparsityText)).toEqual(["20 %", "99 %", "99.5 %", "no sparsity"]);
});
