/** Examples out of labelled tables, by the kind of task that the options or the files ask for. */

import { type AskedColumns, type NamedColumns, readByColumns } from "../../data/columns.ts";
import type { Dataset, TaskKind } from "../../data/dataset.ts";
import type { Quotes } from "../../data/delimited.ts";
import { readSeveralLabels } from "../../data/several-labels.ts";
import { readTable } from "../../data/table.ts";
import { isConll, readWordLabels } from "../../data/word-labels.ts";
import type { Table } from "../../hub/tables.ts";
import { KINDS } from "../../options/shared.ts";

/** What the options say about the columns of a table and what they hold. */
export interface TableSettings
  extends Partial<Readonly<Record<(typeof KINDS)[number], boolean | undefined>>> {
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  readonly skipUnlabelled?: boolean | undefined;
  readonly quotes?: Quotes | undefined;
}

/** Labels that are known before a file is read. */
export type Labelling = Pick<Dataset, "task" | "labels">;

/** Columns as options name them. */
export interface ColumnSettings {
  readonly text: string;
  readonly textPair?: string;
  readonly label: string;
}

/**
 * A whole table, and by which columns it was read; of words none, for a file says by its own columns how their labels are
 * given. `like` holds the task and labels that are known before.
 */
export async function readLabelled(
  { files, name, notes: found }: Table,
  settings: TableSettings,
  like?: Labelling,
): Promise<{ readonly set: Dataset; readonly columns?: NamedColumns }> {
  const { task: asked, ...reading } = readingOf(settings);
  const task = like?.task ?? (asked === "auto" && files.some(isConll) ? "tokens" : asked);
  if (task === "tokens") {
    const set = await readWordLabels(files, askedOf(settings), like?.labels, name);
    return { set: withNotes(set, found) };
  }
  const { read, columns, notes } = await readByColumns(
    files,
    askedOf(settings),
    reading.quotes,
    (columns) => {
      const known = like ? { like, labels: like.labels } : {};
      const options = { ...reading, ...known, name };
      return task === "multi-label"
        ? readSeveralLabels(files, columns, options)
        : readTable(files, columns, { task, ...options });
    },
  );
  return { set: withNotes(read, [...found, ...notes]), columns };
}

/** What judges, by the columns and labels of what trains. A test split that stands in for another may have no labels. */
export async function readJudging(
  table: Table,
  columns: NamedColumns | undefined,
  settings: TableSettings,
  like: Labelling,
): Promise<Dataset> {
  const skipUnlabelled = settings.skipUnlabelled === true || table.isSubstitute === true;
  const named = columns === undefined ? {} : settingsOf(columns);
  return (await readLabelled(table, { ...settings, ...named, skipUnlabelled }, like)).set;
}

export function withNotes(set: Dataset, notes: readonly string[]): Dataset {
  return notes.length === 0 ? set : { ...set, notes: [...notes, ...(set.notes ?? [])] };
}

/** How the options say that tables are to be understood. */
export function readingOf(settings: TableSettings) {
  const { skipUnlabelled = false, quotes = "auto" } = settings;
  const [kind] = KINDS.filter((each) => settings[each] === true);
  const task: TaskKind | "auto" = kind === undefined ? "auto" : kind === "multiLabel" ? "multi-label" : kind;
  return { task, skipUnlabelled, quotes };
}

export function askedOf({ text, textPair, label }: TableSettings): AskedColumns {
  return { text, pair: textPair, label };
}

export function settingsOf({ text, pair, label }: NamedColumns): ColumnSettings {
  return { text, label, ...(pair === undefined ? {} : { textPair: pair }) };
}
