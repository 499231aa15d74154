/**
 * The README's table: every row of the core table that has been run, all tasks side by side. Pure: from the table to
 * Markdown. Not here: one task's rows with all that they took (table-text.ts).
 */

import { fixed, percent } from "../base/quantity.ts";
import { mean, spread } from "../base/statistics.ts";
import { bytes } from "../base/units.ts";
import { markdownTable } from "../formats/markdown.ts";
import { commonTables, type EightCosts, type ReproducedRow, type Reproduction } from "./table.ts";
import { NONE } from "./table-text.ts";

/** The names that the benchmark itself gives. */
const TASK_NAMES: Readonly<Record<string, string>> = {
  sst2: "SST-2",
  cola: "CoLA",
  mrpc: "MRPC",
  stsb: "STS-B",
};

/**
 * A score without a deviation is of one seed; what is not run is a dash, and a row of dashes alone is left out. What is
 * kept is told of the tasks that all rows have which are run on each of theirs, and of no other row. `whole`, the same rows
 * on all rows of a task, is columns of scores alone.
 */
export function coreTableText({ tables }: Reproduction, whole: Reproduction): string {
  const [dense, ...labels] = tables[0]?.rows.map(({ label }) => label) ?? [];
  const common = commonTables(tables);
  const files = tables.flatMap(({ rows }) => rows.flatMap(({ costs }) => costs?.packed?.of ?? []));
  const scored = [...tables, ...whole.tables.filter(({ rows }) => rows.some(({ ours }) => ours))];
  const scores = (label: string | undefined): string[] => rowsOf(scored, label).map(scoreText);
  const eight = eightText(rowsOf(tables, dense));
  const first = [dense ?? "", ...scores(dense), "", percent(1), fileText(files), eight, "1"];
  const others = labels.flatMap((label) => {
    const rows = rowsOf(tables, label).filter((row) => row?.ours);
    if (rows.length === 0) return [];
    return [[label, ...scores(label), keptText(rowsOf(common, label)), ...costCells(rows)]];
  });
  const names = scored.map((table, i) => {
    const name = TASK_NAMES[table.task] ?? table.task;
    return i < tables.length ? name : `${name}, all rows`;
  });
  const kept = common.map(({ task }) => TASK_NAMES[task] ?? task).join(", ");
  const of = common.length === tables.length ? "" : ` of ${kept}`;
  return markdownTable(
    ["", ...names, `kept${of}`, "weights", "file", "in 8 bits", "faster"],
    [first, ...others],
  );
}

/** A row in each table that has it. */
function rowsOf(
  tables: Reproduction["tables"],
  label: string | undefined,
): readonly (ReproducedRow | undefined)[] {
  return tables.map(({ rows }) => rows.find((row) => row.label === label));
}

function keptText(rows: readonly (ReproducedRow | undefined)[]): string {
  const kept = rows.flatMap((row) => row?.kept ?? []);
  return kept.length < Math.max(1, rows.length) ? NONE : percent(mean(kept), { decimals: 1 });
}

function scoreText(row: ReproducedRow | undefined): string {
  return row?.ours ? spread(row.ours.values) : NONE;
}

/** The encoder's weights, bytes and speed: means over the tasks that have them. */
function costCells(rows: readonly (ReproducedRow | undefined)[]): string[] {
  const removed = rows.flatMap((row) => row?.costs?.removedOfEncoder ?? []);
  const packed = rows.flatMap((row) => row?.costs?.packed ?? []);
  const faster = packed.flatMap((one) => one.faster ?? []);
  return [
    percent(1 - mean(removed)),
    fileText(packed.map((one) => one.bytes)),
    eightText(rows),
    faster.length === 0 ? NONE : fixed(mean(faster), 1),
  ];
}

/** Bytes, and the points that 8 bits cost or bring: each run counts the same. */
function eightText(rows: readonly (ReproducedRow | undefined)[]): string {
  const all = rows.flatMap((row) => row?.costs?.eight ?? []);
  const runs = all.reduce((sum, each) => sum + each.runs, 0);
  if (runs === 0) return NONE;
  const of = (figure: (each: EightCosts) => number): number =>
    all.reduce((sum, each) => sum + each.runs * figure(each), 0) / runs;
  const change = fixed(-of(({ lost }) => lost), 1);
  return `${bytes(of((each) => each.bytes))}, ${change.startsWith("-") ? change : `+${change}`}`;
}

function fileText(files: readonly number[]): string {
  return files.length === 0 ? NONE : bytes(mean(files));
}
