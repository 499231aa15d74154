import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { type TinyCase, tinyBatch, tinyCases } from "../../test/support/golden.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import type { BertConfig, Head } from "../bert/config.ts";
import { parameters } from "../bert/names.ts";
import { Engine } from "../engine/engine.ts";
import { decodeModel } from "../onnx/decode.ts";
import { hasOperator, OPSETS } from "../onnx/opsets.ts";
import { openNetwork, openProgram } from "./inference.ts";
import { initialNetwork, type Network } from "./network.ts";
import { exportOnnx, onnxProgram, referenceProgram } from "./onnx.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

function tiny(head: Head["kind"]): Network {
  const found = tinyCases().find(({ network }) => network.head.kind === head);
  if (!found) throw new Error(`goldens: no ${head}`);
  return found.network;
}

test.each(tinyCases().map((c) => [c.name, c] as const))(
  "%s: the exported model's logits within 1e-5 of PyTorch's in float64, padding included",
  async (_, c) => {
    const { logits } = await openNetwork(engine, c.network);
    const ours = await logits(tinyBatch(c));
    expect(c.mask).toContain(0);
    expect(ours.length).toBe(c.logits.data.length);
    const far = c.logits.data.map((x, i) => Math.abs(x - (ours[i] ?? Number.NaN)));
    expect(Math.max(...far)).toBeLessThan(1e-5);
  },
);

/** Logits of the graph that training runs. */
async function referenceLogits(network: Network, golden: TinyCase): Promise<number[]> {
  const { size, length, ids, types, mask } = golden;
  const shape = [size, length];
  const session = await engine.session(`reference ${randomUUID()}`, () => referenceProgram(network));
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(network.tensors),
    input_ids: { dtype: "int32", shape, data: ids },
    token_type_ids: { dtype: "int32", shape, data: types },
    mask: { dtype: "float32", shape, data: mask },
  };
  const [results] = await engine.run([{ session, feeds }]);
  return Array.from<number | bigint, number>(results?.logits?.data ?? [], Number);
}

test.each([
  { kind: "classification", labels: ["a", "b", "c"], reader: "mixture" },
  { kind: "regression", reader: "mixture" },
  { kind: "regression", reader: "means" },
  { kind: "multi-label", labels: ["a", "b", "c"], reader: "mixture" },
] satisfies Head[])(
  "%o: the exported logits are those of the graph that training runs, within 1e-5",
  async (head) => {
    const [golden] = tinyCases();
    if (!golden) throw new Error("goldens: none");
    const config = { ...golden.network.config, initializerRange: 0.4 };
    const network = initialNetwork(config, head, golden.network.vocabulary, keyOf(1));
    const tensors = new Map(network.tensors).set(
      "mixture.weights",
      floatTensor([2], Float32Array.of(-1, 0.5)),
    );
    const mixed: Network = { ...network, tensors };
    const expected = await referenceLogits(mixed, golden);
    const ours = await (await openNetwork(engine, mixed)).logits(tinyBatch(golden));
    expect(ours.length).toBe(golden.size * (head.kind === "regression" ? 1 : 3));
    expect(new Set(ours).size).toBe(ours.length);
    const far = [...ours].map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN)));
    expect(Math.max(...far)).toBeLessThan(1e-5);
  },
);

const WRITTEN = OPSETS.flatMap((opset) =>
  (["gelu", "gelu_new", "relu"] as const).map((activation) => ({ opset, activation })),
);

test.each(WRITTEN)(
  "opset $opset, $activation: its operators alone, logits within 1e-5 of what training runs",
  async ({ opset, activation }) => {
    const [golden] = tinyCases();
    if (!golden) throw new Error("goldens: none");
    const config = { ...golden.network.config, activation, initializerRange: 0.4 };
    const head: Head = { kind: "classification", labels: ["a", "b", "c"], reader: "mixture" };
    const network = initialNetwork(config, head, golden.network.vocabulary, keyOf(2));
    const made = onnxProgram(network, { opset });
    const { opsets, irVersion, graph } = decodeModel(made.bytes);
    expect([opsets, irVersion]).toEqual([{ "": opset }, opset < 19 ? 8 : 9]);
    expect(graph.nodes.filter(({ opType }) => !hasOperator(opType, opset))).toEqual([]);
    const int8 = decodeModel(onnxProgram(network, { opset, weights: "int8" }).bytes);
    expect([int8.opsets, int8.irVersion]).toEqual([opsets, irVersion]);
    expect(int8.graph.nodes.filter(({ opType }) => !hasOperator(opType, opset))).toEqual([]);
    const expected = await referenceLogits(network, golden);
    const ours = await (await openProgram(engine, made, network)).logits(tinyBatch(golden));
    expect(ours.length).toBe(3 * golden.size);
    expect(Math.max(...[...ours].map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN))))).toBeLessThan(
      1e-5,
    );
  },
);

test("a network without a head gives its last hidden states", async () => {
  const { config, tensors, vocabulary } = tiny("classification");
  const kept = [...parameters(config, { kind: "none" }).keys()];
  const bare: Network = {
    config,
    head: { kind: "none" },
    tensors: new Map(kept.map((name) => [name, tensors.get(name) ?? floatTensor([0], new Float32Array(0))])),
    vocabulary,
  };
  const { logits } = await openNetwork(engine, bare);
  const ids = Int32Array.of(2, 5, 3);
  const batch = { size: 1, length: 3, ids, types: new Int32Array(3), mask: new Float32Array(3).fill(1) };
  const states = await logits(batch);
  expect(states.length).toBe(3 * config.hiddenSize);
  expect(decodeModel(exportOnnx(bare)).graph.outputs.map(({ name }) => name)).toEqual(["last_hidden_state"]);
});

test("the file has standard operators, int64 inputs with free axes, its labels, and every weight by name", () => {
  const network = tiny("classification");
  const { graph, opsets, metadata, producerName, producerVersion } = decodeModel(
    exportOnnx(network, { producerVersion: "1.2.3" }),
  );
  const ids = { kind: "tensor", dtype: "int64", shape: ["batch_size", "sequence_length"] };
  expect([...graph.inputs].sort((a, b) => a.name.localeCompare(b.name))).toEqual([
    { name: "attention_mask", ...ids },
    { name: "input_ids", ...ids },
    { name: "token_type_ids", ...ids },
  ]);
  expect(graph.outputs).toEqual([
    { name: "logits", kind: "tensor", dtype: "float32", shape: ["batch_size", 3] },
  ]);
  expect(Object.keys(opsets)).toEqual([""]);
  expect(graph.nodes.filter(({ domain }) => domain)).toEqual([]);
  expect({ producerName, producerVersion }).toEqual({ producerName: "espalier", producerVersion: "1.2.3" });
  expect(metadata).toEqual({ head: "classification", max_length: "16", labels: '["a","b","c"]' });
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  for (const [name, tensor] of network.tensors) expect(initializers.get(name)?.data).toEqual(tensor.data);
});

test("a masked language model's output is [batch_size, sequence_length, pieces]", () => {
  const network = tiny("mlm");
  expect(decodeModel(exportOnnx(network)).graph.outputs[0]?.shape).toEqual([
    "batch_size",
    "sequence_length",
    network.config.vocabSize,
  ]);
});

test("a weight of another shape than the configuration's is refused (graph/input)", () => {
  const network = tiny("regression");
  const tensors = new Map(network.tensors).set("classifier.bias", floatTensor([2], new Float32Array(2)));
  expect(() => exportOnnx({ ...network, tensors })).toThrow(expect.objectContaining({ code: "graph/input" }));
});

test("a network of 2 GiB is refused by name (onnx/too-large)", () => {
  const layer = { heads: 16, headSize: 128, ffn: 8192 };
  const { vocabulary } = tiny("mlm");
  const config: BertConfig = {
    ...tiny("mlm").config,
    hiddenSize: 2048,
    layers: Array.from({ length: 12 }, () => layer),
  };
  const shared = new Float32Array(2048 * 8192); // every matrix is a view of one: 2 GiB in the file, not in memory
  const head: Head = { kind: "regression" };
  const tensors = new Map(
    [...parameters(config, head)].map(([name, shape]) => [
      name,
      floatTensor(
        shape,
        shared.subarray(
          0,
          shape.reduce((n, d) => n * d, 1),
        ),
      ),
    ]),
  );
  expect(() => exportOnnx({ config, head, tensors, vocabulary })).toThrow(
    expect.objectContaining({ code: "onnx/too-large" }),
  );
});

test("a batch longer than the positions is refused (inference/length)", async () => {
  const network = initialNetwork(
    tiny("mlm").config,
    { kind: "regression" },
    tiny("mlm").vocabulary,
    keyOf(1),
  );
  const { logits } = await openNetwork(engine, network);
  const length = network.config.maxPositions + 1;
  const zeros = new Int32Array(length);
  const batch = { size: 1, length, ids: zeros, types: zeros, mask: new Float32Array(length).fill(1) };
  await expect(logits(batch)).rejects.toThrow(expect.objectContaining({ code: "inference/length" }));
});
