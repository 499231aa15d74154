import { expect, test } from "vitest";
import { choosingPage, recommendationsOf } from "./choosing.ts";
import type { EightFacts } from "./eight.ts";
import { type Paper, planOf, type Row } from "./papers/plan.ts";
import type { TaskName } from "./papers/task-plans.ts";
import { type JobFacts, type JobOutcome, reproductionOf } from "./table.ts";

const TASKS: readonly TaskName[] = ["sst2", "cola"];
const ROWS: readonly Row[] = [
  { label: "fine-tuned" },
  { label: "halved, 3 layers", work: { slug: "half", method: "truncate", set: { layers: "3" }, longer: 2 } },
  { label: "trained in 8 bits", work: { slug: "eight", method: "quantization-aware" } },
];
const PAPER: Paper = {
  id: "core",
  title: "Core",
  citation: "no paper",
  tasks: TASKS,
  metrics: {},
  rows: () => ROWS,
  published: [],
  differs: [],
};

function done(name: "accuracy" | "matthews", value: number, more: Partial<JobFacts> = {}): JobOutcome {
  const facts: JobFacts = {
    metric: { name, better: "higher", before: null, after: value, examples: 872 },
    metrics: { [name]: value },
    removed: { encoder: 0.5, all: 0.2 },
    parameters: { total: 100, nonzero: 100, embeddings: 50 },
    work: 0.5,
    seconds: 60,
    threads: 1,
    ...more,
  };
  return { state: "done", facts };
}

const packed = { bytes: 150, of: 200, faster: 2 };
function eight(after: number, bytes: number, faster: number): EightFacts {
  return { bytes, after, layers: 36, of: 36, faster, fasterInOnnx: faster / 2 };
}

function rowsOf(outcomes: Readonly<Record<string, JobOutcome>>) {
  const plan = planOf(PAPER, { tasks: TASKS, seeds: 1, seed: 0, quick: false, depth: 6 });
  const model = { name: "small", layers: 6, hidden: 256, parameters: 12 };
  const made = {
    plan,
    quick: false,
    model,
    outcomes: new Map(Object.entries(outcomes)),
    constants: new Map(),
  };
  return recommendationsOf(ROWS, reproductionOf(made));
}

const OUTCOMES = {
  "sst2-s0-finetuned": done("accuracy", 0.9, { eight: eight(0.895, 92, 0.8) }),
  "cola-s0-finetuned": done("matthews", 0.4),
  "sst2-s0-half-x2": done("accuracy", 0.88, { packed, eight: eight(0.87, 80, 1.5) }),
  "cola-s0-half-x2": done("matthews", 0.36, { packed }),
  "sst2-s0-eight": done("accuracy", 0.9, { packed, eight: eight(0.9, 90, 0.8) }),
  "cola-s0-eight": done("matthews", 0.4, { packed, eight: eight(0.402, 90, 1) }),
};

test("a row is there as it is and in 8 bits, what was trained in 8 bits in 8 bits alone", () => {
  const rows = rowsOf(OUTCOMES);
  expect(rows.map(({ label, size, faster, drop }) => [label, size, faster, drop])).toEqual([
    // 2 and 4 points, and the one that 8 bits cost where they were measured; 80 of 4 · 100 bytes.
    ["halved, 3 layers, in 8 bits", 0.2, 1.5, 4],
    ["trained in 8 bits", 0.225, 0.9, -0.1],
    ["fine-tuned, in 8 bits", 0.23, 0.8, 0.5],
    ["halved, 3 layers", 0.375, 2, 3],
  ]);
  expect(rows.map(({ quantize, quantized, runs }) => [quantize, quantized, runs])).toEqual([
    [true, 1, 2],
    [true, 2, 2],
    [true, 1, 1],
    [undefined, undefined, 2],
  ]);
});

test("the page says how each is asked for, and counts no run twice", () => {
  const { page, svg } = choosingPage({ model: "small", layers: 6, whole: 0.5, rows: rowsOf(OUTCOMES) });
  const cells = page.split("\n").filter((line) => /^\| \d/.test(line));
  expect(
    cells.map((line) =>
      line
        .split("|")
        .slice(-3, -1)
        .map((cell) => cell.trim()),
    ),
  ).toEqual([
    ["2, 2; 1 in 8 bits", "`--method truncate --set layers=3 --epochs 6 --quantize`"],
    ["2, 2; 2 in 8 bits", "`--method quantization-aware --quantize`"],
    ["1, 1; 1 in 8 bits", "`finetune --quantize`"],
    ["2, 2", "`--method truncate --set layers=3 --epochs 6`"],
  ]);
  expect(page).toContain("2 tasks (sst2, cola), 4 runs.");
  expect(svg).toContain(">in 8 bits<");
});

test("without a run in 8 bits there is no such row, and nothing to tell apart", () => {
  const half = done("accuracy", 0.88, { packed });
  const whole = done("accuracy", 0.9);
  const rows = rowsOf({ ...OUTCOMES, "sst2-s0-half-x2": half, "sst2-s0-finetuned": whole });
  expect(rows.map(({ label }) => label)).toEqual(["trained in 8 bits", "halved, 3 layers"]);
  const plain = rows.filter(({ quantize }) => !quantize);
  expect(choosingPage({ model: "small", layers: 6, whole: 0.5, rows: plain }).svg).not.toContain(
    "in 8 bits<",
  );
});
