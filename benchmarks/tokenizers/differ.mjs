/**
 * Tokenizers beside Hugging Face's Rust `tokenizers`: numbers, places and decoded texts of as many texts as there are.
 *
 *   python test/goldens/tokenizer_kinds.py FOLDER TEXTS.txt 10000
 *   python test/goldens/tokenizer_gaps.py FOLDER 200 100 1
 *   node benchmarks/tokenizers/differ.mjs FOLDER [SHOWN]
 *
 * The first writes a folder for each kind, with what Python makes of each text; half of them are lines of TEXTS.txt, the
 * rest made up of many scripts. The second, instead, writes random tokenizers that lack characters and bytes; places that
 * Rust has of other characters are null there, and are not compared. The last says how many differ, and shows the first of
 * each kind.
 */

import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readVocabulary } from "../../dist/network/folder.js";
import { createTokenizer } from "../../dist/text/tokenizer.js";

const [folder, shown = "3"] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node benchmarks/tokenizers/differ.mjs FOLDER [SHOWN]");

/** Places in UTF-16 units, which Python counts in code points. */
function unitsOf(text, offsets) {
  const units = [0];
  for (const char of text) units.push(units.at(-1) + char.length);
  return offsets.map((place) => units[place]);
}

function compare(tokenizer, { text, ids, offsets, decoded }) {
  const placed = tokenizer.encodePlaced(text, 1e6).places.filter((place) => place !== null);
  const got = {
    ids: tokenizer.pieces(text).join(),
    placed: placed.map(({ id }) => id).join(),
    offsets: offsets && placed.flatMap(({ start, end }) => [start, end]).join(),
    decoded: tokenizer.decode(ids),
  };
  const expected = {
    ids: ids.join(),
    placed: ids.join(),
    offsets: offsets && unitsOf(text, offsets).join(),
    decoded,
  };
  return Object.keys(got)
    .filter((key) => got[key] !== expected[key])
    .map((key) => [key, expected[key], got[key]]);
}

for (const name of readdirSync(folder)) {
  const tokenizer = createTokenizer(await readVocabulary(join(folder, name)));
  const differ = { ids: 0, placed: 0, offsets: 0, decoded: 0 };
  let [texts, left, spent] = [0, Number(shown), 0];
  for await (const line of createInterface({
    input: createReadStream(join(folder, name, "expected.jsonl")),
  })) {
    const expected = JSON.parse(line);
    texts++;
    const before = performance.now();
    tokenizer.pieces(expected.text);
    spent += performance.now() - before;
    const found = compare(tokenizer, expected);
    for (const [key, want, got] of found) {
      differ[key]++;
      if (left-- > 0)
        console.log(
          `${name} ${key} of ${JSON.stringify(expected.text)}\n  expected ${want}\n  got      ${got}`,
        );
    }
  }
  const counts = Object.entries(differ).map(([key, count]) => `${count} ${key}`);
  console.log(
    `${name}: of ${texts} texts differ ${counts.join(", ")}; ${(spent / texts).toFixed(3)} ms a text`,
  );
}
