/** Which way a model goes, by its counts: no network of gigabytes is made here. */

import { expect, test, vi } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { RunError } from "../base/errors.ts";
import { USUAL_RATES } from "../sparse/linear.ts";
import { choosePath, fitsDense } from "./path.ts";
import type { RuntimeSession } from "./session.ts";

const { config, head, vocabulary } = letterClassifier(1);

/** Multilingual E5 has 278 million numbers as "base" and 560 as "large". */
const LARGE = 560e6;

test("a network of 2 GiB or more in float32 does not fit into ONNX Runtime", () => {
  expect([278e6, 530e6, 2 ** 29, LARGE].map((numbers) => fitsDense({ numbers }))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test.each([1, 0.3])("such a network stays sparse in Node, at a density of %d", async (density) => {
  const opened = { config, head, vocabulary, metadata: {}, density, weights: 3e8, numbers: LARGE };
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

test.each([1, 0.3])(
  "where ONNX Runtime cannot be opened a model of density %d stays sparse",
  async (density) => {
    const session = sparseSession(density);
    const network = vi.fn();
    const file = { opened: session.opened, place: async () => session, network, close: async () => {} };
    const fails = vi.fn(async () => {
      throw new RunError("engine/worker", "engine: file too short");
    });
    expect((await choosePath(file, 1, {}, fails)).path).toBe(session);
    expect(fails).toHaveBeenCalledOnce();
    expect(network).not.toHaveBeenCalled();
    await expect(choosePath(file, 1, { path: "dense" }, fails)).rejects.toThrow("file too short");
  },
);

test("an error of ONNX Runtime after it was given the network is told", async () => {
  const session = sparseSession(1);
  const file = {
    opened: session.opened,
    place: async () => session,
    network: vi.fn(),
    close: async () => {},
  };
  const fails = async (take: () => Promise<unknown>): Promise<never> => {
    await take();
    throw new RunError("engine/run", "engine: no such operator");
  };
  await expect(choosePath(file, 1, {}, fails)).rejects.toThrow("no such operator");
});

/** Of a model that is large enough for ONNX Runtime, and small enough. */
function sparseSession(density: number): RuntimeSession {
  const opened = { config, head, vocabulary, metadata: {}, density, weights: 3e6, numbers: 5e6 };
  const report = { rates: USUAL_RATES, kernels: {}, fused: false, wide: null, density, memory: 1 };
  return {
    opened: { ...opened, report },
    threads: 1,
    logits: async () => new Float32Array(1),
    close: async () => {},
  };
}
