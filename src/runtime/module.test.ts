/** Compiling the kernels, and the way back when wide vectors compute something else. */

import { expect, test } from "vitest";
import { Arena } from "../sparse/arena.ts";
import { type Kernels, kernelsOf } from "../sparse/kernels.ts";
import { compileKernels, type Trial } from "./module.ts";
import { disagreement } from "./verify.ts";

/** What Node's V8 can do; older ones compile once and are not asked. */
const CAN_BE_WIDE = process.arch === "x64" && Number(process.versions.v8.split(".")[0]) >= 13;

test.each([false, true])(
  "kernels agree with the reference when compiled for shared memory: %s",
  async (shared) => {
    const { module, wide } = await compileKernels(shared);
    const arena = new Arena(shared);
    expect(disagreement(kernelsOf(module, arena.memory), arena)).toBeUndefined();
    expect(wide).toBe(CAN_BE_WIDE ? true : null);
  },
);

test("kernels that fail their first trial are compiled again without wide vectors, without a word", async () => {
  let trials = 0;
  const failing: Trial = (kernels, arena) => {
    trials += 1;
    return trials === 1 && CAN_BE_WIDE ? "spmm_1x1: made to fail" : disagreement(kernels, arena);
  };
  const { module, wide } = await compileKernels(false, failing);
  expect([trials, wide]).toEqual(CAN_BE_WIDE ? [2, false] : [1, null]);
  const arena = new Arena(false);
  expect(disagreement(kernelsOf(module, arena.memory), arena)).toBeUndefined();
});

test("kernels that fail every trial are refused, naming the kernel", async () => {
  const compiling = compileKernels(false, () => "attention: made to fail");
  await expect(compiling).rejects.toMatchObject({ code: "runtime/kernels", message: /attention/ });
});

test.each([
  "spmm_1x1",
  "spmm_1x1_pair",
  "spmm_2x1",
  "spmm_4x1",
  "gemm_4x1",
  "attention",
  "layer_norm",
  "gather",
  "gelu_erf",
  "gelu_tanh",
  "relu",
  "tanh",
] as const)("%s that does nothing is found out", async (name) => {
  const { module } = await compileKernels(false);
  const arena = new Arena(false);
  const broken: Kernels = { ...kernelsOf(module, arena.memory), [name]: () => {} };
  expect(disagreement(broken, arena)).toMatch(name);
});
