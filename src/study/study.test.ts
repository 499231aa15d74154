import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { pruned, prunedResult, prunedRun } from "../../test/support/pruned-run.ts";
import { newFolder, tinyModel } from "../../test/support/tiny-model.ts";
import { answersText } from "../runs/answers.ts";
import { runPaths } from "../runs/folder.ts";
import { collectRecords } from "./collect.ts";
import { asWritten, parseRecords } from "./record.ts";
import { writeStudy } from "./study.ts";

/** Finished runs of magnitude on some tasks: of the first every second weight is left, of the second every fourth, … */
async function jobs(...tasks: readonly string[]): Promise<string> {
  const root = await newFolder();
  for (const [i, task] of tasks.entries()) {
    const every = 2 ** (i + 1);
    const run = await prunedRun(
      pruned(tinyModel(), (place) => place % every === 0),
      task,
      join(root, task),
    );
    await writeFile(runPaths(run).result, JSON.stringify(prunedResult(task)));
  }
  return root;
}

const request = { tasks: undefined, spectra: false };

test("a folder of runs becomes a page, its records and pictures; the records give the same page", async () => {
  const root = await jobs("sst2", "cola");
  const out = await newFolder();
  const page = join(out, "study.md");
  const answer = await writeStudy({ ...request, refs: [root], page }, {});
  expect(answer).toMatchObject({ page, runs: 2, pairs: 1, notes: [] });
  const text = await readFile(page, "utf8");
  for (const heading of answer.answers) expect(text).toContain(`## ${heading}`);
  for (const picture of answer.pictures) expect(await readFile(picture, "utf8")).toMatch(/^<svg /);
  const { runs, pairs } = parseRecords(await readFile(answer.records, "utf8"), answer.records);
  expect(runs.map(({ id, score, dense }) => [id, score, dense])).toEqual([
    ["cola", 0.8, 0.9],
    ["sst2", 0.8, 0.9],
  ]);
  // Every fourth is in every second: a quarter of a half are both; chance is ½·¼ / (½ + ¼ − ½·¼) = 0.2.
  expect(pairs).toMatchObject([{ encoderJaccard: 0.5, encoderByMatrix: 0.2 }]);
  const again = join(await newFolder(), "study.md");
  await writeStudy({ ...request, refs: [answer.records], page: again }, {});
  expect(await readFile(again, "utf8")).toBe(text);
});

test("the page in docs/ is what its records give, and so are its pictures", async () => {
  const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
  const page = join(await newFolder(), "topology.md");
  const { records, pictures } = await writeStudy(
    { ...request, refs: [join(docs, "topology.jsonl")], page },
    {},
  );
  for (const path of [page, records, ...pictures]) {
    expect(await readFile(path, "utf8"), path).toBe(await readFile(join(docs, basename(path)), "utf8"));
  }
});

test("the page is made of numbers as they are written: those that are measured have more digits", async () => {
  const { notes, ...records } = await collectRecords({ ...request, refs: [await jobs("sst2", "cola")] }, {});
  expect(records).toEqual(asWritten(records));
});

test("what a constant answer scores is told by the run's answers, the model by its weights", async () => {
  const root = await jobs("sst2");
  const run = join(root, "sst2");
  const examples = [1, 1, 0].map((label, i) => ({ text: `text ${i}`, label }));
  const after = { stage: "compressed" as const, logits: new Float32Array(6) };
  await writeFile(
    runPaths(run).answers,
    answersText({ task: "classification", labels: ["0", "1"], examples, after }),
  );
  const recipe = JSON.parse(await readFile(runPaths(run).recipe, "utf8"));
  recipe.model = [
    { path: "onnx/model.onnx", bytes: 30, sha256: "1111111111" },
    { path: "model.safetensors", bytes: 20, sha256: "2222222222" },
    { path: "README.md", bytes: 10, sha256: "3333333333" },
  ];
  await writeFile(runPaths(run).recipe, JSON.stringify(recipe));
  const { runs } = await collectRecords({ ...request, refs: [root] }, {});
  expect(runs).toMatchObject([{ constant: 0.666667, model: "22222222" }]);
});

test("of records the pairs are those of the runs that are meant", async () => {
  const page = join(await newFolder(), "study.md");
  const { records } = await writeStudy({ ...request, refs: [await jobs("sst2", "cola", "mrpc")], page }, {});
  const some = await writeStudy({ ...request, tasks: ["cola", "mrpc"], refs: [records], page }, {});
  expect([some.runs, some.pairs]).toEqual([2, 1]);
});

test("runs of a folder are added to records, and tasks choose among both", async () => {
  const [first, second] = [await jobs("sst2"), await jobs("cola", "mrpc")];
  const page = join(await newFolder(), "study.md");
  const { records } = await writeStudy({ ...request, refs: [first], page }, {});
  const both = await writeStudy({ ...request, refs: [records, second], page }, {});
  expect(both.runs).toBe(3);
  const some = await writeStudy({ ...request, tasks: ["cola"], refs: [records, second], page }, {});
  expect(some.runs).toBe(1);
});

test("runs of one name in two folders are two runs, and data of one's own are called by their file", async () => {
  const root = await newFolder();
  const network = pruned(tinyModel(), (place) => place % 2 === 0);
  for (const [folder, data] of [
    ["exp1", "reviews.csv"],
    ["exp2", "mails.csv"],
  ] as const) {
    const run = await prunedRun(network, "sst2", join(root, folder, "half"));
    const recipe = JSON.parse(await readFile(runPaths(run).recipe, "utf8"));
    recipe.settings = { method: "magnitude", data: join("/data", data), threads: 1 };
    await writeFile(runPaths(run).recipe, JSON.stringify(recipe));
    const result = { ...prunedResult("sst2"), task: null };
    await writeFile(runPaths(run).result, JSON.stringify(result));
  }
  const page = join(root, "study.md");
  const refs = [join(root, "exp1"), join(root, "exp2")];
  const { records, notes } = await writeStudy({ ...request, refs, page }, {});
  const { runs, pairs } = parseRecords(await readFile(records, "utf8"), records);
  expect(runs.map(({ id, task }) => [id, task])).toEqual([
    ["exp1/half", "reviews.csv"],
    ["exp2/half", "mails.csv"],
  ]);
  expect([pairs.length, notes]).toEqual([1, []]);
});

test("of a metric of which less is better no share is kept", async () => {
  const root = await newFolder();
  const run = await prunedRun(
    pruned(tinyModel(), (place) => place % 2 === 0),
    "stsb",
    join(root, "stsb"),
  );
  const metric = { name: "rmse", better: "lower", before: 1, after: 1.2, examples: 100 };
  await writeFile(runPaths(run).result, JSON.stringify({ ...prunedResult("stsb"), metric }));
  const { records } = await writeStudy({ ...request, refs: [root], page: join(root, "study.md") }, {});
  const { runs } = parseRecords(await readFile(records, "utf8"), records);
  expect(runs).toMatchObject([{ score: 1.2, dense: null }]);
});

test("a page that cannot lie there is refused before anything is measured", async () => {
  const page = join(import.meta.filename, "study.md");
  const study = writeStudy({ ...request, refs: ["no-such-run"], page }, {});
  await expect(study).rejects.toMatchObject({ code: "place/kind" });
});

test("runs without masks are counted, and without any mask there is no page", async () => {
  const root = await jobs("sst2");
  const { masks: _, ...dense } = pruned(tinyModel(), () => true);
  const run = await prunedRun(dense, "cola", join(root, "cola"));
  await writeFile(runPaths(run).result, JSON.stringify(prunedResult("cola")));
  const page = join(await newFolder(), "study.md");
  const { notes, runs } = await writeStudy({ ...request, refs: [root], page }, {});
  expect(runs).toBe(1);
  expect(notes).toEqual([expect.stringMatching(/^1 of the runs/)]);
  await expect(writeStudy({ ...request, refs: [run], page }, {})).rejects.toMatchObject({
    code: "study/none",
  });
});

test("a study that is asked to stop writes nothing", async () => {
  const page = join(await newFolder(), "study.md");
  const signal = AbortSignal.abort();
  const refs = [await jobs("sst2")];
  await expect(writeStudy({ ...request, refs, page }, { signal })).rejects.toThrow();
  await expect(readFile(page)).rejects.toThrow();
});
