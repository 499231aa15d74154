/**
 * Flags of V8 that kernels are compiled under. They are the whole process's, and a thread that is ended while it compiles
 * does not take them back: whoever ended it does (session.ts). Browser-safe, where there are none.
 */

import { host } from "./node.ts";

/** A flag and what it is set to while kernels are compiled; afterwards it is the opposite. */
export type Setting = readonly [flag: string, on: boolean];

export const RELAXED: Setting = ["experimental-wasm-relaxed-simd", true];
export const WIDE: readonly Setting[] = [
  ["experimental-wasm-revectorize", true],
  // Compile everything at once with the optimizing compiler, so that what is tried is what will run.
  ["liftoff", false],
  ["wasm-lazy-compilation", false],
  ["wasm-inlining", false],
];

/** (v128, v128, v128) → v128 by f32x4.relaxed_madd: valid where relaxed SIMD is there. */
export const FUSED_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0], // \0asm, version 1
  ...[1, 8, 1, 96, 3, 123, 123, 123, 1, 123], // types: one
  ...[3, 2, 1, 0], // functions: one, of that type
  ...[10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11], // code: its arguments, the instruction, end
);

/** Does something while flags are set. */
export function withSettings<T>(settings: readonly Setting[], work: () => T): T {
  try {
    for (const [flag, on] of settings) host.flags?.set(flag, on);
    return work();
  } finally {
    for (const [flag, on] of settings) host.flags?.set(flag, !on);
  }
}

/** Who started Node with the flag of relaxed SIMD keeps it; asked before anything is set. */
const isRelaxedGiven = host.flags?.hidesRelaxed !== true || WebAssembly.validate(FUSED_PROBE);

/** Takes back what a thread may have left set, once it is gone. */
export function restoreFlags(): void {
  const { flags } = host;
  const settings = [...(isRelaxedGiven ? [] : [RELAXED]), ...(flags?.joinsVectors ? WIDE : [])];
  for (const [flag, on] of settings) flags?.set(flag, !on);
}
