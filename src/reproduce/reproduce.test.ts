import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ABSENT, glue, HALF, optionsFor, paperOf, run } from "../../test/support/reproduction.ts";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { readResult } from "../measure/result.ts";
import type { Network } from "../network/network.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { jobFolder } from "./job.ts";
import type { Row } from "./papers/plan.ts";
import { planReproduction, reproduce } from "./reproduce.ts";

test("a table of two jobs is run to its end, written as JSON and Markdown, and not run again", async () => {
  const options = await optionsFor();
  const first = await run(paperOf(HALF), options);
  expect(first.table.complete).toBe(true);
  expect(first.begun).toEqual([
    "job 1 of 2: sst2-s0-finetuned",
    expect.stringMatching(/^job 2 of 2: sst2-s0-half, about .* left$/),
  ]);
  const [dense, half] = first.table.tables[0]?.rows ?? [];
  const { out } = options;
  const { metric } = await readResult(join(jobFolder(out, "sst2-s0-half"), "result.json"));
  expect(half?.ours?.mean).toBe(100 * metric.after);
  expect(dense?.ours?.mean).toBe(100 * (metric.before ?? 0));
  expect(half?.costs).toMatchObject({ removedOfEncoder: 0.5 });
  expect(dense?.costs).toMatchObject({ removedOfEncoder: 0, multiplyAccumulates: 1 });
  expect(first.table.tables[0]).toMatchObject({
    task: "sst2",
    metric: "accuracy",
    examples: 24,
    constant: 50,
  });
  expect(JSON.parse(await readFile(join(out, "theseus.json"), "utf8"))).toEqual(first.table);
  expect(first.markdown).toContain("(complete: 2 of 2 jobs done)");

  const again = await run(paperOf(HALF), options);
  expect(again.begun).toEqual([]);
  expect(again.table).toEqual(first.table);
});

test("only measurements stay of a compressed model, unless it is to be kept; the fine-tuned one stays", async () => {
  const options = await optionsFor();
  await run(paperOf(HALF), options);
  const has = (id: string, name: string) => existsSync(join(jobFolder(options.out, id), name));
  expect(["model", "model.onnx", "checkpoints"].filter((name) => has("sst2-s0-half", name))).toEqual([]);
  expect(["model", "model.onnx", "checkpoints"].filter((name) => has("sst2-s0-finetuned", name))).toEqual([
    "model",
  ]);
  const kept = { ...options, out: join(await newFolder(), "kept"), keep: true };
  await run(paperOf(HALF), kept);
  expect(existsSync(join(jobFolder(kept.out, "sst2-s0-half"), "model"))).toBe(true);
});

test("of a pruned model its masks stay, for the study of what is left", async () => {
  const options = await optionsFor();
  const pruned: Row = { label: "pruned", work: { slug: "pruned", method: "magnitude", sparsity: 0.5 } };
  await run(paperOf(pruned), options);
  const model = join(jobFolder(options.out, "sst2-s0-pruned"), "model");
  expect((await readdir(model)).sort()).toEqual(["config.json", "espalier-masks.safetensors"]);
});

test("a table that is stopped inside its second job is not complete, and goes on to the same numbers", async () => {
  const options = await optionsFor();
  const whole = await run(paperOf(HALF), options);
  const stopped = { ...options, out: join(await newFolder(), "stopped") };
  const controller = new AbortController();
  const report = (event: ProgressEvent): void => {
    if (event.kind === "phase" && event.name.includes("half")) controller.abort();
  };
  await expect(run(paperOf(HALF), stopped, { signal: controller.signal, report })).rejects.toThrow(
    expect.objectContaining({
      code: "run/interrupted",
      message: expect.stringContaining("after 1 of 2 jobs"),
    }),
  );
  const half = await readFile(join(stopped.out, "theseus.md"), "utf8");
  expect(half).toContain("(NOT COMPLETE: 1 of 2 jobs done)");
  expect(half).toMatch(/\| halved +\| +– \| +\| 0 of 1 \|/);

  const gone = await run(paperOf(HALF), stopped);
  expect(gone.begun).toEqual([expect.stringContaining("job 2 of 2: sst2-s0-half")]);
  expect(gone.table.complete).toBe(true);
  const values = ({ table }: typeof gone) => table.tables[0]?.rows.map(({ ours }) => ours?.values);
  expect(values(gone)).toEqual(values(whole));
});

test("a stop between two jobs runs no further one", async () => {
  const controller = new AbortController();
  const report = (event: ProgressEvent): void => {
    if (event.kind === "note" && event.text.startsWith("sst2-s0-finetuned:")) controller.abort();
  };
  const options = await optionsFor();
  await expect(run(paperOf(HALF), options, { signal: controller.signal, report })).rejects.toThrow(
    expect.objectContaining({
      code: "run/interrupted",
      message: expect.stringContaining("after 1 of 2 jobs"),
    }),
  );
});

test("a file in the folder's place is refused before anything is read", async () => {
  const options = await optionsFor();
  const out = join(await newFolder(), "file");
  await writeFile(out, "");
  await expect(run(paperOf(HALF), { ...options, out })).rejects.toMatchObject({ code: "place/kind" });
});

test("a method that does not exist fails its own row alone, and is tried again", async () => {
  const options = await optionsFor();
  const { table, markdown } = await run(paperOf(ABSENT, HALF), options);
  expect(table.jobs).toEqual({ total: 3, done: 2, failed: 1 });
  expect(table.failures).toMatchObject([{ job: "sst2-s0-future", code: "method/unknown" }]);
  expect(markdown).toMatch(/\| of the future +\| failed \[1\] \| +\| 0 of 1, 1 failed \|/);
  const again = await run(paperOf(ABSENT, HALF), options);
  expect(again.begun).toEqual([expect.stringContaining("sst2-s0-future")]);
});

/** Its classifier looks at nothing. */
function constantModel(): Network {
  const network = tinyModel();
  const tensors = [...network.tensors].map(([name, tensor]) =>
    name.startsWith("classifier")
      ? ([name, { ...tensor, data: tensor.data.map((_, i) => Number(name.endsWith("bias")) * i) }] as const)
      : ([name, tensor] as const),
  );
  return { ...network, tensors: new Map(tensors) };
}

test("a run that fails is remembered and not repeated without being asked; what begins with it fails too", async () => {
  const options = { ...(await optionsFor(constantModel())), learningRate: 1e-9 };
  const { table } = await run(paperOf(HALF), options);
  expect(table.jobs).toEqual({ total: 2, done: 0, failed: 2 });
  expect(table.failures.map(({ job, code }) => [job, code])).toEqual([
    ["sst2-s0-finetuned", "train/constant"],
    ["sst2-s0-half", "reproduce/predecessor"],
  ]);
  expect((await run(paperOf(HALF), options)).begun).toEqual([]);
  const retried = await run(paperOf(HALF), { ...options, retry: true });
  expect(retried.begun[0]).toContain("sst2-s0-finetuned");
});

test("two that share a folder share the work: each job is run once, and both end with the whole table", async () => {
  const options = await optionsFor();
  const work = { method: "truncate", set: { layers: "1" } };
  const paper = paperOf(HALF, { label: "again", work: { ...work, slug: "again" } });
  const [a, b] = await Promise.all([run(paper, options), run(paper, options)]);
  expect(a.table.complete).toBe(true);
  expect(b.table).toEqual(a.table);
  const begun = [...a.begun, ...b.begun].map((name) => /: (sst2-s0-\w+)/.exec(name)?.[1]);
  expect(begun.toSorted()).toEqual(["sst2-s0-again", "sst2-s0-finetuned", "sst2-s0-half"]);
});

test("with `only` jobs are counted among those that are meant, and a failed one is none that is done", async () => {
  const options = await optionsFor();
  const other: Row = { label: "all", work: { slug: "all", method: "truncate", set: { layers: "2" } } };
  const paper = paperOf(HALF, other, ABSENT);
  await run(paper, { ...options, only: ["half", "future"] });
  const again = await run(paper, { ...options, only: ["future"] });
  expect(again.notes).toContain("1 of 2 jobs are done already");
  expect(again.begun).toEqual([expect.stringMatching(/^job 2 of 2: sst2-s0-future/)]);
  const rest = await run(paper, { ...options, only: ["all"] });
  expect(rest.begun).toEqual([expect.stringMatching(/^job 2 of 2: sst2-s0-all/)]);
});

test("jobs that failed are told apart from those that are done", async () => {
  const options = { ...(await optionsFor(constantModel())), learningRate: 1e-9 };
  await run(paperOf(HALF), options);
  const again = await run(paperOf(HALF), { ...options, only: ["finetuned"] });
  expect(again.notes).toContain("0 of 1 jobs are done already, 1 failed");
});

test("a job made with other settings never passes for this one (reproduce/other)", async () => {
  const options = await optionsFor();
  await run(paperOf(), options);
  await expect(run(paperOf(), { ...options, learningRate: 2e-2 })).rejects.toThrow(
    expect.objectContaining({
      code: "reproduce/other",
      message: expect.stringContaining("learningRate 0.02, got one with 0.01"),
    }),
  );
  await expect(run(paperOf(), { ...options, threads: 2 })).resolves.toBeDefined();
});

test("tasks need GLUE's data (reproduce/tasks), and are GLUE's (glue/task)", async () => {
  const code = (name: string) => expect.objectContaining({ code: name });
  await expect(reproduce({ paper: "snip", tasks: ["sst2"] })).rejects.toThrow(code("reproduce/tasks"));
  await expect(reproduce({ ...(await optionsFor()), tasks: ["sst3"] })).rejects.toThrow(code("glue/task"));
});

test("a plan says what is open and how long it takes, and runs nothing", async () => {
  const options = {
    paper: "core",
    model: await written(tinyModel()),
    data: await glue(),
    tasks: ["sst2"],
  } as const;
  const out = await newFolder();
  const work = await planReproduction({ ...options, quick: true, out });
  expect(work.done).toBe(0);
  expect(work.open.map(({ id }) => id)).toContain("sst2-s0-finetuned-quick");
  expect(work.seconds).toBeCloseTo(
    work.open.reduce((sum, { seconds }) => sum + seconds, 0),
    6,
  );
  expect(await readdir(join(out, "jobs")).catch(() => [])).toEqual([]);
  const part = await planReproduction({ ...options, quick: true, out, only: ["theseus"] });
  const names = part.open.map(({ id }) => id);
  expect(names).toEqual(["sst2-s0-finetuned-quick", expect.stringContaining("theseus")]);
  const none = planReproduction({ ...options, quick: true, out, only: ["these"] });
  await expect(none).rejects.toMatchObject({ code: "reproduce/only" });
  const asTable = await reproduce({ ...options, quick: true, out, plan: true });
  expect(asTable.jobs).toMatchObject({ total: work.open.length, done: 0 });
});
