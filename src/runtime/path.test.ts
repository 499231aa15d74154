/** Which way a model goes, by its counts: no network of gigabytes is made here. */

import { expect, test, vi } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { configOf } from "../../test/support/configs.ts";
import { USUAL_RATES } from "../sparse/linear.ts";
import { choosePath, fitsDense } from "./path.ts";
import type { OpenFile, RuntimeSession } from "./session.ts";

const { vocabulary } = letterClassifier(1);

/** An encoder with sizes of multilingual E5: 278 million numbers, or 560. */
function encoder(size: "base" | "large"): OpenFile["opened"] {
  const [hiddenSize, count, heads] = size === "base" ? [768, 12, 12] : [1024, 24, 16];
  const layers = Array.from({ length: count }, () => ({ heads, headSize: 64, ffn: 4 * hiddenSize }));
  const config = configOf({ vocabSize: 250_002, hiddenSize, layers, maxPositions: 512 });
  const head = { kind: "none", pooling: { mode: "mean", normalize: true } } as const;
  return { config, head, vocabulary, metadata: {}, density: 1, weights: 3e8 };
}

test("a network of 2 GiB or more in float32 does not fit into ONNX Runtime", () => {
  expect([fitsDense(encoder("base")), fitsDense(encoder("large"))]).toEqual([true, false]);
});

test.each([1, 0.3])("such a network stays sparse in Node, at a density of %d", async (density) => {
  const opened = { ...encoder("large"), density };
  const close = async (): Promise<void> => {};
  const report = { rates: USUAL_RATES, kernels: {}, fused: false, wide: null, density, memory: 1 };
  const session: RuntimeSession = {
    opened: { ...opened, report },
    threads: 1,
    logits: async () => new Float32Array(1),
    close,
  };
  const network = vi.fn();
  const openDense = vi.fn();
  const { path, report: told } = await choosePath(
    { opened, place: async () => session, network, close },
    1,
    {},
    openDense,
  );
  expect(path).toBe(session);
  expect(told).toMatchObject({ path: "sparse", tried: null });
  expect(network).not.toHaveBeenCalled();
  expect(openDense).not.toHaveBeenCalled();
});
