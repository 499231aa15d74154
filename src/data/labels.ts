/**
 * From label cells to class numbers or regression values, and back from a column of labels to its kind.
 *
 * Every bad label is an `InputError` naming file, line, what was expected and what was found.
 */

import { InputError } from "../base/errors.ts";
import { type Cell, show } from "./cells.ts";
import type { TaskKind } from "./dataset.ts";

/** What a label column may hold. */
export type LabelRule =
  | {
      readonly kind: "classification";
      /** What the file says, by class number. */
      readonly values: readonly string[];
    }
  | { readonly kind: "regression"; readonly range?: readonly [number, number] };

/** One label and where it stands. */
export interface LabelCell {
  readonly where: string;
  readonly cell: Cell;
}

/** More classes than this are taken for a mistaken column. */
const MOST_CLASSES = 1000;

/**
 * The label as the number a model is trained on.
 * @throws {InputError} `label/unknown` or `label/number`.
 */
export function labelNumber(rule: LabelRule, { where, cell }: LabelCell): number {
  return rule.kind === "classification"
    ? classNumber(rule.values, where, cell)
    : realNumber(rule, where, cell);
}

function classNumber(values: readonly string[], where: string, cell: Cell): number {
  const found = values.indexOf(textOf(cell));
  if (found >= 0) return found;
  throw new InputError("label/unknown", `${where}: expected label ${listed(values)}, got ${show(cell)}`);
}

function realNumber(
  { range }: { readonly range?: readonly [number, number] },
  where: string,
  cell: Cell,
): number {
  const value = numberOf(cell);
  if (value !== undefined && (range === undefined || (value >= range[0] && value <= range[1]))) return value;
  const expected = range === undefined ? "a number" : `a number from ${range[0]} to ${range[1]}`;
  throw new InputError("label/number", `${where}: expected ${expected} as label, got ${show(cell)}`);
}

function textOf(cell: Cell): string {
  return cell === null ? "" : String(cell).trim();
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;

/** A finite number, or undefined for all else, NaN and infinities included. */
function numberOf(cell: Cell): number | undefined {
  const text = textOf(cell);
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** `0 or 1`, `a, b or c`; long lists are cut. */
function listed(values: readonly string[]): string {
  if (values.length > 12) return `one of ${values.slice(0, 12).join(", ")}, … (${values.length} classes)`;
  return values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}

/**
 * What kind of labels a training file holds. `auto` takes numbers that are not all integers for a regression and
 * all else for classes: integers in numeric order, names in the order of their characters' codes.
 * @throws {InputError} `label/missing`, `label/number`, `label/classes`.
 */
export function inferRule(labels: readonly LabelCell[], task: TaskKind | "auto"): LabelRule {
  if (task === "regression" || (task === "auto" && labels.some(isFraction))) return { kind: "regression" };
  const seen = new Map<string, string>();
  for (const { where, cell } of labels) {
    const text = textOf(cell);
    if (text === "" || /^[+-]?nan$/i.test(text)) {
      throw new InputError("label/missing", `${where}: expected a label, got ${show(cell)}`);
    }
    if (!seen.has(text)) seen.set(text, where);
    if (seen.size > MOST_CLASSES) {
      const message = `${where}: expected at most ${MOST_CLASSES} different labels, got ${show(cell)} as one more`;
      throw new InputError("label/classes", message);
    }
  }
  const values = inOrder([...seen.keys()]);
  if (values.length >= 2) return { kind: "classification", values };
  const [only, where] = [...seen][0] ?? ["", "labels"];
  throw new InputError("label/classes", `${where}: expected two classes or more, got only ${show(only)}`);
}

function isFraction({ cell }: LabelCell): boolean {
  const value = numberOf(cell);
  return value !== undefined && !Number.isInteger(value);
}

function inOrder(values: string[]): string[] {
  if (values.every((value) => INTEGER.test(value))) return values.sort((a, b) => Number(a) - Number(b));
  return values.sort();
}
