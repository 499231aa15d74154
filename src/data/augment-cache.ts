/**
 * Candidates that were found before, in a file: one line of JSON per text, only ever appended to.
 *
 * A text's candidates depend on the model and the settings, which are in the file's name, and on the text, which is in
 * its line. So a run that was stopped goes on where it was, and another data set or another number of copies finds
 * what it shares with an earlier one.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { requireItem } from "../base/present.ts";
import { withFile } from "../formats/files.ts";
import { aCount, aText, type JsonShape, listOf, record } from "../formats/json-shape.ts";
import type { Replaceable } from "./augment.ts";
import { readLines } from "./corpus.ts";

/** Known candidates by text. */
export interface CandidateCache {
  readonly path: string;
  get(text: string): readonly Replaceable[] | undefined;
  /** Remembers the candidates of texts, in memory and in the file. */
  add(texts: readonly string[], found: readonly (readonly Replaceable[])[]): Promise<void>;
}

interface Line {
  readonly text: string;
  readonly words: readonly Replaceable[];
}

const LINE: JsonShape<Line> = record<Line>({
  text: aText,
  words: listOf(record<Replaceable>({ start: aCount, end: aCount, candidates: listOf(aText) })),
});

/** The file in `folder` for what `source`, plain JSON, describes. */
export function cachePath(folder: string, source: unknown): string {
  const digest = createHash("sha256").update(JSON.stringify(source)).digest("hex");
  return join(folder, `candidates-${digest.slice(0, 12)}.jsonl`);
}

/** Reads the file when there is one. Lines that are not whole are left out: a crash cut them off. */
export async function openCandidateCache(path: string): Promise<CandidateCache> {
  const known = new Map<string, readonly Replaceable[]>();
  if (existsSync(path)) {
    await withFile(path, async (source) => {
      for await (const line of readLines(source)) {
        const { text, words } = parseCached(line) ?? {};
        if (text !== undefined && words !== undefined) known.set(text, words);
      }
    });
  }
  return {
    path,
    get: (text) => known.get(text),
    add: async (texts, found) => {
      const lines = texts.map((text, i) => {
        const words = requireItem(found, i, "words");
        known.set(text, words);
        return `${JSON.stringify({ text, words })}\n`;
      });
      await mkdir(dirname(path), { recursive: true });
      // A line that a crash cut off must not swallow the next one.
      await appendFile(path, `\n${lines.join("")}`, { flush: true });
    },
  };
}

function parseCached(line: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isLine(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isLine(value: unknown): value is Line {
  return LINE.problem(value, "") === undefined;
}
