/**
 * Labelled words in the columns of CoNLL's tasks: one word a line, its label last, a blank line behind each text; and
 * CoNLL-U (https://universaldependencies.org/format.html), whose ten columns have names.
 *
 * `-DOCSTART-` ends a text and says nothing else. `# ` begins a comment or is a word: the pound sign of CoNLL-2000 is
 * written `# # B-NP`. Inside a text it is a word, and at its start too where the line has as many columns as those before
 * it and ends with one of their labels.
 *
 * In CoNLL-U a word has a whole number in ID, so that every line that begins with `#` is a comment. Ranges (`3-4`, how a few
 * words are written together) and empty nodes (`5.1`) are left out.
 */

import { basename } from "node:path";
import { InputError } from "../../base/errors.ts";
import { requireItem } from "../../base/present.ts";
import { missingColumn, show } from "../cells.ts";
import type { AskedColumns } from "../columns.ts";
import { textPieces } from "../table-text.ts";
import type { WordText } from "./word-text.ts";

/** A word and the line that it stands in. */
interface LabelledWord {
  readonly word: string;
  readonly label: string;
  readonly line: number;
}

/** The end of a text. */
const END = undefined;

/** CoNLL-U by its name. */
const UNIVERSAL = /\.conllu(\.gz)?$/i;

/** Its columns. */
const COLUMNS = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"];

/**
 * The texts of a file.
 * @param asked  columns of CoNLL-U, by default FORM and UPOS; the others have no names
 * @throws {InputError} `words/columns` for a line of one column, of another number of them than the first, or that CoNLL-U
 *   does not have; `table/column`; what `textPieces` throws
 */
export async function readConll(file: string, asked: AskedColumns): Promise<WordText[]> {
  const name = basename(file);
  const texts: WordText[] = [];
  let open: LabelledWord[] = [];
  const end = (): void => {
    const [first] = open;
    if (first === undefined) return;
    const [words, labels] = [open.map(({ word }) => word), open.map(({ label }) => label)];
    texts.push({ words, labels, where: `${name}:${first.line}` });
    open = [];
  };
  for await (const found of UNIVERSAL.test(file) ? universalWords(file, asked) : wordsOf(file)) {
    if (found === END) end();
    else open.push(found);
  }
  end();
  return texts;
}

async function* wordsOf(file: string): AsyncGenerator<LabelledWord | typeof END> {
  const name = basename(file);
  const labels = new Set<string>();
  let width = 0;
  let isInside = false;
  for await (const { row, line } of rowsOf(file)) {
    if (row === "" || row.startsWith("-DOCSTART-")) {
      isInside = false;
      yield END;
      continue;
    }
    const fields = row.includes("\t") ? row.split("\t") : row.split(/ +/);
    const label = requireItem(fields, fields.length - 1, "fields").trim();
    const isWord = isInside || !row.startsWith("# ") || (fields.length === width && labels.has(label));
    if (!isWord) continue;
    if (width === 0) width = fields.length;
    if (fields.length < 2 || fields.length !== width) {
      const expected = width < 2 ? "a word and its label" : `${width} columns, as in the first line`;
      throw new InputError("words/columns", `${name}:${line}: expected ${expected}, got ${show(row)}`);
    }
    isInside = true;
    labels.add(label);
    yield { word: requireItem(fields, 0, "fields"), label, line };
  }
}

async function* universalWords(
  file: string,
  { text, label }: AskedColumns,
): AsyncGenerator<LabelledWord | typeof END> {
  const name = basename(file);
  const [wordAt, labelAt] = [placeOf(text ?? "form", name), placeOf(label ?? "upos", name)];
  for await (const { row, line } of rowsOf(file)) {
    if (row === "") yield END;
    if (row === "" || row.startsWith("#")) continue;
    const fields = row.split("\t");
    const id = requireItem(fields, 0, "fields");
    if (fields.length !== COLUMNS.length || !/^\d+([-.]\d+)?$/.test(id)) {
      const expected = `a line of CoNLL-U, ${COLUMNS.length} columns with tabs between and a number in the first`;
      throw new InputError("words/columns", `${name}:${line}: expected ${expected}, got ${show(row)}`);
    }
    if (/[-.]/.test(id)) continue;
    const [word, own] = [requireItem(fields, wordAt, "fields"), requireItem(fields, labelAt, "fields")];
    yield { word, label: own.trim(), line };
  }
}

/** @throws {InputError} `table/column` */
function placeOf(column: string, name: string): number {
  const place = COLUMNS.indexOf(column.trim().toLowerCase());
  if (place < 0) throw missingColumn(column, COLUMNS, name);
  return place;
}

/** The lines of a file without white space at their ends. */
async function* rowsOf(file: string): AsyncGenerator<{ readonly row: string; readonly line: number }> {
  let line = 0;
  for await (const piece of textPieces(file)) {
    for (const text of (piece.endsWith("\n") ? piece.slice(0, -1) : piece).split("\n")) {
      line++;
      yield { row: text.trimEnd(), line };
    }
  }
}
