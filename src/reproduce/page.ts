/**
 * results/reproduction.md: the tables of all papers on one page, from a ledger alone; all rows of all of them as one
 * table in results/all-methods.md; and the core table in the README.
 *
 * Neither model nor data is needed: a plan asks for the model's depth, and the ledger has it. A line counts only when
 * it is the run that the plan asks for, settings, model and data by their digests.
 */

import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { requireItem, requireValue } from "../base/present.ts";
import { counted, fixed } from "../base/quantity.ts";
import type { Figures } from "../choice/figures.ts";
import { readTextIfPresent, writeFileAtomic } from "../formats/files.ts";
import { markdownTable } from "../formats/markdown.ts";
import { choosingPage, recommendationsOf, wholeOf, withFigures } from "./choosing.ts";
import { comparisonText } from "./comparison.ts";
import { coreTableText } from "./core-table.ts";
import { jobIdentity, type Sources } from "./identity.ts";
import { type Ledger, ledgerOutcome, ledgerPath, ledgerText, type ModelLine, parseLedger } from "./ledger.ts";
import { PAPERS } from "./papers/papers.ts";
import { distinctJobs, type Job, type Paper, type Plan, planOf } from "./papers/plan.ts";
import { countOf, factsOf, type Outcomes, type Reproduction, reproductionOf } from "./table.ts";
import { progressText, reproductionText } from "./table-text.ts";

/** Where the page and its ledger lie in the project. */
export const PAGE = join("results", "reproduction.md");
export const PUBLISHED = join("results", "ledger.jsonl");
/** What `compress` chooses by, as source, and as a page with its picture. */
export const FIGURES_SOURCE = join("src", "choice", "figures.ts");
export const CHOOSING = join("docs", "choosing.md");
export const CHOOSING_PICTURE = join("docs", "choosing.svg");
/** The page that is written by hand but for one table, and what stands around that. */
export const RESULTS = join("results", "all-methods.md");
/** The page that begins with the core table. */
export const README = "README.md";
const FROM = "<!-- from here: npm run results:tables -->";
const TO = "<!-- to here -->";

/**
 * Joins the ledger of a folder of jobs, if one is named, to the published one, and writes that and all that is made of it: the
 * page, the tables in the results and in the README, and what `compress` chooses by. Returns what there is to note.
 *
 * @throws as `parseLedger` and `reproductionPage` do
 */
export async function publishReproduction(out?: string, root = "."): Promise<readonly string[]> {
  const path = join(root, PUBLISHED);
  const texts = [await readTextIfPresent(path)];
  if (out !== undefined) {
    const own = await readTextIfPresent(ledgerPath(out));
    if (own === undefined) {
      throw new ConfigError(
        "reproduce/none",
        `out: expected a folder with jobs.jsonl, got one without (${out})`,
      );
    }
    texts.push(own);
  }
  const ledger = parseLedger(texts.map((text) => text ?? "").join("\n"), "jobs.jsonl");
  const page = reproductionPage(ledger);
  const results = withComparison((await readTextIfPresent(join(root, RESULTS))) ?? "", ledger);
  const readme = withCoreTable((await readTextIfPresent(join(root, README))) ?? "", ledger);
  const figures = figuresOf(ledger);
  const choosing = choosingPage(figures);
  await writeFileAtomic(path, ledgerText(ledger));
  const source = (await readTextIfPresent(join(root, FIGURES_SOURCE))) ?? "";
  await writeFileAtomic(join(root, FIGURES_SOURCE), withFigures(source, figures));
  await writeFileAtomic(join(root, CHOOSING), choosing.page);
  await writeFileAtomic(join(root, CHOOSING_PICTURE), choosing.svg);
  await writeFileAtomic(join(root, PAGE), page);
  await writeFileAtomic(join(root, RESULTS), results);
  await writeFileAtomic(join(root, README), readme);
  return ledger.notes;
}

/**
 * The page.
 *
 * @throws {ConfigError} `reproduce/other` for a planned job that was run with other settings, `reproduce/models` for
 *   jobs of none or several models
 */
export function reproductionPage(ledger: Ledger): string {
  const { line, plans, outcomes, constants } = collectOutcomes(ledger);
  const jobs = distinctJobs(plans);
  const tables = plans.map((plan) =>
    reproductionOf({ plan, quick: false, model: line.model, outcomes, constants }),
  );
  const parts = [
    headText(line, ledger, jobs, outcomes),
    countText(plans, tables, jobs, outcomes),
    commandText(tables),
    ...tables.map((table) => reproductionText(table, 2).trimEnd()),
  ];
  return `${parts.join("\n\n")}\n`;
}

/**
 * A text with the one table of all rows between its marks.
 *
 * @throws {ConfigError} as `reproductionPage`, and `reproduce/marks` for a text without the marks
 */
export function withComparison(text: string, ledger: Ledger): string {
  const { plans, outcomes } = collectOutcomes(ledger);
  const like = plans.filter(({ paper }) => !paper.whole);
  return betweenMarks(text, comparisonText(like, outcomes), RESULTS);
}

/** A text with the core table between its marks. @throws as `withComparison` */
export function withCoreTable(text: string, ledger: Ledger): string {
  const table = coreTableText(tableOf(PAPERS.core, ledger), tableOf(PAPERS.whole, ledger));
  return betweenMarks(text, table, README);
}

function betweenMarks(text: string, body: string, page: string): string {
  const [from, to] = [text.indexOf(FROM), text.indexOf(TO)];
  if (from >= 0 && to >= from) return `${text.slice(0, from + FROM.length)}\n\n${body}\n\n${text.slice(to)}`;
  const message = `${page}: expected "${FROM}" and after it "${TO}", got a text without`;
  throw new ConfigError("reproduce/marks", message);
}

/** A table as far as it is run. */
function tableOf(of: Paper, ledger: Ledger): Reproduction {
  const { line, plans, outcomes, constants } = collectOutcomes(ledger);
  const plan = requireValue(
    plans.find(({ paper }) => paper === of),
    `plan of ${of.id}`,
  );
  return reproductionOf({ plan, quick: false, model: line.model, outcomes, constants });
}

/** What the rows of the core table have come to. @throws as `reproductionPage` */
export function figuresOf(ledger: Ledger): Figures {
  const table = tableOf(PAPERS.core, ledger);
  const { name, layers } = table.model;
  return {
    model: name,
    layers,
    whole: wholeOf(table),
    rows: recommendationsOf(PAPERS.core.rows(layers), table),
  };
}

/** What the plans of all papers ask for, and what the ledger has of it. */
function collectOutcomes(ledger: Ledger): {
  readonly line: ModelLine;
  readonly plans: readonly Plan[];
  readonly outcomes: Outcomes;
  readonly constants: ReadonlyMap<string, Readonly<Record<string, number>>>;
} {
  const line = theModel(ledger);
  const tasks = ledger.tasks.filter(({ quick }) => !quick);
  const sources: Sources = {
    model: line.digest,
    data: new Map(tasks.map(({ task, digest }) => [task, digest] as const)),
    maxLength: line.maxLength,
    quick: false,
  };
  const constants = new Map(tasks.map(({ task, constant }) => [task, constant]));
  const request = { depth: line.model.layers, seed: 0, quick: false };
  const plans = Object.values(PAPERS).map((paper) => planOf(paper, { ...request, tasks: paper.tasks }));
  return { line, plans, outcomes: outcomesOf(distinctJobs(plans), ledger, sources), constants };
}

/** The model of all jobs. */
function theModel({ models, jobs }: Ledger): ModelLine {
  const digests = new Set([...jobs.values()].map(({ model }) => model));
  const [line, ...others] = models.filter(({ digest }) => digests.has(digest));
  if (line !== undefined && others.length === 0 && digests.size === 1) return line;
  const found = digests.size === 1 ? `${others.length} that are described` : `${digests.size}`;
  throw new ConfigError("reproduce/models", `ledger: expected jobs of one model, got ${found}`);
}

function outcomesOf(jobs: readonly Job[], ledger: Ledger, sources: Sources): Outcomes {
  const known = jobs.flatMap((job) => {
    // Of a task that nothing was run on, the ledger does not know the data.
    if (!ledger.jobs.has(job.id)) return [];
    const outcome = ledgerOutcome(ledger, job.id, jobIdentity(job, sources));
    return outcome === undefined ? [] : [[job.id, outcome] as const];
  });
  return new Map(known);
}

function headText({ model }: ModelLine, ledger: Ledger, jobs: readonly Job[], outcomes: Outcomes): string {
  const count = progressText(countOf(jobs, outcomes));
  const others = ledger.jobs.size - outcomes.size;
  const more = others === 0 ? "" : ` ${others} more lines of the ledger belong to no table here.`;
  const versions = [...new Set([...ledger.jobs.values()].map(({ code }) => code))].toSorted();
  return `# Reproduction (${count})

The tables of the papers and their baselines as they came out here, beside the published numbers. The page is written by \`npm run results:tables\` from [ledger.jsonl](ledger.jsonl), one line for each run: scores, what was removed, settings, seed and time.${more} Nothing on it is typed by hand; what the numbers mean is said in [the README](../README.md#results).

Model: ${model.name}, ${model.layers} layers × ${model.hidden}, ${fixed(model.parameters / 1e6, 1)} M parameters. ${seedsText(jobs)} A value is the mean over the seeds that are done, ± the standard deviation between them (with n − 1). Version ${versions.join(", ")}. ${machinesText(outcomes)}`;
}

/** \`Machines: 3 runs on an X with Node 20.20.2; of 68 it is not recorded.\` */
function machinesText(outcomes: Outcomes): string {
  const counts = new Map<string, number>();
  for (const { machine } of factsOf([...outcomes.keys()], outcomes)) {
    const where = machine && `on ${machine.cpu} with Node ${machine.node.replace(/^v/, "")}`;
    const key = where ?? "somewhere: lines of before do not say";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return `Machines: ${[...counts].map(([where, count]) => `${counted(count, "run")} ${where}`).join("; ")}.`;
}

/** \`Seeds: sst2 0 and 1; cola 0, 1 and 2.\` */
function seedsText(jobs: readonly Job[]): string {
  const tasks = [...new Set(jobs.map(({ task }) => task))];
  const seeds = tasks.map((task) => {
    const own = [...new Set(jobs.flatMap((job) => (job.task === task ? [job.seed] : [])))];
    return `${task} ${own.slice(0, -1).join(", ")}${own.length > 1 ? " and " : ""}${own.at(-1) ?? ""}`;
  });
  return `Seeds: ${seeds.join("; ")}.`;
}

function countText(
  plans: readonly Plan[],
  tables: readonly Reproduction[],
  jobs: readonly Job[],
  outcomes: Outcomes,
): string {
  const rows = tables.map(({ title, jobs: count }, i) => [
    title,
    ...countCells(count, requireItem(plans, i, "plans").jobs, outcomes),
  ]);
  const all = ["all, shared jobs once", ...countCells(countOf(jobs, outcomes), jobs, outcomes)];
  const header = ["table", "planned jobs", "done", "failed", "thread hours"];
  return `${markdownTable(header, [...rows, all])}

Thread hours: time of the runs that are done times the threads of each, on whatever machine it ran and whatever else that did. The tables share jobs, so their hours do not add up.`;
}

function countCells(
  { total, done, failed }: Reproduction["jobs"],
  jobs: readonly Job[],
  outcomes: Outcomes,
): string[] {
  const ended = factsOf(
    jobs.map(({ id }) => id),
    outcomes,
  );
  const seconds = ended.reduce((sum, facts) => sum + facts.seconds * facts.threads, 0);
  return [String(total), String(done), String(failed), fixed(seconds / 3600, 1)];
}

function commandText(tables: readonly Reproduction[]): string {
  const commands = tables.map(
    ({ paper }) =>
      `npx espalier reproduce ${paper} --model MODEL --data glue --out runs/reproduce --threads 1`,
  );
  return `How it is made, and resumed: a copy of the ledger in the folder of the jobs keeps what is done from being run again.

\`\`\`sh
mkdir -p runs/reproduce && cp results/ledger.jsonl runs/reproduce/
${commands.join("\n")}
npm run results:tables -- --out runs/reproduce
\`\`\``;
}
