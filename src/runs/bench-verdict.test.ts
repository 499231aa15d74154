import { expect, test } from "vitest";
import type { BenchContender } from "./answers.ts";
import { benchVerdict, contenderName } from "./bench-verdict.ts";

/** A contender with so many milliseconds at batch 1 and 8. */
function contender(engine: BenchContender["engine"], ms: readonly number[], spread = 1.1): BenchContender {
  return {
    model: "m",
    engine,
    parameters: { total: 100, nonzero: 100, embeddings: 10 },
    sparsity: 0,
    bytes: { raw: engine === "onnx" ? 400 : 100, compressed: 90 },
    load: 10,
    memory: { loaded: 1, peak: 2 },
    difference: engine === "onnx" ? null : 0.01234,
    latency: ms.map((p50, i) => ({
      batchSize: [1, 8][i] ?? 1,
      length: 128,
      p50,
      p95: p50 * spread,
      repetitions: 9,
    })),
    throughput: [{ length: 128, examplesPerSecond: 8000 / (ms[1] ?? 1), batchSize: 8 }],
  };
}

test("a contender is told by how much it is faster, what is left of the bytes, and what it costs", () => {
  expect(benchVerdict([contender("onnx", [10, 80]), contender("int8", [5, 20])])).toEqual([
    "int8 against onnx: faster in all 2 cases, 2.0× to 4.0×; 25 % of the bytes; logits differ by up to 0.012.",
    "Examples a second at 128 tokens, at the best batch: int8 400 (batch 8), onnx 100 (batch 8).",
  ]);
});

test("a change of 10 % or less is the same, and cases that disagree are told apart", () => {
  const said = (ms: readonly number[]) =>
    benchVerdict([contender("onnx", [10, 80]), contender("int8", ms)])[0];
  expect(said([9.2, 86])).toContain("the same within 10 % in all 2 cases;");
  expect(said([5, 160])).toContain("faster in 1 of 2, 2.0×, slower in 1 of 2, 0.5×;");
});

test("break-even is told where it is known", () => {
  const at = { engine: "sparse", against: "onnx", batchSize: 1, length: 128 } as const;
  const two = [contender("onnx", [10, 80]), contender("int8", [5, 20])];
  const said = benchVerdict(two, [
    { ...at, sparsity: 0.713 },
    { ...at, batchSize: 8, sparsity: 1 },
  ]);
  expect(said.slice(2)).toEqual([
    "Break-even at batch 1 and 128 tokens: sparse is faster than onnx from a sparsity of 71 %.",
    "Break-even at batch 8 and 128 tokens: none; sparse is slower than onnx at any sparsity.",
  ]);
});

test("a noisy machine is reported", () => {
  expect(benchVerdict([contender("onnx", [10, 80], 2)]).at(-1)).toMatch(
    /^Timings were uneven .* 2\.0× the median/,
  );
});

test("a contender is called by what tells it apart", () => {
  const [a, b] = [contender("onnx", [1, 1]), contender("int8", [1, 1])];
  const c = { ...a, model: "n" };
  expect(contenderName(a, [a])).toBe("m");
  expect([contenderName(a, [a, b]), contenderName(c, [a, c]), contenderName(c, [a, b, c])]).toEqual([
    "onnx",
    "n",
    "n onnx",
  ]);
});
