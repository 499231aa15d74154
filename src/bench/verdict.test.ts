import { expect, test } from "vitest";
import { USUAL_RATES } from "../sparse/linear.ts";
import type { BenchContender } from "./answer.ts";
import { benchVerdict, contenderName } from "./verdict.ts";

/** A contender with so many milliseconds at batch 1 and 8. */
function contender(
  engine: BenchContender["engine"],
  ms: readonly number[],
  { spread = 1.1, zeros = 0 } = {},
): BenchContender {
  return {
    model: "m",
    engine,
    parameters: { total: 100, nonzero: 100, embeddings: 10 },
    sparsity: 0,
    bytes: { raw: engine === "onnx" ? 400 : 100, compressed: 90 },
    load: 10,
    memory: { loaded: 1, peak: 2 },
    difference: engine === "onnx" ? null : 0.01234,
    kernels:
      engine === "sparse"
        ? {
            rates: USUAL_RATES,
            kernels: { spmm_1x1: 12 },
            fused: false,
            wide: null,
            density: 1 - zeros,
            memory: 1,
          }
        : null,
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

test("the fastest comes first; a contender is told its gain, its bytes and its cost", () => {
  expect(benchVerdict([contender("onnx", [10, 80]), contender("int8", [5, 20])])).toEqual([
    "Fastest: int8 in all 2 cases (2.0× to 4.0× the next).",
    "int8 against onnx: faster in all 2 cases, 2.0× to 4.0×; 25 % of the bytes; answers differ by up to 0.012.",
    "Examples a second at 128 tokens, at the best batch: int8 400 (batch 8), onnx 100 (batch 8).",
  ]);
});

test("a difference is told of what it was measured against: the same model in its first engine", () => {
  const own = [contender("onnx", [10, 80]), contender("int8", [5, 20])];
  const other = own.map((one) => ({ ...one, model: "n" }));
  const sentences = benchVerdict([...own, ...other]).slice(1, 4);
  expect(sentences.map((text) => text.split("; ").slice(2).join())).toEqual([
    "answers differ by up to 0.012.",
    "",
    "answers differ by up to 0.012 from those of n onnx.",
  ]);
});

test("a contender alone is not the fastest of anything", () => {
  expect(benchVerdict([contender("onnx", [10, 80])])).toEqual([
    "Examples a second at 128 tokens, at the best batch: m 100 (batch 8).",
  ]);
});

test("a change of 10 % or less is the same, and cases that disagree are told apart", () => {
  const said = (ms: readonly number[]) => benchVerdict([contender("onnx", [10, 80]), contender("int8", ms)]);
  expect(said([9.2, 86]).slice(0, 2)).toEqual([
    "Fastest: none by more than 10 % in all 2 cases.",
    expect.stringContaining("the same within 10 % in all 2 cases;"),
  ]);
  expect(said([5, 160]).slice(0, 2)).toEqual([
    "Fastest: int8 in 1 of 2 (2.0× the next), onnx in 1 of 2 (2.0× the next).",
    expect.stringContaining("faster in 1 of 2, 2.0×, slower in 1 of 2, 0.5×;"),
  ]);
});

test("a model that gains nowhere from the sparse engine is told how many zeros it has", () => {
  const said = (ms: readonly number[], zeros: number) =>
    benchVerdict([contender("onnx", [10, 80]), contender("sparse", ms, { zeros })]).slice(3);
  expect(said([40, 200], 0)).toEqual([
    "A dense model gains nothing from the sparse engine, which leaves out zeros: the encoder of m has 0 %.",
  ]);
  expect(said([10, 200], 0.5)).toEqual(["Too few zeros for the sparse engine: the encoder of m has 50 %."]);
  expect(said([5, 80], 0.95)).toEqual([]);
});

test("break-even is told where it is known, against each dense engine", () => {
  const at = { model: "m", engine: "sparse", against: "onnx", batchSize: 1, length: 128 } as const;
  const two = [contender("onnx", [10, 80]), contender("int8", [5, 20])];
  const even = [
    { ...at, sparsity: 0.713 },
    { ...at, batchSize: 8, sparsity: 1 },
    { ...at, length: 32, sparsity: 0 },
  ];
  expect(benchVerdict(two, even).slice(3)).toEqual([
    "The sparse engine is faster than ONNX Runtime above 71 % zeros (batch 1 × 128 tokens), at no share of zeros (batch 8 × 128 tokens), at any share of zeros (batch 1 × 32 tokens).",
  ]);
  const against = (engine: BenchContender["engine"]) => ({ ...at, against: engine, sparsity: 0.85 });
  expect(benchVerdict(two, [against("int8"), against("transformers.js")]).slice(3)).toEqual([
    "The sparse engine is faster than ONNX Runtime's int8 above 85 % zeros (batch 1 × 128 tokens).",
    "The sparse engine is faster than transformers.js (q8, WebAssembly) above 85 % zeros (batch 1 × 128 tokens).",
  ]);
  const others = two.map((one) => ({ ...one, model: "n" }));
  expect(benchVerdict([...two, ...others], even.slice(0, 1)).at(-1)).toBe(
    "The sparse engine is faster than ONNX Runtime at the sizes of m above 71 % zeros (batch 1 × 128 tokens).",
  );
});

test("a noisy machine is reported", () => {
  expect(benchVerdict([contender("onnx", [10, 80], { spread: 2 })]).at(-1)).toMatch(
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
