import { readFileSync } from "node:fs";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { decodeModel } from "./decode.ts";
import { encodeModel } from "./encode.ts";
import type { Graph, Model, Node } from "./model.ts";

/** y = Gelu(x · w + b), x of shape [batch, 2]. */
const LINEAR: Model = {
  irVersion: 9,
  opsets: { "": 20, "com.microsoft": 1 },
  producerName: "espalier",
  metadata: { labels: "no,yes" },
  graph: {
    name: "linear",
    nodes: [
      {
        opType: "Gemm",
        inputs: ["x", "w", "b"],
        outputs: ["h"],
        attributes: { alpha: { kind: "float", value: 1 } },
      },
      { opType: "Gelu", domain: "com.microsoft", inputs: ["h"], outputs: ["y"], attributes: {} },
    ],
    inputs: [{ name: "x", kind: "tensor", dtype: "float32", shape: ["batch", 2] }],
    outputs: [{ name: "y", kind: "tensor", dtype: "float32", shape: ["batch", 2] }],
    initializers: [
      { name: "w", dtype: "float32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      { name: "b", dtype: "float32", shape: [2], data: Float32Array.of(-4, 0) },
    ],
  },
};

test("onnxruntime-node runs an encoded model, within 1e-6 of the arithmetic", async () => {
  const session = await InferenceSession.create(encodeModel(LINEAR), { intraOpNumThreads: 1 });
  const { y } = await session.run({ x: new OrtTensor("float32", Float32Array.of(1, 1), [1, 2]) });
  expect(y?.data[0]).toBeCloseTo(0, 6);
  expect(y?.data[1]).toBeCloseTo(6, 6); // Gelu(6) is 6 - 6e-9
});

const GOLDEN: { readonly exact: string } = JSON.parse(
  readFileSync(new URL("../../test/goldens/onnx.json", import.meta.url), "utf8"),
);

/** The model of test/goldens/from_onnx.py; its attributes are in the order of their names, as the package sorts them. */
function exactModel(): Model {
  const w = Float32Array.of(1, 2, 3, -4.5);
  const half = Uint16Array.of(0x3c00, 0x4000, 0x4200, 0xc480);
  const then: Graph = {
    name: "branch",
    nodes: [{ opType: "Identity", inputs: ["h"], outputs: ["z"], attributes: {} }],
    inputs: [],
    outputs: [{ name: "z", kind: "tensor", dtype: "float32", shape: [] }],
    initializers: [],
  };
  const made: Node["attributes"] = {
    f: { kind: "float", value: 0.5 },
    fs: { kind: "floats", value: [1.5, -2] },
    i: { kind: "int", value: -3 },
    js: { kind: "ints", value: [7, -1, 2 ** 40] },
    k: { kind: "string", value: "näme" },
    ss: { kind: "strings", value: ["a", "b"] },
    t: { kind: "tensor", value: { dtype: "int64", shape: [2], data: BigInt64Array.of(0n, -1n) } },
  };
  return {
    irVersion: 9,
    opsets: { "": 20, "com.microsoft": 1 },
    producerName: "espalier",
    producerVersion: "0",
    metadata: { labels: "no,yes" },
    graph: {
      name: "exact",
      nodes: [
        { opType: "MatMul", name: "product", inputs: ["x", "w"], outputs: ["h"], attributes: {} },
        {
          opType: "If",
          inputs: ["c"],
          outputs: ["i"],
          attributes: { then_branch: { kind: "graph", value: then } },
        },
        { opType: "Gelu", domain: "com.microsoft", inputs: ["h"], outputs: ["y"], attributes: {} },
        { opType: "Made", inputs: ["", "y"], outputs: ["s"], attributes: made },
      ],
      inputs: [
        { name: "x", kind: "tensor", dtype: "float32", shape: ["batch", 2, ""] },
        { name: "c", kind: "tensor", dtype: "bool", shape: [] },
      ],
      outputs: [
        { name: "y", kind: "tensor", dtype: "float32", shape: undefined },
        { name: "s", kind: "sequence", dtype: "int64", shape: undefined },
      ],
      initializers: [
        { name: "w", dtype: "float32", shape: [2, 2], data: w },
        { name: "half", dtype: "float16", shape: [2, 2], data: half },
      ],
      valueInfo: [{ name: "h", kind: "tensor", dtype: "float32", shape: ["batch", 2] }],
    },
  };
}

test("the bytes are those of the Python onnx package, over every attribute kind", () => {
  expect(Buffer.from(encodeModel(exactModel())).toString("hex")).toBe(GOLDEN.exact);
});

test("the Python package's bytes decode to the model they were made from", () => {
  expect(decodeModel(Buffer.from(GOLDEN.exact, "hex"))).toStrictEqual(exactModel());
});

test("a tensor whose data does not fill its shape is refused", () => {
  const w = { name: "w", dtype: "float32" as const, shape: [2, 2], data: new Float32Array(3) };
  const model = { ...LINEAR, graph: { ...LINEAR.graph, initializers: [w] } };
  expect(() => encodeModel(model)).toThrow(expect.objectContaining({ code: "onnx/tensor-size" }));
});

test("a model of 2 GiB or more is refused before anything of its size is allocated", () => {
  const data = new Float32Array(16e6); // 64 MB, referred to 40 times
  const initializers = Array.from({ length: 40 }, (_, i) => ({
    name: `w${i}`,
    dtype: "float32" as const,
    shape: [16e6],
    data,
  }));
  const model = { ...LINEAR, graph: { ...LINEAR.graph, initializers } };
  expect(() => encodeModel(model)).toThrow(expect.objectContaining({ code: "onnx/too-large" }));
});
