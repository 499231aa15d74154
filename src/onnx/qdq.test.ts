import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect, test } from "vitest";
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
function layers(ranges: ReadonlyMap<string, StaticRange>): Uint8Array {
  const x = input("x", "float32", ["N", IN]);
  const first = linear(x, input("W", "float32", [OUT, IN]), input("b", "float32", [OUT]));
  const y = linear(gelu(first), input("V", "float32", [OUT, OUT]));
  return program(
    { first, y },
    {
      portable: true,
      opset: 17,
      initializers: new Map(Object.entries({ W, b: BIAS, V: SECOND })),
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
      const step = scale * (scales[o] || 1);
      const expected = (sum + Math.round((BIAS.data[o] ?? 0) / step)) * step;
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

test("a range of nothing, a row of zeros and a bias beyond all sums leave finite numbers", async () => {
  const nothing = await run(layers(new Map([["W", { low: 0, high: 0 }]])), new Float32Array(N * IN));
  expect(nothing.every(Number.isFinite)).toBe(true);
});

/** Two layers of one size that read one value, in opset 17. */
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
          inputs: ["x", weights[i] ?? "", "b"],
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
          { name: "b", ...BIAS },
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
  expect(read.map(({ name }) => name)).toEqual([expect.stringMatching(/^x_/), "W_read", "b_read"]);
  const session = await InferenceSession.create(encodeModel(model), { logSeverityLevel: 3 });
  const { a, c } = await session.run({ x: new OrtTensor("float32", normals(keyOf(4), N * IN, 1), [N, IN]) });
  expect(a?.data).toEqual(c?.data);
});
