import { expect, test } from "vitest";
import { type Paper, planOf } from "./papers/plan.ts";
import { averageOf, type JobFacts, type JobOutcome, reproductionOf } from "./table.ts";
import { progressText, reproductionText } from "./table-text.ts";

const PAPER: Paper = {
  id: "theseus",
  title: "A paper",
  citation: "Somebody, 2020",
  tasks: ["sst2"],
  metrics: {},
  rows: () => [
    { label: "fine-tuned", published: { sst2: { value: 92.6, source: "Table 1" } } },
    { label: "halved", work: { slug: "half", method: "truncate", set: { layers: "3" } } },
  ],
  published: [
    {
      title: "more",
      source: "Table 2",
      tasks: ["SST-2"],
      rows: [
        ["other", 90],
        ["none", null],
      ],
    },
  ],
  differs: ["The model differs."],
};

const plan = planOf(PAPER, { tasks: ["sst2"], seeds: 3, seed: 0, quick: false, depth: 6 });
const MODEL = { name: "small", layers: 6, hidden: 256, parameters: 12_800_000 };

function done(accuracy: number, packed?: JobFacts["packed"]): JobOutcome {
  const facts: JobFacts = {
    metric: { name: "accuracy", better: "higher", before: null, after: accuracy, examples: 872 },
    metrics: { accuracy },
    removed: { encoder: 0.5, all: 0.2 },
    parameters: { total: 10_400_000, nonzero: 10_300_000, embeddings: 7_800_000 },
    work: 0.5,
    seconds: 60,
    threads: 1,
    ...(packed ? { packed } : {}),
  };
  return { state: "done", facts };
}

function reproduced(outcomes: Readonly<Record<string, JobOutcome>>, quick = false) {
  const constants = new Map([["sst2", { accuracy: 0.509 }]]);
  return reproductionOf({
    plan,
    quick,
    model: MODEL,
    outcomes: new Map(Object.entries(outcomes)),
    constants,
  });
}

const FAILED: JobOutcome = { state: "failed", code: "train/diverged", message: "the loss is NaN" };
const PART = {
  "sst2-s0-finetuned": done(0.8),
  "sst2-s1-finetuned": done(0.82),
  "sst2-s2-finetuned": done(0.81),
  "sst2-s0-half": done(0.75),
  "sst2-s1-half": FAILED,
};

test("a cell is the mean of its seeds with the sample deviation, times 100; its costs are means too", () => {
  const [dense, half] = reproduced(PART).tables[0]?.rows ?? [];
  expect(dense?.ours?.mean).toBeCloseTo(81, 10);
  expect(dense?.ours?.deviation).toBeCloseTo(1, 10);
  expect(dense?.ours?.values).toEqual([80, 82, 81]);
  expect(half?.ours).toEqual({ mean: 75, deviation: null, values: [75] });
  expect(half?.runs).toEqual({ planned: 3, done: 1, failed: 1 });
  expect(half?.costs).toMatchObject({
    removedOfAll: 0.2,
    removedOfEncoder: 0.5,
    multiplyAccumulates: 0.5,
    seconds: 60,
  });
  expect(averageOf([])).toBeNull();
});

test("a table with missing and failed cells says so in both headings, in its cells and in its notes", () => {
  const text = reproductionText(reproduced(PART));
  expect(text).toMatch(/^# A paper \(NOT COMPLETE: 4 of 6 jobs done, 1 failed\)\n/);
  expect(text).toContain("## sst2, accuracy, 872 examples (NOT COMPLETE: 4 of 6 runs)");
  expect(text).toMatch(/\| fine-tuned +\| +92\.6 \| 81\.0 ± 1\.0 \| +\| +3 \|/);
  expect(text).toMatch(
    /\| halved +\| +\| +75\.0 \[1\] \| +93\.8 % \| +1 of 3, 1 failed \| +20\.0 % \| +50\.0 % \| +10\.40 M \|/,
  );
  expect(text).toMatch(/\| always the most frequent label +\| +\| +50\.9 \|/);
  expect(text).toContain("1. the loss is NaN (`train/diverged`): sst2-s1-half");
  expect(text).toContain("Published: Table 1.");
  expect(text).toContain("- The model differs.");
  expect(text).toContain("## As published: more");
});

test("what was never run is a dash, and what only failed is called failed", () => {
  const text = reproductionText(reproduced({ "sst2-s0-half": FAILED, "sst2-s1-half": FAILED }));
  expect(text).toMatch(/\| fine-tuned +\| +92\.6 \| +– \| +\| +0 of 3 \| +– \|/);
  expect(text).toMatch(/\| halved +\| +\| +failed \[1\] \| +\| 0 of 3, 2 failed \|/);
  expect(text).toContain("train/diverged`): sst2-s0-half, sst2-s1-half");
});

test("a whole table says that it is complete, and nothing else of failures", () => {
  const all = Object.fromEntries(plan.jobs.map(({ id }) => [id, done(0.8)]));
  const table = reproduced(all);
  expect(table.complete).toBe(true);
  const text = reproductionText(table);
  expect(text).toContain("(complete: 6 of 6 jobs done)");
  expect(text).not.toMatch(/NOT COMPLETE|What failed/);
  expect(text).toMatch(/80\.0 ± 0\.0/);
});

test("a failed job leaves a table incomplete for good", () => {
  const all = Object.fromEntries(plan.jobs.map(({ id }) => [id, done(0.8)]));
  const table = reproduced({ ...all, "sst2-s2-half": FAILED });
  expect(table.complete).toBe(false);
  expect(progressText(table.jobs)).toBe("NOT COMPLETE: 5 of 6 jobs done, 1 failed");
});

test("a task without published numbers has no column for them, and a quick trial is called one", () => {
  const rows = () => [{ label: "fine-tuned" }];
  const bare = planOf({ ...PAPER, rows }, { tasks: ["cola"], seed: 0, quick: true, depth: 6 });
  const outcomes = new Map<string, JobOutcome>();
  const text = reproductionText(
    reproductionOf({ plan: bare, quick: true, model: MODEL, outcomes, constants: new Map() }),
  );
  expect(text).toContain("No published number for this task.");
  expect(text).not.toMatch(/\| +paper \|/);
  expect(text).toContain("A quick trial");
});

test("what is kept and lost is counted over the seeds that both have", () => {
  const [dense, half] = reproduced(PART).tables[0]?.rows ?? [];
  expect([dense?.kept, dense?.lost]).toEqual([null, null]);
  expect([half?.kept, half?.lost]).toEqual([expect.closeTo(75 / 80, 10), expect.closeTo(5, 10)]);
  const apart = reproduced({ "sst2-s1-finetuned": done(0.82), "sst2-s0-half": done(0.75) });
  expect(apart.tables[0]?.rows[1]).toMatchObject({ kept: null, lost: null });
});

test("a row says what it keeps of the fine-tuned mean, and what its file weighs and gains", () => {
  const packed = { bytes: 6_000_000, of: 24_000_000, faster: 3 };
  const outcomes = {
    ...PART,
    "sst2-s1-half": done(0.77, packed),
    "sst2-s2-half": done(0.76, { ...packed, faster: 4 }),
  };
  const [dense, half] = reproduced(outcomes).tables[0]?.rows ?? [];
  expect([dense?.kept, half?.kept]).toEqual([null, expect.closeTo(76 / 81, 10)]);
  expect([dense?.costs?.packed, half?.costs?.packed]).toEqual([null, { ...packed, faster: 3.5 }]);
  expect(reproductionText(reproduced(outcomes))).toMatch(/\| 93\.8 % \| .* 6\.0 MB \| +3\.5× \| +60 s \|/);
  const without = reproduced({ "sst2-s0-half": done(0.75) }).tables[0]?.rows[1];
  expect([without?.kept, without?.costs?.packed]).toEqual([null, null]);
});
