/**
 * The user's own labelled text as a `Dataset`, from CSV, TSV, JSON lines or Parquet.
 *
 * The training file decides the kind of task and the classes; files for evaluation are read `like` it, so that an
 * unknown label is found here and not as a wrong class number later.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { type Cell, type Column, type Row, show } from "./cells.ts";
import type { Dataset, Example, TaskKind } from "./dataset.ts";
import { inferRule, type LabelRule, labelNumber } from "./labels.ts";
import { formatOf, readRows, type TableFormat } from "./rows.ts";

/** Which columns hold what: header names, or places (from 0) when the file has no header. */
export interface TableColumns {
  readonly text: Column;
  readonly pair?: Column;
  readonly label: Column;
}

/** How a table is to be understood. */
export interface TableOptions {
  /** Default `auto`: a regression when a label is a number with a fraction, else classes. */
  readonly task?: TaskKind | "auto";
  /** The training set whose task and classes hold here too; overrides `task`. */
  readonly like?: Pick<Dataset, "task" | "labels">;
  /** Default: by the file's name. */
  readonly format?: TableFormat;
}

/**
 * Reads a labelled table.
 *
 *     const train = await readTable("train.csv", { text: "review", label: "stars" });
 *     const dev = await readTable("dev.csv", { text: "review", label: "stars" }, { like: train });
 *
 * @throws {InputError} with a `table/…` or `label/…` code, naming file and line.
 * @throws {FormatError} `parquet/damaged`.
 */
export async function readTable(
  file: string,
  { text, pair, label }: TableColumns,
  { task = "auto", like, format = formatOf(file) }: TableOptions = {},
): Promise<Dataset> {
  const columns = pair === undefined ? [label, text] : [label, text, pair];
  const rows = await readRows(file, columns, format);
  const rule = like === undefined ? inferRule(labelCells(rows), task) : ruleOf(like);
  return {
    name: basename(file),
    task: rule.kind,
    labels: rule.kind === "classification" ? rule.values : [],
    examples: toExamples(rows, rule),
  };
}

function ruleOf({ task, labels }: Pick<Dataset, "task" | "labels">): LabelRule {
  return task === "regression" ? { kind: "regression" } : { kind: "classification", values: labels };
}

function labelCells(rows: readonly Row[]): { where: string; cell: Cell }[] {
  return rows.map(({ where, cells }) => ({ where, cell: cells[0] ?? null }));
}

/**
 * Examples out of rows whose cells are label, text and, if any, pair.
 * @throws {InputError} `label/…`, `table/text`.
 */
export function toExamples(rows: readonly Row[], rule: LabelRule): Example[] {
  return rows.map(({ where, cells: [cell = null, text = null, pair] }) => {
    const label = labelNumber(rule, { where, cell });
    const first = { text: textCell(text, where), label, where };
    return pair === undefined ? first : { ...first, pair: textCell(pair, where) };
  });
}

function textCell(cell: Cell, where: string): string {
  if (typeof cell === "string") return cell;
  throw new InputError("table/text", `${where}: expected text, got ${show(cell)}`);
}
