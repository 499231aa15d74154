import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyBatch, tinyCases } from "../../test/support/golden.ts";
import { PRUNED_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { Engine } from "../engine/engine.ts";
import { decodeModel } from "../onnx/decode.ts";
import { openNetwork, openProgram } from "./inference.ts";
import type { Network } from "./network.ts";
import { onnxProgram } from "./onnx.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

/** Node types of a model, and how often each occurs. */
function count(bytes: Uint8Array): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { opType } of decodeModel(bytes).graph.nodes) counts.set(opType, (counts.get(opType) ?? 0) + 1);
  return counts;
}

/** The model as ONNX Runtime runs it, after its own rewriting. */
async function optimized(bytes: Uint8Array): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "espalier-test-"));
  try {
    const optimizedModelFilePath = join(folder, "optimized.onnx");
    const session = await InferenceSession.create(bytes, { optimizedModelFilePath, logSeverityLevel: 3 });
    await session.release();
    return await readFile(optimizedModelFilePath);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.each(tinyCases().map((c) => [c.name, c] as const))(
  "%s: int8 logits within 10 % of the logits' range of the float32 model's, and not equal",
  async (_, c) => {
    const batch = tinyBatch(c);
    const exact = await (await openNetwork(engine, c.network)).logits(batch);
    const int8 = await openProgram(engine, onnxProgram(c.network, { weights: "int8" }), c.network);
    const rough = await int8.logits(batch);
    const range = Math.max(...exact) - Math.min(...exact);
    const far = Math.max(...exact.map((x, i) => Math.abs(x - (rough[i] ?? Number.NaN))));
    expect(rough.length).toBe(exact.length);
    expect(far).toBeLessThan(0.1 * range);
    expect(far).toBeGreaterThan(0);
  },
);

const NETWORKS: readonly [string, Network][] = [
  ["classifier", tinyModel()],
  ["pruned regression", tinyModel({ kind: "regression", reader: "mixture" }, PRUNED_CONFIG)],
  ["masked language model", tinyModel({ kind: "mlm" })],
];

test.each(NETWORKS)(
  "%s: every linear layer is int8, and ONNX Runtime fuses each into one kernel",
  async (_, network) => {
    const layers = count(onnxProgram(network).bytes).get("Gemm") ?? 0;
    const { bytes } = onnxProgram(network, { weights: "int8" });
    const written = count(bytes);
    expect(layers).toBeGreaterThan(12);
    expect([written.get("Gemm"), written.get("MatMulInteger")]).toEqual([undefined, layers]);
    const run = count(await optimized(bytes));
    expect(run.get("MatMulInteger")).toBeUndefined();
    expect((run.get("DynamicQuantizeMatMul") ?? 0) + (run.get("MatMulIntegerToFloat") ?? 0)).toBe(layers);
  },
);

test("no float32 matrix is left in the int8 file", () => {
  const { initializers } = decodeModel(onnxProgram(tinyModel(), { weights: "int8" }).bytes).graph;
  const left = initializers.filter(({ dtype, shape }) => dtype === "float32" && shape.length > 1);
  expect(left.map(({ name }) => name)).toEqual([]);
});
