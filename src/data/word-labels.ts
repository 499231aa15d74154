/**
 * Texts whose words have labels: CoNLL columns, JSON lines with words, JSON lines with spans, Parquet with words.
 *
 *   CoNLL   one word a line, its label last; a blank line ends a text; CoNLL-U by its columns FORM and UPOS
 *   words   `{"tokens": ["Anna", "ran"], "labels": ["B-PER", "O"]}`
 *   spans   `{"text": "Anna ran", "spans": [{"start": 0, "end": 4, "label": "PER"}]}`, ends exclusive; what Prodigy writes
 *
 * What single texts say is read in words/.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { isObject } from "../formats/json.ts";
import { missingColumn, show } from "./cells.ts";
import type { AskedColumns } from "./columns.ts";
import type { Dataset, Example } from "./dataset.ts";
import { tagReader } from "./judging/entities.ts";
import { declaredName, MOST_CLASSES } from "./labels.ts";
import { sameClasses } from "./rows.ts";
import { type FullTable, openTable } from "./table-records.ts";
import { formatOf } from "./table-text.ts";
import { readConll } from "./words/conll.ts";
import { wordsOfSpans } from "./words/spans.ts";
import type { WordText } from "./words/word-text.ts";

/** Columns that hold words, their labels, or spans, where nobody says otherwise. */
const WORD_COLUMNS = ["tokens", "words"];
const LABEL_COLUMNS = ["labels", "tags", "ner_tags", "ner", "pos_tags", "label"];
const SPAN_COLUMNS = ["spans", "entities", "label"];

/** Names of files whose words have labels, whatever is asked for. */
const CONLL = /\.(conll|conllu|iob2?|bio|bioes)(\.gz)?$/i;

/** Whether a file's name says that its words have labels. */
export function isConll(file: string): boolean {
  return CONLL.test(file);
}

/**
 * Reads such texts out of one file or several.
 *
 * @param known  the labels of the training set, which hold here too
 * @param given  what the files are called together; default the first one's name
 * @throws {InputError} `words/…`, `table/…`, `label/unknown`, `label/classes`; {FormatError} `parquet/…`
 */
export async function readWordLabels(
  files: readonly string[],
  asked: AskedColumns,
  known?: readonly string[],
  given?: string,
): Promise<Dataset> {
  const name = given ?? basename(files[0] ?? "");
  const parts: ReadTexts[] = [];
  for (const file of files) {
    const isTable = /\.(jsonl|ndjson|json|parquet)(\.gz)?$/i.test(file);
    parts.push(isTable ? await readRecords(file, asked) : { texts: await readConll(file, asked) });
  }
  const texts = parts.flatMap((part) => part.texts);
  if (texts.length === 0) throw new InputError("table/empty", `${name}: expected texts, got none`);
  const declared = sameClasses(
    files,
    parts.map(({ classes }) => classes),
  );
  const labels = known ?? requireClasses(declared ?? namesOf(texts), name);
  const numbers = new Map(labels.map((label, i) => [label, i]));
  const examples = texts.map(({ words, labels: own, where }): Example => {
    const label = own.map((each) => {
      const number = numbers.get(each);
      if (number !== undefined) return number;
      throw new InputError(
        "label/unknown",
        `${where}: expected a label among ${shortList(labels)}, got ${show(each)}`,
      );
    });
    return { text: words.join(" "), words, label, where };
  });
  return { name, task: "tokens", labels, examples };
}

function shortList(labels: readonly string[]): string {
  return labels.length > 12 ? `${labels.slice(0, 12).join(", ")}, …` : labels.join(", ");
}

/** @throws {InputError} `label/classes` */
function requireClasses(labels: readonly string[], name: string): readonly string[] {
  if (labels.length >= 2 && labels.length <= MOST_CLASSES) return labels;
  const got = labels.length < 2 ? `only ${show(labels[0] ?? "")}` : `${labels.length}`;
  const message = `${name}: expected 2 to ${MOST_CLASSES} labels of words, got ${got}`;
  throw new InputError("label/classes", message);
}

/** `O` first, then by kind, and within one by place. */
function namesOf(texts: readonly WordText[]): readonly string[] {
  const all = [...new Set(texts.flatMap(({ labels }) => labels))];
  const read = tagReader(all);
  const key = (label: string): string => {
    const { place, kind } = read(label);
    return place === "O" ? "" : `1${kind}\u0000${label}`;
  };
  return all.sort((a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b))));
}

/** What a file has. */
interface ReadTexts {
  readonly texts: readonly WordText[];
  /** Of the column of labels, where the file lists its classes. */
  readonly classes?: readonly string[] | undefined;
}

async function readRecords(file: string, asked: AskedColumns): Promise<ReadTexts> {
  const { text, label } = asked;
  const table = await openTable(file, [], "auto");
  const nested = formatOf(file) === "parquet" ? await nestedColumns(table) : new Set<string>();
  const texts: WordText[] = [];
  let classes: ReadTexts["classes"];
  for await (const { fields, where } of table.records()) {
    const cells = new Map(
      fields.map(([title, value]) => [title, nested.has(title) ? unfolded(value) : value]),
    );
    const words = wordsIn(cells, asked);
    if (words !== undefined) {
      const labels = required(cells, named(label, LABEL_COLUMNS), where);
      classes = table.classes.get(labels.column);
      texts.push(ofWords(words, labels, classes, where));
    } else {
      const whole = required(cells, [text ?? "text"], where);
      const spans = required(cells, named(label, SPAN_COLUMNS), where);
      texts.push(ofSpans(whole, spans, where));
    }
  }
  return { texts, classes };
}

/** The columns of Parquet that hold lists or objects, which come as JSON. One text that looks so makes no such column. */
async function nestedColumns(table: FullTable): Promise<ReadonlySet<string>> {
  const flat = new Set<string>();
  const all = new Set<string>();
  for await (const { fields } of table.records()) {
    for (const [title, value] of fields) {
      all.add(title);
      if (value !== null && unfolded(value) === value) flat.add(title);
    }
  }
  return new Set([...all].filter((title) => !flat.has(title)));
}

function unfolded(value: unknown): unknown {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** A column that was asked for, or those that are looked for. */
function named(asked: string | null | undefined, usual: readonly string[]): readonly string[] {
  return asked === undefined || asked === null ? usual : [asked];
}

/**
 * The words of a record; undefined where it has a text with spans, beside which `tokens` may say how a tool cut it, as
 * Prodigy's do: tokens that are objects, or without labels of their own.
 */
function wordsIn(cells: ReadonlyMap<string, unknown>, { text, label }: AskedColumns): Found | undefined {
  const words = find(cells, named(text, WORD_COLUMNS));
  if (!Array.isArray(words?.value)) return undefined;
  const hasText = typeof cells.get(text ?? "text") === "string";
  if (!hasText || find(cells, named(label, SPAN_COLUMNS)) === undefined) return words;
  const labels = find(cells, named(label, LABEL_COLUMNS));
  return labels === undefined || [words.value, labels.value].some(hasObjects) ? undefined : words;
}

function hasObjects(value: unknown): boolean {
  return Array.isArray(value) && value.some(isObject);
}

/** A cell and the column it stands in. */
interface Found {
  readonly column: string;
  readonly value: unknown;
}

function find(cells: ReadonlyMap<string, unknown>, columns: readonly string[]): Found | undefined {
  const column = columns.find((each) => cells.has(each));
  return column === undefined ? undefined : { column, value: cells.get(column) };
}

/** @throws {InputError} `table/column` */
function required(cells: ReadonlyMap<string, unknown>, columns: readonly string[], where: string): Found {
  const found = find(cells, columns);
  if (found !== undefined) return found;
  throw missingColumn(requireItem(columns, 0, "columns"), [...cells.keys()], where);
}

/** @throws {InputError} `words/kind`, `words/count`, `label/unknown` */
function ofWords(
  words: Found,
  labels: Found,
  classes: readonly string[] | undefined,
  where: string,
): WordText {
  const nameOf = (number: number, place: string): string =>
    classes === undefined ? String(number) : declaredName(classes, number, where, place);
  const [own, tags] = [textsIn(words, "words", where), textsIn(labels, "labels", where, nameOf)];
  if (own.length === tags.length) return { words: own, labels: tags, where };
  const message = `${where}: expected a label for each of ${own.length} words of ${words.column}, got ${tags.length} in ${labels.column}`;
  throw new InputError("words/count", message);
}

/** @param nameOf  of a number; absent: there may be none */
function textsIn(
  { column, value }: Found,
  what: string,
  where: string,
  nameOf?: (number: number, place: string) => string,
): string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.map((item, i) => {
    if (typeof item === "string") return item;
    const place = Array.isArray(value) ? ` (place ${i + 1})` : "";
    if (typeof item === "number" && nameOf !== undefined) return nameOf(item, place);
    throw new InputError(
      "words/kind",
      `${where}: expected a list of ${what} in column ${column}, got ${show(item)}${place}`,
    );
  });
}

/** @throws {InputError} `table/text`, `words/span`, `words/unit` */
function ofSpans({ value, column }: Found, spans: Found, where: string): WordText {
  if (typeof value === "string")
    return wordsOfSpans(spans.value, { text: value, column: spans.column, where });
  throw new InputError("table/text", `${where}: expected text in column ${column}, got ${show(value)}`);
}
