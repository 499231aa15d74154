import { readdirSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { newFolder, PRUNED_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import { keyOf } from "../base/random.ts";
import { packNetwork } from "../measure/packed.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { bench } from "./bench.ts";
import { calibrated } from "./calibrated.ts";
import { openContender } from "./contender.ts";
import { ENGINES } from "./engines.ts";
import { withRandomZeros } from "./probe.ts";
import { findTransformers } from "./transformers-js.ts";

const HAS_TRANSFORMERS = findTransformers() !== undefined;
if (!HAS_TRANSFORMERS) console.warn("bench: without transformers.js, which is not installed");

const PLAN = { batchSizes: [1, 2], lengths: [4, 8], repetitions: 3, threads: 1 };

test("one model in ONNX Runtime, quantized there, and in the sparse runtime: every figure is there", async () => {
  const model = await written(tinyModel());
  const { contenders, machine, verdict } = await bench({ models: [model], ...PLAN });
  expect(machine.threads).toBe(1);
  const names = ["onnx", "int8", "int8-qdq", ...(HAS_TRANSFORMERS ? ["transformers.js"] : []), "sparse"];
  expect(contenders.map(({ engine }) => engine)).toEqual(names);
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
  const sparse = contenders.at(-1);
  expect([whole?.kernels, int8?.kernels, sparse?.kernels?.density]).toEqual([null, null, 1]);
  expect(sparse?.difference).toBeGreaterThan(0);
  expect(sparse?.difference).toBeLessThan(0.02); // numbers in float16
  expect(whole?.difference).toBeNull();
  expect(int8?.difference).toBeGreaterThan(0);
  expect(int8?.difference).toBeLessThan(1);
  expect(verdict[0]).toMatch(/^Fastest: /);
  expect(verdict[1]).toMatch(
    /^int8 against onnx: .* in .*; \d+ % of the bytes; answers differ by up to 0\.\d+\.$/,
  );
});

test.skipIf(!HAS_TRANSFORMERS)("transformers.js runs the int8 file and says nearly the same", async () => {
  const models = [await written(tinyModel())];
  const engines = ["int8", "transformers.js"] as const;
  const plan = { ...PLAN, batchSizes: [2], lengths: [8] };
  const { contenders, breakEven } = await bench({ models, engines: [...engines], ...plan });
  expect(contenders.map(({ engine }) => engine)).toEqual(engines);
  expect(contenders[0]?.bytes).toEqual(contenders[1]?.bytes);
  // One file, with integer products of other roundings.
  expect(contenders[1]?.difference).toBeLessThan(0.05);
  expect(breakEven).toEqual([]);
});

test("an engine that is not installed is left out with the way to have it, and refused by name when asked", async () => {
  const models = [await written(tinyModel())];
  const plan = { ...PLAN, batchSizes: [1], lengths: [4] };
  const notes: string[] = [];
  const stop = new AbortController();
  // The rest is what the test above runs.
  const report = (event: ProgressEvent) => {
    if (event.kind !== "note") return;
    notes.push(event.text);
    stop.abort();
  };
  vi.spyOn(ENGINES["transformers.js"], "lack").mockReturnValue({
    expected: "it (npm install it)",
    got: "none",
  });
  try {
    const left = bench({ models, ...plan }, { report, signal: stop.signal });
    await expect(left).rejects.toMatchObject({ code: "bench/stopped" });
    expect(notes).toEqual(["left out: transformers.js: expected it (npm install it), got none (tiny)"]);
    await expect(bench({ models, engines: ["transformers.js"], ...plan })).rejects.toMatchObject({
      code: "bench/engine",
      message: "transformers.js: expected it (npm install it), got none (tiny)",
    });
  } finally {
    vi.restoreAllMocks();
  }
});

test("a bare encoder is compared by its vectors, in ONNX Runtime and ours", async () => {
  const pooling = { mode: "mean", normalize: true } as const;
  const models = [await written(tinyModel({ kind: "none", pooling }))];
  const engines = ["onnx", "int8", "sparse"] as const; // transformers.js: test/peers/vectors.test.ts
  const plan = { ...PLAN, batchSizes: [1], lengths: [8] };
  const { contenders } = await bench({ models, engines: [...engines], ...plan });
  expect(contenders.map(({ engine }) => engine)).toEqual(engines);
  for (const { engine, difference } of contenders.slice(1)) {
    expect(difference).toBeGreaterThan(0);
    // Numbers of vectors of length 1.
    expect(difference).toBeLessThan(engine === "sparse" ? 2e-3 : 0.2);
  }
});

test("static int8 is of a model as quantize left it, or of one calibrated on the spot", async () => {
  const whole = tinyModel();
  const made = await calibrated(whole);
  expect([...(made.config.quantized?.values() ?? [])].every(({ input }) => input !== undefined)).toBe(true);
  expect(made.config.quantized?.size).toBe(12);
  expect(await calibrated(made)).toBe(made);
  const models = [await written(made)];
  const engines = ["onnx", "int8-qdq", "sparse"] as const;
  const plan = { ...PLAN, batchSizes: [1], lengths: [8] };
  const { contenders, breakEven } = await bench({ models, engines: [...engines], ...plan });
  for (const { difference } of contenders.slice(1)) {
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(0.5);
  }
  expect(breakEven.every(({ against }) => against === "onnx" || against === "int8-qdq")).toBe(true);
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

test("an .esp file is what the sparse engine runs, byte for byte, and a break-even is a share of zeros", async () => {
  const pruned = withRandomZeros(tinyModel(), 0.7, keyOf(1));
  const file = join(await newFolder(), "m.esp");
  await writeFile(file, await packNetwork(pruned, { values: "int8" }));
  const { contenders, breakEven } = await bench({
    models: [file],
    engines: ["onnx", "int8", "sparse"],
    ...PLAN,
  });
  const sparse = contenders[2];
  expect(sparse?.bytes.raw).toBe((await stat(file)).size);
  expect(sparse?.difference).toBeLessThan(1e-4); // both have the numbers of the file
  expect(Math.abs(1 - (sparse?.kernels?.density ?? 1) - 0.7)).toBeLessThan(0.04);
  // How long such a tiny model takes is noise: a case may have no break-even, but never one that is no share.
  expect(breakEven.length).toBeLessThanOrEqual(8);
  for (const { model, engine, against, sparsity } of breakEven) {
    expect([model, engine]).toEqual([file, "sparse"]);
    expect(["onnx", "int8"]).toContain(against);
    expect(sparsity >= 0 && sparsity <= 1).toBe(true);
  }
});

test("a model that labels nothing is not run in the sparse runtime, nor asked to be (bench/engine)", async () => {
  const models = [await written(tinyModel({ kind: "mlm" }))];
  const plan = { ...PLAN, batchSizes: [1], lengths: [4] };
  const { contenders, breakEven } = await bench({ models, ...plan });
  expect(contenders.map(({ engine }) => engine)).not.toContain("sparse");
  expect([contenders.slice(0, 2).map(({ engine }) => engine), breakEven]).toEqual([["onnx", "int8"], []]);
  await expect(bench({ models, engines: ["sparse"], ...plan })).rejects.toThrow(
    expect.objectContaining({
      code: "bench/engine",
      message: "sparse: expected a model with labels, a score or vectors, got a masked language model (tiny)",
    }),
  );
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

test("a stop while it times is an InterruptedError (bench/stopped)", async () => {
  const controller = new AbortController();
  const models = [await written(tinyModel())];
  const report = ({ kind, ...event }: { readonly kind: string; readonly name?: string }): void => {
    if (kind === "phase" && event.name?.startsWith("timing")) controller.abort();
  };
  const engines = ["onnx" as const, "int8" as const];
  const plan = { models, engines, ...PLAN, repetitions: 10 };
  await expect(bench(plan, { signal: controller.signal, report })).rejects.toThrow(
    expect.objectContaining({ name: "InterruptedError", code: "bench/stopped" }),
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
