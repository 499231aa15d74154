/**
 * Records of a JSON file: one object per line, or one array of objects.
 *
 * An object with a key twice is refused: JSON.parse would take the last without a word. So is a whole number that
 * floating point rounds, since two of them could become one.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { repeatedKey } from "../formats/json.ts";
import { type Cell, type Column, missingColumn, show, twiceColumn } from "./cells.ts";
import { textPieces } from "./table-text.ts";

/** One object, and its text. */
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
      yield { where, object: objectOf(parsed(text, where), where), text };
    }
  }
  if (array === undefined) return;
  const items = parsed(array.join(""), name);
  if (!Array.isArray(items))
    throw new InputError("table/json", `${name}: expected an array, got ${show(items)}`);
  for (const [i, item] of items.entries()) {
    const where = `${name}:${i + 1}`;
    yield { where, object: objectOf(item, where), text: JSON.stringify(item) };
  }
}

/** An array of objects; `[1]` in a first line is a mistake in a file of lines. */
function beginsArray(piece: string): boolean {
  return /^\s*\[\s*(\{|\]?\s*$)/.test(piece.slice(0, 4096));
}

function parsed(text: string, where: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError("table/json", `${where}: expected a JSON object, got ${show(text)}`, { cause });
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) throw twiceColumn(twice, where, "one key, two values");
  return value;
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
