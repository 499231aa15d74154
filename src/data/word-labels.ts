/**
 * Texts whose words have labels: CoNLL columns, JSON lines with words, JSON lines with spans, Parquet with words.
 *
 *   CoNLL   one word a line, its label last; a blank line ends a text; CoNLL-U by its columns FORM and UPOS
 *   words   `{"tokens": ["Anna", "ran"], "labels": ["B-PER", "O"]}`
 *   spans   `{"text": "Anna ran", "spans": [{"start": 0, "end": 4, "label": "PER"}]}`, ends exclusive
 *
 * Spans become labels by IOB2. Words of a text with spans are what BERT's tokenizer splits at in any case: runs between
 * white space, and each punctuation mark. A span that begins or ends inside one, overlaps another, or says where the text is
 * not, is an error with its place.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { isObject } from "../formats/json.ts";
import { missingColumn, show } from "./cells.ts";
import type { AskedColumns } from "./columns.ts";
import type { Dataset, Example } from "./dataset.ts";
import { tagReader } from "./judging/entities.ts";
import { MOST_CLASSES } from "./labels.ts";
import { openTable } from "./table-records.ts";
import { readConll } from "./words/conll.ts";
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
  const texts: WordText[] = [];
  for (const file of files) {
    const isTable = /\.(jsonl|ndjson|json|parquet)(\.gz)?$/i.test(file);
    texts.push(...(isTable ? await readRecords(file, asked) : await readConll(file, asked)));
  }
  if (texts.length === 0) throw new InputError("table/empty", `${name}: expected texts, got none`);
  const labels = known ?? namesOf(texts, name);
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

/** `O` first, then by kind, and within one by place. @throws {InputError} `label/classes` */
function namesOf(texts: readonly WordText[], name: string): readonly string[] {
  const all = [...new Set(texts.flatMap(({ labels }) => labels))];
  if (all.length < 2 || all.length > MOST_CLASSES) {
    const got = all.length < 2 ? `only ${show(all[0] ?? "")}` : `${all.length}`;
    throw new InputError(
      "label/classes",
      `${name}: expected 2 to ${MOST_CLASSES} labels of words, got ${got}`,
    );
  }
  const read = tagReader(all);
  const key = (label: string): string => {
    const { place, kind } = read(label);
    return place === "O" ? "" : `1${kind}\u0000${label}`;
  };
  return all.sort((a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b))));
}

async function readRecords(file: string, { text, label }: AskedColumns): Promise<WordText[]> {
  const table = await openTable(file, [], "auto");
  const texts: WordText[] = [];
  for await (const { fields, where } of table.records()) {
    const cells = new Map<string, unknown>(fields.map(([title, value]) => [title, unfolded(value)]));
    const words = find(cells, text === undefined ? WORD_COLUMNS : [text]);
    texts.push(
      Array.isArray(words?.value)
        ? ofWords(
            words,
            required(cells, label === undefined || label === null ? LABEL_COLUMNS : [label], where),
            where,
          )
        : ofSpans(
            required(cells, [text ?? "text"], where),
            required(cells, label === undefined || label === null ? SPAN_COLUMNS : [label], where),
            where,
          ),
    );
  }
  return texts;
}

/** Lists and objects of Parquet come as JSON. */
function unfolded(value: unknown): unknown {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
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

/** @throws {InputError} `words/kind`, `words/count` */
function ofWords(words: Found, labels: Found, where: string): WordText {
  const [own, tags] = [textsIn(words, "words", where), textsIn(labels, "labels", where)];
  if (own.length === tags.length) return { words: own, labels: tags, where };
  const message = `${where}: expected a label for each of ${own.length} words of ${words.column}, got ${tags.length} in ${labels.column}`;
  throw new InputError("words/count", message);
}

function textsIn({ column, value }: Found, what: string, where: string): string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.map((item, i) => {
    if (typeof item === "string") return item;
    if (typeof item === "number" && what === "labels") return String(item);
    const place = Array.isArray(value) ? ` (place ${i + 1})` : "";
    throw new InputError(
      "words/kind",
      `${where}: expected a list of ${what} in column ${column}, got ${show(item)}${place}`,
    );
  });
}

/** A labelled stretch of a text: characters `start` to `end`. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly label: string;
}

/** @throws {InputError} `words/span` */
function ofSpans(text: Found, spans: Found, where: string): WordText {
  const { value } = text;
  if (typeof value !== "string") {
    throw new InputError(
      "table/text",
      `${where}: expected text in column ${text.column}, got ${show(value)}`,
    );
  }
  const list: readonly unknown[] = Array.isArray(spans.value) ? spans.value : [spans.value];
  const parsed = list
    .map((item) => spanOf(item, value, spans.column, where))
    .sort((a, b) => a.start - b.start);
  parsed.forEach((span, i) => {
    const next = parsed[i + 1];
    if (next === undefined || next.start >= span.end) return;
    const both = `${spelled(span, value)} and ${spelled(next, value)}`;
    throw new InputError(
      "words/span",
      `${where}: expected spans beside one another in ${spans.column}, got ${both}, which overlap`,
    );
  });
  return labelWords(value, parsed, spans.column, where);
}

function spanOf(item: unknown, text: string, column: string, where: string): Span {
  if (isObject(item)) {
    const { start, end } = item;
    const label = item.label ?? item.type ?? item.entity_group ?? item.entity;
    const isThere = Number.isInteger(start) && Number.isInteger(end) && Number(start) >= 0;
    if (isThere && Number(start) < Number(end) && Number(end) <= text.length && typeof label === "string") {
      return { start: Number(start), end: Number(end), label };
    }
  }
  const expected = `start, end and label of a stretch within ${text.length} characters`;
  throw new InputError("words/span", `${where}: expected ${expected} in column ${column}, got ${show(item)}`);
}

function spelled({ start, end, label }: Span, text: string): string {
  return `${label} ${show(text.slice(start, end))} (${start} to ${end})`;
}

/** A word: a run of other characters than white space and punctuation, or one mark of the latter, of ASCII the symbols too. */
const WORD = /[^\s\p{P}!-/:-@[-`{-~]+|[\p{P}!-/:-@[-`{-~]/gu;

/** @throws {InputError} `words/span` for one whose ends are inside a word */
function labelWords(text: string, spans: readonly Span[], column: string, where: string): WordText {
  const words: string[] = [];
  const labels: string[] = [];
  let at = 0;
  for (const { 0: word, index: start } of text.matchAll(WORD)) {
    const end = start + word.length;
    while ((spans[at]?.end ?? Number.POSITIVE_INFINITY) <= start) at++;
    const span = spans[at];
    words.push(word);
    if (span === undefined || span.start >= end) {
      labels.push("O");
      continue;
    }
    if (span.start > start || span.end < end) {
      const message = `${where}: expected a span that begins and ends where words do in ${column}, got ${spelled(span, text)}, inside ${show(word)}`;
      throw new InputError("words/span", message);
    }
    labels.push(`${text.slice(span.start, start).trim() === "" ? "B" : "I"}-${span.label}`);
  }
  return { words, labels, where };
}
