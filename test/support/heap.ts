/** Buffers in one WebAssembly memory, as the engine's worker holds them, for tests of what runs beside them. */

import { sizeOf } from "../../src/base/tensor.ts";
import type { HostMemory } from "../../src/engine/protocol.ts";

/** Buffers of zeros by name. */
export function heapOf(
  sizes: Readonly<Record<string, number>>,
): HostMemory & { readonly buffers: ReadonlyMap<string, Float32Array> } {
  const total = Object.values(sizes).reduce((n, size) => n + 4 * size, 64);
  const heap = new WebAssembly.Memory({ initial: Math.ceil(total / 65_536) });
  const buffers = new Map<string, Float32Array>();
  let at = 64;
  for (const [name, size] of Object.entries(sizes)) {
    buffers.set(name, new Float32Array(heap.buffer, at, size));
    at += 4 * size;
  }
  const view: HostMemory["view"] = ({ buffer, offset, shape }) =>
    (buffers.get(buffer) ?? new Float32Array(0)).subarray(offset, offset + sizeOf(shape));
  return { buffers, view, heap: () => heap, state: new Map() };
}
