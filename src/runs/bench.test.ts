import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { PRUNED_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import { bench } from "./bench.ts";
import { openContender } from "./contender.ts";

const PLAN = { batchSizes: [1, 2], lengths: [4, 8], repetitions: 3, threads: 1 };

test("one model is compared in ONNX Runtime and in the same quantized: every figure is there", async () => {
  const model = await written(tinyModel());
  const { contenders, machine, verdict, breakEven } = await bench({ models: [model], ...PLAN });
  expect([machine.threads, breakEven]).toEqual([1, undefined]);
  expect(contenders.map(({ engine }) => engine)).toEqual(["onnx", "int8"]);
  for (const { bytes, load, memory, latency, throughput } of contenders) {
    expect(latency.map(({ batchSize, length }) => [batchSize, length])).toEqual([
      [1, 4],
      [1, 8],
      [2, 4],
      [2, 8],
    ]);
    expect(latency.every(({ p50, p95, repetitions }) => p50 > 0 && p50 <= p95 && repetitions === 3)).toBe(
      true,
    );
    expect(throughput.map(({ length }) => length)).toEqual([4, 8]);
    for (const { length, examplesPerSecond } of throughput) {
      const rates = latency.filter((at) => at.length === length).map((at) => (1000 * at.batchSize) / at.p50);
      expect(examplesPerSecond).toBe(Math.max(...rates));
    }
    expect([bytes.raw > 0, load > 0, memory.peak >= memory.loaded]).toEqual([true, true, true]);
  }
  const [whole, int8] = contenders;
  expect(whole?.difference).toBeNull();
  expect(int8?.difference).toBeGreaterThan(0);
  expect(int8?.difference).toBeLessThan(1);
  expect(verdict[0]).toMatch(
    /^int8 against onnx: .* in .*; \d+ % of the bytes; logits differ by up to 0\.\d+\.$/,
  );
});

test("several models stand side by side in the order given, in ONNX Runtime unless engines are named", async () => {
  const models = [await written(tinyModel()), await written(tinyModel(undefined, PRUNED_CONFIG))];
  const plan = { ...PLAN, batchSizes: [1], lengths: [8] };
  const { contenders } = await bench({ models, ...plan });
  expect(contenders.map(({ model, engine }) => [model, engine])).toEqual(
    models.map((model) => [model, "onnx"]),
  );
  const [whole, pruned] = contenders;
  expect(pruned?.parameters.total).toBeLessThan(whole?.parameters.total ?? 0);
  expect(pruned?.bytes.raw).toBeLessThan(whole?.bytes.raw ?? 0);
  const one = await bench({ models, engines: ["int8"], ...plan });
  expect(one.contenders.map(({ engine, difference }) => [engine, difference])).toEqual([
    ["int8", null],
    ["int8", null],
  ]);
});

test("a length beyond the positions is refused (inference/length), and nothing is left behind", async () => {
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith("espalier-bench-"));
  const before = left();
  const models = [await written(tinyModel())];
  await expect(bench({ models, ...PLAN, lengths: [25] })).rejects.toThrow(
    expect.objectContaining({ code: "inference/length" }),
  );
  expect(left()).toEqual(before);
});

test("a stop is an AbortError", async () => {
  const controller = new AbortController();
  const models = [await written(tinyModel())];
  const report = ({ kind, ...event }: { readonly kind: string; readonly name?: string }): void => {
    if (kind === "phase" && event.name?.startsWith("timing")) controller.abort();
  };
  await expect(bench({ models, ...PLAN }, { signal: controller.signal, report })).rejects.toThrow(
    expect.objectContaining({ name: "AbortError" }),
  );
});

test("a file that the engine refuses is an error with its words (bench/contender)", async () => {
  const spec = {
    engine: "onnx",
    file: "/nowhere.onnx",
    vocabSize: 9,
    length: 4,
    threads: 1,
    device: "cpu",
  } as const;
  await expect(openContender(spec)).rejects.toThrow(
    expect.objectContaining({ code: "bench/contender", message: expect.stringContaining("nowhere.onnx") }),
  );
});
