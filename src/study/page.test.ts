import { expect, test } from "vitest";
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

test("what is cut of the embeddings is said as it was found, either way", () => {
  expect(headingWith("cuts", [masked(0.2, 0.92, 0.75), masked(0.99, 0.0006, 0.012)])).toBe(
    "Adapting by Pruning cuts less of the embeddings than of the encoder at 20 % (8.0 % against 25.0 %), and cuts nearly all of the embeddings at 99 % (99.94 % against 98.8 %)",
  );
  expect(headingWith("cut", [masked(0.2, 0.7, 0.85), masked(0.99, 0.01, 0.01)])).toBe(
    "Adapting by Pruning cuts more of the embeddings than of the encoder at 20 % (30.0 % against 15.0 %), and does not cut nearly all of the embeddings at 99 % (99.0 % against 99.0 %)",
  );
  expect(headingWith("cuts", [masked(0.2, 0.8, 0.801)])).toContain("as much of the embeddings as");
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

test("survivors on no path: the worst is named, and where there are none it says so", () => {
  const onPath = (share: number, method: string): RunRecord =>
    runRecord({
      method,
      sparsity: 0.99,
      measures: { path: 0.98, "alone.path": share, "alone.path.query": share - 0.2 },
    });
  expect(headingWith("path", [onPath(0.7, "lottery"), onPath(0.9, "sparsebert")])).toBe(
    "Up to 30.0 % of the survivors lie on no path without the residual stream (lottery, 99 %, most of all of the query matrices), 2.0 % with it",
  );
  expect(headingWith("path", [onPath(0.999, "lottery")])).toMatch(/^Nearly every survivor lies on a path/);
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
    expect.stringMatching(/^Which measure foretells the accuracy cannot be said from 0 runs/),
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
