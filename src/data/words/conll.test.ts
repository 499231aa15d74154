import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConll } from "./conll.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-conll-"));

/** Texts as `word/label word/label`. */
async function read(name: string, ...lines: readonly string[]): Promise<string[]> {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join("\n")}\n`);
  const texts = await readConll(file);
  return texts.map(({ words, labels }) => words.map((word, i) => `${word}/${labels[i]}`).join(" "));
}

test("inside a text # is a word, as in CoNLL-2000", async () => {
  const lines = ["to TO B-PP", "# # B-NP", "1.6 CD I-NP", "", "Next JJ B-NP"];
  expect(await read("a.conll", ...lines)).toEqual(["to/B-PP #/B-NP 1.6/I-NP", "Next/B-NP"]);
});

test("at the start of a text # is a word where columns and label are known, else a comment", async () => {
  const lines = ["# # B-NP", "a DT B-NP", "1.6 CD I-NP", "", "# # B-NP", "2 CD I-NP"];
  expect(await read("a.conll", ...lines)).toEqual(["a/B-NP 1.6/I-NP", "#/B-NP 2/I-NP"]);
  expect(await read("a.conll", "a O", "b X", "", "# newdoc", "# id X 7", "# 3 O", "c O")).toEqual([
    "a/O b/X",
    "c/O",
  ]);
  expect(await read("a.conll", "a O", "", "# O", "c O")).toEqual(["a/O", "#/O c/O"]);
});

test("a comment inside a text is no word of as many columns, and refused with its line", async () => {
  await expect(read("a.conll", "a O", "# more of it", "b O")).rejects.toThrow(
    'a.conll:2: expected 2 columns, as in the first line, got "# more of it"',
  );
});
