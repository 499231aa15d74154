import { expect, test } from "vitest";
import { comparisonText } from "./comparison.ts";
import { type Paper, planOf, type Row } from "./papers/plan.ts";
import type { JobOutcome } from "./table.ts";

const HALVED: Row = {
  label: "halved",
  work: { slug: "half", method: "truncate", set: { layers: "3" }, longer: 2 },
};
const SPARSE: Row = {
  label: "  sparse | a little",
  work: { slug: "sparse", method: "magnitude", sparsity: 0.2, learningRate: 1e-3, seeds: 1 },
};
const COPIED: Row = { label: "copied", work: { slug: "copied", method: "magnitude", augmented: true } };

function planned(...rows: readonly Row[]) {
  const paper: Paper = {
    id: "theseus",
    title: "A paper",
    citation: "Somebody, 2020",
    tasks: ["sst2", "cola", "mrpc"],
    metrics: { mrpc: "f1" },
    rows: () => [{ label: "fine-tuned" }, ...rows],
    published: [],
    differs: [],
  };
  return planOf(paper, { tasks: ["sst2", "mrpc"], seed: 0, quick: false, depth: 6 });
}

function done(after: number, encoder: number): JobOutcome {
  return {
    state: "done",
    facts: {
      metric: { name: "accuracy", better: "higher", before: null, after, examples: 872 },
      metrics: { accuracy: after },
      removed: { encoder, all: encoder / 2 },
      parameters: { total: 1, nonzero: 1, embeddings: 1 },
      work: 1,
      seconds: 60,
      threads: 1,
    },
  };
}

const PLANS = [planned(HALVED, COPIED), planned({ ...HALVED, label: "another name" }, SPARSE)];

/** The cells of the row with a label. */
function row(text: string, label: string): string[] {
  const [line = ""] = text.split("\n").filter((one) => one.startsWith(`| ${label} `));
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

test("a row of several papers stands once, under its first name, with what sets it apart", () => {
  const text = comparisonText(PLANS, new Map());
  expect(text).not.toContain("another name");
  expect(row(text, "halved").at(-1)).toBe("`--method truncate --set layers=3 --epochs ×2`");
  expect(row(text, "sparse").at(-1)).toBe("`--method magnitude --sparsity 0.2 --learning-rate 0.001`");
  expect(row(text, "copied").at(-1)).toBe("`--method magnitude --augmented COPIES`");
  expect(row(text, "fine-tuned").at(-1)).toBe("");
});

test("rows are ordered by what was removed, and one that was not run yet comes last", () => {
  const outcomes = new Map([
    ["sst2-s0-half-x2", done(0.8, 0.5)],
    ["sst2-s0-sparse", done(0.7, 0.2)],
    ["sst2-s1-finetuned", done(0.9, 0)],
  ]);
  const text = comparisonText(PLANS, outcomes);
  const order = ["fine-tuned", "sparse", "halved", "copied"].map((label) => text.indexOf(`| ${label} `));
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(row(text, "halved").slice(1, 3)).toEqual(["50.0 %", "25.0 %"]);
  expect(row(text, "copied").slice(1, 6)).toEqual(["–", "–", "", "– (0 of 3 runs)", "–, –"]);
});

test("what is missing is said at the value and on top, and one seed of one has no deviation", () => {
  const outcomes = new Map([
    ["sst2-s0-half-x2", done(0.8, 0.5)],
    ["sst2-s1-half-x2", done(0.82, 0.5)],
    ["sst2-s2-half-x2", done(0.81, 0.5)],
    ["mrpc-s0-half-x2", done(0.7, 0.5)],
    ["mrpc-s0-sparse", done(0.6, 0.2)],
  ]);
  const text = comparisonText(PLANS, outcomes);
  // 3 + 3 fine-tuned, as many halved, 3 copied, 1 + 1 sparse.
  expect(text).toMatch(/^Runs: NOT COMPLETE: 5 of 17 jobs done\.\n/);
  expect(row(text, "halved").slice(3, 5)).toEqual(["81.0 ± 1.0", "70.0 (1 of 3 runs)"]);
  expect(row(text, "sparse")[4]).toBe("60.0");
  expect(text).toContain(
    "sst2 `--limit 10000`, `--epochs 2 --learning-rate 0.00005`, 3 seeds; mrpc all examples",
  );
});
