/**
 * Texts whose words have labels: CoNLL columns, JSON lines with words, JSON lines with spans, Parquet with words.
 *
 *   CoNLL   one word a line, its label last; a blank line ends a text; CoNLL-U by its columns FORM and UPOS
 *   words   `{"tokens": ["Anna", "ran"], "labels": ["B-PER", "O"]}`
 *   spans   `{"text": "Anna ran", "spans": [{"start": 0, "end": 4, "label": "PER"}]}`, ends exclusive
 *
 * What single texts say is read in words/.
 */

import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { missingColumn, show } from "./cells.ts";
import type { AskedColumns } from "./columns.ts";
import type { Dataset, Example } from "./dataset.ts";
import { tagReader } from "./judging/entities.ts";
import { MOST_CLASSES } from "./labels.ts";
import { openTable } from "./table-records.ts";
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

/** @throws {InputError} `table/text`, `words/span`, `words/unit` */
function ofSpans({ value, column }: Found, spans: Found, where: string): WordText {
  if (typeof value === "string")
    return wordsOfSpans(spans.value, { text: value, column: spans.column, where });
  throw new InputError("table/text", `${where}: expected text in column ${column}, got ${show(value)}`);
}
