import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { cola, HALF, optionsFor, paperOf, run } from "../../test/support/reproduction.ts";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { jobFolder, readLedger } from "./job.ts";
import { type JobLine, type Ledger, ledgerPath, ledgerText } from "./ledger.ts";
import type { Row } from "./papers/plan.ts";
import { versionsOf } from "./versions.ts";

/** A folder with nothing in it but some lines of a ledger. */
async function folderWith(ledger: Ledger): Promise<string> {
  const out = join(await newFolder(), "elsewhere");
  await mkdir(out);
  await writeFile(ledgerPath(out), ledgerText(ledger));
  return out;
}

function only(ledger: Ledger, id: string, change: (line: JobLine) => JobLine = (line) => line): Ledger {
  return {
    ...ledger,
    jobs: new Map([...ledger.jobs].filter(([job]) => job === id).map(([job, line]) => [job, change(line)])),
  };
}

/** As if the fine-tuned model had been right in half of the cases. */
function halved(line: JobLine): JobLine {
  if (line.outcome.state === "failed") return line;
  const { facts } = line.outcome;
  return {
    ...line,
    outcome: { state: "done", facts: { ...facts, metric: { ...facts.metric, after: 0.5 } } },
  };
}

test("a ledger in another folder, with model and data elsewhere, stands for the runs behind it", async () => {
  const options = await optionsFor();
  const first = await run(paperOf(HALF), options);
  const [model, data] = [join(await newFolder(), "tiny"), await newFolder()];
  await cp(options.model, model, { recursive: true });
  await cp(options.data, data, { recursive: true });
  await writeFile(join(model, "README.md"), "Copied.");
  const out = await folderWith(await readLedger(options.out));
  const second = await run(paperOf(HALF), { ...options, model, data, out });
  expect(second.begun).toEqual([]);
  expect(second.table).toEqual(first.table);
  expect(existsSync(join(out, "jobs"))).toBe(false);
});

test("a ledger names no folder, and is refused where model, data or settings are others (reproduce/other)", async () => {
  const options = await optionsFor();
  await run(paperOf(HALF), options);
  const text = await readFile(ledgerPath(options.out), "utf8");
  for (const path of [options.out, options.model, options.data]) expect(text).not.toContain(dirname(path));
  const out = await folderWith(await readLedger(options.out));
  const refused = (change: object, message: string) =>
    expect(run(paperOf(HALF), { ...options, out, ...change })).rejects.toThrow(
      expect.objectContaining({ code: "reproduce/other", message: expect.stringContaining(message) }),
    );
  await refused({ limit: 10 }, "limit 10, got one with 10000 (jobs.jsonl)");
  await refused({ model: await written(tinyModel({ kind: "mlm" })) }, "a model with other files");
  await writeFile(join(options.data, "SST-2", "dev.tsv"), "sentence\tlabel\ngood film\t1\nbad film\t0\n");
  await refused({}, "got one on other files");
});

test("a job under other defaults of its method is refused, one that is silent is taken", async () => {
  const options = await optionsFor();
  const { table } = await run(paperOf(HALF), options);
  const ledger = await readLedger(options.out);
  const half = "sst2-s0-half";
  const [[name, value] = ["", ""]] = Object.entries(ledger.jobs.get(half)?.effective ?? {});
  expect(name).not.toBe("");
  const withEffective = async (effective: JobLine["effective"]) => {
    const changed = new Map(ledger.jobs);
    for (const [job, line] of ledger.jobs) if (job === half) changed.set(job, { ...line, effective });
    return { ...options, out: await folderWith({ ...ledger, jobs: changed }) };
  };
  await expect(run(paperOf(HALF), await withEffective({ [name]: "other" }))).rejects.toThrow(
    expect.objectContaining({
      code: "reproduce/other",
      message: expect.stringContaining(`default ${name} ${value}, got a run with other`),
    }),
  );
  const silent = await run(paperOf(HALF), await withEffective(undefined));
  expect(silent.begun).toEqual([]);
  expect(silent.table).toEqual(table);
});

test("a job that was made by another version of training or of its method is refused (reproduce/version)", async () => {
  const options = await optionsFor();
  await run(paperOf(HALF), options);
  const ledger = await readLedger(options.out);
  const line = ledger.jobs.get("sst2-s0-half");
  if (line === undefined) throw new Error("expected the job's line");
  expect(line.versions).toEqual(versionsOf(line.settings.method));
  for (const name of Object.keys(line.versions)) {
    const jobs = new Map([
      ...ledger.jobs,
      [line.job, { ...line, versions: { ...line.versions, [name]: 0 } }],
    ]);
    await expect(
      run(paperOf(HALF), { ...options, out: await folderWith({ ...ledger, jobs }) }),
    ).rejects.toThrow(
      expect.objectContaining({
        code: "reproduce/version",
        message: expect.stringContaining(`of ${name}, got 0`),
      }),
    );
  }
});

test("a model that open jobs begin with is made again, and a score that is not the ledger's is noted", async () => {
  const options = await optionsFor();
  const first = await run(paperOf(HALF), options);
  const ledger = await readLedger(options.out);
  const dense = "sst2-s0-finetuned";
  const again = { ...options, out: await folderWith(only(ledger, dense)) };
  const second = await run(paperOf(HALF), again);
  expect(second.begun).toEqual([expect.stringContaining("job 2 of 2: sst2-s0-half")]);
  expect(second.notes).toContain(`making the model of ${dense} again`);
  expect(second.notes.filter((note) => note.includes("counts"))).toEqual([]);
  const values = ({ table }: typeof first) => table.tables[0]?.rows.map(({ ours }) => ours?.values);
  expect(values(second)).toEqual(values(first));
  const lines = (await readFile(ledgerPath(again.out), "utf8"))
    .split("\n")
    .filter((line) => line.includes(`"job":"${dense}"`));
  expect(lines).toHaveLength(1);

  const other = { ...options, out: await folderWith(only(ledger, dense, halved)) };
  const { notes } = await run(paperOf(HALF), other);
  expect(notes).toContainEqual(
    expect.stringMatching(/^sst2-s0-finetuned: accuracy 0\.5 counts, the model made again has /),
  );
});

test("a finished fine-tuned run whose model was deleted is made again for the jobs that begin with it", async () => {
  const options = await optionsFor();
  await run(paperOf(), options);
  await rm(join(jobFolder(options.out, "sst2-s0-finetuned"), "model"), { recursive: true });
  expect((await run(paperOf(), options)).begun).toEqual([]);
  const { table, begun } = await run(paperOf(HALF), options);
  expect(begun).toHaveLength(1);
  expect(table.complete).toBe(true);
});

test("finished folders whose process ended before the ledger's line are entered, not run again", async () => {
  const options = { ...(await optionsFor()), keep: true, latency: true };
  const { table } = await run(paperOf(HALF), options);
  await rm(ledgerPath(options.out));
  const again = await run(paperOf(HALF), options);
  expect(again.begun).toEqual([]);
  const untimed = (given: typeof table): unknown =>
    JSON.parse(JSON.stringify(given, (key, value) => (/^faster/.test(key) ? null : value)));
  expect(untimed(again.table)).toEqual(untimed(table));
  const { jobs } = await readLedger(options.out);
  expect([...jobs.keys()].toSorted()).toEqual(["sst2-s0-finetuned", "sst2-s0-half"]);
});

test("a line says what its model comes to in 8 bits, the fine-tuned one's too, and nothing of it stays", async () => {
  const options = { ...(await optionsFor()), latency: true };
  const { table } = await run(paperOf(HALF), options);
  const { jobs } = await readLedger(options.out);
  for (const [id, { outcome }] of jobs) {
    const facts = outcome.state === "done" ? outcome.facts : undefined;
    const layers = id.endsWith("half") ? 6 : 12;
    const close = expect.closeTo(facts?.metric.after ?? Number.NaN, 1);
    const faster = expect.any(Number);
    expect(facts?.eight).toEqual({
      bytes: expect.any(Number),
      after: close,
      layers,
      of: layers,
      faster,
      fasterInOnnx: faster,
    });
    expect(existsSync(join(jobFolder(options.out, id), "quantized"))).toBe(false);
  }
  const costs = table.tables[0]?.rows.map((row) => row.costs);
  expect(costs?.map((each) => each?.eight?.runs)).toEqual([1, 1]);
  expect(costs?.[1]?.eight?.bytes).toBeLessThan(costs?.[1]?.packed?.bytes ?? 0);
});

const AUGMENTED: readonly Row[] = ["a", "b"].map((name) => ({
  label: name,
  work: { slug: `half-${name}`, method: "truncate", set: { layers: "1" }, augmented: true },
}));

test("copies are made once for a task and seed, in the same bytes anywhere, and are in the ledger", async () => {
  const shared = { ...(await optionsFor(tinyModel({ kind: "mlm" }))), data: await cola(), tasks: ["cola"] };
  const options = { ...shared, model: await written(tinyModel({ kind: "mlm" })) };
  const { table, notes } = await run(paperOf(...AUGMENTED), options);
  expect(table.complete).toBe(true);
  expect(notes.filter((note) => note.startsWith("making copies"))).toEqual([
    expect.stringContaining("cola-s0-half-a"),
  ]);
  const line = (await readLedger(options.out)).jobs.get("cola-s0-half-b");
  const name = String(line?.settings.augmented);
  expect(name).toMatch(/^cola-s0-x2-[0-9a-f]{16}\.jsonl$/);
  const bytes = (out: string) => readFile(join(out, "copies", name), "utf8");
  expect((await bytes(options.out)).split("\n").length).toBeGreaterThan(1.5 * 960);

  const other = { ...options, out: join(await newFolder(), "other") };
  await run(paperOf(...AUGMENTED.slice(1)), other);
  expect(await bytes(other.out)).toBe(await bytes(options.out));
});

test("a model that cannot fill in words fails augmented rows alone", async () => {
  const options = { ...(await optionsFor()), data: await cola(), tasks: ["cola"] };
  const { table } = await run(paperOf(...AUGMENTED.slice(0, 1)), options);
  expect(table.jobs).toEqual({ total: 2, done: 1, failed: 1 });
  expect(table.failures).toMatchObject([{ job: "cola-s0-half-a", code: "masked/head" }]);
});
