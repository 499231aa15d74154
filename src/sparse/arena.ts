/**
 * An arena: numbers of a model and its activations in one WebAssembly memory, placed once and never moved.
 *
 * A class, because it owns memory. It only grows: what a model needs is placed when it is loaded, and a pass allocates
 * nothing. Browser-safe.
 */

import { RunError } from "../base/errors.ts";
import type { WasmMemory } from "../base/wasm.ts";

const PAGE = 65_536;
/** Pages by which it grows at least: 16 MiB. What nobody touches takes no memory. */
const STEP = 256;
/** Pages to begin with: 1 MiB. */
const INITIAL = 16;
/** 4 GiB, what a 32-bit address reaches. */
const MOST_PAGES = 65_536;
/** A cache line, so that what threads write does not share one. */
const ALIGNMENT = 64;

/** Below lie the constants that the kernels bring along; address 0 stands for nothing. */
const FIRST = 4096;

/** A memory, and the pages it may grow to. A shared one is set aside whole: iOS refuses 2 GiB, and half is asked for then. */
function memoryOf(shared: boolean, most: number): { readonly memory: WasmMemory; readonly maximum: number } {
  for (let maximum = most; ; maximum = Math.floor(maximum / 2)) {
    const pages = { initial: INITIAL, maximum };
    try {
      return { memory: new WebAssembly.Memory(shared ? { ...pages, shared } : pages), maximum };
    } catch (cause) {
      if (shared && maximum >= 2 * INITIAL) continue;
      const got = cause instanceof Error ? cause.message : String(cause);
      throw new RunError(
        "arena/memory",
        `memory: expected ${mebibytes(PAGE * INITIAL)} at least, got none (${got})`,
        {
          cause,
        },
      );
    }
  }
}

/** Grows as it is filled; every address is a multiple of 64. */
export class Arena {
  readonly memory: WasmMemory;
  readonly #most: number;
  #next = FIRST;

  /**
   * @param shared  whether several threads will see the memory
   * @param most  pages that it may grow to; of a shared memory as many of them as the system sets aside, which may be few
   * @throws {RunError} `arena/memory` where there is none at all
   */
  constructor(shared: boolean, most = MOST_PAGES) {
    const { memory, maximum } = memoryOf(shared, most);
    this.memory = memory;
    this.#most = maximum;
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#next;
  }

  /**
   * Address of `bytes` new bytes, all 0.
   * @throws {RunError} `arena/memory` beyond 4 GiB, or when the machine has no more
   */
  allocate(bytes: number): number {
    const address = this.#next;
    const end = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT;
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.#grow(missing, end);
    this.#next = end;
    return address;
  }

  #grow(pages: number, end: number): void {
    const left = this.#most - this.memory.buffer.byteLength / PAGE;
    try {
      this.memory.grow(Math.max(pages, Math.min(STEP, left)));
    } catch (cause) {
      const most = this.#most * PAGE;
      const told =
        end > most
          ? `expected at most ${mebibytes(most)} for the model, got ${mebibytes(end)}`
          : `expected ${mebibytes(end)} for the model, got ${mebibytes(this.memory.buffer.byteLength)}, for this machine gives no more`;
      throw new RunError("arena/memory", `memory: ${told}`, { cause });
    }
  }

  /** Address of a copy of the numbers. */
  place(data: Float32Array | Uint32Array | Uint16Array): number {
    const address = this.allocate(data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(this.memory.buffer, address, data.byteLength).set(bytes);
    return address;
  }

  /** `length` float32 numbers at an address. Made anew for each use: the memory may have grown. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** `length` unsigned integers at an address. */
  integers(address: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, address, length);
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
