import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { keyOf } from "../base/random.ts";
import type { Head } from "../bert/config.ts";
import type { Dataset } from "../data/dataset.ts";
import { writeFolder } from "../network/folder.ts";
import { withHead } from "../network/network.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS, type CompressOptions } from "../options/training.ts";
import { runPaths } from "../runs/folder.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { readRecipe } from "../runs/recipe.ts";
import { compress } from "./compress.ts";
import { loadGiven, withClassesOf } from "./predecessor.ts";
import { readStoppedCommand } from "./resume.ts";

const LABELS = ["negative", "positive"];

async function options(): Promise<CompressOptions> {
  const rows = Array.from({ length: 40 }, (_, i) => `a ${i % 2 ? "good" : "bad"} film,${LABELS[i % 2]}`);
  const data = join(await newFolder(), "train.csv");
  await writeFile(data, `text,label\n${rows.join("\n")}\n`);
  const model = await written(tinyModel({ kind: "none" }));
  const quick = { maxLength: 8, epochs: 2, evalEvery: 1, threads: 1, latency: false, allowConstant: true };
  const out = join(await newFolder(), "run");
  return { model, data, out, ...quick, learningRate: 1e-2, method: "truncate", set: { layers: "1" } };
}

/** Stops at the first step of the phase. */
async function stoppedIn(phase: string, given: CompressOptions): Promise<unknown> {
  const stop = new AbortController();
  let now = "";
  const report = (event: ProgressEvent) => {
    if (event.kind === "phase") now = event.name;
    if (event.kind === "step" && now === phase) stop.abort();
  };
  return compress(given, { signal: stop.signal, report }).catch((error: unknown) => error);
}

async function learningRateOf(folder: string): Promise<unknown> {
  return JSON.parse(await readFile(runPaths(folder).recipe, "utf8")).settings.learningRate;
}

test("with force the fine-tuned model of the run that is replaced goes too", async () => {
  const given = await options();
  await compress(given);
  const finetuned = join(given.out, "finetuned");
  expect(await learningRateOf(finetuned)).toBe(1e-2);
  await compress({ ...given, learningRate: 3e-3, force: true });
  expect(await learningRateOf(finetuned)).toBe(3e-3);
  expect(existsSync(runPaths(finetuned).checkpoints)).toBe(false);
});

test("the fine-tuning has a rate of its own where one is given", async () => {
  const given = { ...(await options()), finetuneRate: 3e-3 };
  await compress(given);
  expect(await learningRateOf(join(given.out, "finetuned"))).toBe(3e-3);
  expect(await learningRateOf(given.out)).toBe(1e-2);
});

test("stopped while fine-tuning, a run goes on as the whole it is, and never with other settings", async () => {
  const given = await options();
  expect(await stoppedIn("fine-tuning", given)).toMatchObject({
    code: "run/interrupted",
    message: expect.stringMatching(new RegExp(`espalier resume ${given.out}$`)),
  });
  for (const other of [{ learningRate: 1e-3 }, { seed: 7 }, { set: { layers: "2" } }]) {
    await expect(compress({ ...given, ...other })).rejects.toMatchObject({ code: "run/exists" });
  }
  const result = await compress(given, { resume: true });
  const fresh = await compress({ ...given, out: join(await newFolder(), "run") });
  expect(result.metric).toEqual(fresh.metric);
});

test.each([
  { typed: { epochs: 2 }, passes: [2, 2] },
  { typed: { epochs: 2, finetuneEpochs: 1 }, passes: [1, 2] },
  { typed: { batchSize: 1 }, passes: [4, 17] },
])("with $typed the fine-tuning and the compression make $passes passes, resumed too", async (row) => {
  const { epochs: _, ...given } = await options();
  const asked = { ...given, evalEvery: 1000, ...row.typed };
  expect(await stoppedIn("compressing", asked)).toMatchObject({ code: "run/interrupted" });
  const recipes = [join(given.out, "finetuned"), given.out].map((folder) => runPaths(folder).recipe);
  const read = () => Promise.all(recipes.map(async (path) => (await readRecipe(path)).settings));
  expect((await read()).map(({ epochs }) => epochs)).toEqual(row.passes);
  const { settings } = await readStoppedCommand({ run: given.out });
  await compress(resolveOptions(COMPRESS, settings), { resume: true });
  expect((await read()).map(({ epochs }) => epochs)).toEqual(row.passes);
});

test("the fine-tuned model of another run in the folder is not taken for this one's", async () => {
  const given = await options();
  await stoppedIn("compressing", given);
  const recipe = runPaths(join(given.out, "finetuned")).recipe;
  const text = await readFile(recipe, "utf8");
  await writeFile(recipe, text.replace('"seed": 0', '"seed": 5'));
  await expect(compress(given, { resume: true })).rejects.toMatchObject({
    code: "compress/stale",
    message: expect.stringContaining("got one with seed 5"),
  });
  await writeFile(recipe, text.replace(/"sha256": "./, '"sha256": "x'));
  await expect(compress(given, { resume: true })).rejects.toMatchObject({ code: "compress/stale" });
});

test("a run is not resumed with another --finetuned than it began with", async () => {
  const finetuned = await written(tinyModel());
  const given = { ...(await options()), finetuned };
  await stoppedIn("compressing", given);
  await writeFolder(finetuned, withHead(tinyModel({ kind: "none" }), tinyModel().head, keyOf(9)));
  await expect(compress(given, { resume: true })).rejects.toMatchObject({
    code: "run/changed",
    message: expect.stringContaining("another model.safetensors"),
  });
});

const DATA: Pick<Dataset, "name" | "task" | "labels"> & Dataset = {
  name: "reviews",
  task: "classification",
  labels: LABELS,
  examples: [],
};
const ENTAILMENT: Head = { kind: "classification", labels: ["entailment", "not_entailment"] };

test.each<[string, Head]>([
  ["no head", { kind: "none" }],
  ["a masked language model's head", { kind: "mlm" }],
  ["a number as its answer", { kind: "regression" }],
  ["the labels entailment, not_entailment", ENTAILMENT],
])("a given model with %s is refused, for labels of its own", async (said, head) => {
  const ref = await written(tinyModel(head));
  await expect(loadGiven(ref, { seed: 0 }, DATA, tinyModel(), {})).rejects.toMatchObject({
    code: "compress/finetuned",
    message: `finetuned: expected a model fine-tuned on reviews, the labels negative, positive, got one with ${said} (${ref})`,
  });
});

test("a given model that looks untrained, or was a run for another task, is taken with a note", async () => {
  const run = await newFolder();
  await writeFolder(join(run, "model"), tinyModel());
  const settings = { task: "qnli" };
  const machine = { cpu: "", cores: 1, threads: 1, node: "", platform: "" };
  const recipe = { version: 1, command: "finetune", code: "0.1.0", settings, model: [], data: [], machine };
  await writeFile(join(run, "recipe.json"), JSON.stringify(recipe));
  const { notes } = await loadGiven(run, { task: "rte", seed: 0 }, DATA, tinyModel(), {});
  expect(notes).toEqual([
    expect.stringContaining("every bias of its head is 0"),
    expect.stringContaining("was fine-tuned on qnli, not on rte"),
  ]);
  await rm(join(run, "recipe.json"));
});

test("classes in another order are put into the order of the data, and get its names", () => {
  const network = tinyModel({ kind: "classification", labels: ["Positive", "Negative"] });
  const turned = withClassesOf(DATA, network, "m");
  expect(turned.head).toEqual({ kind: "classification", labels: LABELS });
  const [before, after] = [network, turned].map(({ tensors }) => tensors.get("classifier.weight")?.data);
  expect(after?.slice(0, 16)).toEqual(before?.slice(16));
  expect(after?.slice(16)).toEqual(before?.slice(0, 16));
  const nameless = tinyModel({ kind: "classification", labels: ["LABEL_0", "LABEL_1"] });
  expect(withClassesOf(DATA, nameless, "m")).toEqual({ ...nameless, head: turned.head });
});

test("a given model with other word pieces is refused, as many or fewer (compress/vocabulary)", async () => {
  const base = tinyModel();
  const given = async (change: (vocab: readonly string[]) => string[]) => {
    const { vocabulary, ...rest } = tinyModel();
    const other = { ...rest, vocabulary: { ...vocabulary, vocab: change(vocabulary.vocab) } };
    return loadGiven(await written(other), { seed: 0 }, DATA, base, {});
  };
  await expect(given((vocab) => [...vocab.slice(0, -1), "other"])).rejects.toMatchObject({
    code: "compress/vocabulary",
    message: expect.stringContaining("word pieces of the model that is compressed, got one with others ("),
  });
  await expect(given((vocab) => [...vocab])).resolves.toBeDefined();
});
