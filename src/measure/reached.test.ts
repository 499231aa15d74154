import { expect, test } from "vitest";
import type { Aims } from "./aims.ts";
import { reachedOf, reachedText } from "./reached.ts";
import type { ModelFigures, RunResult } from "./result.ts";

const reachedTexts = (aims: Aims, result: RunResult) => reachedOf(aims, result).map(reachedText);

function model(stage: ModelFigures["stage"], total: number, p50: number): ModelFigures {
  const latency = { batchSize: 1, length: 64, p95: p50, repetitions: 15 };
  return {
    stage,
    metrics: {},
    parameters: { total, nonzero: total, embeddings: 0 },
    bytes: { raw: 4 * total, compressed: 4 * total },
    multiplyAccumulates: total,
    latency: p50 === 0 ? [] : [{ ...latency, p50 }],
  };
}

function result(after: number, p50: number, packed = p50 / 2): RunResult {
  return {
    version: 1,
    command: "compress",
    code: "0.1.0",
    task: null,
    method: "magnitude",
    metric: { name: "accuracy", better: "higher", before: 0.9, after, examples: 100 },
    models: [model("fine-tuned", 1000, p50), model("compressed", 1000, p50)],
    packed: {
      bytes: { raw: 1000, compressed: 1000 },
      latency: packed === 0 ? [] : [{ batchSize: 1, length: 64, p50: packed, p95: packed, repetitions: 15 }],
    },
    length: 64,
    seeds: [0],
    wallSeconds: 1,
    peakBytes: 1,
    machine: { cpu: "c", cores: 1, threads: 1, node: "v20", platform: "linux-x64" },
    verdict: { smaller: true, faster: false, text: "" },
  };
}

test("each aim that was named is told reached or not, by what the run measured", () => {
  const aims = { maxDrop: 2, targetSize: 0.3, targetSpeed: 2 };
  expect(reachedTexts(aims, result(0.89, 4))).toEqual([
    "wanted at most 2.0 points lower, got 1.0 lower: reached",
    "wanted at most 30 % of the bytes, got 25 %: reached",
    "wanted at least 2.0 times as fast, got 2.0 times: reached",
  ]);
  expect(reachedTexts({ ...aims, targetSize: 0.2 }, result(0.8, 0))).toEqual([
    "wanted at most 2.0 points lower, got 10.0 lower: not reached; docs/choosing.md says what else there is",
    "wanted at most 20 % of the bytes, got 25 %: not reached; docs/choosing.md says what else there is",
    "wanted at least 2.0 times as fast: not measured in this run, so nobody knows",
  ]);
  expect(reachedTexts({}, result(0.8, 4))).toEqual([]);
  expect(reachedOf({ ...aims, targetSize: 0.2 }, result(0.8, 0))).toEqual([
    { aim: "maxDrop", wanted: 2, got: expect.closeTo(10, 9), reached: false },
    { aim: "targetSize", wanted: 0.2, got: 0.25, reached: false },
    { aim: "targetSpeed", wanted: 2, got: null, reached: null },
  ]);
  const { packed: _, ...unpacked } = result(0.8, 4);
  expect(reachedTexts({ targetSize: 0.2 }, unpacked)).toEqual([
    "wanted at most 20 % of the bytes: not measured in this run, so nobody knows",
  ]);
});

test("the same work timed as faster is no speed, and what rose is not called lower", () => {
  const run = result(0.9, 10, 0);
  const [before, after] = run.models;
  if (!before || !after) throw new Error("two models were made");
  const timed = (multiplyAccumulates: number): RunResult => ({
    ...run,
    metric: { ...run.metric, before: 0.88 },
    models: [before, { ...model("compressed", 1000, 5), multiplyAccumulates }],
  });
  expect(reachedTexts({ targetSpeed: 2, maxDrop: 1 }, timed(1000))).toEqual([
    "wanted at most 1.0 points lower, got 2.0 higher: reached",
    "wanted at least 2.0 times as fast, got 1.0 times: not reached; docs/choosing.md says what else there is",
  ]);
  expect(reachedTexts({ targetSpeed: 2 }, timed(500))).toEqual([
    "wanted at least 2.0 times as fast, got 2.0 times: reached",
  ]);
});

test("two points lost are two points, whatever their difference is in binary", () => {
  const run = result(0.88, 10);
  expect(reachedTexts({ maxDrop: 2 }, run)).toEqual([
    "wanted at most 2.0 points lower, got 2.0 lower: reached",
  ]);
});

test.each([
  ["targetSpeed", 2, 1.97, "at least 2.0 times as fast, got 1.97 times"],
  ["targetSize", 0.3, 0.304, "at most 30 % of the bytes, got 30.4 %"],
  ["targetSize", 0.255, 0.3, "at most 25.5 % of the bytes, got 30 %"],
  ["maxDrop", 0.25, 0.31, "at most 0.25 points lower, got 0.3 lower"],
  ["maxDrop", 3, 3.04, "at most 3.0 points lower, got 3.04 lower"],
] as const)(
  "%s of %d missed with %d: the numbers differ, and the wish is as it was typed",
  (aim, wanted, got, text) => {
    expect(reachedText({ aim, wanted, got, reached: false })).toContain(`wanted ${text}: not reached`);
  },
);

test("a run that leaves its product in 8 bits is held to that file; its time is told beside the product's", () => {
  const bytes = { raw: 800, compressed: 800 };
  const aims = { maxDrop: 2, targetSize: 0.22, targetSpeed: 2 };
  const run = { ...result(0.86, 4), quantized: { bytes, after: 0.885, faster: 2.5 } };
  expect(reachedTexts(aims, run)).toEqual([
    "wanted at most 2.0 points lower, got 1.5 lower in 8 bits: reached",
    "wanted at most 22 % of the bytes, got 20 % in 8 bits: reached",
    "wanted at least 2.0 times as fast, got 2.5 times in 8 bits: reached",
  ]);
  expect(reachedOf(aims, run).map(({ bits }) => bits)).toEqual([8, 8, 8]);
  // Vectors are judged by another measure than their run, and nothing was timed.
  const other = { ...run, quantized: { bytes, after: null, faster: null } };
  expect(reachedOf(aims, other).map(({ got }) => got)).toEqual([null, 0.2, null]);
});

test("a fine-tuned model is held to itself in float32, in 8 bits and where these lose too much", () => {
  const { metric, models, ...run } = result(0.9, 4);
  const quantized = { bytes: { raw: 1000, compressed: 1000 }, after: 0.89, faster: 0.8 };
  const alone = { ...run, metric: { ...metric, before: null }, models: models.slice(0, 1) };
  const aims = { maxDrop: 2, targetSize: 0.3, targetSpeed: 1.5 };
  expect(reachedOf(aims, alone).map(({ got, reached }) => [got, reached])).toEqual([
    [0, true],
    [0.25, true],
    [2, true],
  ]);
  expect(reachedTexts(aims, { ...alone, quantized })).toEqual([
    "wanted at most 2.0 points lower, got 1.0 lower in 8 bits: reached",
    "wanted at most 30 % of the bytes, got 25 % in 8 bits: reached",
    "wanted at least 1.5 times as fast, got 0.8 times in 8 bits: not reached; docs/choosing.md says what else there is",
  ]);
});
