/**
 * A study of many masks: measured, compared, and written as a page with its records and pictures beside it.
 *
 *   PAGE.md        the answers
 *   PAGE.jsonl     a line for each run and pair (record.ts)
 *   PAGE-….svg     the pictures
 */

import { basename, dirname, join } from "node:path";
import { writeFileAtomic } from "../formats/files.ts";
import { requireFile } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { collectRecords, type StudyRequest } from "./collect.ts";
import { studyPage } from "./page.ts";
import { recordsText } from "./record.ts";

/** What a study has written. */
export interface StudyAnswer {
  readonly page: string;
  readonly records: string;
  readonly pictures: readonly string[];
  readonly runs: number;
  readonly pairs: number;
  /** The page's headings. */
  readonly answers: readonly string[];
}

/**
 * Studies every masked run of the folders and files that are named.
 *
 * @throws {ConfigError} `place/kind`, `place/name` for a page that cannot lie there; as `collectRecords` does
 */
export async function writeStudy(
  request: StudyRequest & { readonly page: string },
  context: RunContext,
): Promise<StudyAnswer & { readonly notes: readonly string[] }> {
  requireFile(request.page);
  const { notes, ...records } = await collectRecords(request, context);
  const name = basename(request.page).replace(/\.md$/i, "");
  const beside = (file: string): string => join(dirname(request.page), file);
  const kept = `${name}.jsonl`;
  const command = `espalier topology ${kept} --study ${basename(request.page)}`;
  const { text, headings, pictures } = studyPage({ records, name, command, notes: [] });
  await writeFileAtomic(beside(kept), recordsText(records));
  for (const picture of pictures) await writeFileAtomic(beside(`${name}-${picture.name}.svg`), picture.svg);
  await writeFileAtomic(request.page, text);
  return {
    page: request.page,
    records: beside(kept),
    pictures: pictures.map((picture) => beside(`${name}-${picture.name}.svg`)),
    runs: records.runs.length,
    pairs: records.pairs.length,
    answers: headings,
    notes,
  };
}
