/**
 * Sentences of the project's own documents, each with the heading that it stands under, and of the comments that its
 * sources begin with. Code, tables and HTML have none.
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What is searched, where it is there: a package has not all of it. Pages of before contradict those of today. */
const DOCUMENTS = /^(?:[A-Z]+|(?:docs|results|benchmarks)\/(?!archive\/).*)\.md$/;
const SOURCES = /^src\/.*(?<!\.test)\.ts$/;

/** Shorter ones are titles, longer ones lists: neither is what someone asks. */
const [FEWEST_WORDS, MOST_LETTERS] = [4, 500];
const SEGMENTER = new Intl.Segmenter("en", { granularity: "sentence" });

/** Blocks of Markdown without sentences: fenced code, comments, lines of tables. */
const NO_PROSE = [/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^ *\2.*$/gm, /<!--[\s\S]*?-->/g, /^ *\|.*$/gm];

/** Where a paragraph ends: an empty line, a heading, the next item of a list. */
const ENDS = /\n\s*\n|\n(?=#)|(?<=^#.*)\n|\n(?=\s*(?:[-*+]|\d+[.)])\s)/m;
const ITEM = /^\s*(?:[-*+>]|\d+[.)])\s+/;

/** Marks within a line, and what stays of them. */
const MARKS = [
  [/!\[[^\]]*\]\([^)]*\)/g, ""],
  [/\[([^\]]*)\]\([^)]*\)/g, "$1"],
  [/(?<=^(?:[^`]|`[^`]*`)*)<\/?[a-z][^>]*>/gi, ""],
  [/(\*\*|__)(?=\S)(.*?\S)\1/g, "$2"],
  [/(?<![\w*])([*_])(?=\S)([^*_]*\S)\1(?![\w*])/g, "$2"],
  [/`+/g, ""],
  [/\\([\\`*_{}[\]()#+.!|<>-])/g, "$1"],
  [/\s+/g, " "],
];

const plain = (text) => MARKS.reduce((kept, [mark, by]) => kept.replace(mark, by), text).trim();

/** The sentences of a paragraph that say something. */
function split(text) {
  // One that begins with code begins small, where the segmenter sees no end before it.
  const parts = text.replace(/\s+/g, " ").split(/(?<=[.!?]) (?=`)/);
  const sentences = parts.flatMap((part) =>
    [...SEGMENTER.segment(plain(part))].map(({ segment }) => segment.trim()),
  );
  return sentences.filter(
    (sentence) =>
      sentence.length <= MOST_LETTERS && (sentence.match(/\p{L}{2,}/gu) ?? []).length >= FEWEST_WORDS,
  );
}

/** @returns of a Markdown document, each sentence with its file and the heading above it */
export function sentencesOf(markdown, file) {
  const prose = NO_PROSE.reduce((text, block) => text.replace(block, ""), markdown.replaceAll("\r\n", "\n"));
  let heading = "";
  return prose.split(ENDS).flatMap((block) => {
    const [, title] = /^#+ +(.*?)[ #]*$/.exec(block.trim()) ?? [];
    if (title !== undefined) heading = plain(title);
    return title === undefined ? split(block.replace(ITEM, "")).map((text) => ({ text, file, heading })) : [];
  });
}

/** @returns of a source, each sentence of the comment that it begins with; none of examples, nor of what is not there */
export function headerOf(source, file) {
  const [, comment = ""] = /^(?:#!.*\n)?\/\*\*(.*?)\*\//s.exec(source) ?? [];
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\*? ?/, ""));
  const prose = lines.filter((line) => !line.startsWith("  ")).join("\n");
  return prose
    .split(/\n\s*\n/)
    .flatMap(split)
    .filter((text) => !text.startsWith("Not here"))
    .map((text) => ({ text, file, heading: "" }));
}

/** @returns the lines of a text that has one sentence on each, without empty ones */
export function linesOf(text, file) {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const all = lines.map((line, i) => ({ text: line, file, heading: `line ${i + 1}` }));
  return withoutTwins(all.filter((sentence) => sentence.text !== ""));
}

/** A text stays where it stands first. */
export function withoutTwins(sentences) {
  const seen = new Set();
  return sentences.filter(({ text }) => !seen.has(text) && seen.add(text));
}

/** Every sentence of the project that lies in the folder `root`, documents before sources. */
export async function projectSentences(root) {
  const top = await readdir(root);
  const inside = ["docs", "results", "benchmarks", "src"].filter((folder) => top.includes(folder));
  const below = inside.map(async (folder) => {
    const names = await readdir(join(root, folder), { recursive: true });
    return names.map((name) => join(folder, name).replaceAll("\\", "/")).sort();
  });
  const names = [...top.sort(), ...(await Promise.all(below)).flat()];
  const read = (known, sentences) =>
    names
      .filter((name) => known.test(name))
      .map(async (name) => sentences(await readFile(join(root, name), "utf8"), name));
  const all = await Promise.all([...read(DOCUMENTS, sentencesOf), ...read(SOURCES, headerOf)]);
  return withoutTwins(all.flat());
}
