import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { madeRun, maskedModel } from "../../test/support/run-folder.ts";
import { newFolder, PRUNED_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import { isOwnCard } from "../report/card.ts";
import { namesOf } from "../report/source.ts";
import { runPaths } from "../runs/folder.ts";
import { compress } from "./compress.ts";
import { finetune } from "./finetune.ts";
import { pretrain } from "./pretrain.ts";
import { report } from "./report.ts";

async function pageOf(...runs: readonly string[]): Promise<string> {
  const out = join(await newFolder(), "page.html");
  await report({ runs, out });
  return readFile(out, "utf8");
}

test("what is no run is refused, and the message says what was found", async () => {
  const empty = await newFolder();
  const file = join(empty, "file");
  await writeFile(file, "");
  const cases = [
    [join(empty, "nowhere"), "report/missing", /expected the folder of a run, got nothing/],
    [file, "report/missing", /got a file/],
    [empty, "report/foreign", /got a folder without recipe\.json/],
    [
      await written(tinyModel()),
      "report/foreign",
      /got a model's folder; a report is of the run that made it/,
    ],
  ] as const;
  for (const [run, code, message] of cases) {
    const refused = expect(report({ runs: [await madeRun(), run] })).rejects;
    await refused.toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  }
});

test("a page goes to no place inside a file, of a name too long, or with a NUL in it", async () => {
  const folder = await newFolder();
  const file = join(folder, "file");
  await writeFile(file, "");
  const runs = [await madeRun()];
  for (const [out, code] of [
    [join(file, "x.html"), "place/kind"],
    [join(folder, `${"x".repeat(300)}.html`), "place/name"],
    [join(folder, "a\0.html"), "options/value"],
  ] as const)
    await expect(report({ runs, out })).rejects.toMatchObject({ name: "ConfigError", code });
});

test("a stopped run is shown as far as it came, with the way to go on", async () => {
  const run = await madeRun({ without: ["result", "answers", "model"] });
  await mkdir(join(runPaths(run).checkpoints, "step-60"), { recursive: true });
  const page = await pageOf(run);
  expect(page).toContain("Not finished: 60 of 60 steps are done");
  expect(page).toMatch(/There is no result yet, .*npx espalier resume /);
  expect(page).toContain("The loss fell from");
  expect(page).not.toContain("answers.jsonl");
});

test("a run that failed has no checkpoint, and is not said to go on", async () => {
  const page = await pageOf(await madeRun({ without: ["result", "answers", "model"] }));
  expect(page).toContain(
    "This run has no result and no checkpoint: it failed, or has just begun, after step 60 of 60;",
  );
  expect(page).not.toContain("espalier resume");
});

test("a dense model, a run without answers and one without its model each get a sentence", async () => {
  expect(await pageOf(await madeRun())).toContain("This model is dense: it has no mask and no zeros");
  const old = await pageOf(await madeRun({ without: ["answers"] }));
  expect(old).toContain("There is no answers.jsonl: the run was made by an earlier version.");
  const gone = await pageOf(await madeRun({ without: ["model"] }));
  expect(gone).toContain("The run&#39;s model is gone, so what is inside of it cannot be shown.");
  expect(gone).toContain("Accuracy fell from 80.0 % to 75.0 %");
});

test("a run over folds has no model of its own, and its folds are named instead", async () => {
  const run = await madeRun({ without: ["answers", "model"] });
  const { result } = runPaths(run);
  const alone: object = JSON.parse(await readFile(result, "utf8"));
  await writeFile(result, JSON.stringify({ ...alone, folds: { before: [0.8, 0.8], after: [0.7, 0.8] } }));
  const { missing } = await report({ runs: [run], out: join(run, "page.html") });
  expect(missing).toEqual([expect.stringMatching(/Each fold has a model of its own.*in folds\/1 and on/)]);
  const page = await readFile(join(run, "page.html"), "utf8");
  expect(page).not.toContain("model is gone");
  expect(page).not.toContain("no model in the run");
});

test("a damaged file of answers costs its sections and nothing else", async () => {
  const run = await madeRun();
  await writeFile(runPaths(run).answers, "{");
  const { missing } = await report({ runs: [run], out: join(run, "page.html") });
  expect(missing).toEqual([expect.stringMatching(/^half: answers\.jsonl cannot be read/)]);
});

test("a damaged result or configuration of one run costs that run's part, and not the page of all", async () => {
  const [whole, cut, odd] = [await madeRun(), await madeRun(), await madeRun()];
  await writeFile(runPaths(cut).result, '{"version": 1');
  await writeFile(join(runPaths(odd).model, "config.json"), "[]");
  const { missing } = await report({ runs: [whole, cut, odd], out: join(whole, "page.html") });
  expect(missing.join("\n")).toMatch(/What the run measured cannot be read\. .*result\.json/);
  expect(missing.join("\n")).toMatch(/model cannot be read, so what is inside of it is missing\. /);
});

test("runs of other tasks and shapes: what can be compared is, and a sentence says what cannot", async () => {
  const wide = maskedModel(0.5, 3, tinyModel(undefined, PRUNED_CONFIG));
  const page = await pageOf(
    await madeRun({ name: "a", network: maskedModel(0.4) }),
    await madeRun({ name: "b", network: maskedModel(0.4) }),
    await madeRun({ name: "c", network: wide }),
    await madeRun({ name: "d", task: "rte" }),
  );
  expect(page).toContain("judged by 2 different tasks, metrics or sets of examples");
  expect(page).toContain("Alone of their kind, so in no chart of results: d.");
  expect(page).toContain("These models have 2 different shapes");
  expect(page).toContain("Dense, so every weight would be common: d.");
  // The same mask twice.
  expect(page).toMatch(/Most in common: <bdi dir="auto">a<\/bdi> and <bdi dir="auto">b<\/bdi> share 100 %/);
});

test("one run goes into its folder, several beside one another, names as long as they must be", async () => {
  const run = await madeRun();
  expect((await report({ runs: [run] })).path).toBe(runPaths(run).report);
  expect(namesOf(["/x/a/run", "/x/b/run", "/x/other"])).toEqual(["a/run", "b/run", "other"]);
  expect(namesOf(["/x/run", "/x/run"])).toEqual(["x/run", "x/run"]);
  await expect(report({ runs: [run], out: "page.txt" })).rejects.toThrow(
    /out: expected a name ending in \.html/,
  );
});

test("twenty runs of 28 classes and long names take less than 1.5 MB", async () => {
  const labels = Array.from({ length: 28 }, (_, i) => `a class with quite a long name, number ${i}`);
  const texts = Array.from({ length: 500 }, (_, i) => `${"a rather long text ".repeat(20)}${i}`);
  const runs = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      madeRun({
        name: `${"a-long-name-".repeat(6)}${i}`,
        labels,
        texts,
        seed: i,
        network: maskedModel(0.3, i),
      }),
    ),
  );
  const { bytes } = await report({ runs, out: join(await newFolder(), "page.html") });
  expect(bytes).toBeGreaterThan(200_000);
  expect(bytes).toBeLessThan(1_500_000);
});

async function options() {
  const data = join(await newFolder(), "train.csv");
  const rows = Array.from(
    { length: 40 },
    (_, i) => `a ${i % 2 ? "good" : "bad"} film,${i % 2 ? "yes" : "no"}`,
  );
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  const model = await written(tinyModel());
  const shared = { maxLength: 16, epochs: 1, threads: 1, latency: false, allowConstant: true };
  return { model, data, out: join(await newFolder(), "run"), ...shared };
}

test("a run leaves its page and its card, and its part that was fine-tuned does too", async () => {
  const given = await options();
  await compress({ ...given, method: "magnitude", sparsity: 0.5 });
  for (const run of [given.out, join(given.out, "finetuned")]) {
    expect(await readFile(runPaths(run).report, "utf8")).toContain(
      '<meta name="generator" content="Espalier report',
    );
    expect(isOwnCard(await readFile(join(run, "model/README.md"), "utf8"))).toBe(true);
  }
  expect(await readFile(runPaths(given.out).report, "utf8")).toContain("of the weights are left");
});

test("without a report there is none, the card is there, and a README of somebody else stays", async () => {
  const given = { ...(await options()), report: false };
  await finetune(given);
  await expect(readFile(runPaths(given.out).report)).rejects.toThrow(/ENOENT/);
  expect(isOwnCard(await readFile(join(given.out, "model/README.md"), "utf8"))).toBe(true);
});

test("pre-training leaves its page and card too: a curve, and no answers", async () => {
  const folder = await newFolder();
  const corpus = join(folder, "corpus.txt");
  const lines = Array.from(
    { length: 400 },
    (_, i) => `the ${i % 3} good film and the ${i % 7} bad plot of ${i}`,
  );
  await writeFile(corpus, lines.join("\n"));
  await mkdir(folder, { recursive: true });
  const out = join(folder, "run");
  const size = { hidden: 16, layers: 1, heads: 2, ffn: 32, vocabSize: 120, maxLength: 16, shortLength: 16 };
  await pretrain({ corpus, out, ...size, batchTokens: 64, steps: 4, evalEvery: 2, threads: 1 });
  const page = await readFile(runPaths(out).report, "utf8");
  expect(page).toContain("in 4 steps");
  expect(page).not.toContain("answers.jsonl");
  expect(await readFile(join(out, "model/README.md"), "utf8")).toContain("pipeline_tag: fill-mask");
});
