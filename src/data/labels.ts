/**
 * From label cells to class numbers or regression values, and back from a column of labels to its kind.
 *
 * Every bad label is an `InputError` naming file, line, what was expected and what was found. When two labels are the
 * same one is decided in `label-names.ts`.
 */

import { InputError } from "../base/errors.ts";
import { type Cell, show } from "./cells.ts";
import type { TaskKind } from "./dataset.ts";
import { classFinder, groupLabels, type LabelGroup, spellingOf, standInNumber } from "./label-names.ts";

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

/** A column's kind, and what the user should know about how it was told. */
export type InferredRule = LabelRule & { readonly notes?: readonly string[] };

/** More classes than this are taken for a mistaken column. */
export const MOST_CLASSES = 1000;

/**
 * The label as the number a model is trained on.
 * @throws {InputError} `label/unknown`, `label/ambiguous` or `label/number`.
 */
export function labelNumber(rule: LabelRule, label: LabelCell): number {
  return labelReader(rule)(label);
}

/** As `labelNumber`, for many labels of one rule. */
export function labelReader(rule: LabelRule): (label: LabelCell) => number {
  if (rule.kind === "regression") return (label) => realNumber(rule, label);
  const finder = classFinder(rule.values);
  return ({ where, cell }) => {
    const found = finder.find(cell);
    if (typeof found === "number") return found;
    const message = `${where}: expected label ${listChoices(rule.values)}, got ${show(cell)}`;
    if (found === undefined)
      throw new InputError("label/unknown", `${message}${numbersHint(rule.values, cell)}`);
    throw new InputError("label/ambiguous", `${message}, which means more than one of them`);
  };
}

/** A number that is none of some numbers was probably a value. */
function numbersHint(values: readonly string[], cell: Cell): string {
  const areNumbers = [...values, cell].every((each) => numberOf(each) !== undefined);
  return areNumbers ? " (numbers are classes here; trained with --regression they are values)" : "";
}

/**
 * The name of a class whose number a file has that lists its classes.
 * @param place  in a list, for the message
 * @throws {InputError} `label/unknown`
 */
export function declaredName(classes: readonly string[], number: number, where: string, place = ""): string {
  const name = classes[number];
  if (name !== undefined) return name;
  const message = `${where}: expected a class from 0 to ${classes.length - 1} as label, got ${number}${place}`;
  throw new InputError("label/unknown", message);
}

function realNumber(
  { range }: { readonly range?: readonly [number, number] },
  { where, cell }: LabelCell,
): number {
  const value = numberOf(cell);
  if (value !== undefined && (range === undefined || (value >= range[0] && value <= range[1]))) return value;
  const expected = range === undefined ? "a number" : `a number from ${range[0]} to ${range[1]}`;
  const hint = DECIMAL_COMMA.test(spellingOf(cell)) ? "; numbers are read with a decimal point alone" : "";
  throw new InputError("label/number", `${where}: expected ${expected} as label, got ${show(cell)}${hint}`);
}

const DECIMAL_COMMA = /^[+-]?\d+,\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A finite number, or undefined for all else, NaN and infinities included. */
function numberOf(cell: Cell): number | undefined {
  const text = spellingOf(cell);
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** Whether a cell holds no label: it is empty, null or NaN, or what data frame libraries write for these. */
export function isMissing(cell: Cell): boolean {
  return /^([+-]?nan|null|<na>)?$/i.test(spellingOf(cell));
}

/** What is said where a word of a file is no label though a class may be called so; empty where there is no such word. */
export function missingHint(cells: readonly Cell[]): string {
  const missing = cells.filter((cell) => typeof cell === "string" && isMissing(cell)).map(spellingOf);
  const words = [...new Set(missing)].filter((word) => word !== "");
  if (words.length === 0) return "";
  const are = words.length > 1 ? "are" : "is";
  return `; ${words.map(show).join(" and ")} ${are} read as no label, as nan, null and <NA> are: call a class otherwise`;
}

/** `0 or 1`, `a, b or c`; long lists are cut. */
function listChoices(values: readonly string[]): string {
  if (values.length > 12) return `one of ${values.slice(0, 12).join(", ")}, … (${values.length} classes)`;
  return values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}

/**
 * What kind of labels a training file holds. `auto` takes numbers that are not all integers for a regression and
 * all else for classes: numbers in numeric order, names in the order of their characters' codes, those that the file
 * itself lists in its own order.
 * @param declared  the names that the file gives its classes; the labels are then their numbers, or the names
 * @param leftOut  what is to be said of rows without a label where too few classes are left
 * @throws {InputError} `label/missing`, `label/number`, `label/classes`.
 */
export function inferRule(
  labels: readonly LabelCell[],
  task: TaskKind | "auto",
  declared?: readonly string[],
  leftOut = "",
): InferredRule {
  if (task === "regression") return { kind: "regression" };
  if (declared !== undefined) return { kind: "classification", values: declared };
  if (task === "auto" && labels.some(isFraction)) {
    requireNumbers(labels);
    return { kind: "regression" };
  }
  const missing = labels.find(({ cell }) => isMissing(cell));
  if (missing !== undefined) {
    const { where, cell } = missing;
    throw new InputError("label/missing", `${where}: expected a label, got ${show(cell)}`);
  }
  const groups = groupLabels(labels.map(({ where, cell }) => ({ where, spelling: spellingOf(cell) })));
  refuseNoClasses(groups, labels.length, task, leftOut);
  return {
    kind: "classification",
    values: inOrder(groups.map(({ name }) => name)),
    ...notesOf(groups, labels.length, task),
  };
}

function isFraction({ cell }: LabelCell): boolean {
  const value = numberOf(cell);
  return value !== undefined && !Number.isInteger(value);
}

/** A name among fractions is a mistake, or the fractions are names of classes: nobody can tell, so it is said. */
function requireNumbers(labels: readonly LabelCell[]): void {
  const name = labels.find(({ cell }) => numberOf(cell) === undefined);
  if (name === undefined) return;
  const fraction = labels.find(isFraction);
  const why = `labels with a fraction, as ${show(fraction?.cell)}, make a regression; --classification takes them as classes`;
  throw new InputError(
    "label/number",
    `${name.where}: expected a number as label, got ${show(name.cell)} (${why})`,
  );
}

/** A column that cannot be meant: one class, or about as many classes as rows, as identifiers and texts have. */
function refuseNoClasses(
  groups: readonly LabelGroup[],
  rows: number,
  task: TaskKind | "auto",
  leftOut: string,
): void {
  const last = groups[MOST_CLASSES];
  if (last !== undefined) {
    const message = `${last.where}: expected at most ${MOST_CLASSES} different labels, got ${show(last.name)} as one more`;
    throw new InputError("label/classes", message);
  }
  const [first] = groups;
  if (groups.length < 2) {
    const message = `${first?.where ?? "labels"}: expected two classes or more, got only ${show(first?.name ?? "")}${leftOut}`;
    throw new InputError("label/classes", message);
  }
  if (task === "auto" && groups.length >= 10 && groups.length > 0.8 * rows) {
    const got = `${groups.length} different labels in ${rows} rows, as ${groups
      .slice(0, 3)
      .map(({ name }) => show(name))
      .join(", ")}`;
    const way =
      "name the right column with --label, or say --classification or --regression if it is the right one";
    throw new InputError("label/classes", `label: expected classes of several rows each, got ${got}; ${way}`);
  }
}

function notesOf(
  groups: readonly LabelGroup[],
  rows: number,
  task: TaskKind | "auto",
): { readonly notes?: readonly string[] } {
  const notes = groups.flatMap(({ name, spellings }) => {
    if (spellings.size < 2) return [];
    const each = [...spellings].map(([spelling, n]) => `${show(spelling)} (${n})`).join(" and ");
    return [`labels ${each} are read as one class, ${show(name)}`];
  });
  const few = groups.length > 20 && groups.length > rows / 10;
  if (few) notes.push(`${groups.length} classes in ${rows} rows: is --label the right column?`);
  const numbers = groups.every(({ name }) => Number.isInteger(numberOf(name)));
  if (numbers && groups.length > 10 && task === "auto") {
    notes.push(`${groups.length} whole numbers are read as classes; --regression takes them as values`);
  }
  const comma = groups.find(({ name }) => DECIMAL_COMMA.test(name));
  if (comma) notes.push(`label ${show(comma.name)} is a name: numbers are read with a decimal point alone`);
  return notes.length === 0 ? {} : { notes };
}

/** Class names in their order: numbers by value, others by their characters. */
export function inOrder(names: string[]): string[] {
  const ranked = names.flatMap((name) => {
    const rank = standInNumber(name) ?? numberOf(name);
    return rank === undefined ? [] : [{ name, rank }];
  });
  if (ranked.length < names.length) return names.sort();
  return ranked.sort((a, b) => a.rank - b.rank).map(({ name }) => name);
}
