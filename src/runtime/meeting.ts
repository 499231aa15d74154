/**
 * How threads that share a memory wait for each other: all meet once a layer, and all but the first wait for a pass to begin.
 *
 * Words, from `address`: passes begun, threads that have come, meetings held, whether a thread was lost. Who waits looks
 * for a while before it sleeps: threads come to a layer's meeting within microseconds of each other. Browser-safe.
 */

import { RunError } from "../base/errors.ts";
import type { WasmMemory } from "../base/wasm.ts";

const PASS = 0;
const COME = 1;
const HELD = 2;
const LOST = 3;
/** Bytes that a meeting takes. */
export const MEETING_BYTES = 16;
/** Looks before sleeping, some tens of microseconds. */
const LOOKS = 20_000;
/** Milliseconds of a sleep, after which it is looked whether a thread was lost. */
const SLEEP = 1000;

/** One meeting place of `threads` threads. */
export interface Meeting {
  /** Returns when all threads have come. @throws {RunError} `runtime/thread` when one was lost */
  readonly meet: () => void;
  /** Wakes the other threads for a pass. */
  readonly begin: () => void;
  /** Sleeps until a pass after the one numbered `seen` has begun; @returns its number */
  readonly next: (seen: number) => number;
  /** Passes begun so far. */
  readonly passes: () => number;
  /** Says that this thread will not come any more. */
  readonly leave: () => void;
}

/** The meeting place at an address of a shared memory. */
export function meetingAt(memory: WasmMemory, address: number, threads: number): Meeting {
  const words = new Int32Array(memory.buffer, address, 4);
  const requireAll = (): void => {
    if (Atomics.load(words, LOST) === 0) return;
    throw new RunError(
      "runtime/thread",
      "runtime: expected all threads at the layer's end, got one that failed",
    );
  };
  const wait = (word: number, while_: number): void => {
    for (let i = 0; i < LOOKS; i++) if (Atomics.load(words, word) !== while_) return;
    while (Atomics.load(words, word) === while_) {
      requireAll();
      Atomics.wait(words, word, while_, SLEEP);
    }
  };
  return {
    meet: () => {
      if (threads === 1) return;
      requireAll(); // who was waited for in vain is still counted as having come
      const held = Atomics.load(words, HELD);
      if (Atomics.add(words, COME, 1) + 1 < threads) {
        wait(HELD, held);
        return;
      }
      Atomics.store(words, COME, 0);
      Atomics.add(words, HELD, 1);
      Atomics.notify(words, HELD);
    },
    begin: () => {
      Atomics.add(words, PASS, 1);
      Atomics.notify(words, PASS);
    },
    next: (seen) => {
      while (Atomics.load(words, PASS) === seen) Atomics.wait(words, PASS, seen);
      return (seen + 1) | 0; // as the word itself goes on after 2^31 - 1
    },
    passes: () => Atomics.load(words, PASS),
    leave: () => {
      Atomics.store(words, LOST, 1);
      Atomics.notify(words, HELD);
    },
  };
}
