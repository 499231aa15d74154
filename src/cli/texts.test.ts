import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ProgressEvent } from "../runs/progress.ts";
import { type LineSource, readTexts } from "./texts.ts";

async function* bytes(...parts: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* parts;
}

test("lines of standard input are texts; a byte order mark and the last line end are not", async () => {
  const letter = Buffer.from("é");
  const { texts } = await readTexts(
    {},
    bytes("\uFEFFone\r\n", letter.subarray(0, 1), letter.subarray(1), "\n"),
  );
  expect(texts).toEqual(["one", "é"]);
});

test("standard input that is not UTF-8 is refused with its line, as a file is (cli/utf8)", async () => {
  const reading = readTexts({}, bytes("fine\n", Uint8Array.of(0x63, 0xe9, 10)));
  await expect(reading).rejects.toThrow("standard input:2: expected UTF-8 text, got other bytes");
});

test("without texts, lines or a file nothing is labelled (cli/no-text)", async () => {
  const terminal: LineSource = Object.assign(bytes(), { isTTY: true });
  await expect(readTexts({}, terminal)).rejects.toThrow(expect.objectContaining({ code: "cli/no-text" }));
  expect(await readTexts({ data: "reviews.csv" }, terminal)).toEqual({ data: "reviews.csv" });
});

test.each([
  ["reviews.csv", "--data FILE --text COLUMN --out reviews-labelled.csv"],
  ["reviews.tsv.gz", "--data FILE --text COLUMN --out reviews-labelled.csv"],
  ["reviews.txt", "< FILE"],
  ["my reviews.csv", "--data 'FILE' --text COLUMN --out 'my reviews-labelled.csv'"],
])("the name of a file that is there, %s, is no text: the command to type is said", async (name, way) => {
  const file = join(mkdtempSync(join(tmpdir(), "espalier-texts-")), name);
  writeFileSync(file, "text\nx\n");
  const reading = readTexts({ model: "runs/a", texts: ["a film", file] }, bytes());
  await expect(reading).rejects.toThrow(
    `labelled by: npx espalier predict runs/a ${way.replace("FILE", file)}`,
  );
  expect(await readTexts({ texts: [name] }, bytes())).toEqual({ texts: [name] });
});

test("what embed is given is said in its words: no table, no label", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-texts-"));
  const [table, lines] = ["a.csv", "a.txt"].map((name) => join(folder, name));
  for (const file of [table, lines]) writeFileSync(file ?? "", "text\nx\n");
  const read = (texts: readonly unknown[], report?: (event: ProgressEvent) => void) =>
    readTexts({ model: "m", texts }, bytes(), report, "embed");
  await expect(read([table])).rejects.toThrow(/are given vectors by: npx espalier embed m < FILE\.txt$/);
  await expect(read([lines])).rejects.toThrow(`is given a vector by: npx espalier embed m < ${lines}`);
  const terminal: LineSource = Object.assign(bytes(), { isTTY: true });
  await expect(readTexts({}, terminal, undefined, "embed")).rejects.toThrow(
    "<texts>: expected a text, or lines on standard input, got none of them",
  );
  const notes: string[] = [];
  await read(["nosuch.txt"], (event) => event.kind === "note" && notes.push(event.text));
  expect(notes).toEqual(["nosuch.txt: there is no such file, so the words themselves are given a vector"]);
});

test("a word that ends as a file's name does, of no file that is there, is labelled with a note", async () => {
  const notes: string[] = [];
  const report = (event: ProgressEvent) => event.kind === "note" && notes.push(event.text);
  for (const text of ["nosuch.txt", "nosuch/a.CSV", "b.jsonl.gz", "the file a.txt", "end.", "a.txt is here"])
    expect(await readTexts({ texts: [text] }, bytes(), report)).toEqual({ texts: [text] });
  expect(notes).toEqual(
    ["nosuch.txt", "nosuch/a.CSV", "b.jsonl.gz"].map(
      (name) => `${name}: there is no such file, so the words themselves are labelled as text`,
    ),
  );
});
