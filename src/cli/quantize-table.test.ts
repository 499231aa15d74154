import { expect, test } from "vitest";
import type { QuantizeResult } from "../commands/answers.ts";
import { quantizeTables } from "./quantize-table.ts";

const latency = (p50: number) => [{ batchSize: 1, length: 32, p50, p95: p50, repetitions: 9 }];
const RESULT: QuantizeResult = {
  model: "runs/sst2",
  path: "int8",
  task: "sst2",
  metric: "accuracy",
  examples: 872,
  calibration: 256,
  ranges: "mse",
  maxDrop: 0.5,
  before: 0.914,
  after: 0.912,
  tries: [{ kept: 1, score: 0.912, drop: 0.2 }],
  cost: "KL divergence",
  layers: [
    { module: "bert.encoder.layer.0.output.dense", cost: 0.00123, input: [-0.17, 24.2], bits: 32 },
    { module: "bert.encoder.layer.1.attention.self.key", cost: 4.5e-7, input: [-4.43, 10.5], bits: 8 },
  ],
  files: [
    {
      form: "float32",
      file: null,
      bytes: { raw: 90e6, compressed: 80e6 },
      score: 0.914,
      latency: latency(40),
    },
    {
      form: "esp",
      file: "model.esp",
      bytes: { raw: 20e6, compressed: 20e6 },
      score: 0.912,
      latency: latency(10),
    },
  ],
  length: 32,
  machine: { cpu: "x", cores: 2, threads: 1, node: "v20", platform: "linux-x64" },
  verdict: { smaller: true, faster: true, text: "" },
};

test("a row for each layer with what it costs and reads, then one for each file, with times beside float32", () => {
  expect(quantizeTables(RESULT).split("\n")).toEqual([
    expect.stringMatching(/^layer +cost alone +reads from +to +bits$/),
    expect.stringMatching(/^─+$/),
    expect.stringMatching(/^0\.output\.dense +1\.2e-3 +-0\.170 +24\.2 +32$/),
    expect.stringMatching(/^1\.attention\.self\.key +4\.5e-7 +-4\.43 +10\.5 +8$/),
    "cost: KL divergence",
    "",
    expect.stringMatching(/^ +accuracy +bytes +batch 1$/),
    expect.stringMatching(/^─+$/),
    expect.stringMatching(/^float32, as ONNX +91\.4 % +90\.0 MB +40\.0 ms *$/),
    expect.stringMatching(/^model\.esp +91\.2 % +20\.0 MB +10\.0 ms +4\.0×$/),
    "time of one batch of 32 tokens, median, 1 thread",
  ]);
});

test("without times there is no column for them, and no line above 80 characters", () => {
  const files = RESULT.files.map((file) => ({ ...file, latency: [] }));
  const lines = quantizeTables({ ...RESULT, files }).split("\n");
  expect(lines.some((line) => line.includes("batch"))).toBe(false);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});
