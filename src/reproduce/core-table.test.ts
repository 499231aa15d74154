import { expect, test } from "vitest";
import { coreTableText } from "./core-table.ts";
import { type Paper, type Plan, planOf } from "./papers/plan.ts";
import type { TaskName } from "./papers/task-plans.ts";
import { type JobFacts, type JobOutcome, type Reproduction, reproductionOf } from "./table.ts";

const TASKS: readonly TaskName[] = ["sst2", "cola"];
const PAPER: Paper = {
  id: "core",
  title: "Core",
  citation: "no paper",
  tasks: TASKS,
  metrics: {},
  rows: () => [
    { label: "fine-tuned" },
    { label: "halved", work: { slug: "half", method: "truncate" } },
    { label: "never run", work: { slug: "other", method: "truncate" } },
    { label: "rival", work: { slug: "rival", method: "truncate", tasks: ["sst2"] } },
  ],
  published: [],
  differs: [],
};
const REQUEST = { seeds: 2, seed: 0, quick: false, depth: 6 };
const plan = planOf(PAPER, { ...REQUEST, tasks: TASKS });
const wholePlan = planOf(
  { ...PAPER, whole: true, tasks: ["sst2"] },
  { ...REQUEST, seeds: 1, tasks: ["sst2"] },
);

function done(name: "accuracy" | "matthews", value: number, packed?: JobFacts["packed"]): JobOutcome {
  const facts: JobFacts = {
    metric: { name, better: "higher", before: null, after: value, examples: 872 },
    metrics: { [name]: value },
    removed: { encoder: packed ? 0.5 : 0, all: 0.2 },
    parameters: { total: 10, nonzero: 10, embeddings: 5 },
    work: 0.5,
    seconds: 60,
    threads: 1,
    ...(packed ? { packed } : {}),
  };
  return { state: "done", facts };
}

function cellsOf(outcomes: Readonly<Record<string, JobOutcome>>): string[][] {
  const table = (of: Plan): Reproduction =>
    reproductionOf({
      plan: of,
      quick: false,
      model: { name: "small", layers: 6, hidden: 256, parameters: 12 },
      outcomes: new Map(Object.entries(outcomes)),
      constants: new Map(),
    });
  return coreTableText(table(plan), table(wholePlan))
    .split("\n")
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

test("all tasks stand side by side, kept and speed as means over them, and what was never run is left out", () => {
  const [header, , ...rows] = cellsOf({
    "sst2-s0-finetuned": done("accuracy", 0.8),
    "sst2-s1-finetuned": done("accuracy", 0.9),
    "cola-s0-finetuned": done("matthews", 0.4),
    "sst2-s0-half": done("accuracy", 0.76, { bytes: 6e6, of: 24e6, faster: 3 }),
    "cola-s0-half": done("matthews", 0.3, { bytes: 8e6, of: 24e6, faster: 2 }),
  });
  expect(header).toEqual(["", "SST-2", "CoLA", "kept", "weights", "file", "in 8 bits", "faster"]);
  expect(rows).toEqual([
    ["fine-tuned", "85.0 ± 7.1", "40.0", "", "100 %", "24.0 MB", "–", "1"],
    ["halved", "76.0", "30.0", "85.0 %", "50 %", "7.00 MB", "–", "2.5"],
  ]);
});

test("what is run on all rows of a task is a column of its own, which no other column counts", () => {
  const [header, , ...rows] = cellsOf({
    "sst2-s0-finetuned": done("accuracy", 0.8),
    "cola-s0-finetuned": done("matthews", 0.4),
    "sst2-s0-half": done("accuracy", 0.76, { bytes: 6e6, of: 24e6, faster: 3 }),
    "sst2-all-s0-finetuned": done("accuracy", 0.9),
    "sst2-all-s0-half": done("accuracy", 0.45, { bytes: 1e6, of: 24e6, faster: 9 }),
  });
  expect(header).toEqual([
    "",
    "SST-2",
    "CoLA",
    "SST-2, all rows",
    "kept",
    "weights",
    "file",
    "in 8 bits",
    "faster",
  ]);
  expect(rows).toEqual([
    ["fine-tuned", "80.0", "40.0", "90.0", "", "100 %", "24.0 MB", "–", "1"],
    ["halved", "76.0", "–", "45.0", "–", "50 %", "6.00 MB", "–", "3.0"],
  ]);
});

test("what is kept is told of rows that are run on all of their tasks, of the tasks that these share", () => {
  const some = {
    "sst2-s0-finetuned": done("accuracy", 0.8),
    "cola-s0-finetuned": done("matthews", 0.4),
    "sst2-s0-half": done("accuracy", 0.76),
    "cola-s0-half": done("matthews", 0.1),
    "sst2-s0-other": done("accuracy", 0.72),
  };
  const [header, , ...rows] = cellsOf(some);
  expect(header?.[3]).toBe("kept");
  expect(rows.map((row) => [row[0], row[3]])).toEqual([
    ["fine-tuned", ""],
    ["halved", "60.0 %"],
    ["never run", "–"],
  ]);
  const [shared, , ...all] = cellsOf({ ...some, "sst2-s0-rival": done("accuracy", 0.72) });
  expect(shared?.[3]).toBe("kept of SST-2");
  expect(all.map((row) => row[3])).toEqual(["", "95.0 %", "90.0 %", "90.0 %"]);
});

test("what is missing is a dash: a task, a file, a fine-tuned model to be held against", () => {
  const [, , ...rows] = cellsOf({ "sst2-s0-half": done("accuracy", 0.76) });
  expect(rows).toEqual([
    ["fine-tuned", "–", "–", "", "100 %", "–", "–", "1"],
    ["halved", "76.0", "–", "–", "100 %", "–", "–", "–"],
  ]);
});

test("files in 8 bits have their bytes and what they cost, in points, every run the same", () => {
  const [, , ...rows] = cellsOf({
    "sst2-s0-finetuned": inEight(done("accuracy", 0.8), 5e6, 0.796),
    "sst2-s1-finetuned": inEight(done("accuracy", 0.8), 5e6, 0.798),
    "cola-s0-finetuned": inEight(done("matthews", 0.4), 8e6, 0.4),
    "sst2-s0-half": inEight(done("accuracy", 0.7), 3e6, 0.72),
  });
  expect(rows.map((row) => [row[0], row[6]])).toEqual([
    ["fine-tuned", "6.00 MB, -0.2"],
    ["halved", "3.00 MB, +2.0"],
  ]);
});

function inEight(outcome: JobOutcome, bytes: number, after: number): JobOutcome {
  if (outcome.state === "failed") return outcome;
  return { ...outcome, facts: { ...outcome.facts, eight: { bytes, after, layers: 36, of: 36 } } };
}
