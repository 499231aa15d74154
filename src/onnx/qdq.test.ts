import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { levelsOf } from "../base/levels.ts";
import { keyOf, normals } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { gelu } from "../graph/ops/elementwise.ts";
import { linear } from "../graph/ops/linear.ts";
import { program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import { decodeModel } from "./decode.ts";
import { encodeModel } from "./encode.ts";
import type { Model } from "./model.ts";
import { irVersionOf } from "./opsets.ts";
import { quantizeStatically, type StaticRange } from "./qdq.ts";

const [N, IN, OUT] = [5, 12, 7];
const W = floatTensor([OUT, IN], normals(keyOf(1), OUT * IN, 0.5).fill(0, 3 * IN, 4 * IN));
const BIAS = floatTensor([OUT], normals(keyOf(2), OUT, 1));
const SECOND = floatTensor([OUT, OUT], normals(keyOf(3), OUT * OUT, 0.5));
const RANGE: StaticRange = { low: -2, high: 3 };

/** A layer that is rounded, and one after it that is not. */
function layers(ranges: ReadonlyMap<string, StaticRange>, bias = BIAS): Uint8Array {
  const x = input("x", "float32", ["N", IN]);
  const first = linear(x, input("W", "float32", [OUT, IN]), input("b", "float32", [OUT]));
  const y = linear(gelu(first), input("V", "float32", [OUT, OUT]));
  return program(
    { first, y },
    {
      portable: true,
      opset: 17,
      initializers: new Map(Object.entries({ W, b: bias, V: SECOND })),
      rewrite: (model) => quantizeStatically(model, ranges),
    },
  ).bytes;
}

async function run(bytes: Uint8Array, x: Float32Array): Promise<number[]> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const { first } = await session.run({ x: new OrtTensor("float32", x, [N, IN]) });
  return Array.from(first?.data ?? [], Number);
}

test("a layer is the integer product of uint8 inputs at 0 … 127 and int8 weights, within 1e-5", async () => {
  const x = normals(keyOf(4), N * IN, 1).map((v) => Math.max(-2, Math.min(3, v)));
  const scale = Math.fround(5 / 127);
  const zero = Math.round(2 / scale);
  const { levels, scales } = levelsOf(W);
  const said = await run(layers(new Map([["W", RANGE]])), x);
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < OUT; o++) {
      let sum = 0;
      for (let i = 0; i < IN; i++) {
        const level = Math.round((x[n * IN + i] ?? 0) / scale) + zero;
        expect(level).toBeGreaterThanOrEqual(0);
        expect(level).toBeLessThanOrEqual(127);
        sum += (level - zero) * (levels[o * IN + i] ?? 0);
      }
      const step = scale * (scales[o] ?? Number.NaN);
      const b = BIAS.data[o] ?? Number.NaN;
      const expected = step === 0 ? b : (sum + Math.round(b / step)) * step; // a row of zeros is its bias
      expect(Math.abs((said[n * OUT + o] ?? Number.NaN) - expected)).toBeLessThan(1e-5);
    }
  }
});

test("what lies beyond the range is not cut off at once: up to twice its upper end is left", async () => {
  const zeros = new Float32Array(N * IN);
  const base = await run(layers(new Map([["W", RANGE]])), zeros);
  const far = await run(
    layers(new Map([["W", RANGE]])),
    zeros.map((_, i) => (i === 0 ? 5 : 0)),
  );
  expect((far[0] ?? 0) - (base[0] ?? 0)).toBeCloseTo(5 * (W.data[0] ?? 0), 1);
});

test("only the layers named are rounded; ONNX Runtime makes one integer product of each", async () => {
  const folder = await mkdtemp(join(tmpdir(), "espalier-test-"));
  try {
    const optimizedModelFilePath = join(folder, "optimized.onnx");
    const bytes = layers(new Map([["W", RANGE]]));
    const count = (model: Uint8Array, opType: string): number =>
      decodeModel(model).graph.nodes.filter((node) => node.opType === opType).length;
    expect([count(bytes, "QuantizeLinear"), count(bytes, "DequantizeLinear")]).toEqual([1, 3]);
    const session = await InferenceSession.create(bytes, { optimizedModelFilePath, logSeverityLevel: 3 });
    await session.release();
    const run = await readFile(optimizedModelFilePath);
    expect(count(run, "QGemm")).toBe(1);
    expect(count(run, "DequantizeLinear")).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a layer that reads nothing, or has a bias beyond all sums, is its bias, within 2^-22 of it", async () => {
  const nothing = await run(layers(new Map([["W", { low: 0, high: 0 }]])), new Float32Array(N * IN));
  const far = floatTensor([OUT], normals(keyOf(5), OUT, 1e12));
  const beyond = await run(layers(new Map([["W", RANGE]]), far), new Float32Array(N * IN).fill(3));
  for (const [said, { data }] of [
    [nothing, BIAS],
    [beyond, far],
  ] as const) {
    const off = said.map((y, i) => Math.abs(y / (data[i % OUT] ?? Number.NaN) - 1));
    expect(Math.max(...off)).toBeLessThan(2 ** -22);
  }
});

describe("a pruned layer, some rows of which have lost all or all but tiny weights", () => {
  const [rows, columns] = [32, 96];
  const [zero, tiny] = [8, 16]; // rows before them
  const isKept = normals(keyOf(6), rows * columns, 1).map((v) => Number(Math.abs(v) > 1.5));
  const weights = normals(keyOf(7), rows * columns, 0.04).map((w, i) => {
    const row = Math.floor(i / columns);
    if (row < zero) return 0;
    // From 1e-3 to 1e-17 of the usual size.
    return w * (isKept[i] ?? 0) * (row < tiny ? 10 ** (-3 - 2 * (row - zero)) : 1);
  });
  const tensors = {
    W: floatTensor([rows, columns], weights),
    b: floatTensor([rows], normals(keyOf(8), rows, 0.1)),
  };
  const range = { low: -6, high: 9 };
  const x = normals(keyOf(9), N * columns, 1);
  const bytes = (isRounded: boolean): Uint8Array =>
    program(
      {
        y: linear(
          input("x", "float32", ["N", columns]),
          input("W", "float32", [rows, columns]),
          input("b", "float32", [rows]),
        ),
      },
      {
        portable: true,
        opset: 17,
        initializers: new Map(Object.entries(tensors)),
        ...(isRounded && { rewrite: (model) => quantizeStatically(model, new Map([["W", range]])) }),
      },
    ).bytes;

  /** The largest error of each row, beside float32; without optimization a runtime follows the pairs in float32. */
  async function errors(graphOptimizationLevel: "all" | "disabled"): Promise<number[]> {
    const answers: number[][] = [];
    for (const isRounded of [false, true]) {
      const session = await InferenceSession.create(bytes(isRounded), {
        intraOpNumThreads: 1,
        logSeverityLevel: 3,
        graphOptimizationLevel,
      });
      const { y } = await session.run({ x: new OrtTensor("float32", x, [N, columns]) });
      answers.push(Array.from(y?.data ?? [], Number));
    }
    const [exact = [], rounded = []] = answers;
    return Array.from({ length: rows }, (_, row) =>
      Math.max(
        ...Array.from({ length: N }, (_, n) =>
          Math.abs((exact[n * rows + row] ?? Number.NaN) - (rounded[n * rows + row] ?? Number.NaN)),
        ),
      ),
    );
  }

  test.each(["all", "disabled"] as const)(
    "rows of zeros are off by 1e-7 at most, tiny ones by 2e-5, ordinary ones by 0.03 (optimized: %s)",
    async (level) => {
      const off = await errors(level);
      expect(Math.max(...off.slice(0, zero))).toBeLessThan(1e-7);
      expect(Math.max(...off.slice(zero, tiny))).toBeLessThan(2e-5);
      const ordinary = Math.max(...off.slice(tiny));
      expect(ordinary).toBeLessThan(0.03);
      expect(ordinary).toBeGreaterThan(1e-3);
    },
  );
});

/** Two layers of those weights that read one value; each weight has a bias. */
function two(weights: readonly [string, string]): Model {
  return decodeModel(
    encodeModel({
      irVersion: irVersionOf(17),
      opsets: { "": 17 },
      producerName: "test",
      graph: {
        name: "two",
        nodes: ["a", "c"].map((name, i) => ({
          opType: "Gemm",
          name,
          inputs: ["x", weights[i] ?? "", `${weights[i]}_bias`],
          outputs: [name],
          attributes: { transB: { kind: "int" as const, value: 1 } },
        })),
        inputs: [{ kind: "tensor", name: "x", dtype: "float32", shape: [N, IN] }],
        outputs: ["a", "c"].map((name) => ({
          kind: "tensor" as const,
          name,
          dtype: "float32",
          shape: [N, OUT],
        })),
        initializers: [
          { name: "W", ...W },
          { name: "V", ...W },
          { name: "W_bias", ...BIAS },
          { name: "V_bias", ...BIAS },
        ],
        valueInfo: [],
      },
    }),
  );
}

test("layers that read one value in one range share its rounding", () => {
  const rounded = (v: StaticRange): number =>
    quantizeStatically(
      two(["W", "V"]),
      new Map([
        ["W", RANGE],
        ["V", v],
      ]),
    ).graph.nodes.filter(({ opType }) => opType === "QuantizeLinear").length;
  expect([rounded(RANGE), rounded({ low: -1, high: 1 })]).toEqual([1, 2]);
});

test("layers with one weight and one bias, as ALBERT's are, read one of each in 8 bits", async () => {
  const model = quantizeStatically(two(["W", "W"]), new Map([["W", RANGE]]));
  const read = model.graph.nodes.filter(({ opType }) => opType === "DequantizeLinear");
  expect(read.map(({ name }) => name)).toEqual([expect.stringMatching(/^x_/), "W_read", "W_bias_read"]);
  const session = await InferenceSession.create(encodeModel(model), { logSeverityLevel: 3 });
  const { a, c } = await session.run({ x: new OrtTensor("float32", normals(keyOf(4), N * IN, 1), [N, IN]) });
  expect(a?.data).toEqual(c?.data);
});
