/**
 * Records of a JSON file: one object per line, or one array of objects.
 *
 * An object with a key twice is refused: JSON.parse would take the last without a word. A whole number that floating
 * point would round comes as the text of its digits, as out of Parquet, since two of them could become one.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { repeatedKey, stringEnd, withDigits } from "../formats/json.ts";
import { type Cell, type Column, missingColumn, show, twiceColumn } from "./cells.ts";
import { textPieces } from "./table-text.ts";

/** One object, and its text on one line. */
export interface JsonRecord {
  /** `file:line`, or `file:place` (from 1) in an array. */
  readonly where: string;
  readonly object: ReadonlyMap<string, unknown>;
  readonly text: string;
}

/** @throws {InputError} `table/json`, `table/twice`; what `textPieces` throws. */
export async function* jsonRecords(file: string): AsyncGenerator<JsonRecord> {
  const name = basename(file);
  let line = 0;
  let array: string[] | undefined;
  for await (const piece of textPieces(file)) {
    if (line === 0 && array === undefined && beginsArray(piece)) array = [];
    array?.push(piece);
    for (const text of array ? [] : (piece.endsWith("\n") ? piece.slice(0, -1) : piece).split("\n")) {
      line++;
      if (text.trim() === "") continue;
      const where = `${name}:${line}`;
      yield { where, object: objectOf(parsed(text, where, lineHint(text)), where), text };
    }
  }
  if (array === undefined) return;
  let place = 0;
  for (const text of itemsOf(array.join(""), name)) {
    const where = `${name}:${++place}`;
    // Only between the parts of a value may a line end: inside of a string it is written as \n.
    yield { where, object: objectOf(parsed(text, where), where), text: text.replaceAll(/[\r\n]+\s*/g, "") };
  }
}

/** An array of objects; `[1]` in a first line is a mistake in a file of lines. */
function beginsArray(piece: string): boolean {
  return /^\s*\[\s*(\{|\]?\s*$)/.test(piece.slice(0, 4096));
}

/** The texts of an array's items, of which each is still to be parsed. @throws {InputError} `table/json` */
function* itemsOf(text: string, name: string): Generator<string> {
  const expected = `${name}: expected one array of objects`;
  let start = text.indexOf("[") + 1;
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (c === '"') i = stringEnd(text, i);
    else if (c === "," && depth === 0) {
      yield text.slice(start, i);
      start = i + 1;
    } else if (c === "]" && depth === 0) {
      const last = text.slice(start, i);
      if (last.trim() !== "" || text[start - 1] === ",") yield last;
      const rest = text.slice(i + 1).trim();
      if (rest === "") return;
      throw new InputError("table/json", `${expected}, got ${show(rest)} behind its end`);
    } else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
  }
  yield text.slice(start);
  throw new InputError("table/json", `${expected}, got one that does not end`);
}

/** A line that ends in the middle of an object is one of an object that was written over several. */
function lineHint(text: string): string {
  const isOpen = /[{[,:]/.test(text.trimEnd().at(-1) ?? "");
  return isOpen ? "; an object stands on one line, or with others in an array, [{…}, {…}]" : "";
}

/** @param hint  what may mend a text that is no JSON */
function parsed(text: string, where: string, hint = ""): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // It quotes the text around the place, line ends and all.
    const reason = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ");
    const number = text.match(/[[:,]\s*(-?(?:NaN|Infinity))\s*[\]},]/)?.[1];
    const other = number === undefined ? hint : `; JSON has no ${number}, write null`;
    const message = `${where}: expected a JSON object, got ${show(text.trim())}: ${reason}${other}`;
    throw new InputError("table/json", message, { cause });
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) throw twiceColumn(twice, where, "one key, two values");
  const exact = withDigits(text);
  return exact === text ? value : JSON.parse(exact);
}

function objectOf(value: unknown, where: string): ReadonlyMap<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return new Map(Object.entries(value));
  }
  throw new InputError("table/json", `${where}: expected a JSON object, got ${show(value)}`);
}

/** The value of a column. @throws {InputError} `table/column`, `table/cell` */
export function jsonCell({ object, where }: JsonRecord, column: Column): Cell {
  const value = object.get(String(column));
  if (value === undefined) throw missingColumn(column, [...object.keys()], where);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value;
    const message = `${where}: expected a whole number of at most 2^53 or a text in ${show(column)}, got ${value}`;
    throw new InputError("table/cell", message);
  }
  const hint = Array.isArray(value) ? "; a list of labels is read with --multi-label" : "";
  const message = `${where}: expected text, a number or a truth value in ${show(column)}, got ${show(value)}${hint}`;
  throw new InputError("table/cell", message);
}
