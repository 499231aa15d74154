import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { FIGURES } from "../choice/figures.ts";
import { choosingPage } from "./choosing.ts";
import { type JobLine, type Ledger, ledgerPath, ledgerText, parseLedger } from "./ledger.ts";
import {
  CHOOSING,
  CHOOSING_PICTURE,
  FIGURES_SOURCE,
  figuresOf,
  PAGE,
  PUBLISHED,
  publishReproduction,
  README,
  RESULTS,
  reproductionPage,
  withComparison,
  withCoreTable,
} from "./page.ts";
import { PAPERS } from "./papers/papers.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const published = parseLedger(await readFile(join(ROOT, PUBLISHED), "utf8"), PUBLISHED);

/** The published ledger with other jobs. */
function withJobs(change: (lines: readonly JobLine[]) => readonly JobLine[]): Ledger {
  return {
    ...published,
    jobs: new Map(change([...published.jobs.values()]).map((line) => [line.job, line])),
  };
}

/** One of the fine-tuned models that every table begins with. */
const dense = withJobs((lines) => lines.filter(({ job }) => job.endsWith("-s0-finetuned")).slice(0, 1));

test("results/reproduction.md is what its ledger says (npm run results:tables)", async () => {
  expect(await readFile(join(ROOT, PAGE), "utf8")).toBe(reproductionPage(published));
});

test("the one table in results/all-methods.md is what the ledger says (npm run results:tables)", async () => {
  const results = await readFile(join(ROOT, RESULTS), "utf8");
  expect(results).toBe(withComparison(results, published));
});

test("the README's table is what the ledger says (npm run results:tables)", async () => {
  const readme = await readFile(join(ROOT, README), "utf8");
  expect(readme).toBe(withCoreTable(readme, published));
});

test("what compress chooses by, and its page, are what the ledger says (npm run results:tables)", async () => {
  const figures = figuresOf(published);
  expect(FIGURES).toEqual(figures);
  const { page, svg } = choosingPage(figures);
  expect(await readFile(join(ROOT, CHOOSING), "utf8")).toBe(page);
  expect(await readFile(join(ROOT, CHOOSING_PICTURE), "utf8")).toBe(svg);
});

test("a text without the marks of the one table, or with them turned round, is refused (reproduce/marks)", async () => {
  const [, from, to] = /^(<!-- from .*-->)$[\s\S]*^(<!-- to .*-->)$/m.exec(
    await readFile(join(ROOT, RESULTS), "utf8"),
  ) ?? [""];
  expect(withComparison(`a\n${from}\nold\n${to}\nb\n`, dense)).toMatch(
    /^a\n[\s\S]*Runs: NOT COMPLETE: 1 of[\s\S]*\nb\n$/,
  );
  for (const text of ["", `${from}`, `${to}\n${from}`]) {
    expect(() => withComparison(text, dense)).toThrow(expect.objectContaining({ code: "reproduce/marks" }));
  }
});

test("the published ledger names no folder", () => {
  expect(ledgerText(published)).not.toMatch(/"[^"]*\/(?:root|home|work|tmp|Users)\b/);
});

test("one job of many is said to be one: on top, in the count, in the tables that share it", () => {
  const page = reproductionPage(dense);
  expect(page).toMatch(/^# Reproduction \(NOT COMPLETE: 1 of \d+ jobs done\)\n/);
  expect(page).toMatch(/\| all, shared jobs once +\| +\d+ \| +1 \| +0 \| +\d+\.\d \|/);
  const tables = Object.keys(PAPERS).length;
  expect(page.match(/^## .*\(NOT COMPLETE: [01] of \d+ jobs done\)$/gm)).toHaveLength(tables);
  expect(page).toContain("Seeds: sst2 0, 1 and 2; cola 0, 1 and 2; mrpc 0, 1 and 2");
  expect(page.match(/^npx espalier reproduce /gm)).toHaveLength(tables);
});

test("a job of a plan with other settings has no place on the page, one of no plan is counted beside it", () => {
  const other = (line: JobLine): JobLine => ({ ...line, digest: "other" });
  expect(() => reproductionPage(withJobs((lines) => lines.map(other)))).toThrow(
    expect.objectContaining({ code: "reproduce/other" }),
  );
  const more = withJobs(() =>
    [...dense.jobs.values()].flatMap((line) => [line, { ...line, job: "sst2-s9-finetuned" }]),
  );
  expect(reproductionPage(more)).toContain("1 more lines of the ledger belong to no table here");
});

test("jobs of two models, or of one that is not described, make no page (reproduce/models)", () => {
  const isRefused = (ledger: Ledger) =>
    expect(() => reproductionPage(ledger)).toThrow(expect.objectContaining({ code: "reproduce/models" }));
  isRefused({ ...dense, models: [] });
  isRefused({ ...dense, jobs: new Map() });
  isRefused(withJobs((lines) => lines.map((line, i) => (i === 0 ? { ...line, model: "other" } : line))));
});

test("a folder's ledger is joined to the published one, and both ledger and page are written", async () => {
  const [root, out] = [await newFolder(), await newFolder()];
  await mkdir(dirname(join(root, PUBLISHED)), { recursive: true });
  await writeFile(join(root, PUBLISHED), ledgerText(dense));
  await writeFile(ledgerPath(out), ledgerText(published));
  const results = await readFile(join(ROOT, RESULTS), "utf8");
  await writeFile(join(root, RESULTS), withComparison(results, dense));
  const readme = await readFile(join(ROOT, README), "utf8");
  await writeFile(join(root, README), withCoreTable(readme, dense));
  await mkdir(dirname(join(root, FIGURES_SOURCE)), { recursive: true });
  await writeFile(join(root, FIGURES_SOURCE), "export const FIGURES: Figures = {};\n");
  expect(await publishReproduction(out, root)).toEqual([]);
  expect(await readFile(join(root, RESULTS), "utf8")).toBe(results);
  expect(await readFile(join(root, README), "utf8")).toBe(readme);
  expect(await readFile(join(root, PUBLISHED), "utf8")).toBe(ledgerText(published));
  expect(await readFile(join(root, PAGE), "utf8")).toBe(reproductionPage(published));
  expect(await readFile(join(root, FIGURES_SOURCE), "utf8")).toContain('"model": "all-MiniLM-L6-v2"');
  await expect(publishReproduction(join(out, "nothing"), root)).rejects.toThrow(
    expect.objectContaining({ code: "reproduce/none" }),
  );
});
