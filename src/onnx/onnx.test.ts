import fc from "fast-check";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { BYTES, type DType, type Tensor } from "../base/tensor.ts";
import { decodeModel } from "./decode.ts";
import { encodeModel } from "./encode.ts";
import { type Attribute, type Graph, IR_VERSION, type Model, OPSETS } from "./model.ts";

/** y = Gelu(x · w + b), x of shape [batch, 2]. */
const LINEAR: Model = {
  irVersion: IR_VERSION,
  opsets: OPSETS,
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

const anyDtype = fc.constantFrom<DType[]>(
  "float32",
  "float64",
  "float16",
  "int64",
  "int32",
  "int8",
  "uint8",
  "bool",
);
const anyName = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });
const anyTensor: fc.Arbitrary<Tensor> = fc
  .record({ dtype: anyDtype, shape: fc.array(fc.nat(4), { maxLength: 3 }), seed: fc.nat(255) })
  .map(({ dtype, shape, seed }) => tensorOf(dtype, shape, seed));

function tensorOf(dtype: DType, shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  const { buffer } = Uint8Array.from({ length: size * BYTES[dtype] }, (_, i) => (i * 31 + seed) % 63);
  const views: { [D in DType]: () => Tensor["data"] } = {
    float32: () => new Float32Array(buffer),
    float64: () => new Float64Array(buffer),
    float16: () => new Uint16Array(buffer),
    bfloat16: () => new Uint16Array(buffer),
    int64: () => new BigInt64Array(buffer),
    int32: () => new Int32Array(buffer),
    int8: () => new Int8Array(buffer),
    uint8: () => new Uint8Array(buffer),
    bool: () => new Uint8Array(buffer),
  };
  return { dtype, shape, data: views[dtype]() };
}

const anyInt = fc.maxSafeInteger();
const anyFloat = fc.float({ noNaN: true });
const { graph: anyGraph } = fc.letrec<{ graph: Graph; attribute: Attribute }>((tie) => ({
  attribute: fc.oneof(
    { maxDepth: 2, depthIdentifier: "graphs" },
    fc.record({ kind: fc.constant("int" as const), value: anyInt }),
    fc.record({ kind: fc.constant("float" as const), value: anyFloat }),
    fc.record({ kind: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
    fc.record({ kind: fc.constant("ints" as const), value: fc.array(anyInt) }),
    fc.record({ kind: fc.constant("floats" as const), value: fc.array(anyFloat) }),
    fc.record({ kind: fc.constant("strings" as const), value: fc.array(fc.string()) }),
    fc.record({ kind: fc.constant("tensor" as const), value: anyTensor }),
    fc.record({ kind: fc.constant("graph" as const), value: tie("graph") }),
  ),
  graph: fc.record({
    name: fc.string(),
    nodes: fc.array(
      fc.record({
        opType: anyName,
        inputs: fc.array(fc.string(), { maxLength: 3 }),
        outputs: fc.array(fc.string(), { maxLength: 3 }),
        attributes: fc.dictionary(anyName, tie("attribute"), { maxKeys: 3, noNullPrototype: true }),
      }),
      { maxLength: 3 },
    ),
    inputs: fc.array(
      fc.record({
        name: fc.string(),
        kind: fc.constantFrom("tensor" as const, "sequence" as const),
        dtype: anyDtype,
        shape: fc.option(fc.array(fc.oneof(fc.nat(), fc.string({ maxLength: 5 })), { maxLength: 3 }), {
          nil: undefined,
        }),
      }),
      { maxLength: 2 },
    ),
    outputs: fc.constant([]),
    initializers: fc.array(
      fc.tuple(anyName, anyTensor).map(([name, tensor]) => ({ name, ...tensor })),
      { maxLength: 2 },
    ),
  }),
}));

test("decode(encode(model)) is the model, over random models", () => {
  fc.assert(
    fc.property(anyGraph, fc.nat(100), (graph, irVersion) => {
      const model: Model = { irVersion, opsets: OPSETS, graph };
      expect(decodeModel(encodeModel(model))).toEqual(model);
    }),
    { numRuns: 200 },
  );
});

test("damaged bytes end in a model or in an EspalierError, never in anything else", () => {
  const good = encodeModel(LINEAR);
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(flips, fc.nat(good.length), (changes, end) => {
      const bytes = good.slice(0, end);
      for (const [at, value] of changes) bytes[at % Math.max(end, 1)] = value;
      try {
        decodeModel(bytes);
      } catch (error) {
        expect(error).toHaveProperty("name", "FormatError");
      }
    }),
    { numRuns: 2000 },
  );
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
