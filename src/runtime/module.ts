/**
 * The kernels, compiled for this machine: fetched, checked against the reference once, and measured.
 *
 *   fused   products added in one instruction, where the engine has relaxed SIMD: everywhere but in Safari; in Node 20
 *           under a flag
 *   wide    two 128-bit operations joined to one of 256 bits, in Node 24 and newer, under a flag that V8 calls experimental
 *
 * What is best on paper is compiled first, tried on every kind of work and compared with plain TypeScript; one wrong
 * number or a trap, and the next is compiled; only kernels that others can stand in for are left out alone. The first
 * attempt takes 40 ms on a Zen 3. Flags are the process's: they are set only while kernels are compiled, and session.ts has
 * one thread at a time do so. Code that another thread compiles meanwhile sees them. Browser-safe.
 */

import { RunError } from "../base/errors.ts";
import type { WasmModule } from "../base/wasm.ts";
import { Arena } from "../sparse/arena.ts";
import type { KernelBuild } from "../sparse/kernel-files.ts";
import { type CompiledKernels, type Kernels, kernelsOf } from "../sparse/kernels.ts";
import { FUSED_PROBE, RELAXED, type Setting, WIDE, withSettings } from "./flags.ts";
import type { Flags } from "./host.ts";
import { host } from "./node.ts";
import { areTwinsRight, disagreement } from "./verify.ts";

/** How compiled kernels are tried: what is wrong with them, or undefined. For tests of the way back. */
export type Trial = (kernels: Kernels, arena: Arena) => string | undefined;

/**
 * Fetches and compiles.
 *
 * @param areRight  whether kernels by one instruction pass their trial; the code that V8 hides is not trusted either way
 * @throws {RunError} `runtime/kernels` when their file cannot be had, when nothing compiles it, or when they compute
 *   something else than the reference on this machine
 */
export async function compileKernels(
  shared: boolean,
  trial: Trial = disagreement,
  areRight = areTwinsRight,
): Promise<CompiledKernels> {
  let problem: string | undefined;
  let isCompiled = false;
  for (const { fused, wide, settings, isHidden } of attempts(host.flags)) {
    const bytes = await kernelBytes({ shared, fused });
    try {
      // V8 gives the same compiled code for the same bytes, so an attempt after another differs by an empty section.
      const module = compileModule(problem === undefined ? bytes : withEmptySection(bytes), settings);
      isCompiled = true;
      const arena = new Arena(shared, TRIAL_PAGES);
      const kernels = kernelsOf({ module, wide }, arena.memory);
      problem = trial(kernels, arena);
      if (problem === undefined) return { module, fused, wide, dot: !isHidden && areRight(kernels, arena) };
    } catch (error) {
      if (error instanceof RunError && error.code === "arena/memory") throw error;
      // A compiler that gives up and a kernel that traps are as wrong as a number.
      problem = error instanceof Error ? error.message : String(error);
    }
  }
  const expected = isCompiled
    ? "the reference's numbers, got others"
    : `an engine with WebAssembly and its SIMD, which a Content-Security-Policy has to allow (script-src 'wasm-unsafe-eval'), got none`;
  throw new RunError("runtime/kernels", `kernels: expected ${expected} (${problem})`);
}

/** What kernels are tried and measured in: 256 MiB at most. */
export const TRIAL_PAGES = 4096;

interface Attempt extends Pick<CompiledKernels, "fused" | "wide"> {
  readonly settings: readonly Setting[];
  /** Whether relaxed SIMD is one that V8 hides, flag set or not: V8 11 has dot products that are wrong, and not always. */
  readonly isHidden: boolean;
}

/** From the fastest to the plainest, which every engine with SIMD compiles. */
function attempts(flags: Flags | undefined): readonly Attempt[] {
  const isHidden = flags?.hidesRelaxed === true;
  // Who started Node with the flag keeps it.
  const hidden = isHidden && !WebAssembly.validate(FUSED_PROBE) ? [RELAXED] : [];
  const fused = withSettings(hidden, () => WebAssembly.validate(FUSED_PROBE));
  const narrow = flags?.joinsVectors ? false : null;
  return [
    ...(narrow === false
      ? [{ fused, wide: true, settings: fused ? [...hidden, ...WIDE] : WIDE, isHidden }]
      : []),
    ...(fused ? [{ fused, wide: narrow, settings: hidden, isHidden }] : []),
    { fused: false, wide: narrow, settings: [], isHidden: false },
  ];
}

async function kernelBytes(build: KernelBuild): Promise<Uint8Array> {
  try {
    return await host.kernels(build);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new RunError("runtime/kernels", `kernels: expected their file, got: ${got}`, { cause });
  }
}

function compileModule(bytes: Uint8Array, settings: readonly Setting[]): WasmModule {
  return withSettings(settings, () => new WebAssembly.Module(bytes));
}

/** A custom section without content, named "-". */
function withEmptySection(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 4);
  longer.set(bytes);
  longer.set([0, 2, 1, 45], bytes.length);
  return longer;
}
