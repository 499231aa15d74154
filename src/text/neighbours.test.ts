import { expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { nearByPieces, nearByWords, nearestTo, readVectors, wordVectors } from "./neighbours.ts";

async function* lines(...all: string[]): AsyncGenerator<string> {
  yield* all;
}

const read = (...all: string[]) => readVectors(lines(...all), "glove.txt");

test("neighbours come by falling cosine, whatever the vectors' lengths", async () => {
  const table = await read("east 1 0", "far 90 30", "north 0 2", "west -5 0");
  expect(nearestTo(table, Float32Array.of(7, 0), 4)).toEqual(["east", "far", "north", "west"]);
  expect(nearestTo(table, Float32Array.of(1, 0), 2, "east")).toEqual(["far", "north"]);
});

test("neighbours of random vectors are those of cosines in double precision", () => {
  const [n, size] = [200, 16];
  const rows = normals(keyOf(8), n * size);
  const words = Array.from({ length: n }, (_, w) => `w${w}`);
  const row = (w: number): number[] => [...rows.subarray(w * size, (w + 1) * size)];
  const dot = (a: number[], b: number[]): number => a.reduce((sum, x, d) => sum + x * (b[d] ?? 0), 0);
  const cosine = (w: number): number =>
    dot(row(3), row(w)) / Math.sqrt(dot(row(3), row(3)) * dot(row(w), row(w)));
  const expected = words.map((_, w) => w).sort((a, b) => cosine(b) - cosine(a));
  const near = nearByWords(wordVectors(words, rows), 15);
  expect(near("w3", [])).toEqual(expected.slice(1, 16).map((w) => `w${w}`));
});

test("a word of several pieces has the mean of their rows, and its neighbours are pieces that are words", () => {
  const vocab = ["[PAD]", "film", "##s", "plot", "1999", "movies", "##x"];
  const rows = Float32Array.from(
    [
      [9, 9],
      [1, 0],
      [0, 1],
      [1, -1],
      [1, 1],
      [1, 0.8],
      [1, 1],
    ].flat(),
  );
  const near = nearByPieces(vocab, rows, 2, 2);
  expect(near("films", [1, 2])).toEqual(["movies", "film"]);
  expect(near("films", [1, 2])).toBe(near("films", [1, 2]));
});

test("a capitalised word has capitalised neighbours, an unknown one none", async () => {
  const near = nearByWords(await read("film 1 0", "movie 1 0.1", "plot 0 1"), 1);
  expect(near("film", [])).toEqual(["movie"]);
  expect(near("Film", [])).toEqual(["Movie"]);
  expect(near("books", [])).toEqual([]);
});

test("words with blanks are read, and no more lines than asked for", async () => {
  const table = await readVectors(lines("film 1 0", ". . 0 1", "bad"), "glove.txt", 2);
  expect(table).toEqual({ words: ["film", ". ."], size: 2, rows: Float32Array.of(1, 0, 0, 1) });
});

test("a first line of two whole numbers, as word2vec and fastText write, says D and is no word", async () => {
  const table = await readVectors(lines("3 2", "film 1 0 ", ". . 0 1", "plot 0 1"), "wiki.vec", 2);
  expect(table).toEqual({ words: ["film", ". ."], size: 2, rows: Float32Array.of(1, 0, 0, 1) });
});

test.each([
  ["a number is missing", ["film 1 0", "plot 1"], "glove.txt:2", "2 numbers, got 1 numbers"],
  ["a number is none", ["film 1 0", "plot 1 x"], "glove.txt:2", 'got "x"'],
  ["a number is infinite", ["film 1 1e999"], "glove.txt:1", 'got "1e999"'],
  ["a blank too many", ["film 1  2"], "glove.txt:1", 'got ""'],
  ["a line is blank", ["film 1 0", ""], "glove.txt:2", "2 numbers"],
  ["there are fewer numbers than said", ["2 3", "film 1 0"], "glove.txt:2", "3 numbers, got 2 numbers"],
  ["no numbers are said", ["2 0", "film 1 0"], "glove.txt:2", "its numbers"],
  ["the first line has a word alone", ["film"], "glove.txt:1", "its numbers"],
])("a bad line is refused by file and line: %s", async (_, all, where, got) => {
  await expect(read(...all)).rejects.toThrow(
    expect.objectContaining({ code: "glove/line", message: expect.stringMatching(`^${where}: .*${got}`) }),
  );
});

test("a file without lines is refused", async () => {
  for (const all of [[], ["0 300"]])
    await expect(read(...all)).rejects.toThrow(expect.objectContaining({ code: "glove/empty" }));
});
