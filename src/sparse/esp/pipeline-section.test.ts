/** Files whose tokenizer is no WordPiece: they come back as they were, and what was made to mislead is refused by name. */

import { describe, expect, test } from "vitest";
import { splitSections } from "../../../test/support/esp-sections.ts";
import { pipelineModel } from "../../../test/support/pipeline-model.ts";
import { tinyModel } from "../../../test/support/tiny-model.ts";
import { FormatError } from "../../base/errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { joinSections, openSections, PIPELINE_VERSION, VERSION } from "./container.ts";
import { decodeEsp, encodeEsp, networkOf } from "./model.ts";
import { writeStream } from "./stream.ts";
import { readText, writeText } from "./text.ts";

const [BPE, UNIGRAM] = [pipelineModel("BPE"), pipelineModel("Unigram")];
const FILES = { BPE: await encodeEsp(BPE), Unigram: await encodeEsp(UNIGRAM) };

test.each([
  ["BPE", BPE],
  ["Unigram", UNIGRAM],
] as const)(
  "%s: a file of version 3 holds the tokenizer, and is written again as the same bytes",
  async (kind, network) => {
    const file = FILES[kind];
    const read = await decodeEsp(file);
    expect(read.vocabulary).toEqual(network.vocabulary);
    expect(openSections(file, "f").version).toBe(PIPELINE_VERSION);
    expect(await encodeEsp(networkOf(read))).toEqual(file);
  },
);

test("scores that float32 holds take 4 bytes each, others 8", async () => {
  const { vocabulary } = UNIGRAM;
  const { pipeline } = vocabulary;
  const scores = vocabulary.vocab.map((_, i) => -i / 2);
  const model = { type: "Unigram", scores, unk: 3, byte_fallback: true } as const;
  const [single, double] = await Promise.all(
    [scores, scores.map((score) => score + 1e-9)].map(async (given) => {
      const changed = { ...pipeline, model: { ...model, scores: given } };
      const file = await encodeEsp({ ...UNIGRAM, vocabulary: { ...vocabulary, pipeline: changed } });
      expect((await decodeEsp(file)).vocabulary.pipeline?.model).toEqual(changed.model);
      return splitSections(file, "f")[2] ?? new Uint8Array();
    }),
  );
  expect((double?.length ?? 0) - (single?.length ?? 0)).toBe(4 * scores.length + 4);
});

type Kind = keyof typeof FILES;
const sectionsOf = (kind: Kind): readonly Uint8Array[] => splitSections(FILES[kind], "f");

function text(content: string): Uint8Array {
  const writer = new ByteWriter();
  writeText(writer, content, "text");
  return writer.bytes();
}

/** The file with another directory. */
function withDirectory(kind: Kind, from: string | RegExp, to: string): Uint8Array {
  const [first = new Uint8Array(), ...rest] = sectionsOf(kind);
  const before = readText(new ByteReader(first, "directory", "f"));
  const after = before.replace(from, to);
  if (after === before) throw new Error(`nothing to replace: ${from}`);
  return joinSections([text(after), ...rest], PIPELINE_VERSION);
}

/** The file with other merges or scores. */
function withNumbers(kind: Kind, write: (writer: ByteWriter) => unknown): Uint8Array {
  const [first, second, , ...rest] = sectionsOf(kind);
  const writer = new ByteWriter();
  write(writer);
  const parts = [first, second, writer.bytes(), ...rest].filter((part) => part !== undefined);
  return joinSections(parts, PIPELINE_VERSION);
}

function varints(writer: ByteWriter, numbers: readonly number[]): ByteWriter {
  const list = new ByteWriter();
  for (const number of numbers) list.varint(number);
  writer.u32(list.length);
  writeStream(writer, list.bytes());
  return writer;
}

/** Merges by what they make, each less the one before, and where they part it. */
const merges = (made: readonly number[], halves: readonly number[], count = made.length) =>
  withNumbers("BPE", (writer) => varints(varints(writer.u32(count), made), halves));

/** Scores of 4 bytes behind an empty table. */
const scores = (numbers: readonly number[], width = 4, table = 8) =>
  withNumbers("Unigram", (writer) => {
    writer.u32(table);
    for (let lane = 0; lane < 4; lane++) writeStream(writer, Uint8Array.of(lane === 0 ? 4 : 0, 0));
    writer.u8(width);
    const bytes = new Uint8Array((width === 4 ? Float32Array : Float64Array).from(numbers).buffer);
    for (let lane = 0; lane < width; lane++) {
      writeStream(
        writer,
        bytes.filter((_, i) => i % width === lane),
      );
    }
  });

/** A stream of `value` alone, as often as the reader likes. */
function constant(writer: ByteWriter, value: number): void {
  const states = [0, 0, 1, 0];
  writer.put(
    Uint8Array.from([1, 21, 0, 0, 0, value, value, 128, 128, 1, ...states, ...states, ...states, ...states]),
  );
}

/** How the first merge of all is written. */
const FI = 2 * BPE.vocabulary.vocab.indexOf("fi");
const COUNT = UNIGRAM.vocabulary.vocab.length;
const FINE = Array.from({ length: COUNT }, (_, i) => -i);
const SPLIT = /\{"type":"ByteLevel","add_prefix_space":false,"use_regex":true\}/;
const pattern = (json: string) => `{"type":"Split","pattern":${json},"behavior":"Isolated","invert":false}`;

const ATTACKS: readonly [string, string, Uint8Array][] = [
  ["no section of merges", "esp/sections", joinSections(sectionsOf("BPE").slice(0, 2), PIPELINE_VERSION)],
  [
    "the section of merges left out",
    "esp/sections",
    joinSections(sectionsOf("BPE").toSpliced(2, 1), PIPELINE_VERSION),
  ],
  ["the version of WordPiece", "esp/version", joinSections(sectionsOf("BPE"), VERSION)],
  [
    "this version for WordPiece",
    "esp/version",
    joinSections(splitSections(await encodeEsp(tinyModel()), "f"), PIPELINE_VERSION),
  ],
  ["a later version", "esp/version", joinSections(sectionsOf("BPE"), PIPELINE_VERSION + 1)],
  ["a merge that makes no piece", "esp/merges", merges([2 * 9999], [1])],
  ["a merge that makes a piece before the first", "esp/merges", merges([3], [1])],
  ["a merge of all and nothing", "esp/merges", merges([FI], [2])],
  ["a merge of nothing and all", "esp/merges", merges([FI], [0])],
  ["a merge of what are no pieces", "esp/merges", merges([2 * BPE.vocabulary.vocab.indexOf("Ġfilm")], [2])],
  ["a merge twice", "esp/merges", merges([FI, 1], [1, 1])],
  ["2^32 - 1 merges in 90 bytes", "esp/merges", merges([0], [0], 2 ** 32 - 1)],
  ["fewer numbers than merges", "esp/short", merges([FI], [1], 2)],
  ["more numbers than merges", "esp/trailing", merges([FI, 0], [1, 1], 1)],
  [
    "a longer form of a number",
    "esp/varint",
    withNumbers("BPE", (w) => {
      writeStream(w.u32(1).u32(2), Uint8Array.of(0x80, 0));
      varints(w, [1]);
    }),
  ],
  [
    "bytes behind the merges",
    "esp/trailing",
    withNumbers("BPE", (w) => varints(varints(w.u32(1), [FI]), [1]).u8(0)),
  ],
  ["a score that is no number", "esp/scores", scores(FINE.map((x, i) => (i === 7 ? Number.NaN : x)))],
  ["an endless score", "esp/scores", scores(FINE.map((x, i) => (i === 7 ? Number.NEGATIVE_INFINITY : x)))],
  ["scores in 8 bytes that 4 hold", "esp/scores", scores(FINE, 8)],
  [
    "scores of 2 bytes",
    "esp/scores",
    withNumbers("Unigram", (w) => {
      w.u32(8);
      for (let lane = 0; lane < 4; lane++) writeStream(w, Uint8Array.of(lane === 0 ? 4 : 0, 0));
      w.u8(2);
    }),
  ],
  ["fewer scores than pieces", "esp/method", scores(FINE.slice(1))],
  ["a table of 2^32 - 1 bytes", "esp/table", withNumbers("Unigram", (w) => w.u32(2 ** 32 - 1))],
  [
    "a table of 2^21 bytes in 100",
    "esp/table",
    withNumbers("Unigram", (w) => {
      w.u32(2 ** 21);
      for (let lane = 0; lane < 4; lane++) constant(w, 0);
    }),
  ],
  [
    "a table whose trie is longer than it",
    "esp/table",
    withNumbers("Unigram", (w) => {
      w.u32(8);
      for (let lane = 0; lane < 4; lane++) writeStream(w, Uint8Array.of(255, 0));
    }),
  ],
  [
    "a table without a trie",
    "esp/table",
    withNumbers("Unigram", (w) => {
      writeStream(w.u32(1), Uint8Array.of(0));
    }),
  ],
  [
    "steps that are a list",
    "tokenizer/object",
    withDirectory("BPE", /"pipeline":\{.*?\}\},"metadata"/, '"pipeline":[]},"metadata"'),
  ],
  [
    "an unknown part of the steps",
    "tokenizer/config",
    withDirectory("BPE", '"pipeline":{', '"pipeline":{"more":1,'),
  ],
  [
    "steps without rules",
    "tokenizer/object",
    withDirectory("BPE", /"espalier":\{.*?\]\},"pipeline"/, '"pipeline"'),
  ],
  [
    "an unknown step",
    "tokenizer/kind",
    withDirectory("BPE", SPLIT, '{"type":"CharDelimiterSplit","delimiter":"a"}'),
  ],
  [
    "a pattern that is not known",
    "tokenizer/config",
    withDirectory("BPE", SPLIT, pattern('{"Regex":"(a+)+$"}')),
  ],
  [
    "a pattern of the prototype",
    "tokenizer/config",
    withDirectory("BPE", SPLIT, pattern('{"Regex":"constructor"}')),
  ],
  ["a pattern of nothing", "tokenizer/config", withDirectory("BPE", SPLIT, pattern('{"String":""}'))],
  [
    "a long text to put in",
    "tokenizer/config",
    withDirectory("Unigram", '"content":" "', `"content":"${"x".repeat(257)}"`),
  ],
  [
    "33 steps",
    "tokenizer/config",
    withDirectory("BPE", '{"type":"NFC"}', Array(33).fill('{"type":"NFC"}').join()),
  ],
  [
    "a sequence in a flat list",
    "tokenizer/kind",
    withDirectory("BPE", '{"type":"NFC"}', '{"type":"Sequence","normalizers":[]}'),
  ],
  [
    "two tables",
    "tokenizer/config",
    withDirectory("Unigram", '{"type":"Precompiled"}', '{"type":"Precompiled"},{"type":"Precompiled"}'),
  ],
  ["a table that no step uses", "esp/trailing", withDirectory("Unigram", '{"type":"Precompiled"},', "")],
  ["a model of another kind", "tokenizer/config", withDirectory("BPE", '"type":"BPE"', '"type":"WordLevel"')],
  [
    "the other model",
    "esp/scores",
    withDirectory("BPE", '"type":"BPE","unk":null', '"type":"Unigram","unk":3'),
  ],
  [
    "an unknown piece that is none",
    "esp/unknown",
    withDirectory("Unigram", '"unk":3,"byte_fallback"', '"unk":99,"byte_fallback"'),
  ],
  [
    "fewer words than pieces that are added",
    "tokenizer/kind",
    withDirectory("Unigram", `"words":${COUNT}`, '"words":6'),
  ],
  ["no words", "tokenizer/config", withDirectory("Unigram", `"words":${COUNT}`, '"words":0')],
  ["lists in lists", "esp/depth", withDirectory("BPE", '{"type":"NFC"}', `${"[".repeat(9)}${"]".repeat(9)}`)],
];

describe("attacks", () => {
  test.each(ATTACKS)("%s", async (_, code, bytes) => {
    const read = decodeEsp(bytes, "evil.esp");
    await expect(read).rejects.toThrow(FormatError);
    await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining("evil.esp") });
  });

  test("the scaffolding is sound: sections put together from their parts pass", async () => {
    await expect(decodeEsp(scores(FINE))).resolves.toBeDefined();
    await expect(decodeEsp(merges([FI], [1]))).resolves.toBeDefined();
  });
});

test("bytes of the section changed one by one fail as files or not at all", async () => {
  for (const kind of ["BPE", "Unigram"] as const) {
    const sections = sectionsOf(kind);
    const numbers = sections[2] ?? new Uint8Array();
    for (let at = 0; at < numbers.length; at++) {
      const broken = numbers.slice();
      broken[at] = (broken[at] ?? 0) ^ (1 << (at % 8));
      const file = joinSections(
        sections.map((section, i) => (i === 2 ? broken : section)),
        PIPELINE_VERSION,
      );
      await decodeEsp(file).catch((error: unknown) => expect(error).toBeInstanceOf(FormatError));
    }
    expect(numbers.length).toBeGreaterThan(20);
  }
});
