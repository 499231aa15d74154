/** A reproduction as Markdown: what is printed and what is written beside its JSON. */

import { fixed, percent } from "../base/quantity.ts";
import { spread } from "../base/statistics.ts";
import { markdownTable } from "../formats/markdown.ts";
import type { PackedFacts } from "./packed.ts";
import type { PublishedTable } from "./papers/plan.ts";
import type { ReproducedRow, ReproducedTable, Reproduction, RowCosts } from "./table.ts";

export const NONE = "–";

/** The whole text, under headings from `level` down. */
export function reproductionText(reproduction: Reproduction, level = 1): string {
  const { title, citation, model, quick, tables, published, differs } = reproduction;
  const failures = groupFailures(reproduction);
  const numbers = new Map(failures.flatMap(({ jobs }, i) => jobs.map((job) => [job, i + 1] as const)));
  const notes = failures.map(({ text, jobs }, i) => `${i + 1}. ${text}: ${jobs.join(", ")}`);
  const size = `${model.layers} layers × ${model.hidden}, ${fixed(model.parameters / 1e6, 1)} M parameters`;
  const [outer, inner] = ["#".repeat(level), "#".repeat(level + 1)];
  const parts = [
    `${outer} ${title} (${progressText(reproduction.jobs)})`,
    `${citation}\n\nModel: ${model.name}, ${size}.${quick ? ` ${QUICK}` : ""}`,
    ...tables.map((table) => `${inner} ${tableText(table, numbers)}`),
    ...(notes.length === 0 ? [] : [`${inner} What failed\n\n${notes.join("\n")}`]),
    `${inner} What differs here\n\n${differs.map((sentence) => `- ${sentence}`).join("\n")}`,
    ...published.map((table) => `${inner} ${publishedText(table)}`),
  ];
  return `${parts.join("\n\n")}\n`;
}

const QUICK =
  "A quick trial: one task, one seed, one epoch, few examples. It shows that everything runs and says nothing about methods.";

/** How much of it there is. */
export function progressText({ total, done, failed }: Reproduction["jobs"]): string {
  const counted = `${done} of ${total} jobs done${failed === 0 ? "" : `, ${failed} failed`}`;
  return done === total ? `complete: ${counted}` : `NOT COMPLETE: ${counted}`;
}

/** The same words are said once, whatever the number of jobs. */
function groupFailures({
  failures,
}: Reproduction): { readonly text: string; readonly jobs: readonly string[] }[] {
  const groups = new Map<string, string[]>();
  for (const { job, code, message } of failures) {
    const text = `${message} (\`${code}\`)`;
    groups.set(text, [...(groups.get(text) ?? []), job]);
  }
  return [...groups].map(([text, jobs]) => ({ text, jobs }));
}

const HEADER = [
  "",
  "paper",
  "here",
  "kept",
  "runs",
  "removed of all matrices",
  "removed of the encoder's",
  "parameters",
  "not zero",
  "work left",
  ".esp",
  "faster",
  "time",
];

function tableText(table: ReproducedTable, numbers: ReadonlyMap<string, number>): string {
  const { task, metric, examples, constant, rows } = table;
  const on = examples === null ? "" : `, ${examples.toLocaleString("en")} examples`;
  const runs = { planned: sum(rows, "planned"), done: sum(rows, "done") };
  const part = runs.done === runs.planned ? "" : ` (NOT COMPLETE: ${runs.done} of ${runs.planned} runs)`;
  const hasPaper = rows.some(({ published }) => published !== null);
  const cells = rows.map((row) => rowCells(row, numbers));
  const always = constant === null ? [] : [["always the most frequent label", "", fixed(constant, 1)]];
  const header = hasPaper ? HEADER : withoutPaper(HEADER);
  const body = [...cells, ...always].map((row) => (hasPaper ? row : withoutPaper(row)));
  const sources = [...new Set(rows.flatMap(({ published }) => published?.source ?? []))];
  const paper = hasPaper ? `Published: ${sources.join("; ")}.` : "No published number for this task.";
  const key = `${metric} × 100, mean ± standard deviation over the runs. Removed: share of the weights, each column with its own denominator; all matrices are those of the layers and the embedding tables. Kept: share of what the fine-tuned models of the same seeds have. Work: multiply-accumulates, zeros counted. .esp: bytes of the packed file. Faster: one text of 64 tokens, the fine-tuned model in ONNX Runtime against the product there or in the sparse runtime, whichever is faster, in turns. Time: of one whole run. ${NONE}: not run.`;
  return `${task}, ${metric}${on}${part}\n\n${markdownTable(header, body)}\n\n${key} ${paper}`;
}

function sum(rows: readonly ReproducedRow[], what: "planned" | "done"): number {
  return rows.reduce((total, { runs }) => total + runs[what], 0);
}

function withoutPaper(cells: readonly string[]): string[] {
  return cells.filter((_, i) => i !== 1);
}

function rowCells(row: ReproducedRow, numbers: ReadonlyMap<string, number>): string[] {
  const { label, published, ours, kept, runs, costs, failures } = row;
  const marks = [...new Set(failures.map((job) => `[${numbers.get(job) ?? "?"}]`))].join("");
  const value = ours === null ? (runs.failed > 0 ? "failed" : NONE) : spread(ours.values);
  return [
    label,
    published === null ? "" : fixed(published.value, 1),
    marks === "" ? value : `${value} ${marks}`,
    kept === null ? "" : percent(kept, { decimals: 1 }),
    runsText(runs),
    ...costCells(costs),
  ];
}

/** `3`, or what is short of it: `1 of 3`, `2 of 3, 1 failed`. */
function runsText({ planned, done, failed }: ReproducedRow["runs"]): string {
  const count = done === planned ? String(done) : `${done} of ${planned}`;
  return failed === 0 ? count : `${count}, ${failed} failed`;
}

function costCells(costs: RowCosts | null): string[] {
  if (costs === null) return Array.from({ length: 8 }, () => NONE);
  return [
    percent(costs.removedOfAll, { decimals: 1 }),
    percent(costs.removedOfEncoder, { decimals: 1 }),
    `${fixed(costs.parameters / 1e6, 2)} M`,
    `${fixed(costs.nonzeroParameters / 1e6, 2)} M`,
    percent(costs.multiplyAccumulates, { decimals: 1 }),
    ...packedCells(costs.packed),
    `${fixed(costs.seconds, 0)} s`,
  ];
}

function packedCells(packed: PackedFacts | null): string[] {
  if (packed === null) return ["", ""];
  const { bytes, faster } = packed;
  return [`${fixed(bytes / 1e6, 1)} MB`, faster === undefined ? NONE : `${fixed(faster, 1)}×`];
}

function publishedText({ title, source, tasks, rows }: PublishedTable): string {
  const body = rows.map(([label, ...values]) => [
    label,
    ...values.map((value) => (value === null ? "" : fixed(value, 1))),
  ]);
  return `As published: ${title}\n\n${markdownTable(["", ...tasks], body)}\n\nSource: ${source}.`;
}
