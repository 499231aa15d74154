import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bufferSource } from "../base/source.ts";
import { resolveOptions } from "./fields.ts";
import { PRETRAIN, type PretrainSettings } from "./options.ts";
import {
  type Corpus,
  firstLines,
  planBatches,
  readCorpus,
  splitStream,
  withoutFillers,
} from "./pretrain-data.ts";

const folder = await mkdtemp(join(tmpdir(), "espalier-pretrain-data-"));
afterAll(() => rm(folder, { recursive: true }));

function settings(given: Partial<PretrainSettings> = {}): PretrainSettings {
  return resolveOptions(PRETRAIN, { corpus: "c", out: "o", vocabSize: 100, ...given });
}

/** One article of pieces 5, 6, … */
function corpus(pieces: number): Corpus {
  const tokens = Int32Array.from({ length: pieces }, (_, i) => 5 + (i % 90));
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

test("the first lines of a text end with their last line, and a shorter text is whole", async () => {
  const source = bufferSource("t", new TextEncoder().encode("a\nbb\n\nccc"));
  const text = async (lines: number): Promise<string> => {
    const part = await firstLines(source, lines);
    return new TextDecoder().decode(await part.slice(0, part.byteLength));
  };
  expect(await text(1)).toBe("a\n");
  expect(await text(3)).toBe("a\nbb\n\n");
  expect(await text(4)).toBe("a\nbb\n\nccc");
  expect(await text(9)).toBe("a\nbb\n\nccc");
});

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

test("a text without a block for either part is pretrain/short", () => {
  const stream = { tokens: new Int32Array(31), starts: Int32Array.of(0, 31) };
  expect(() => splitStream(stream, 16)).toThrow(
    expect.objectContaining({
      code: "pretrain/short",
      message: "corpus: expected at least 32 pieces for sequences of 16, got 31",
    }),
  );
});

test("the last tenth of the steps has full sequences, each step the same number of tokens", () => {
  const plan = planBatches(
    corpus(20_000),
    settings({ steps: 20, maxLength: 64, shortLength: 32, batchTokens: 256 }),
  );
  const shapes = Array.from({ length: 20 }, (_, step) => plan.at(step)).map(
    ({ size, length }) => `${size}x${length}`,
  );
  expect(shapes).toEqual([...Array(18).fill("8x32"), ...Array(2).fill("4x64")]);
  expect(() => plan.at(20)).toThrow("expected one below 20");
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
  expect(plan.epochs(50)).toBeCloseTo(50 / 41, 10);
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

test("a text that is not there is file/missing", async () => {
  await expect(
    readCorpus(settings({ corpus: join(folder, "none.txt") }), () => undefined),
  ).rejects.toMatchObject({
    code: "file/missing",
  });
});
