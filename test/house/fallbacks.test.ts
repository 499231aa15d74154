/**
 * No silent fallbacks: what must be there is asked for by name (src/base/present.ts), and a missing one ends the work.
 *
 * `items[i] ?? 0` is for inner loops over arrays whose bounds the loop itself keeps, where it only speaks to the
 * compiler and a checked access would cost time (present.ts says how much). Such files are listed, with the loop. The
 * lists are exact: a file that needs its line no more has to leave it.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Files with `items[i] ?? 0`: what their loops run over. */
const LOOPS: Readonly<Record<string, string>> = {
  "src/base/blocks.ts": "every weight of a matrix, and the rank of every block",
  "src/base/levels.ts": "every number of a matrix",
  "src/base/linear-algebra.ts": "every number of a vector, and every pair of rows of a small matrix",
  "src/base/nearest.ts": "rows of the table of edits, of two short texts",
  "src/base/present.ts": "two arrays of one length, which is checked before",
  "src/base/random.ts": "rounds of Threefry, for every random number",
  "src/base/select.ts":
    "every weight, and the bins that it counts; every number, against the few that are kept",
  "src/bert/range.ts": "every weight of an encoder",
  "src/data/corpus.ts": "blocks, their pieces and the places that are masked",
  "src/data/judging/draw.ts": "labels of every example, at every draw of a bootstrap",
  "src/data/judging/entities.ts": "every word of every text, at every draw of a bootstrap",
  "src/data/judging/judge.ts": "labels of every example, at every draw of a bootstrap",
  "src/data/judging/metrics.ts": "classes and values of every example, at every draw of a bootstrap",
  "src/data/judging/neighbours.ts": "every number of two vectors, for every pair of texts",
  "src/data/judging/scores.ts": "scores of every example, at every draw of a bootstrap",
  "src/floor/lbfgs.ts": "every number of a point, dozens of times a step",
  "src/floor/linear.ts": "every number of every row, and of a point",
  "src/floor/pieces.ts": "every number of every piece's vector",
  "src/formats/float16.ts": "every number of a tensor",
  "src/formats/torch/checkpoint.ts": "every byte of a view",
  "src/measure/calibration.ts": "every logit, at every halving",
  "src/network/masks.ts": "every bit of a mask",
  "src/network/pooling.ts": "every state of a text",
  "src/network/shrink.ts": "every weight that is kept",
  "src/onnx/quantize.ts": "every weight of a matrix",
  "src/parts/spectral.ts": "products of a matrix and a vector",
  "src/quantize/answers.ts": "every number of two texts' answers",
  "src/quantize/calibrate.ts": "every number that a layer reads",
  "src/quantize/histogram.ts": "every number that a layer reads, and the bins that it counts",
  "src/quantize/levels.ts": "every weight of a row, at every cut",
  "src/quantize/post-training.ts": "every weight of a matrix",
  "src/report/picture.ts": "every word of a mask, and the fields that it counts",
  "src/sparse/byte-linear.ts": "every level of a matrix",
  "src/sparse/esp/crc.ts": "every byte of a file",
  "src/sparse/esp/frequencies.ts": "every byte of a stream, and the 256 that it may be",
  "src/sparse/esp/matrices.ts": "blocks of the last row; and a scalar has no rows",
  "src/sparse/esp/positions.ts": "every block of a matrix",
  "src/sparse/esp/pipeline-section.ts": "every byte of a table, and of every score",
  "src/sparse/esp/rans.ts": "every byte of a stream",
  "src/sparse/esp/text.ts": "every bit of a vocabulary, and bytes behind the end, which are 0",
  "src/sparse/esp/values.ts": "every number of a tensor",
  "src/sparse/heads.ts": "first tokens of all layers",
  "src/sparse/linear.ts": "every block of a matrix",
  "src/sparse/matrix.ts": "every weight of a matrix",
  "src/sparse/panels.ts": "every number of the hidden states",
  "src/sparse/reference.ts": "products of matrices, one number after the other",
  "src/study/regression.ts": "every number of a system of equations, thousands of times",
  "src/text/pipeline/models.ts": "every place of a word, and every piece that may begin there",
  "src/text/pipeline/pairs.ts": "every place of a word, and every pair that waits",
  "src/text/pipeline/stretch.ts": "every character of a text that is placed",
  "src/text/neighbours.ts": "products of a vector and all others",
  "src/text/ppmi.ts": "every pair of near pieces of a corpus",
  "src/text/svd.ts": "products of sparse and dense matrices",
  "src/text/wordpiece-trainer.ts": "every place of a corpus where two pieces meet",
  "src/topology/alignment.ts": "every number of a product of states",
  "src/topology/importance.ts": "every pair of scores, and of ranks",
  "src/topology/ranks.ts": "every score, and the bins that it counts",
  "src/topology/bits.ts": "every weight of a mask",
  "src/topology/controls.ts": "every weight of a matrix",
  "src/topology/eigenvalues.ts": "every number of a matrix, for each of its rows",
  "src/topology/line.ts": "every weight of a matrix",
  "src/topology/path-count.ts": "every word of a mask, and the paths of every unit",
  "src/topology/paths.ts": "every word of a mask",
  "src/topology/reach.ts": "every word of a mask, and every unit of a layer",
  "src/topology/recovery.ts": "every word of a mask",
  "src/topology/singular-values.ts": "every entry of a sparse matrix",
  "src/topology/spectra.ts": "every line of a sparse matrix",
  "src/train/row-adamw.ts": "every row of the table of embeddings, and the steps that it missed",
};

/** Files with an array of no numbers: what has none there. */
const EMPTY: Readonly<Record<string, string>> = {
  "src/data/corpus.ts": "the order of an epoch, before the first",
  "src/data/judging/judge.ts": "names of metrics, asked of no examples",
  "src/sparse/esp/matrices.ts": "a matrix of zeros alone has no blocks",
  "src/sparse/esp/positions.ts": "distances that one byte holds have no low bytes",
  "src/sparse/esp/stream.ts": "a stream of no bytes",
  "src/train/parameters.ts": "a network without a table of rows",
  "src/train/row-adamw.ts": "gradients of the rows of a batch, before the first",
  "src/train/teacher-answers.ts": "answers that are known, before the first",
};

/** A place of a list, or its end, with 0 where there is none. */
const ZERO = /(?:\]|\.at\([^()]*\)) \?\? 0\b/;
/** The same where something is counted: what was not met yet was met 0 times. */
const COUNTED = /([\w.]+\[\w+\]) = \(\1 \?\? 0\) \+/;
/** A typed array of no numbers. */
const NO_NUMBERS = /new (?:Float|Uint|Int)\w+Array\(0?\)/;
/** An empty list, or a made-up one, where a place or a tensor is missing. */
const STAND_IN =
  /(?:\]|\.get\(.*\)|\.data|\.shape) \?\? (?:new (?:Float|Uint|Int)|floatTensor\()|\[\w+\] \?\? \[\]|\.(?:data|shape) \?\? \[/;
/** A tensor taken apart with values for the case that it is missing. */
const TAKEN_APART = /= (?:\w+ \?\? \{\}|\w+\[\w+\] \?\? \{\})/;

interface Source {
  readonly path: string;
  /** Without comments. */
  readonly lines: readonly string[];
}

const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
  .map((name): Source => {
    const text = readFileSync(join(ROOT, "src", name), "utf8");
    const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/gm, "");
    return { path: join("src", name), lines: code.split("\n") };
  });

/** Files with a line of that kind, in order. */
function filesWith(isFound: (line: string) => boolean): string[] {
  return sources
    .filter(({ lines }) => lines.some(isFound))
    .map(({ path }) => path)
    .sort();
}

test("a missing number is 0 only in the inner loops that are listed, and where something is counted", () => {
  expect(filesWith((line) => ZERO.test(line) && !COUNTED.test(line))).toEqual(Object.keys(LOOPS).sort());
});

test("an array of no numbers stands only where there are none", () => {
  expect(filesWith((line) => NO_NUMBERS.test(line))).toEqual(Object.keys(EMPTY).sort());
});

test("nothing stands in for a tensor, a row or a column that must be there", () => {
  const found = sources.flatMap(({ path, lines }) =>
    lines
      .filter((line) => STAND_IN.test(line) || TAKEN_APART.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

test.each([
  ["sum += weights[i] ?? 0;", ZERO, true],
  ["const last = starts.at(-1) ?? 0;", ZERO, true],
  ["counts.set(word, (counts.get(word) ?? 0) + 1);", ZERO, false],
  ["const rows = pair?.length ?? 0;", ZERO, false],
  ["counts[label] = (counts[label] ?? 0) + 1;", COUNTED, true],
  ["sums[i] = (others[i] ?? 0) + 1;", COUNTED, false],
  ["const weights = tensor?.data ?? new Float32Array(0);", STAND_IN, true],
  ["const { data } = tensors.get(name) ?? floatTensor([0, 0], none);", STAND_IN, true],
  ["const times = latencies[i] ?? [];", STAND_IN, true],
  ["for (const note of notes ?? []) print(note);", STAND_IN, false],
  ["const { heads = 0, ffn = 0 } = layers[i] ?? {};", TAKEN_APART, true],
  ["const { shape = [] } = tensor ?? {};", TAKEN_APART, true],
] as const)("%s", (line, pattern, isFound) => {
  expect(pattern.test(line)).toBe(isFound);
});
