import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { ConfigError, InputError } from "../base/errors.ts";
import { keyOf } from "../base/random.ts";
import { bufferSource } from "../base/source.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { cutBlocks, mlmBatches, readArticles, readLines, textLines, tokenizeArticles } from "./corpus.ts";

const SPECIAL = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
const VOCAB_SIZE = 1000;

function source(text: string) {
  return bufferSource("corpus.txt", new TextEncoder().encode(text));
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

/** Articles of these lengths; every token of the stream is another number, from 5 on. */
function numbered(...lengths: number[]) {
  const starts = [0];
  for (const length of lengths) starts.push((starts.at(-1) ?? 0) + length);
  const tokens = Int32Array.from({ length: starts.at(-1) ?? 0 }, (_, i) => 5 + (i % (VOCAB_SIZE - 5)));
  return { tokens, starts: Int32Array.from(starts) };
}

const setup = { batchSize: 4, key: keyOf(3), special: SPECIAL, vocabSize: VOCAB_SIZE };

test("articles are runs of lines that are not blank, whatever the line ends", async () => {
  const text = "\n\nOne.\r\nTwo.\n \n\nThree.\n\r\nFour";
  expect(await all(readArticles(readLines(source(text))))).toEqual([["One.", "Two."], ["Three."], ["Four"]]);
  expect(await all(readArticles(readLines(source(""))))).toEqual([]);
});

test("lines are whole where a slice ends in the middle of a letter or of a line end", async () => {
  const line = "é".repeat(300_000); // 600,001 bytes with its end: slices of 2^20 cut a letter, too
  const crossing = `${"x".repeat(2 ** 20 - 1)}\r\nlast`;
  expect(await all(readLines(source(`${line}\n${line}\n`)))).toEqual([line, line]);
  expect(await all(readLines(source(`a${line}\n${line}`)))).toEqual([`a${line}`, line]);
  expect((await all(readLines(source(crossing)))).map((text) => text.length)).toEqual([2 ** 20 - 1, 4]);
});

test("the lines of a file are its text's, also in gzip and up to a limit; other encodings are refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "espalier-corpus-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const read = async (content: string | Uint8Array, limit?: number): Promise<string[]> => {
    const path = join(folder, "texts.txt");
    await writeFile(path, content);
    return all(textLines(path, limit));
  };
  const long = "é".repeat(300_000);
  const text = `\uFEFF${long}\r\n${long}\n\n${long}\nlast`;
  const lines = [long, long, "", long, "last"];
  expect(await read(text)).toEqual(lines);
  expect(await read(gzipSync(text))).toEqual(lines);
  expect(await read(`${text}\n`)).toEqual(lines);
  for (const limit of [1, 3, 4, 9]) expect(await read(text, limit)).toEqual(lines.slice(0, limit));
  expect(await read("")).toEqual([]);
  const other = { code: "table/utf8", message: "texts.txt:2: expected UTF-8 text, got other bytes" };
  await expect(read(Buffer.from("a\ncaf\u00e9\n", "latin1"))).rejects.toMatchObject(other);
  await expect(read(Buffer.from("a line of text\n", "utf16le"))).rejects.toThrow(
    "texts.txt: expected UTF-8 text, got UTF-16; save it in UTF-8",
  );
});

test("articles become one array of pieces with their borders", async () => {
  const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##b"];
  const flags = { lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: 8 };
  const tokenizer = createTokenizer({ ...flags, vocab });
  const stream = await tokenizeArticles([["a bb", "B"], ["Ab ?"], []], tokenizer);
  expect([...stream.tokens]).toEqual([5, 6, 7, 6, 5, 7, 1]);
  expect([...stream.starts]).toEqual([0, 4, 7, 7]);
  await expect(tokenizeArticles([[" "]], tokenizer)).rejects.toThrow(InputError);
});

test("a stream larger than the first buffer is kept whole", async () => {
  const paragraph = Array.from({ length: 50_000 }, (_, i) => i);
  const stream = await tokenizeArticles([["x", "y", "z"]], { pieces: () => paragraph });
  expect([...stream.tokens]).toEqual([...paragraph, ...paragraph, ...paragraph]);
});

test("blocks stay inside articles, cover every token of long ones, and only short ones are padded", () => {
  const stream = numbered(25, 7, 10, 4, 11);
  const blocks = cutBlocks(stream, 12, 5);
  expect([...blocks.starts]).toEqual([0, 10, 15, 25, 32, 46, 47]);
  expect([...blocks.counts]).toEqual([10, 10, 10, 7, 10, 10, 10]);
});

test("a length without room and a corpus of short articles are refused by name", () => {
  expect(() => cutBlocks(numbered(20), 9)).toThrow(ConfigError);
  expect(() => cutBlocks(numbered(20), 9)).toThrow(/at least 10 pieces, got 9/);
  expect(() => cutBlocks(numbered(5, 6), 12)).toThrow(InputError);
  expect(() => cutBlocks(numbered(5, 6), 12)).toThrow(/at least 8 pieces, got 2 shorter ones/);
});

test("a batch holds its blocks: targets put back at the positions give [CLS] tokens [SEP]", () => {
  const stream = numbered(300, 9);
  const blocks = cutBlocks(stream, 32);
  const batches = mlmBatches(blocks, { ...setup, batchSize: 11 });
  expect(batches.stepsPerEpoch).toBe(1);
  const { ids, mask, positions, targets, weights } = batches.at(0);
  expect(positions).toHaveLength(11 * batches.maskedPerBlock);
  positions.forEach((position, i) => {
    if (weights[i] === 1) ids[position] = targets[i] ?? 0;
  });
  const rows = Array.from({ length: 11 }, (_, row) => [...ids.subarray(row * 32, (row + 1) * 32)]);
  const expected = Array.from(blocks.starts, (start, b) => {
    const tokens = stream.tokens.subarray(start, start + (blocks.counts[b] ?? 0));
    const row = [SPECIAL.cls, ...tokens, SPECIAL.sep];
    return [...row, ...new Array(32 - row.length).fill(SPECIAL.pad)];
  });
  expect(rows.sort((a, b) => (a[1] ?? 0) - (b[1] ?? 0))).toEqual(expected);
  expect([...ids].map((id) => (id === SPECIAL.pad ? 0 : 1))).toEqual([...mask]);
});

test("positions are distinct tokens, never [CLS], [SEP] or padding; a short row has weights 0 at its [CLS]", () => {
  const batches = mlmBatches(cutBlocks(numbered(300, 9), 32), { ...setup, batchSize: 11 });
  const { positions, weights, mask, targets } = batches.at(5);
  const perBlock = batches.maskedPerBlock;
  expect(perBlock).toBe(5); // 15 % of 30 tokens, rounded up
  const used = [...positions].filter((_, i) => weights[i] === 1);
  expect(new Set(used).size).toBe(used.length);
  expect(used).toHaveLength(10 * 5 + 2); // nine tokens: two places
  for (const position of used) {
    expect(position % 32).toBeGreaterThan(0);
    expect(mask[position + 1]).toBe(1); // something follows: at least [SEP]
  }
  [...positions].forEach((position, i) => {
    expect(Math.floor(position / 32)).toBe(Math.floor(i / perBlock));
    if (weights[i] === 0) expect([position % 32, targets[i]]).toEqual([0, 0]);
  });
});

test("of masked places 80 % are [MASK], 10 % another piece, 10 % unchanged, within four errors", () => {
  const batches = mlmBatches(cutBlocks(numbered(64_000), 66), { ...setup, batchSize: 50 });
  let [n, masked, kept, special] = [0, 0, 0, 0];
  for (let step = 0; step < 20; step++) {
    const { ids, positions, targets } = batches.at(step);
    positions.forEach((position, i) => {
      const id = ids[position] ?? 0;
      n++;
      if (id === SPECIAL.mask) masked++;
      else if (id === targets[i]) kept++;
      else if (id < 5) special++;
    });
  }
  const within = (count: number, rate: number) =>
    expect(Math.abs(count / n - rate)).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / n));
  expect(n).toBe(20 * 50 * 10);
  within(masked, 0.8);
  within(kept, 0.1 + 0.1 / VOCAB_SIZE);
  expect(special).toBe(0);
});

test("a batch is a function of key and step, in whatever order steps are asked for", () => {
  const blocks = cutBlocks(numbered(500), 22);
  const forwards = mlmBatches(blocks, setup);
  const steps = Array.from({ length: 14 }, (_, step) => forwards.at(step));
  const other = mlmBatches(blocks, setup);
  for (const step of [13, 0, 7, 6]) expect(other.at(step)).toEqual(steps[step]);
  expect(mlmBatches(blocks, { ...setup, key: keyOf(4) }).at(0)).not.toEqual(steps[0]);
});

test("an epoch uses every block at most once, each epoch in another order and with other masks", () => {
  const blocks = cutBlocks(numbered(520), 22);
  const batches = mlmBatches(blocks, setup);
  expect(batches.stepsPerEpoch).toBe(6); // 26 blocks in batches of 4
  const epoch = (e: number) =>
    Array.from({ length: 6 }, (_, i) => batches.at(6 * e + i)).flatMap(({ ids, positions, targets }) => {
      positions.forEach((position, i) => {
        ids[position] = targets[i] ?? 0;
      });
      return [0, 1, 2, 3].map((row) => ids[row * 22 + 1] ?? 0);
    });
  const [first, second] = [epoch(0), epoch(1)];
  expect(new Set(first).size).toBe(24);
  expect(new Set(second).size).toBe(24);
  expect(second).not.toEqual(first);
});

test("a batch larger than the corpus and a mask rate outside (0, 1) are refused by name", () => {
  const blocks = cutBlocks(numbered(100), 22);
  expect(() => mlmBatches(blocks, { ...setup, batchSize: 6 })).toThrow(/from 1 to 5 blocks, got 6/);
  expect(() => mlmBatches(blocks, { ...setup, maskRate: 1 })).toThrow(/between 0 and 1, got 1/);
  expect(() => mlmBatches(blocks, { ...setup, maskRate: Number.NaN })).toThrow(ConfigError);
});
