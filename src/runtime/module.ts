/**
 * The kernels, compiled for this machine: fetched, checked against the reference once, and measured.
 *
 * Where V8 can join two 128-bit operations to one of 256 bits (Node 24 and newer, behind a flag that it calls
 * experimental), the kernels are compiled with that flag, tried on every kind of work and compared with plain
 * TypeScript; one wrong number, and they are compiled again without it. The flag is on only while the kernels are
 * compiled, 25 ms, and no other code sees it. Browser-safe.
 */

import { RunError } from "../base/errors.ts";
import { builtUrl } from "../engine/built-url.ts";
import { Arena } from "../sparse/arena.ts";
import { type Kernels, kernelsOf } from "../sparse/kernels.ts";
import { inNode } from "./ports.ts";
import { disagreement } from "./verify.ts";

/** Compiled kernels. */
export interface CompiledKernels {
  readonly module: WebAssembly.Module;
  /** Whether vectors are joined to 256 bits; null where that cannot be asked for. */
  readonly wide: boolean | null;
}

/** The first V8 that joins vectors; older ones know the flag and do nothing, or do not know it. */
const FIRST_WIDE_V8 = 13;
const WIDE = "experimental-wasm-revectorize";
/** Compile everything at once with the optimizing compiler, so that what is tried is what will run. */
const AT_ONCE = ["liftoff", "wasm-lazy-compilation", "wasm-inlining"];

/** How compiled kernels are tried: what is wrong with them, or undefined. For tests of the way back. */
export type Trial = (kernels: Kernels, arena: Arena) => string | undefined;

/**
 * Fetches and compiles.
 * @throws {RunError} `runtime/kernels` for kernels that compute something else than the reference on this machine
 */
export async function compileKernels(shared: boolean, trial: Trial = disagreement): Promise<CompiledKernels> {
  const bytes = await kernelBytes(shared ? "./kernels-shared.wasm" : "./kernels.wasm");
  const wrong = (module: WebAssembly.Module): string | undefined => {
    const arena = new Arena(shared);
    return trial(kernelsOf(module, arena.memory), arena);
  };
  const setFlag = await flagSetter();
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

async function kernelBytes(name: string): Promise<Uint8Array> {
  // The bundle for browsers lays the kernels beside itself; in the package they are with what binds them.
  const url = import.meta.url.includes("/runtime/")
    ? builtUrl(`../sparse/${name}`, import.meta.url)
    : new URL(name, import.meta.url);
  if (url.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return readFile(url);
  }
  const response = await fetch(url);
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new RunError("runtime/kernels", `kernels: expected ${url.href}, got status ${response.status}`);
}

/** Switches a flag of V8; undefined where vectors are not joined anyway. */
async function flagSetter(): Promise<((flag: string, on: boolean) => void) | undefined> {
  if (!inNode() || process.arch !== "x64") return undefined;
  const [major = 0] = process.versions.v8.split(".").map(Number);
  if (major < FIRST_WIDE_V8) return undefined;
  const { setFlagsFromString } = await import("node:v8");
  return (flag, on) => setFlagsFromString(`--${on ? "" : "no-"}${flag}`);
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
