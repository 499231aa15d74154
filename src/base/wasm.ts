/**
 * WebAssembly's objects by what they have, for declarations that others compile: types of Node leave the namespace to the
 * browser's, which a program for Node need not have.
 */

/** A `WebAssembly.Memory`. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB; @returns how many there were */
  grow(pages: number): number;
}

/** A `WebAssembly.Module`, of which nothing is asked but to be run. */
export type WasmModule = object;
