/**
 * The README's table: every row of the core table that has been run, all tasks side by side. Pure: from the table to
 * Markdown. Not here: one task's rows with all that they took (table-text.ts).
 */

import { fixed, percent } from "../base/quantity.ts";
import { mean, spread } from "../base/statistics.ts";
import { bytes } from "../base/units.ts";
import { markdownTable } from "../formats/markdown.ts";
import type { ReproducedRow, Reproduction } from "./table.ts";
import { NONE } from "./table-text.ts";

/** The names that the benchmark itself gives. */
const TASK_NAMES: Readonly<Record<string, string>> = {
  sst2: "SST-2",
  cola: "CoLA",
  mrpc: "MRPC",
  stsb: "STS-B",
};

/** A score without a deviation is of one seed; what is not run is a dash, and a row of dashes alone is left out. */
export function coreTableText({ tables }: Reproduction): string {
  const [dense, ...labels] = tables[0]?.rows.map(({ label }) => label) ?? [];
  const rowsOf = (label: string | undefined): (ReproducedRow | undefined)[] =>
    tables.map(({ rows }) => rows.find((row) => row.label === label));
  const files = tables.flatMap(({ rows }) => rows.flatMap(({ costs }) => costs?.packed?.of ?? []));
  const first = [dense ?? "", ...rowsOf(dense).map(scoreText), "", percent(1), fileText(files), "1"];
  const others = labels.flatMap((label) => {
    const rows = rowsOf(label).filter((row) => row?.ours);
    return rows.length === 0 ? [] : [[label, ...rowsOf(label).map(scoreText), ...costCells(rows)]];
  });
  const names = tables.map(({ task }) => TASK_NAMES[task] ?? task);
  return markdownTable(["", ...names, "kept", "weights", "file", "faster"], [first, ...others]);
}

function scoreText(row: ReproducedRow | undefined): string {
  return row?.ours ? spread(row.ours.values) : NONE;
}

/** What is kept, the encoder's weights, bytes and speed: means over the tasks that have them. */
function costCells(rows: readonly (ReproducedRow | undefined)[]): string[] {
  const kept = rows.flatMap((row) => row?.kept ?? []);
  const removed = rows.flatMap((row) => row?.costs?.removedOfEncoder ?? []);
  const packed = rows.flatMap((row) => row?.costs?.packed ?? []);
  return [
    kept.length === 0 ? NONE : percent(mean(kept), { decimals: 1 }),
    percent(1 - mean(removed)),
    fileText(packed.map((one) => one.bytes)),
    packed.length === 0 ? NONE : fixed(mean(packed.map(({ faster }) => faster)), 1),
  ];
}

function fileText(files: readonly number[]): string {
  return files.length === 0 ? NONE : bytes(mean(files));
}
