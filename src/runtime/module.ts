/**
 * The kernels, compiled for this machine: fetched, checked against the reference once, and measured.
 *
 * Where V8 can join two 128-bit operations to one of 256 bits (Node 24 and newer, behind a flag that it calls
 * experimental), the kernels are compiled with that flag, tried on every kind of work and compared with plain
 * TypeScript; one wrong number, and they are compiled again without it. The flag is on only while the kernels are
 * compiled, 25 ms, and no other code sees it. Browser-safe.
 */

import { RunError } from "../base/errors.ts";
import { Arena } from "../sparse/arena.ts";
import { type Kernels, kernelsOf } from "../sparse/kernels.ts";
import { host } from "./node.ts";
import { disagreement } from "./verify.ts";

/** Compiled kernels. */
export interface CompiledKernels {
  readonly module: WebAssembly.Module;
  /** Whether vectors are joined to 256 bits; null where that cannot be asked for. */
  readonly wide: boolean | null;
}

const WIDE = "experimental-wasm-revectorize";
/** Compile everything at once with the optimizing compiler, so that what is tried is what will run. */
const AT_ONCE = ["liftoff", "wasm-lazy-compilation", "wasm-inlining"];

/** How compiled kernels are tried: what is wrong with them, or undefined. For tests of the way back. */
export type Trial = (kernels: Kernels, arena: Arena) => string | undefined;

/**
 * Fetches and compiles.
 * @throws {RunError} `runtime/kernels` when their file cannot be had, or when they compute something else than the
 *   reference on this machine
 */
export async function compileKernels(shared: boolean, trial: Trial = disagreement): Promise<CompiledKernels> {
  const bytes = await kernelBytes(shared);
  const wrong = (module: WebAssembly.Module): string | undefined => {
    const arena = new Arena(shared);
    return trial(kernelsOf(module, arena.memory), arena);
  };
  const { setFlag } = host;
  if (setFlag) {
    const module = compiledWide(bytes, setFlag);
    if (wrong(module) === undefined) return { module, wide: true };
  }
  // V8 gives the same compiled code for the same bytes, so the second attempt differs by an empty section.
  const module = new WebAssembly.Module(setFlag ? withEmptySection(bytes) : bytes);
  const problem = wrong(module);
  if (problem === undefined) return { module, wide: setFlag ? false : null };
  throw new RunError("runtime/kernels", `kernels: expected the reference's numbers, got others (${problem})`);
}

async function kernelBytes(shared: boolean): Promise<Uint8Array> {
  try {
    return await host.kernels(shared);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new RunError("runtime/kernels", `kernels: expected their file, got: ${got}`, { cause });
  }
}

function compiledWide(bytes: Uint8Array, setFlag: (flag: string, on: boolean) => void): WebAssembly.Module {
  try {
    setFlag(WIDE, true);
    for (const flag of AT_ONCE) setFlag(flag, false);
    return new WebAssembly.Module(bytes);
  } finally {
    setFlag(WIDE, false);
    for (const flag of AT_ONCE) setFlag(flag, true);
  }
}

/** A custom section without content, named "-". */
function withEmptySection(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 4);
  longer.set(bytes);
  longer.set([0, 2, 1, 45], bytes.length);
  return longer;
}
