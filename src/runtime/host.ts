/**
 * What the runtime asks of the place it runs in. There are two: node.ts, and browser.ts, which takes node.ts's place in
 * a bundle for browsers (`browser` in package.json says so to every bundler).
 *
 * So what a browser loads has no word of Node in it, and nothing is guessed while running. Not here: what threads say to
 * each other (protocol.ts).
 */

import { RunError } from "../base/errors.ts";
import type { EncodedText } from "../sparse/batch.ts";
import type { KernelBuild } from "../sparse/kernel-files.ts";

/** One end of a conversation between two threads. */
export interface Port<Sent, Received> {
  post(message: Sent, transfer?: readonly ArrayBuffer[]): void;
  /** Called for every message from now on. */
  listen(heard: (message: Received) => void): void;
}

/** A thread that was started. */
export interface Thread<Sent, Received> extends Port<Sent, Received> {
  /** Called once when the thread is lost; not after `end`. */
  lost(told: (cause: Error) => void): void;
  end(): Promise<void>;
}

/** What computes logits of texts: a session, or ONNX Runtime. */
export interface Path {
  /** Logits [texts, labels]. */
  logits(texts: readonly EncodedText[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Flags of V8. */
export interface Flags {
  set(flag: string, on: boolean): void;
  /** Whether it joins vectors under a flag. */
  readonly joinsVectors: boolean;
  /** Whether it has relaxed SIMD, but under a flag. */
  readonly hidesRelaxed: boolean;
}

/** The place. */
export interface Host {
  /** Threads that share the work, when so many were asked for, or none were named. */
  threads(asked: number | undefined): number;
  /** The bytes behind an address or, in Node, a path. @throws when they cannot be had */
  read(source: string | URL): Promise<Uint8Array>;
  /** The bytes of the kernels. @throws as `read` does */
  kernels(build: KernelBuild): Promise<Uint8Array>;
  /** Starts thread.ts. @throws {RunError} `runtime/threads` where there are no threads */
  startThread<Sent, Received>(): Thread<Sent, Received>;
  /** From the thread that this runs in to the one that started it. @throws {RunError} `runtime/threads` in the main one */
  ownPort<Sent, Received>(): Port<Sent, Received>;
  /** What V8 does when a flag is set, where flags can be set. */
  readonly flags?: Flags;
  /** Opens the bytes of a .esp file in ONNX Runtime, where that is there. */
  readonly openDense?: (file: Uint8Array, where: string, threads: number) => Promise<Path>;
}

/** The bytes behind a web address. @throws {RunError} `runtime/status`; as `fetch` does */
export async function fetchBytes(address: string | URL): Promise<Uint8Array> {
  const response = await fetch(address);
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new RunError("runtime/status", `status ${response.status}`);
}
