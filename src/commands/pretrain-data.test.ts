import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { resolveOptions } from "../options/schema.ts";
import { PRETRAIN, type PretrainSettings } from "../options/training.ts";
import { type Corpus, planBatches, readCorpus, splitStream, withoutFillers } from "./pretrain-data.ts";

const folder = await mkdtemp(join(tmpdir(), "espalier-pretrain-data-"));
afterAll(() => rm(folder, { recursive: true }));

function settings(given: Partial<PretrainSettings> = {}): PretrainSettings {
  return resolveOptions(PRETRAIN, { corpus: "c", out: "o", vocabSize: 100, ...given });
}

/** One article of pieces 5, 6, … that begin again after `kinds`. */
function corpus(pieces: number, kinds = 90): Corpus {
  const tokens = Int32Array.from({ length: pieces }, (_, i) => 5 + (i % kinds));
  const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
  const vocabulary = {
    vocab: Array.from({ length: 100 }, (_, i) => `p${i}`),
    lowercase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    maxLength: 64,
  };
  return { vocabulary, special, ...splitStream({ tokens, starts: Int32Array.of(0, pieces) }, 64) };
}

test("half a percent of the pieces is held out, and articles keep their borders on both sides", () => {
  const tokens = Int32Array.from({ length: 10_000 }, (_, i) => i);
  const { train, heldOut } = splitStream({ tokens, starts: Int32Array.of(0, 4000, 9960, 10_000) }, 16);
  expect(train.tokens.length).toBe(9950);
  expect([...train.starts]).toEqual([0, 4000, 9950]);
  expect(heldOut.tokens[0]).toBe(9950);
  expect([...heldOut.starts]).toEqual([0, 10, 50]);
});

test("an article that begins at the border is not divided into an empty one", () => {
  const tokens = new Int32Array(10_000);
  const { train, heldOut } = splitStream({ tokens, starts: Int32Array.of(0, 9950, 10_000) }, 16);
  expect([...train.starts]).toEqual([0, 9950]);
  expect([...heldOut.starts]).toEqual([0, 50]);
});

test("a corpus may have 300,000 articles", () => {
  const articles = 300_000;
  const starts = Int32Array.from({ length: articles + 1 }, (_, i) => 20 * i);
  const { train, heldOut } = splitStream({ tokens: new Int32Array(20 * articles), starts }, 128);
  // 0.5 % of 6,000,000 pieces are held out: 30,000, of 1,500 articles.
  expect([train.starts.length, train.starts.at(-1), heldOut.starts.length]).toEqual([
    298_501, 5_970_000, 1501,
  ]);
});

test("a text without a block for either part is pretrain/short", () => {
  const stream = { tokens: new Int32Array(31), starts: Int32Array.of(0, 31) };
  expect(() => splitStream(stream, 16)).toThrow(
    expect.objectContaining({
      code: "pretrain/short",
      message: "corpus: expected at least 32 pieces for sequences of 16, got 31",
    }),
  );
});

const shapes = (given: Partial<PretrainSettings>): string[] => {
  const plan = planBatches(corpus(20_000), settings({ maxLength: 64, batchTokens: 256, ...given }));
  return Array.from({ length: given.steps ?? 0 }, (_, i) => plan.at(i)).map(
    ({ size, length }) => `${size}x${length}`,
  );
};

test("every fourth step has full sequences, and each step the same number of tokens", () => {
  const four = ["8x32", "8x32", "8x32", "4x64"];
  expect(shapes({ steps: 12, shortLength: 32 })).toEqual([...four, ...four, ...four]);
});

test("full sequences have their share of the steps, in every stretch within one step", () => {
  const full = shapes({ steps: 100, shortLength: 32, longShare: 0.3 }).map((shape) => shape === "4x64");
  for (let from = 0; from <= 80; from += 20) {
    expect(Math.abs(full.slice(from, from + 20).filter(Boolean).length - 6)).toBeLessThanOrEqual(1);
  }
  expect(full.filter(Boolean)).toHaveLength(30);
});

test("a share of 0 or 1, or short sequences no shorter than the full ones, leave one length", () => {
  const only = (given: Partial<PretrainSettings>): Set<string> => new Set(shapes({ steps: 20, ...given }));
  expect(only({ shortLength: 32, longShare: 0 })).toEqual(new Set(["8x32"]));
  expect(only({ shortLength: 32, longShare: 1 })).toEqual(new Set(["4x64"]));
  expect(only({ shortLength: 64 })).toEqual(new Set(["4x64"]));
  expect(only({ shortLength: 128 })).toEqual(new Set(["4x64"]));
});

test("each length goes through its blocks without repeating or leaving out one before the pass is over", () => {
  // 321 blocks of 62 pieces, 5 batches of 64 rows, every piece another; one of 62 is masked.
  const given = { steps: 20, maxLength: 64, shortLength: 32, batchTokens: 4096, maskRate: 0.01 };
  const plan = planBatches(corpus(20_000, 20_000), settings(given));
  const full = Array.from({ length: 20 }, (_, i) => plan.at(i)).filter(({ length }) => length === 64);
  const pieces = full.flatMap(({ ids }) => [...ids]).filter((id) => id >= 5);
  expect(full).toHaveLength(5);
  expect(new Set(pieces).size).toBeGreaterThan(0.97 * 5 * 64 * 62);
});

test("a step that is not one of the run's is refused", () => {
  const plan = planBatches(corpus(20_000), settings({ steps: 20, maxLength: 64, batchTokens: 256 }));
  expect(() => plan.at(20)).toThrow("expected one below 20, got 20");
});

test("batches depend on step and seed alone, and differ between steps", () => {
  const plan = (seed: number) =>
    planBatches(corpus(20_000), settings({ steps: 9, maxLength: 64, batchTokens: 256, seed }));
  expect(plan(1).at(3)).toEqual(plan(1).at(3));
  expect(plan(1).at(3).ids).not.toEqual(plan(1).at(4).ids);
  expect(plan(1).at(3).ids).not.toEqual(plan(2).at(3).ids);
});

test("no step sees a held-out piece", () => {
  const { train, heldOut } = corpus(20_000);
  expect(train.tokens.length + heldOut.tokens.length).toBe(20_000);
  expect(train.tokens.byteOffset + train.tokens.byteLength).toBe(heldOut.tokens.byteOffset);
});

test("passes over the text are counted through both lengths", () => {
  // 19,900 pieces: 663.3 blocks of 30, 321 of 62; 16 and 8 rows a batch.
  const given = { steps: 100, maxLength: 64, shortLength: 32, batchTokens: 512, longShare: 0.5 };
  const plan = planBatches(corpus(20_000), settings(given));
  expect(plan.epochs(0)).toBe(0);
  expect(plan.epochs(50)).toBeCloseTo(25 / 41 + 25 / 40, 10);
  expect(plan.epochs(100)).toBeCloseTo(50 / 41 + 50 / 40, 10);
});

test("places of weight 0 are left out together with their labels", () => {
  const batch = {
    size: 1,
    length: 4,
    ids: Int32Array.of(2, 7, 3, 0),
    types: new Int32Array(4),
    mask: Float32Array.of(1, 1, 1, 0),
    positions: Int32Array.of(1, 0),
    targets: Int32Array.of(9, 0),
    weights: Float32Array.of(1, 0),
  };
  expect(withoutFillers(batch)).toMatchObject({ positions: Int32Array.of(1), labels: Int32Array.of(9) });
});

test("reading a text gives its vocabulary and all of its pieces, and tells each part", async () => {
  const path = join(folder, "text.txt");
  await writeFile(path, `${"The cat sat on the mat.\n".repeat(40)}\nA dog barked.\n`);
  const told: string[] = [];
  const read = await readCorpus(settings({ corpus: path, maxLength: 16 }), (part) => told.push(part));
  expect(read.vocabulary.vocab).toContain("the");
  expect(read.vocabulary.maxLength).toBe(16);
  expect(read.train.tokens.length + read.heldOut.tokens.length).toBeGreaterThan(40 * 7);
  expect(told).toEqual(["learning the vocabulary", "reading the text"]);
});

test("a text that is not there, or is not UTF-8, is refused; one in gzip is read, and limited by lines", async () => {
  const read = (name: string, limit = 1000) =>
    readCorpus(settings({ corpus: join(folder, name), maxLength: 16, limit }), () => undefined);
  await expect(read("none.txt")).rejects.toMatchObject({ code: "table/missing" });
  await writeFile(join(folder, "latin.txt"), Buffer.from("a line\ncaf\u00e9\n", "latin1"));
  await expect(read("latin.txt")).rejects.toThrow("latin.txt:2: expected UTF-8 text, got other bytes");
  const text = "The cat sat on the mat.\n".repeat(40);
  await writeFile(join(folder, "whole.txt"), text);
  await writeFile(join(folder, "packed.txt.gz"), gzipSync(`${text}A dog barked.\n`));
  expect(await read("packed.txt.gz", 40)).toEqual(await read("whole.txt"));
});
