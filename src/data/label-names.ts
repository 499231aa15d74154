/**
 * When two labels mean the same: `1` and `1.0`, `TRUE` and `true`, `LABEL_1` and `1`, `é` in one character or two.
 *
 * Spaces around a label never count. Numbers are compared by value, digit for digit and without rounding. Between names
 * case does not count, nor which of space, hyphen and underscore stands between words: `not-spam` is `Not spam`. Signs
 * count, so that `C`, `C++` and `A-` stay three. An equal spelling always goes before an equal meaning.
 */

import type { Cell } from "./cells.ts";

/** A label as it is spelled: without spaces around it, its characters composed. */
export function spellingOf(cell: Cell): string {
  return cell === null ? "" : String(cell).trim().normalize("NFC");
}

/** Equal for labels that mean the same. */
export function meaningOf(spelling: string): string {
  const number = quantityOf(spelling.match(STAND_IN)?.[1] ?? spelling);
  if (number !== undefined) return `#${number}`;
  return spelling
    .toLowerCase()
    .normalize("NFC")
    .replaceAll(/[\s_-]+(?=[\p{L}\p{N}])/gu, (gap, at: number) => (at === 0 ? gap : " "));
}

/** What transformers calls the classes of a model that has no names for them. */
const STAND_IN = /^LABEL_(\d+)$/i;

/** `LABEL_3` is 3; undefined for a name. */
export function standInNumber(label: string): number | undefined {
  const [, digits] = label.match(STAND_IN) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

const NUMBER = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,9}))?$/i;

/** A decimal number in one form, all of its digits kept; undefined for all else. */
function quantityOf(text: string): string | undefined {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = text.match(NUMBER) ?? [];
  if (whole === "" && fraction === "") return undefined;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign === "-" ? "-" : ""}${significant}e${power}`;
}

/** Finds classes by their labels. */
export interface ClassFinder {
  /** The class a label means; undefined for none, and `many` when it could be more than one. */
  find(cell: Cell): number | "many" | undefined;
}

/** A finder for classes by number. */
export function classFinder(names: readonly string[]): ClassFinder {
  const spellings = indexBy(names, spellingOf);
  const meanings = indexBy(names, (name) => meaningOf(spellingOf(name)));
  return {
    find: (cell) => {
      const spelling = spellingOf(cell);
      return spellings.get(spelling) ?? meanings.get(meaningOf(spelling));
    },
  };
}

function indexBy(names: readonly string[], keyOf: (name: string) => string): Map<string, number | "many"> {
  const found = new Map<string, number | "many">();
  names.forEach((name, i) => {
    const key = keyOf(name);
    found.set(key, found.has(key) ? "many" : i);
  });
  return found;
}

/** Labels of one meaning. */
export interface LabelGroup {
  /** What the class is called. */
  readonly name: string;
  /** How often each spelling occurs. */
  readonly spellings: ReadonlyMap<string, number>;
  /** Where it first stands. */
  readonly where: string;
}

/** Groups spelled labels by meaning, in the order in which they first occur. */
export function groupLabels(
  labels: Iterable<{ readonly spelling: string; readonly where: string }>,
): LabelGroup[] {
  const groups = new Map<string, { spellings: Map<string, number>; where: string }>();
  const known = new Map<string, string>();
  for (const { spelling, where } of labels) {
    const meaning = known.get(spelling) ?? meaningOf(spelling);
    known.set(spelling, meaning);
    const group = groups.get(meaning) ?? { spellings: new Map<string, number>(), where };
    groups.set(meaning, group);
    group.spellings.set(spelling, (group.spellings.get(spelling) ?? 0) + 1);
  }
  return [...groups.values()].map((group) => ({ ...group, name: nameOf(group.spellings) }));
}

/** The most frequent spelling; of equally frequent ones the first. A whole number is written without a fraction. */
function nameOf(spellings: ReadonlyMap<string, number>): string {
  const [[name] = [""]] = [...spellings].sort(([, a], [, b]) => b - a);
  return /^[+-]?\d+\.0*$/.test(name) ? name.replace(/^\+|\.0*$/g, "") : name;
}
