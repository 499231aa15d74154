/** Compiling the kernels, and the way back when the faster ones compute something else. */

import { setFlagsFromString } from "node:v8";
import { describe, expect, test, vi } from "vitest";
import { Arena } from "../sparse/arena.ts";
import { BYTE_KERNEL_NAMES } from "../sparse/byte-linear.ts";
import { BYTE_TWINS, type Kernels, kernelsOf } from "../sparse/kernels.ts";
import { LINEAR_KERNELS } from "../sparse/linear.ts";
import { compileKernels, type Trial } from "./module.ts";
import { measureRates } from "./rates.ts";
import { areTwinsRight, disagreement } from "./verify.ts";

/** What this Node's V8 can do, from the best to the plainest; older ones are not asked for wide vectors. */
const CAN_BE_WIDE = process.arch === "x64" && Number(process.versions.v8.split(".")[0]) >= 13;
const WAYS = CAN_BE_WIDE
  ? [
      { fused: true, wide: true },
      { fused: true, wide: false },
      { fused: false, wide: false },
    ]
  : [
      { fused: true, wide: null },
      { fused: false, wide: null },
    ];

describe.each([false, true])("for shared memory: %s", (shared) => {
  test.each(WAYS.map((way, failures) => ({ ...way, failures })))(
    "after $failures failed trials kernels are fused $fused and wide $wide, and agree with the reference",
    async ({ failures, ...way }) => {
      let trials = 0;
      const failing: Trial = (kernels, arena) => {
        trials += 1;
        return trials <= failures ? "spmm_1x1: made to fail" : disagreement(kernels, arena);
      };
      const kernels = await compileKernels(shared, failing);
      expect(kernels).toMatchObject(way);
      expect(trials).toBe(failures + 1);
      const arena = new Arena(shared);
      expect(disagreement(kernelsOf(kernels, arena.memory), arena)).toBeUndefined();
    },
  );
});

test("kernels that trap are passed over as those that compute wrongly are", async () => {
  let trials = 0;
  const trapping: Trial = (kernels, arena) => {
    trials += 1;
    if (trials === 1) throw new Error("unreachable");
    return disagreement(kernels, arena);
  };
  expect(await compileKernels(false, trapping)).toMatchObject(WAYS[1] ?? {});
  expect(trials).toBe(2);
});

test("kernels that fail every trial are refused, naming the kernel", async () => {
  const compiling = compileKernels(false, () => "attention: made to fail");
  await expect(compiling).rejects.toMatchObject({ code: "runtime/kernels", message: /attention/ });
});

test("where nothing is compiled, as a page's policy may have it, the error says what has to be allowed", async () => {
  class Refusing {
    constructor() {
      throw new Error("blocked by Content Security Policy");
    }
  }
  vi.spyOn(WebAssembly, "Module").mockImplementation(Refusing);
  const error = await compileKernels(false).catch((cause: unknown) => cause);
  vi.restoreAllMocks();
  expect(error).toMatchObject({
    code: "runtime/kernels",
    message: expect.stringMatching(/'wasm-unsafe-eval'.*\(blocked by Content Security Policy\)$/),
  });
});

test.each([
  ...Object.keys(LINEAR_KERNELS),
  ...BYTE_KERNEL_NAMES.filter((kernel) => !kernel.endsWith("_dot")),
  "quantize",
  "dequantize",
  "attention",
  "layer_norm",
  "gather",
  "gelu_erf",
  "gelu_tanh",
  "relu",
  "tanh",
])("%s that does nothing is found out", async (name) => {
  const compiled = await compileKernels(false);
  const arena = new Arena(false);
  const broken: Kernels = { ...kernelsOf(compiled, arena.memory), [name]: () => {} };
  expect(disagreement(broken, arena)).toMatch(name);
});

test.each(BYTE_TWINS)("%s that does nothing leaves its kind out, and nothing else", async (name) => {
  const compiled = await compileKernels(false);
  const arena = new Arena(false);
  const broken: Kernels = { ...kernelsOf(compiled, arena.memory), [name]: () => {} };
  expect(disagreement(broken, arena)).toBeUndefined();
  expect(areTwinsRight(broken, arena)).toBe(false);
});

test("kernels by one instruction are taken where they need no flag, and have no rate elsewhere", async () => {
  const compiled = await compileKernels(false);
  expect(compiled.dot).toBe(Number(process.versions.node.split(".")[0]) >= 22);
  const arena = new Arena(false);
  const rates = measureRates(kernelsOf(compiled, arena.memory), arena, false);
  expect(BYTE_TWINS.map((name) => rates[name])).toEqual([0, 0, 0]);
  expect(rates.qgemm_4x4).toBeGreaterThan(0);
});

test("dot products that an engine hides are not taken where its flag is on already, whatever their trial", async () => {
  const flag = "experimental-wasm-relaxed-simd";
  const isHidden = Number(process.versions.v8.split(".")[0]) <= 11;
  if (isHidden) setFlagsFromString(`--${flag}`);
  try {
    const compiled = await compileKernels(false, disagreement, () => true);
    expect(compiled).toMatchObject({ fused: true, dot: !isHidden });
  } finally {
    if (isHidden) setFlagsFromString(`--no-${flag}`);
  }
});
