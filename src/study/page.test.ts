import { expect, test } from "vitest";
import { value } from "../../test/support/golden.ts";
import { pairRecord, type RunFacts, runRecord } from "../../test/support/study.ts";
import { studyPage } from "./page.ts";
import type { PairRecord, RunRecord } from "./record.ts";

function pageOf(runs: readonly RunRecord[], pairs: readonly PairRecord[] = []) {
  return studyPage({ records: { runs, pairs }, name: "page", command: "again", notes: [] });
}

/** The heading that holds a word. */
function headingWith(word: string, runs: readonly RunRecord[], pairs: readonly PairRecord[] = []): string {
  return pageOf(runs, pairs).headings.find((heading) => heading.includes(word)) ?? "";
}

/** A mask at 20 or 99 %, of which so much of the embeddings and the encoder is left. */
function masked(sparsity: number, embeddings: number, encoder: number, more: RunFacts = {}): RunRecord {
  const layers = { "density.layer.0": encoder, "density.layer.1": encoder };
  const density = (embeddings + encoder) / 2;
  return runRecord({
    method: "adapting-by-pruning",
    sparsity,
    ...more,
    measures: { density, "density.embeddings": embeddings, "density.encoder": encoder, ...layers },
  });
}

test("what is cut of the embeddings is said as it was found, with its runs and the paper's numbers", () => {
  expect(headingWith("cuts", [masked(0.2, 0.92, 0.75), masked(0.99, 0.0006, 0.012)])).toBe(
    "Adapting by Pruning cuts less of the embeddings than of the encoder at 20 % (8.0 % against 25.0 % in 1 run; in the paper 6.0 % against 22.7 %), and cuts nearly all of the embeddings at 99 % (99.94 % against 98.8 % in 1 run; in the paper 99.79 % against 98.8 %)",
  );
  expect(headingWith("cut", [masked(0.2, 0.7, 0.85), masked(0.99, 0.01, 0.01)])).toMatch(
    /cuts more of the embeddings .* does not cut nearly all of the embeddings at 99 % \(99\.0 % against 99\.0 %/,
  );
  // 2 points of 20 are a difference, 1 is none.
  expect(headingWith("cuts", [masked(0.2, 0.79, 0.8)])).toContain("as much of the embeddings as");
  expect(headingWith("cuts", [masked(0.2, 0.82, 0.79)])).toContain("less of the embeddings than");
});

test("settings of a method are said apart, each with a colour of its own", () => {
  const other = masked(0.2, 0.95, 0.75, { settings: { deviation: "0.0001" } });
  const runs = [masked(0.2, 0.8, 0.8), other];
  expect(headingWith("cuts", runs)).toMatch(
    /^Adapting by Pruning cuts as much .*; Adapting by Pruning, deviation 0\.0001 cuts less .* \(5\.0 % against 25\.0 % in 1 run/,
  );
  const svg = pageOf(runs).pictures.find(({ name }) => name === "pruned")?.svg ?? "";
  const keyOf = (name: string): string | undefined =>
    new RegExp(`<path class="line (s\\d)" [^>]*/><text[^>]*>${name}</text>`).exec(svg)?.[1];
  expect([keyOf("Adapting by Pruning"), keyOf("Adapting by Pruning, deviation 0.0001")]).toEqual([
    "s0",
    "s3",
  ]);
});

test("the paper's rows stand beside ours, for the sparsities that runs have", () => {
  const { text } = pageOf([masked(0.2, 0.92, 0.75), masked(0.2, 0.9, 0.75, { seed: 1 })]);
  expect(text).toContain("|20 %|mnli|adapting-by-pruning, paper|7.6 %|23.7 %|23.4 %|23.5 %|21.7 %|");
  expect(text).toContain("|20 %|sst2|Adapting by Pruning (2)|9.0 %|");
  expect(text).not.toContain("|99 %|mnli|");
});

test("a sparsity that the paper does not draw has its rows too, and the heading names the extremes", () => {
  const [even, encoderAlone] = [masked(0.9, 0.1, 0.1), masked(0.9, 1, 0.1, { method: "sparsebert" })];
  const { text, headings } = pageOf([even, encoderAlone]);
  expect(headings).toContain(
    "Most of the embeddings, beside the encoder, is cut by Adapting by Pruning at 90 % (90.0 % against 90.0 %), least by SparseBERT at 90 % (0 % against 90.0 %)",
  );
  expect(text).toContain("|90 %|sst2|SparseBERT (1)|0 %|");
  expect(text).not.toContain("paper|");
  expect(text).not.toContain("dashed");
});

test("methods agree where they share more than density explains, and the extremes are named", () => {
  const [a, b, c] = [
    runRecord({ method: "magnitude", sparsity: 0.9 }),
    runRecord({ method: "lottery", sparsity: 0.9 }),
    runRecord({ method: "sparsebert", sparsity: 0.9 }),
  ];
  const pairs = [pairRecord(a, b, 0.8, 0.05), pairRecord(a, c, 0.054, 0.05), pairRecord(b, c, 0.07, 0.05)];
  expect(headingWith("pairs of methods", [a, b, c], pairs)).toBe(
    "2 of 3 pairs of methods agree beyond chance at 90 %; most lottery × magnitude at 90 % (80.0 % in common, where density explains 5.0 %), least SparseBERT × magnitude at 90 % (5.4 % in common, where density explains 5.0 %)",
  );
});

test("two settings of one method are no pair of methods: they may begin with one draw", () => {
  const method = "adapting-by-pruning";
  const [a, b, c] = [
    runRecord({ method }),
    runRecord({ method, settings: { deviation: "0.0001" } }),
    runRecord({ method: "lottery" }),
  ];
  const pairs = [pairRecord(a, b, 0.25, 0.05), pairRecord(a, c, 0.054, 0.05)];
  const { text, headings } = pageOf([a, b, c], pairs);
  expect(headings).toContainEqual(
    expect.stringMatching(
      /^0 of 1 pairs of methods agree beyond chance at 50 %; that is Adapting by Pruning × lottery/,
    ),
  );
  expect(text).toContain("|Adapting by Pruning × Adapting by Pruning, deviation 0.0001 †|50 %|1|25.0 %|");
  expect(text).toContain("Rows marked † are of one method with two settings");
  expect(pageOf([a, b], [pairRecord(a, b, 0.25, 0.05)]).headings).toContain(
    "Nothing can be said of methods yet: all masks on the same task and seed are of one",
  );
});

test("masks that are the same in every pair are said apart", () => {
  const runs = [0, 1].flatMap((seed) => [runRecord({ seed }), runRecord({ seed, method: "sparsebert" })]);
  const [a, x, b, y] = runs;
  if (!a || !b || !x || !y) throw new Error("expected four runs");
  const same = pairRecord(a, b, 1, 0.3);
  const { text, headings } = pageOf(runs, [same, pairRecord(x, y, 0.3, 0.3)]);
  expect(text).toContain("The masks of magnitude are the same in every pair");
  expect(headings).toContainEqual(
    expect.stringMatching(/^0 of 1 methods agree from seed to seed beyond chance at 50 %/),
  );
  expect(pageOf(runs, [same]).headings).toContain(
    "Two masks of the same method and task are one and the same (1 pair)",
  );
});

test("tasks that agree with the same seed alone are told from those that agree with any", () => {
  const method = "adapting-by-pruning";
  const [a, same, other] = [{}, { task: "cola" }, { task: "cola", seed: 1 }].map((facts) =>
    runRecord({ method, sparsity: 0.9, ...facts }),
  );
  if (!a || !same || !other) throw new Error("expected three runs");
  const pairs = [pairRecord(a, same, 0.7, 0.05), pairRecord(a, other, 0.055, 0.05)];
  const { text, headings } = pageOf([a, same, other], pairs);
  expect(headings).toContainEqual(expect.stringMatching(/^1 of 1 methods agree from task to task beyond/));
  expect(headings).toContainEqual(
    expect.stringMatching(
      /^0 of 1 methods agree from task to task where the seed is another too beyond chance/,
    ),
  );
  expect(text).toContain("Runs of one seed begin with the same random numbers");
});

test("a control loses accuracy or keeps it, counted against its own run alone", () => {
  const method = "adapting-by-pruning";
  const runsWith = (shuffled: number): RunRecord[] =>
    [0, 1].flatMap((seed) => [
      runRecord({ method, seed, score: 90 }),
      runRecord({ method, seed, score: shuffled, settings: { control: "shuffle" } }),
      runRecord({ method, seed, score: 10, sparsity: 0.9 }),
    ]);
  expect(headingWith("Shuffled", runsWith(60))).toBe(
    "Shuffled inside its matrices, a mask loses accuracy: 60.0 % of the dense metric, 90.0 % as it was found (lower in 2 of 2 pairs)",
  );
  expect(pageOf(runsWith(60)).text).toContain(
    "a control has trained a head once more than the run beside it",
  );
  expect(headingWith("Shuffled", runsWith(89.5))).toContain("a mask keeps the accuracy: 89.5 %");
  const uneven = [30, 30, 90.5].flatMap((score, seed) => [
    runRecord({ method, seed, score: 90 }),
    runRecord({ method, seed, score, settings: { control: "shuffle" } }),
  ]);
  expect(headingWith("Shuffled", uneven)).toContain(
    "a mask loses accuracy in some runs and not in others: 50.2 % of the dense metric, 90.0 % as it was found (lower in 2 of 3 pairs)",
  );
  const orphan = [runRecord({ method, settings: { control: "shuffle" } })];
  expect(headingWith("controls cannot", orphan)).toMatch(/^The controls cannot be judged yet/);
});

test("a mask that is no better than a constant answer has nothing to lose, and is no part of the heading", () => {
  const method = "adapting-by-pruning";
  const pairOn = (task: string, score: number, controlled: number): RunRecord[] => [
    runRecord({ method, task, score, constant: 60 }),
    runRecord({ method, task, score: controlled, constant: 60, settings: { control: "shuffle" } }),
  ];
  const runs = [...pairOn("sst2", 90, 70), ...pairOn("mrpc", 58, 66)];
  expect(headingWith("Shuffled", runs)).toBe(
    "Shuffled inside its matrices, a mask loses accuracy: 25.0 % of the dense model's lead over a constant answer, 75.0 % as it was found (lower in 1 of 1 pair)",
  );
  const { text } = pageOf(runs);
  expect(text).toContain("1 pair (mrpc) is in the table and no part of the heading");
  expect(text).toContain("|Adapting by Pruning|shuffle|50 %|mrpc|1, of which 0 count|-5.0 %|15.0 %|");
  expect(headingWith("Shuffled", pairOn("mrpc", 60, 66))).toBe(
    "Shuffled inside its matrices, a mask had nothing to lose in any pair",
  );
});

test("what the paper prints for weights times N(1, 0.01) stands beside what we found", () => {
  const method = "adapting-by-pruning";
  const runs = [runRecord({ method }), runRecord({ method, settings: { control: "reinit" } })];
  expect(headingWith("N(1, 0.01)", runs)).toContain("a mask keeps the accuracy");
  expect(pageOf(runs).text).toContain("the paper prints 49.1 on SST-2, which is chance");
});

test("what is left counts from a constant answer on, and methods are ranked by the tasks that all have", () => {
  const run = (facts: RunFacts): RunRecord => runRecord({ sparsity: 0.9, constant: 60, ...facts });
  const whole = { "density.embeddings": 1 };
  const runs = [
    // Two seeds of one task count once: (50 + 0) / 2, not (50 + 50 + 0) / 3.
    ...[0, 1].map((seed) => run({ seed, score: 80 })),
    run({ task: "mrpc", score: 60 }),
    // A task that one method has alone would lift it above the other.
    run({ task: "cola", score: 100 }),
    run({ method: "sparsebert", score: 70, measures: whole }),
    run({ method: "sparsebert", task: "mrpc", score: 76, measures: whole }),
    // Fewer methods are at the highest sparsity.
    run({ sparsity: 0.99, score: 99 }),
  ];
  const { text, headings } = pageOf(runs);
  expect(headings[0]).toBe(
    "At 90 % SparseBERT (encoder alone, trained) keeps 32.5 % of the dense model's lead over a constant answer, magnitude (all weights, trained) 25.0 % (mean of mrpc and sst2)",
  );
  expect(text).toContain("|magnitude|90 %|all|trained|100 % (1)|0 % (1)|50.0 % (2)|");
  expect(text).toContain("below 0 a run is worse than it.\n");
  const older = runRecord({ sparsity: 0.9, seed: 7 });
  expect(pageOf([...runs, older]).text).toContain("Of 1 run the score of that answer is not known");
});

test("runs of two models are two methods each, and foretell nothing of each other", () => {
  const runs = [2, 4].flatMap((layers) =>
    ["a", "b"].map((method) => runRecord({ method, layers, id: `${method}${layers}` })),
  );
  for (const order of [runs, runs.toReversed()]) {
    const { text, headings } = pageOf(order, [
      pairRecord(runs[0] ?? runRecord(), runs[3] ?? runRecord(), 0.9, 0.1),
    ]);
    expect(text).toContain("4 runs of 2 layers × 8 and 4 layers × 8: a, 2 layers × 8, a, 4 layers × 8, b");
    expect(headings).toContain(
      "Nothing can be said of methods yet: no two masks on the same task and seed are there",
    );
    expect(headings.filter((heading) => heading.includes("which measure foretells"))).toEqual([
      expect.stringMatching(/^\d layers × 8: which measure foretells the accuracy cannot be said yet/),
      expect.stringMatching(/^\d layers × 8: which measure foretells the accuracy cannot be said yet/),
    ]);
  }
});

test("a measure that foretells is named, beside luck, with what was left out and what is in the baseline", () => {
  const dead = value("dead", 12);
  const runsOf = (layers: number): RunRecord[] =>
    Array.from({ length: 48 }, (_, i) => {
      const [block, rest] = [i >> 2, i & 3];
      const density = [0.8, 0.1, 0.01][block % 3] ?? 1;
      const measures = { density, "density.encoder": density, "density.embeddings": density };
      const ofBlock = dead[block] ?? 0;
      return runRecord({
        ...{ id: `${layers}-${i}`, layers, method: `method-${block % 4}`, sparsity: 1 - density },
        ...{ task: rest < 2 ? "sst2" : "cola", seed: rest & 1, score: 60 + 20 * ofBlock },
        measures: { ...measures, "neurons.dead": ofBlock, "hubs.in": (i * 7) % 5 },
      });
    });
  const { text, headings } = pageOf(runsOf(2));
  expect(headings.at(-1)).toMatch(
    /^Beyond method and density the accuracy is foretold by dead neurons \(\+0\.\d+\); luck gives up to/,
  );
  expect(text).toContain("48 runs in 12 blocks. A block is all tasks and seeds of a method at one sparsity");
  expect(text).toContain("on 7 numbers, of which 6 belong to the block: the task, the method,");
  expect(text).toContain("|and the method|");
  const both = pageOf([...runsOf(2), ...runsOf(4)]);
  expect(both.pictures.map(({ name }) => name).slice(-2)).toEqual([
    "foretold-2-layers-8",
    "foretold-4-layers-8",
  ]);
});

test("deviations and shares that six digits cannot tell from none are none", () => {
  const scores = [0.1, 0.1 + 1e-17, 0.1].map((score, seed) =>
    runRecord({ seed, score: score * 3, dense: 0.7 * 3 }),
  );
  expect(pageOf(scores).text).toContain("|magnitude|50 %|all|trained|14.3 % (3)|");
  // By chance 1 − 0.291 + … : 0.999709 − 0.000291 as records have them is not exactly 0.
  const path = { path: 1, "alone.path": 0.999709, "alone.beyond": -0.000291 };
  expect(pageOf([runRecord({ measures: path })]).text).toContain("|magnitude|50 %|1|0 %|0.03 %|0 %|");
});

test("gates have columns of their own where a model has them", () => {
  const gated = masked(0.9, 0.1, 0.1, { method: "magnitude" });
  const { text } = pageOf([
    { ...gated, measures: { ...gated.measures, "density.gate": 0.25, "alone.path.gate": 0.9 } },
  ]);
  expect(text).toContain("|output|intermediate|gate|feed-forward output|");
  expect(text).toContain(
    "|on no path without it|pruned|embeddings|query|key|value|attention output|intermediate|gate|output|",
  );
  expect(pageOf([gated]).text).not.toContain("gate");
});

test("survivors on no path: the worst is named, and where there are none it says so", () => {
  const onPath = (share: number, method: string, path = 0.98): RunRecord =>
    runRecord({
      method,
      sparsity: 0.99,
      measures: { path, "alone.path": share, "alone.path.query": share - 0.2 },
    });
  expect(headingWith("path", [onPath(0.7, "lottery"), onPath(0.9, "sparsebert")])).toBe(
    "Up to 2.0 % of the survivors lie on no path (lottery, 99 %). Without the residual stream it would be up to 30.0 % (lottery, 99 %, most of all of the query matrices)",
  );
  expect(headingWith("path", [onPath(0.999, "lottery", 0.998)])).toBe(
    "Nearly every survivor lies on a path: at most 0.20 % do not (lottery, 99 %), without the residual stream 0.10 %",
  );
  expect(pageOf([onPath(0.7, "lottery")]).text).toContain("their public code follows the skips of ResNets");
});

test("a page of one run says how little it is, and answers nothing that it cannot", () => {
  const { text, headings } = pageOf([runRecord({ dense: null })]);
  expect(text).toContain("**1 of 1 combination of method, sparsity and task has fewer than 3 seeds**");
  expect(headings).toEqual([
    "No run has a dense model with a metric above 0 to be held against",
    "Cut of the embeddings, against the encoder: magnitude at 50 % (50.0 % against 50.0 %)",
    "Nothing can be said of seeds yet: no two masks of the same method and task are there",
    "Nothing can be said of methods yet: no two masks on the same task and seed are there",
    "Nothing can be said of tasks yet: no two masks of the same method and seed are there",
    "Nothing can be said of tasks with another seed yet: no two masks of the same method, of another task and seed are there",
    expect.stringContaining("path"),
    "Which measure foretells the accuracy cannot be said yet: it takes at least 4 blocks of runs, and there are 0 (0 runs)",
  ]);
});

test("every picture of the page is drawn, is told in words, and carries its colours for light and dark", () => {
  const runs = [masked(0.2, 0.92, 0.75), masked(0.99, 0.0006, 0.012)];
  const { text, pictures } = pageOf(runs);
  expect(pictures.map(({ name }) => name)).toEqual(["pruned", "paths"]);
  for (const { name, label, svg } of pictures) {
    expect(text).toContain(`![${label}](page-${name}.svg)`);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
    expect(svg).toContain(`aria-label="${label.replaceAll("'", "&#39;")}"`);
    expect(svg).toContain("prefers-color-scheme:dark");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  }
});
