/** The texts that `predict` labels and `embed` gives vectors: from the command line, or the lines of standard input. */

import { isUtf8 } from "node:buffer";
import { statSync } from "node:fs";
import { basename } from "node:path";
import { InputError } from "../base/errors.ts";
import { formatNamed } from "../data/table-text.ts";
import { isConll } from "../data/word-labels.ts";
import { SENTIMENT } from "../options/shared.ts";
import { type RunContext, shellWord } from "../runs/progress.ts";

/** Where lines come from when texts are not on the command line. */
export interface LineSource extends AsyncIterable<string | Uint8Array> {
  readonly isTTY?: boolean | undefined;
}

/** Options as typed and parsed, not yet checked. */
export type Given = Readonly<Record<string, unknown>>;

/** What becomes of a text. */
type Use = "predict" | "embed";

const WORDS: Readonly<Record<Use, { readonly done: string; readonly sources: string }>> = {
  predict: { done: "labelled", sources: "a text, lines on standard input, or a file by --data" },
  embed: { done: "given a vector", sources: "a text, or lines on standard input" },
};

/**
 * Adds the lines of standard input where no texts and no file are given. The name of a file that is not there is a text,
 * with a note.
 * @throws {InputError} `cli/no-text`, `cli/utf8`; `cli/file` for the name of a table where a text belongs
 */
export async function readTexts(
  given: Given,
  lines: LineSource,
  report?: RunContext["report"],
  use: Use = "predict",
): Promise<Given> {
  if (given.texts !== undefined) {
    refuseFileName(given, use);
    noteNoFile(given, use, report);
    return given;
  }
  if (given.data !== undefined) return given;
  if (lines.isTTY) {
    throw new InputError("cli/no-text", `<texts>: expected ${WORDS[use].sources}, got none of them`);
  }
  const parts: Uint8Array[] = [];
  for await (const part of lines) parts.push(typeof part === "string" ? Buffer.from(part) : part);
  const input = decode(Buffer.concat(parts)).replace(/\r?\n$/, "");
  return { ...given, texts: input === "" ? [] : input.split(/\r?\n/) };
}

/**
 * What a word without a flag is to `inspect`: a table's name, a task's folder or a configuration on the hub is data, and
 * anything else a model. A folder beside `--data` is the model.
 */
export function isDataOrModel(word: string, { task, data }: Given): "data" | "model" {
  const isTable = formatNamed(word) !== undefined || isConll(word);
  const isFolder = task !== undefined && data === undefined;
  const isData = isFolder || isTable || word === SENTIMENT;
  return isData || /^hf:[^/@]+\/[^/@]+\//.test(word) ? "data" : "model";
}

/** Strictly, as in files: what is not UTF-8 would become other texts. */
function decode(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8").replace(/^\uFEFF/, "");
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(10, start);
    const end = found < 0 ? bytes.length : found + 1;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end;
  }
  throw new InputError("cli/utf8", `standard input:${line}: expected UTF-8 text, got other bytes`);
}

/** A table's name is never meant as a text; the way to what is in it is said. */
function refuseFileName({ model, texts }: Given, use: Use): void {
  const file = Array.isArray(texts) ? texts.find(isTable) : undefined;
  if (typeof file !== "string") return;
  const run = typeof model === "string" ? shellWord(model) : "RUN";
  const out = shellWord(`${basename(file).replace(/\.[a-z]+(\.gz)?$/i, "")}-labelled.csv`);
  const isLines = /\.txt$/i.test(file);
  if (use === "embed" && !isLines) {
    const way = `npx espalier embed ${run} < FILE.txt`;
    throw new InputError(
      "cli/file",
      `<texts>: expected a text, got the name of a file, ${file}; lines of text are given vectors by: ${way}`,
    );
  }
  const way = isLines
    ? `npx espalier ${use} ${run} < ${shellWord(file)}`
    : `npx espalier predict ${run} --data ${shellWord(file)} --text COLUMN --out ${out}`;
  throw new InputError(
    "cli/file",
    `<texts>: expected a text, got the name of a file, ${file}; what is in it is ${WORDS[use].done} by: ${way}`,
  );
}

/** A word that ends as a file's name does may be meant as one: that it was taken for a text is said. */
function noteNoFile({ texts }: Given, use: Use, report: RunContext["report"]): void {
  const word = Array.isArray(texts) ? texts.find(isLikeName) : undefined;
  if (typeof word !== "string") return;
  const done = use === "predict" ? "labelled as text" : "given a vector";
  report?.({ kind: "note", text: `${word}: there is no such file, so the words themselves are ${done}` });
}

function isLikeName(text: unknown): boolean {
  if (typeof text !== "string" || !/^\S+\.(csv|tsv|tab|txt|jsonl|ndjson|json|parquet|gz)$/i.test(text))
    return false;
  return statSync(text, { throwIfNoEntry: false }) === undefined;
}

function isTable(text: unknown): boolean {
  if (typeof text !== "string" || !/\.(csv|tsv|tab|txt|jsonl|ndjson|json|parquet)(\.gz)?$/i.test(text))
    return false;
  return statSync(text, { throwIfNoEntry: false })?.isFile() === true;
}
