import { readFileSync } from "node:fs";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { decodeModel } from "./decode.ts";
import { encodeModel } from "./encode.ts";
import type { Model, NamedTensor } from "./model.ts";
import { quantizeDynamically } from "./quantize.ts";

/** What test/goldens/quantize.py wrote. */
interface Golden {
  readonly ids: readonly number[];
  readonly plain: string;
  readonly quantized: string;
  readonly y: readonly number[];
  readonly yQuantized: readonly number[];
}
const GOLDEN: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/quantized.json", import.meta.url), "utf8"),
);
const decoded = (text: string): Model => decodeModel(Buffer.from(text, "base64"));
const plain = decoded(GOLDEN.plain);
const ours = quantizeDynamically(plain);

/** Dtype, shape and numbers of every tensor, whatever it is called, in an order of their own. */
function contents({ graph }: Model): string[] {
  const spelled = ({ dtype, shape, data }: NamedTensor) => `${dtype}[${shape}] ${data.join()}`;
  return graph.initializers.map(spelled).sort();
}

function operators({ graph }: Model): string[] {
  return graph.nodes.map(({ opType }) => opType).sort();
}

test("tensors and operators are exactly those that onnxruntime's quantize_dynamic writes", () => {
  const theirs = decoded(GOLDEN.quantized);
  expect(contents(ours)).toEqual(contents(theirs));
  expect(operators(ours)).toEqual(operators(theirs));
});

test("stock ONNX Runtime loads it; outputs within 1e-6 of the tool's model, 0.05 of the plain one", async () => {
  const session = await InferenceSession.create(encodeModel(ours), { intraOpNumThreads: 1 });
  const ids = new OrtTensor("int64", BigInt64Array.from(GOLDEN.ids, BigInt), [GOLDEN.ids.length]);
  const y = Array.from((await session.run({ ids })).y?.data ?? [], Number);
  const far = (from: readonly number[]) =>
    Math.max(...from.map((x, i) => Math.abs(x - (y[i] ?? Number.NaN))));
  expect(far(GOLDEN.yQuantized)).toBeLessThan(1e-6);
  expect(far(GOLDEN.y)).toBeLessThan(0.05);
  expect(far(GOLDEN.y)).toBeGreaterThan(1e-4);
});

test("what is no linear layer by a constant stays as it was, and the argument too", () => {
  const before = encodeModel(plain);
  const alpha = { kind: "float", value: 2 } as const;
  const nodesBefore = plain.graph.nodes.map((node) =>
    node.outputs[0] === "h" ? { ...node, attributes: { ...node.attributes, alpha } } : node,
  );
  const factor: Model = { ...plain, graph: { ...plain.graph, nodes: nodesBefore } };
  const { nodes, initializers } = quantizeDynamically(factor).graph;
  expect(nodes.filter(({ opType }) => opType === "Gemm").map(({ inputs }) => inputs)).toEqual([
    ["x", "w1", "b1"],
  ]);
  expect(initializers.map(({ name }) => name)).toContain("w1");
  expect(encodeModel(plain)).toEqual(before);
});

test("a weight that is not finite leaves an output that is not finite", async () => {
  const initializers = plain.graph.initializers.map((tensor) =>
    tensor.name === "w3"
      ? { ...tensor, data: new Float32Array(tensor.data.length).fill(Number.NaN) }
      : tensor,
  );
  const broken = quantizeDynamically({ ...plain, graph: { ...plain.graph, initializers } });
  const session = await InferenceSession.create(encodeModel(broken), { intraOpNumThreads: 1 });
  const { y } = await session.run({ ids: new OrtTensor("int64", BigInt64Array.of(1n), [1]) });
  expect(Array.from(y?.data ?? [], Number)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});
