import { expect, test } from "vitest";
import { tinyModel } from "../../../test/support/tiny-model.ts";
import { BLOCK_SHAPES } from "../../base/blocks.ts";
import { fold, keyOf } from "../../base/random.ts";
import { METHODS, methodById } from "../../methods/registry.ts";
import { initialNetwork } from "../../network/network.ts";
import { PAPERS } from "./papers.ts";
import {
  distinctJobs,
  type Job,
  layersLeft,
  type Paper,
  type PaperId,
  type PlanRequest,
  planOf,
  secondsOf,
} from "./plan.ts";

const REQUEST: PlanRequest = { tasks: ["sst2", "cola", "mrpc"], seed: 0, quick: false, depth: 6 };
const papers = Object.values(PAPERS);

function jobsOf(request: PlanRequest, of: readonly Paper[] = papers): readonly Job[] {
  return of.flatMap((paper) => planOf(paper, request).jobs);
}

test.each(papers)(
  "$id: every cell has its jobs, every job a cell, and each comes after the model it begins with",
  (paper) => {
    const { jobs, tables } = planOf(paper, REQUEST);
    const ids = jobs.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = tables.flatMap(({ rows }) => rows.flatMap((row) => row.jobs));
    expect(new Set(cells)).toEqual(new Set(ids));
    for (const [i, { compression }] of jobs.entries()) {
      if (compression) expect(ids.slice(0, i)).toContain(compression.after);
    }
  },
);

test("jobs of one name are one job, whichever paper asks and whatever the request", () => {
  const requests = [REQUEST, { ...REQUEST, depth: 12 }, { ...REQUEST, quick: true }, { ...REQUEST, seed: 1 }];
  const byId = new Map<string, Job>();
  const jobs = requests.flatMap((request) => jobsOf(request));
  for (const job of jobs) {
    expect(byId.get(job.id) ?? job).toEqual(job);
    byId.set(job.id, job);
  }
  expect(jobs.length).toBeGreaterThan(byId.size);
});

test("names say task, seed and method", () => {
  const ids = jobsOf(REQUEST, [PAPERS.sparsebert]).map(({ id }) => id);
  expect(ids).toContain("sst2-s0-movement-0.95-e10");
  expect(ids).toContain("mrpc-s2-finetuned");
  expect(jobsOf({ ...REQUEST, quick: true }, [PAPERS.theseus])[0]?.id).toBe("sst2-s0-finetuned-quick");
});

test("a whole table of the first seed stands before the second seed begins", () => {
  const seeds = planOf(PAPERS.snip, REQUEST).jobs.flatMap(({ compression, seed }) =>
    compression ? [seed] : [],
  );
  expect(seeds).toEqual(seeds.toSorted());
});

test("quick is the first task, one seed, one epoch and 300 examples", () => {
  const { jobs, tables } = planOf(PAPERS["adapting-by-pruning"], { ...REQUEST, quick: true, seeds: 5 });
  expect(tables.map(({ task }) => task)).toEqual(["sst2"]);
  expect(new Set(jobs.map(({ seed, training }) => `${seed} ${training.epochs} ${training.limit}`))).toEqual(
    new Set(["0 1 300"]),
  );
});

test("seeds, their start, the learning rate and the limit are the user's", () => {
  const request = { ...REQUEST, tasks: ["cola"] as const, seeds: 2, seed: 7, learningRate: 2e-5, limit: 50 };
  const { jobs } = planOf(PAPERS.theseus, request);
  expect([...new Set(jobs.map(({ seed }) => seed))]).toEqual([7, 8]);
  expect(jobs[0]?.training).toEqual({ epochs: 3, learningRate: 2e-5, limit: 50 });
  expect(jobs.at(-1)?.training.epochs).toBe(6);
});

test("a row beside the comparison has one seed where a task has three, unless the user says how many", () => {
  const counts = (task: string, label: string, seeds?: number) => {
    const { tables } = planOf(PAPERS["adapting-by-pruning"], { ...REQUEST, seeds });
    return tables.find((table) => table.task === task)?.rows.find((row) => row.label === label)?.jobs.length;
  };
  expect(counts("cola", "Adapting by Pruning, 0.95")).toBe(3);
  expect(counts("cola", "Adapting by Pruning, 0.9")).toBe(1);
  expect(counts("mrpc", "mask shuffled, 0.95")).toBe(1);
  expect(counts("cola", "Adapting by Pruning, 0.9", 5)).toBe(5);
});

test("a table prints the paper's own metric: F1 of MRPC for SparseBERT, the mean of both for Theseus", () => {
  const metrics = (paper: Paper) => planOf(paper, REQUEST).tables.map(({ metric }) => metric);
  expect(metrics(PAPERS.sparsebert)).toEqual(["accuracy", "matthews", "f1"]);
  expect(metrics(PAPERS.theseus)).toEqual(["accuracy", "matthews", "mean"]);
});

test("published numbers stand in the rows they were printed for, with their source", () => {
  const cell = (paper: Paper, task: string, label: string) => {
    const rows = planOf(paper, REQUEST).tables.find((table) => table.task === task)?.rows;
    return rows?.find((row) => row.label === label)?.published;
  };
  expect(cell(PAPERS["adapting-by-pruning"], "sst2", "Adapting by Pruning, 0.95")).toEqual({
    value: 83.1,
    source: "appendix Table 2",
  });
  expect(cell(PAPERS["adapting-by-pruning"], "sst2", "lottery (IMP), frozen, 0.7")?.value).toBe(80.6);
  expect(cell(PAPERS["adapting-by-pruning"], "cola", "Adapting by Pruning, 0.95")).toBeUndefined();
  expect(cell(PAPERS.sparsebert, "mrpc", "SparseBERT")?.value).toBe(88.5);
  expect(cell(PAPERS.theseus, "mrpc", "Theseus, curriculum, 3 layers")?.value).toBe(89.0);
  expect(cell(PAPERS.theseus, "sst2", "fine-tuned, first 2 layers")?.value).toBe(87.2);
  expect(cell(PAPERS.baselines, "cola", "DistilBERT")?.value).toBe(43.6);
});

test("no SNIP score is published here, because none is confirmed", () => {
  const all = ["sst2", "cola", "mrpc", "rte", "stsb", "qnli", "qqp", "mnli", "wnli"] as const;
  const { tables } = planOf(PAPERS.snip, { ...REQUEST, tasks: all });
  expect(tables.flatMap(({ rows }) => rows.flatMap(({ published }) => published ?? []))).toEqual([]);
  expect(PAPERS.snip.published).toEqual([]);
  expect(PAPERS.snip.differs[0]).toContain("no published number");
});

test("at another depth the fractions follow, and a fraction that is not whole has no published number", () => {
  expect(layersLeft(12, 3)).toEqual({ layers: 4, exact: true });
  expect(layersLeft(2, 3)).toEqual({ layers: 1, exact: false });
  const rows = planOf(PAPERS.theseus, { ...REQUEST, depth: 4 }).tables[0]?.rows ?? [];
  expect(rows.map(({ label }) => label)).toContain("Theseus, curriculum, 1 layer");
  expect(rows.find(({ label }) => label === "Theseus, curriculum, 2 layers")?.published).toBeDefined();
  expect(rows.find(({ label }) => label === "Theseus, curriculum, 1 layer")?.published).toBeUndefined();
});

test("every paper has rows of the same length in its published tables", () => {
  for (const { published } of papers) {
    for (const { tasks, rows } of published) {
      for (const [, ...values] of rows) expect(values).toHaveLength(tasks.length);
    }
  }
});

function hoursOf(jobs: readonly Job[]): number {
  return jobs.reduce((sum, job) => sum + secondsOf(job), 0) / 3600;
}

test("all tables take 88 to 98 hours of a thread, the study 27, the blocks 14, all of SST-2 10 more", () => {
  const hoursWithout = (...left: readonly PaperId[]) => {
    const of = papers.filter(({ id }) => !left.includes(id));
    return hoursOf(distinctJobs(of.map((paper) => planOf(paper, { ...REQUEST, tasks: paper.tasks }))));
  };
  const others = hoursWithout("sub-networks", "blocks", "whole");
  expect(others).toBeGreaterThan(88);
  expect(others).toBeLessThan(98);
  expect(Math.round(hoursWithout("blocks", "whole") - others)).toBe(27);
  expect(Math.round(hoursWithout() - hoursWithout("blocks"))).toBe(14);
  expect(Math.round(hoursWithout() - hoursWithout("whole"))).toBe(10);
});

test("all of SST-2 is the core table's rows of the four papers, once, under names of their own", () => {
  const { jobs, tables } = planOf(PAPERS.whole, { ...REQUEST, tasks: PAPERS.whole.tasks });
  expect(jobs.map(({ id }) => id)).toEqual([
    "sst2-all-s0-finetuned",
    "sst2-all-s0-truncate-3-e3",
    "sst2-all-s0-theseus-3-e3",
    "sst2-all-s0-snip-0.5-e3",
    "sst2-all-s0-adapting-by-pruning-0.5-e3-b8",
    "sst2-all-s0-adapting-by-pruning-0.9-e3-b8",
    "sst2-all-s0-sparsebert-0.9-e3",
    "sst2-all-s0-sparsebert-0.95-e3",
  ]);
  expect(jobs.flatMap(({ training }) => training.limit ?? [])).toEqual([]);
  const core = planOf(PAPERS.core, REQUEST).tables.flatMap(({ rows }) => rows.map(({ label }) => label));
  expect(core).toEqual(expect.arrayContaining(tables.flatMap(({ rows }) => rows.map(({ label }) => label))));
});

test("blocks are 2 sparsities in every shape, and single weights are the core table's jobs", () => {
  const plan = planOf(PAPERS.blocks, { ...REQUEST, tasks: PAPERS.blocks.tasks });
  expect(plan.tables.map(({ rows }) => rows.length)).toEqual([11, 11]);
  const core = new Set(planOf(PAPERS.core, REQUEST).jobs.map(({ id }) => id));
  const own = plan.jobs.filter(({ id }) => !core.has(id));
  expect(own).toHaveLength(4 * 2 * 2 * 3);
  expect(new Set(own.map(({ compression }) => compression?.set?.block))).toEqual(
    new Set(BLOCK_SHAPES.slice(1)),
  );
  expect(plan.jobs.length - own.length).toBe(2 * 3 + 2 * 2 * 3);
});

test("the study is 4 methods at 3 sparsities and 2 controls, and shares what others have at 0.9", () => {
  const study = planOf(PAPERS["sub-networks"], REQUEST).jobs;
  const compressed = study.filter(({ compression }) => compression !== undefined);
  // On 3 tasks: 3 seeds each, 2 of the smaller deviation, one of the controls.
  expect(compressed).toHaveLength((4 * 3 * 3 + 2 + 2) * 3);
  const core = new Set(planOf(PAPERS.core, REQUEST).jobs.map(({ id }) => id));
  const shared = compressed.filter(({ id }) => core.has(id)).map(({ id }) => id);
  // Adapting by Pruning and SparseBERT have 3 seeds there, magnitude and lottery tickets 2.
  expect(shared).toHaveLength((3 + 3 + 2 + 2) * 3);
  expect(shared.every((id) => id.includes("-0.9"))).toBe(true);
  expect(compressed.filter(({ compression }) => compression?.set?.control === "shuffle")).toHaveLength(3);
});

test("augmented rows are planned for small tasks alone, with 2 copies of an example", () => {
  const { jobs, tables } = planOf(PAPERS.sparsebert, REQUEST);
  const copies = jobs.flatMap(({ task, augmentation }) =>
    augmentation ? [`${task} ${augmentation.copies}`] : [],
  );
  expect(new Set(copies)).toEqual(new Set(["cola 2", "mrpc 1"]));
  const augmented = tables.map(({ rows }) => rows.filter(({ label }) => label.endsWith("augmented")).length);
  expect(augmented).toEqual([0, 2, 2]);
});

/** Six layers, as the plan is drawn for. */
function sixLayers() {
  const { config, head, vocabulary } = tinyModel();
  const [layer = { heads: 2, headSize: 8, ffn: 24 }] = config.layers;
  return initialNetwork(
    { ...config, layers: Array.from({ length: 6 }, () => layer) },
    head,
    vocabulary,
    keyOf(1),
  );
}

test("every planned method that exists takes its settings, on a network of six layers", () => {
  const network = sixLayers();
  const planned = new Map(
    jobsOf(REQUEST).flatMap(({ compression }) =>
      compression ? [[JSON.stringify(compression), compression]] : [],
    ),
  );
  const known = [...planned.values()].filter(({ method }) => Object.hasOwn(METHODS, method));
  expect(known.length).toBeGreaterThan(0);
  for (const { method, set = {}, sparsity } of known) {
    const configured = methodById(method, { set, ...(sparsity === undefined ? {} : { sparsity }) });
    const facts = { steps: 100, key: fold(keyOf(0), "method"), pretrained: network, finetuned: network };
    expect(configured.bind(network, facts).id).toBe(method);
  }
});
