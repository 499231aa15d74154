/**
 * An exported file in the oldest runtime that is promised: onnxruntime-web 1.14, which version 2 of transformers.js runs.
 *
 * It is read in Node, with the file's own numbers compared. Browsers and transformers.js itself: browser.test.ts.
 */

import { createRequire } from "node:module";
import { afterAll, expect, test } from "vitest";
import type { Head } from "../../src/bert/config.ts";
import type { Activation } from "../../src/bert/facts.ts";
import { linearModules, type QuantizedLayers } from "../../src/bert/quantized.ts";
import { Engine } from "../../src/engine/engine.ts";
import { openNetwork } from "../../src/network/inference.ts";
import type { Network } from "../../src/network/network.ts";
import { type OnnxWeights, onnxOutput, onnxProgram } from "../../src/network/onnx.ts";
import { withQuantized } from "../../src/network/quantized.ts";
import { PRUNED_CONFIG, tinyModel } from "../support/tiny-model.ts";

/** What is used of the old runtime, whose own types are those of another version under the same name. */
interface OldRuntime {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: "int64", data: BigInt64Array, shape: readonly number[]) => object;
  readonly InferenceSession: {
    create(
      bytes: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: Record<string, object>): Promise<Record<string, { readonly data: Float32Array }>>;
    }>;
  };
}

function isRuntime(module: unknown): module is OldRuntime {
  return typeof module === "object" && module !== null && "InferenceSession" in module && "Tensor" in module;
}

function oldRuntime(): OldRuntime {
  const module: unknown = createRequire(import.meta.url)("onnxruntime-web-1.14");
  if (!isRuntime(module)) throw new Error("onnxruntime-web-1.14: expected a runtime, got something else");
  module.env.wasm.numThreads = 1;
  return module;
}

const { InferenceSession, Tensor } = oldRuntime();
const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const two: Head = { kind: "classification", labels: ["negative", "positive"] };
const FILES: readonly [string, Head, Activation, OnnxWeights, number][] = [
  ["classifier", two, "gelu", "float32", 1e-5],
  ["classifier with GELU by tanh", two, "gelu_new", "float32", 1e-5],
  ["classifier in int8", two, "gelu", "int8", 1],
  ["classifier in pairs of QuantizeLinear and DequantizeLinear", two, "gelu", "qdq", 1],
  ["regression on a mixture", { kind: "regression", reader: "mixture" }, "relu", "float32", 1e-5],
  ["masked language model", { kind: "mlm" }, "gelu", "float32", 1e-5],
  ["encoder", { kind: "none" }, "gelu", "float32", 1e-5],
];

/** Every layer in 8 bits, with a range that is wide enough. */
function everyLayer({ config }: Network): QuantizedLayers {
  const input = { low: -8, high: 8 };
  return new Map(linearModules(config.layers).map((module) => [module, { input }]));
}

test.each(FILES)(
  "a %s loads in ONNX Runtime 1.14 and computes the same",
  async (_, head, activation, weights, bound) => {
    const given = tinyModel(head, { ...PRUNED_CONFIG, activation });
    const network = weights === "qdq" ? withQuantized(given, everyLayer(given)) : given;
    const [size, length] = [2, 6];
    const ids = Int32Array.of(2, 5, 7, 9, 6, 3, 2, 8, 3, 0, 0, 0);
    const types = Int32Array.of(0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0);
    const mask = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0);
    const expected = await (await openNetwork(engine, network)).logits({ size, length, ids, types, mask });
    const { bytes } = onnxProgram(network, { weights });
    const session = await InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    const fed = (data: ArrayLike<number>) =>
      new Tensor("int64", BigInt64Array.from(Array.from(data, BigInt)), [size, length]);
    const results = await session.run({
      input_ids: fed(ids),
      attention_mask: fed(mask),
      token_type_ids: fed(types),
    });
    const got = results[onnxOutput(network)]?.data ?? [];
    expect(got.length).toBe(expected.length);
    expect(Math.max(...expected.map((x, i) => Math.abs(x - (got[i] ?? Number.NaN))))).toBeLessThan(bound);
  },
);
