/**
 * The user's own labelled text as a `Dataset`, from CSV, TSV, JSON lines or Parquet.
 *
 * The training file decides the kind of task and the classes; files for evaluation are read `like` it, so that an
 * unknown label is found here and not as a wrong class number later.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { type Column, type Row, show, textIn } from "./cells.ts";
import { type Dataset, type Example, hasBlank, type TaskKind } from "./dataset.ts";
import type { Quotes } from "./delimited.ts";
import {
  declaredName,
  type InferredRule,
  inferRule,
  isMissing,
  type LabelCell,
  type LabelRule,
  labelReader,
  missingHint,
} from "./labels.ts";
import { readRowsOf } from "./rows.ts";
import type { TableFormat } from "./table-text.ts";

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
  readonly format?: TableFormat | undefined;
  /** What the data set is called. Default: as the file is. */
  readonly name?: string | undefined;
  /** What quotation marks in CSV and TSV are. Default `auto`. */
  readonly quotes?: Quotes;
  /** Leave rows without a label out, and say how many, instead of refusing the file. Default false. */
  readonly skipUnlabelled?: boolean;
}

/**
 * Reads a labelled table, in one file or in several that follow one another.
 *
 *     const train = await readTable("train.csv", { text: "review", label: "stars" });
 *     const dev = await readTable("dev.csv", { text: "review", label: "stars" }, { like: train });
 *
 * @throws {InputError} with a `table/…` or `label/…` code, naming file and line.
 * @throws {FormatError} `parquet/damaged`, `parquet/codec`.
 */
export async function readTable(
  file: string | readonly string[],
  { text, pair, label }: TableColumns,
  { task = "auto", like, format, name: given, quotes = "auto", skipUnlabelled = false }: TableOptions = {},
): Promise<Dataset> {
  const columns = pair === undefined ? [label, text] : [label, text, pair];
  const files = typeof file === "string" ? [file] : file;
  const found = await readRowsOf(files, columns, format, { quotes, optional: label });
  const declared = found.classes[0];
  const all = declared === undefined ? found.rows : found.rows.map((row) => named(row, declared));
  const rows = all.filter((row) => !isMissing(labelOf(row).cell));
  const name = given ?? basename(files[0] ?? "");
  const hint = missingHint(all.map((row) => labelOf(row).cell));
  if (rows.length === 0 && (like === undefined || skipUnlabelled)) {
    const message = `${name}: expected labels in column ${show(label)}, got none in ${all.length} rows${hint}`;
    throw new InputError("label/missing", message);
  }
  const skipped = all.length - rows.length;
  const without = `${skipped} of ${all.length} rows have no label`;
  const rule: InferredRule =
    like === undefined
      ? inferRule(rows.map(labelOf), task, declared, skipped > 0 ? `; ${without}${hint}` : "")
      : ruleOf(like);
  if (!skipUnlabelled) refuseUnlabelled(all, rows.length, rule, hint);
  const examples = toExamples(rows, rule);
  const notes = [
    ...found.notes,
    ...(rule.notes ?? []).map((note) => `${name}: ${note}`),
    ...(skipped > 0 ? [`${name}: ${without} and are left out${hint}`] : []),
    ...blankNotes(name, examples),
  ];
  return {
    name,
    task: rule.kind,
    labels: rule.kind === "classification" ? rule.values : [],
    examples,
    ...(skipped > 0 ? { unlabelled: skipped } : {}),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** A blank text is read as any other, and teaches a model nothing but its label. */
function blankNotes(name: string, examples: readonly Example[]): string[] {
  const blank = examples.filter(hasBlank);
  const [first] = blank;
  if (first === undefined) return [];
  const count = `${blank.length} of ${examples.length} rows`;
  return [`${name}: ${count} have a blank text, the first at ${first.where}`];
}

function ruleOf({ task, labels }: Pick<Dataset, "task" | "labels">): LabelRule {
  return task === "regression" ? { kind: "regression" } : { kind: "classification", values: labels };
}

function labelOf({ where, cells: [cell = null] }: Row): LabelCell {
  return { where, cell };
}

/** A row of a file that lists its classes, with the name of its class; the number -1 stands for having none. */
function named(row: Row, classes: readonly string[]): Row {
  const [cell = null, ...rest] = row.cells;
  if (typeof cell !== "number") return row;
  return { ...row, cells: [cell === -1 ? null : declaredName(classes, cell, row.where), ...rest] };
}

/** @throws {InputError} `label/missing` or, of a regression, `label/number` */
function refuseUnlabelled(all: readonly Row[], labelled: number, { kind }: LabelRule, hint: string): void {
  const first = all.map(labelOf).find(({ cell }) => isMissing(cell));
  if (first === undefined) return;
  const [code, expected] =
    kind === "regression" ? ["label/number", "a number as label"] : ["label/missing", "a label"];
  const count = `${all.length - labelled} of ${all.length} rows have none`;
  const got = `got ${show(first.cell)} (${count}; --skip-unlabelled leaves them out)${hint}`;
  throw new InputError(code, `${first.where}: expected ${expected}, ${got}`);
}

/**
 * Examples out of rows whose cells are label, text and, if any, pair.
 * @throws {InputError} `label/…`, `table/text`.
 */
export function toExamples(rows: readonly Row[], rule: LabelRule): Example[] {
  const numberOf = labelReader(rule);
  return rows.map(({ where, cells: [cell = null, text = null, pair] }) => {
    const label = numberOf({ where, cell });
    const first = { text: textIn(text, where), label, where };
    return pair === undefined ? first : { ...first, pair: textIn(pair, where) };
  });
}
