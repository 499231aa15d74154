import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sharedPath } from "../../test/support/shared.ts";
import { GLUE, type GlueTask, glueTask, readGlue } from "./glue.ts";

const glue = sharedPath("data", "glue");
const folder = mkdtempSync(join(tmpdir(), "espalier-glue-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(task: GlueTask, file: string, lines: readonly string[]): void {
  mkdirSync(join(folder, GLUE[task].folder), { recursive: true });
  writeFileSync(join(folder, GLUE[task].folder, file), `${lines.join("\n")}\n`);
}

const sizes: [GlueTask, number, number][] = [
  ["sst2", 67_349, 872],
  ["cola", 8_551, 1_043],
  ["mrpc", 3_668, 408],
  ["rte", 2_490, 277],
  ["stsb", 5_749, 1_500],
];
test.skipIf(!glue).each(sizes)(
  "%s has %i and %i examples (needs ESPALIER_SHARED)",
  async (task, train, dev) => {
    const sets = [await readGlue(task, glue ?? "", "train"), await readGlue(task, glue ?? "", "dev")];
    expect(sets.map((set) => set.examples.length)).toEqual([train, dev]);
    const own = await readGlue(task, join(glue ?? "", GLUE[task].folder), "dev");
    expect(own).toEqual(sets[1]);
    expect(
      own.examples.every((example) => (example.pair !== undefined) === (GLUE[task].pair !== undefined)),
    ).toBe(true);
  },
);

test.skipIf(!glue)("quotation marks stay in MRPC's sentences (needs ESPALIER_SHARED)", async () => {
  const [first] = (await readGlue("mrpc", glue ?? "", "dev")).examples;
  expect(first).toMatchObject({ label: 1, where: "dev.tsv:2" });
  expect(first?.pair?.startsWith('" The foodservice pie business')).toBe(true);
});

test("every task reads from files with its columns", async () => {
  for (const [id, spec] of Object.entries(GLUE)) {
    const task = glueTask(id);
    const value = spec.rule.kind === "classification" ? spec.rule.values[1] : "2.5";
    const byName = ["index", spec.text, spec.pair ?? "pad", spec.label];
    const isNamed = typeof spec.text === "string";
    const row = isNamed ? ["7", "one", "two", String(value)] : ["src", String(value), "*", "one"];
    const lines = isNamed ? [byName.join("\t"), row.join("\t")] : [row.join("\t")];
    write(task, spec.files.dev ?? "dev.tsv", lines);
    const { examples, labels, task: kind } = await readGlue(task, folder, "dev");
    expect([id, examples.length, examples[0]?.text, examples[0]?.pair]).toEqual([
      id,
      1,
      "one",
      spec.pair === undefined ? undefined : "two",
    ]);
    expect(examples[0]?.label).toBe(kind === "regression" ? 2.5 : 1);
    expect(labels).toHaveLength(spec.rule.kind === "classification" ? spec.rule.values.length : 0);
  }
});

test("a label that is not the task's is refused with file and line", async () => {
  write("sst2", "train.tsv", ["sentence\tlabel", "fine\t1", "odd\tyes"]);
  const reading = readGlue("sst2", folder, "train");
  await expect(reading).rejects.toThrow('train.tsv:3: expected label 0 or 1, got "yes"');
});

test("another task's file is refused by its columns or fields", async () => {
  write("sst2", "train.tsv", ["sentence\tlabel", "fine\t1"]);
  const own = join(folder, "SST-2");
  await expect(readGlue("mrpc", own, "train")).rejects.toThrow(
    'train.tsv: expected a column "Quality", got sentence, label',
  );
  await expect(readGlue("cola", own, "train")).rejects.toThrow("train.tsv:1: expected 4 fields, got 2");
});

test("QQP's records with too few fields are left out, others' are refused", async () => {
  const header = "question1\tquestion2\tis_duplicate";
  write("qqp", "train.tsv", [header, "a\tb\t1", "broken", "c\td\t0"]);
  const { examples } = await readGlue("qqp", folder, "train");
  expect(examples.map(({ text, where }) => [text, where])).toEqual([
    ["a", "train.tsv:2"],
    ["c", "train.tsv:4"],
  ]);
  write("wnli", "train.tsv", ["sentence1\tsentence2\tlabel", "broken"]);
  await expect(readGlue("wnli", folder, "train")).rejects.toThrow("train.tsv:2: expected 3 fields, got 1");
});

test("a folder without the task's files says what was looked for", async () => {
  const empty = mkdtempSync(join(folder, "empty-"));
  const reading = readGlue("rte", empty, "dev");
  await expect(reading).rejects.toThrow(
    `rte: expected dev.tsv or ${join("RTE", "dev.tsv")} in ${empty}, got neither`,
  );
});

test("one file in the place of a task's folder is named", async () => {
  write("rte", "own.tsv", ["text\tlabel"]);
  const file = join(folder, "RTE", "own.tsv");
  await expect(readGlue("rte", file, "dev")).rejects.toThrow(
    `rte: expected the folder of the task's files, got one file, ${file}; without --task it is read by its columns`,
  );
});

test("only MNLI has a mismatched split", async () => {
  await expect(readGlue("rte", folder, "dev_mismatched")).rejects.toThrow(
    "rte: expected a split among train, dev, got dev_mismatched",
  );
});

test("task names are taken in GLUE's spelling too", () => {
  expect(["SST-2", "sst-2", "STS-B", "sts_b", "MNLI"].map(glueTask)).toEqual([
    "sst2",
    "sst2",
    "stsb",
    "stsb",
    "mnli",
  ]);
  expect(() => glueTask("imdb")).toThrow(/expected one of sst2, cola, .* got "imdb"/);
  expect(() => glueTask("constructor")).toThrow(/expected one of sst2/);
});
