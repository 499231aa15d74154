/**
 * The optimizer's WebAssembly kernels (assembly/optimizer.ts), bound to the memory that a buffer lies in, and what the
 * trainer asks of them. These functions run in the engine's worker, beside the buffers (`Engine.host`).
 *
 * Not here: which weights get which factors (placement.ts, trainer.ts), rows of a table (row-adamw.ts).
 */

import { readFileSync } from "node:fs";
import { builtUrl } from "../base/built-url.ts";
import type { WasmMemory, WasmModule } from "../base/wasm.ts";
import type { HostMemory } from "../engine/protocol.ts";
import type { StepFactors } from "./adamw.ts";

/** See assembly/optimizer.ts; addresses are in bytes. */
export interface Kernels {
  readonly adamw: (
    w: number,
    m: number,
    v: number,
    g: number,
    n: number,
    beta1: number,
    beta2: number,
    gradient: number,
    root: number,
    keep: number,
    rate: number,
    epsilon: number,
    zeros: number,
  ) => void;
  readonly descend: (w: number, g: number, n: number, rate: number) => void;
  readonly squares: (g: number, n: number) => number;
}

let compiled: WasmModule | undefined;
const instances = new WeakMap<WasmMemory, Kernels>();

/** The kernels on one memory; compiled once, instantiated once for each memory. */
export function kernelsOn(memory: WasmMemory): Kernels {
  const known = instances.get(memory);
  if (known) return known;
  compiled ??= new WebAssembly.Module(readFileSync(builtUrl("./optimizer.wasm", import.meta.url)));
  const { adamw, descend, squares } = new WebAssembly.Instance(compiled, { env: { memory } }).exports;
  if (!(adamw && descend && squares))
    throw new RangeError("kernels: expected those of assembly/optimizer.ts");
  const kernels: Kernels = { adamw, descend, squares };
  instances.set(memory, kernels);
  return kernels;
}

/** The AdamW kernel over `n` elements at byte addresses. */
export function runAdamw(
  { adamw }: Kernels,
  at: { readonly w: number; readonly m: number; readonly v: number; readonly g: number },
  n: number,
  { beta1, beta2, gradient, root, keep, rate, epsilon }: StepFactors,
  keepZeros = false,
): void {
  adamw(at.w, at.m, at.v, at.g, n, beta1, beta2, gradient, root, keep, rate, epsilon, keepZeros ? 1 : 0);
}

/** One range [start, end) of the flat buffers and how it moves in this step. */
export type RangeStep = { readonly start: number; readonly end: number } & (
  | { readonly kind: "adamw"; readonly factors: StepFactors; readonly keepZeros: boolean }
  | { readonly kind: "descent"; readonly rate: number }
);

/** Names of the flat buffers, all of one layout. */
export interface FlatBuffers {
  readonly weights: string;
  readonly gradients: string;
  readonly mean: string;
  readonly square: string;
}

/** One optimizer step over the ranges of the flat buffers. */
export function stepRanges(
  memory: HostMemory,
  { buffers, ranges }: { readonly buffers: FlatBuffers; readonly ranges: readonly RangeStep[] },
): void {
  const kernels = kernelsOn(memory.heap(buffers.weights));
  for (const range of ranges) {
    const { start, end } = range;
    const shape = [end - start];
    const address = (buffer: string): number => memory.view({ buffer, offset: start, shape }).byteOffset;
    const [w, g] = [address(buffers.weights), address(buffers.gradients)];
    if (range.kind === "descent") kernels.descend(w, g, end - start, range.rate);
    else {
      const at = { w, g, m: address(buffers.mean), v: address(buffers.square) };
      runAdamw(kernels, at, end - start, range.factors, range.keepZeros);
    }
  }
}

/** Σg² of the first `length` elements of a buffer. */
export function squaredNorm(
  memory: HostMemory,
  { buffer, length }: { readonly buffer: string; readonly length: number },
): number {
  const { byteOffset } = memory.view({ buffer, offset: 0, shape: [length] });
  return kernelsOn(memory.heap(buffer)).squares(byteOffset, length);
}

/** Copies the first `length` elements of one buffer to another. */
export function copyBuffer(
  memory: HostMemory,
  { from, to, length }: { readonly from: string; readonly to: string; readonly length: number },
): void {
  const shape = [length];
  memory.view({ buffer: to, offset: 0, shape }).set(memory.view({ buffer: from, offset: 0, shape }));
}
