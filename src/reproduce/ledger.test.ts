import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { identityDigest, methodSettings } from "./identity.ts";
import {
  appendLine,
  type JobLine,
  ledgerOutcome,
  ledgerPath,
  ledgerText,
  lineText,
  parseLedger,
} from "./ledger.ts";
import type { JobOutcome } from "./table.ts";
import { versionsOf } from "./versions.ts";

function done(after: number): JobOutcome {
  return {
    state: "done",
    facts: {
      metric: { name: "accuracy", better: "higher", before: null, after, examples: 872 },
      metrics: { accuracy: after },
      removed: { encoder: 0, all: 0 },
      parameters: { total: 2, nonzero: 1, embeddings: 1 },
      work: 1,
      seconds: 60,
      threads: 1,
    },
  };
}

const FAILED: JobOutcome = { state: "failed", code: "train/diverged", message: "the loss is NaN" };

function jobLine(job: string, outcome: JobOutcome = done(0.8), change: Partial<JobLine> = {}): JobLine {
  const names = { model: "m", data: "d", digest: "x", code: "0.1.0", versions: { training: 1 } };
  return { kind: "job", job, task: "sst2", seed: 0, outcome, settings: {}, ...names, ...change };
}

const MODEL = {
  kind: "model",
  digest: "m",
  model: { name: "small", layers: 6, hidden: 256, parameters: 1 },
  maxLength: 128,
} as const;

const TASK = {
  kind: "task",
  task: "sst2",
  quick: false,
  digest: "d",
  constant: { accuracy: 0.5 },
} as const;

function parsed(...lines: readonly string[]) {
  return parseLedger(lines.join(""), "jobs.jsonl");
}

test("what was appended is read again, and the text of what was read is the same ledger", async () => {
  const path = ledgerPath(await newFolder());
  for (const line of [MODEL, TASK, jobLine("b"), jobLine("a", FAILED)]) appendLine(path, line);
  const ledger = parseLedger(await readFile(path, "utf8"), path);
  expect(ledger.models).toEqual([MODEL]);
  expect(ledger.tasks).toEqual([TASK]);
  expect(ledger.jobs.get("a")).toEqual(jobLine("a", FAILED));
  expect(ledger.notes).toEqual([]);
  const text = ledgerText(ledger);
  expect(text.split("\n").map((line) => /"job":"(.)"/.exec(line)?.[1])).toEqual([
    undefined,
    undefined,
    "a",
    "b",
    undefined,
  ]);
  expect(ledgerText(parsed(text))).toBe(text);
});

test("a setting that was a number and is a name now is the same where both are typed alike", () => {
  const settings = { method: "magnitude", sparsity: 0.9, set: { times: 10 } };
  const identity = { settings, model: "m", data: "d" };
  const read = (block: number | string) => {
    const effective = { ...methodSettings(identity), block };
    const names = { digest: identityDigest(identity), versions: versionsOf(settings.method), effective };
    return ledgerOutcome(parsed(lineText(jobLine("a", done(0.8), names))), "a", identity);
  };
  expect([read(1), read("1")]).toEqual([done(0.8), done(0.8)]);
  expect(() => read(4)).toThrow(expect.objectContaining({ code: "reproduce/other" }));
});

test("a line that was cut off costs itself alone, at the end and before what is appended later", async () => {
  const path = ledgerPath(await newFolder());
  const cut = lineText(jobLine("lost")).slice(0, 40);
  await writeFile(path, lineText(jobLine("a")) + cut);
  expect([...parseLedger(await readFile(path, "utf8"), path).jobs.keys()]).toEqual(["a"]);
  appendLine(path, jobLine("b"));
  const { jobs, notes } = parseLedger(await readFile(path, "utf8"), "jobs.jsonl");
  expect([...jobs.keys()]).toEqual(["a", "b"]);
  expect(notes).toEqual(["jobs.jsonl, line 2 is not whole and is left out"]);
});

test("of two ledgers in one file the first line of a job counts, and scores that differ are noted", () => {
  const [first, second] = [
    [MODEL, jobLine("a"), jobLine("b")].map(lineText),
    [MODEL, jobLine("a"), jobLine("b", done(0.7))].map(lineText),
  ];
  const { models, jobs, notes } = parsed(...first, ...second);
  expect(models).toHaveLength(1);
  expect(jobs.get("b")).toEqual(jobLine("b"));
  expect(notes).toEqual(["b: accuracy 0.8 counts, another line has 0.7"]);
});

test("a job that is done counts before one that failed, whichever comes first", () => {
  const lines = [jobLine("a", FAILED), jobLine("a")].map(lineText);
  for (const order of [lines, lines.toReversed()]) {
    const { jobs, notes } = parsed(...order);
    expect(jobs.get("a")?.outcome).toEqual(done(0.8));
    expect(notes).toEqual([]);
  }
});

test("one job with two settings is refused and named (reproduce/mixed)", () => {
  const other = { settings: { learningRate: 2e-5 }, digest: "y" };
  expect(() => parsed(lineText(jobLine("a")), lineText(jobLine("a", done(0.8), other)))).toThrow(
    expect.objectContaining({
      code: "reproduce/mixed",
      message: expect.stringContaining(
        "job a: expected a run with learningRate 0.00005, got one with 0.00002",
      ),
    }),
  );
});

test.each([
  ["no kind", "{}"],
  ["a kind that is none", '{"kind":"row"}'],
  ["no outcome", JSON.stringify({ ...jobLine("a"), outcome: undefined })],
  ["a score that is no number", lineText(jobLine("a")).replace('"after":0.8', '"after":"high"')],
  ["a list", "[1]"],
])("a whole line with %s is refused with its number (reproduce/ledger)", (_, line) => {
  expect(() => parsed(lineText(MODEL), line)).toThrow(
    expect.objectContaining({
      code: "reproduce/ledger",
      message: expect.stringContaining("jobs.jsonl, line 2"),
    }),
  );
});

test("four processes that append 100 lines each at once leave 400 whole ones", async () => {
  const path = ledgerPath(await newFolder());
  const program = `import { appendLine } from ${JSON.stringify(fileURLToPath(new URL("../../dist/reproduce/ledger.js", import.meta.url)))};
    const line = JSON.parse(process.argv[2]);
    for (let i = 0; i < 100; i++) appendLine(process.argv[1], { ...line, job: line.job + i });`;
  await Promise.all(
    ["a", "b", "c", "d"].map((name) =>
      promisify(execFile)(process.execPath, [
        "--input-type=module",
        "-e",
        program,
        path,
        JSON.stringify(jobLine(name)),
      ]),
    ),
  );
  const { jobs, notes } = parseLedger(await readFile(path, "utf8"), path);
  expect(jobs.size).toBe(400);
  expect(notes).toEqual([]);
});
