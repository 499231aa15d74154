/**
 * What the runtime asks of the place it runs in. There are two: node.ts, and browser.ts, which takes node.ts's place in
 * a bundle for browsers (`browser` in package.json says so to every bundler).
 *
 * So what a browser loads has no word of Node in it, and nothing is guessed while running. Not here: what threads say to
 * each other (protocol.ts).
 */

import { RunError } from "../base/errors.ts";
import type { Network } from "../network/network.ts";
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

/** What computes answers to texts: a session, or ONNX Runtime. */
export interface Path {
  /**
   * Logits [texts, labels], or vectors [texts, hidden size] of a bare encoder; of tokens logits [tokens, labels] of each text
   * after the other.
   */
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
  read(source: string | URL, progress?: (share: number) => void): Promise<Uint8Array>;
  /** The bytes of the kernels. @throws as `read` does */
  kernels(build: KernelBuild): Promise<Uint8Array>;
  /** Starts thread.ts. @throws {RunError} `runtime/threads` where there are no threads */
  startThread<Sent, Received>(): Thread<Sent, Received>;
  /** From the thread that this runs in to the one that started it. @throws {RunError} `runtime/threads` in the main one */
  ownPort<Sent, Received>(): Port<Sent, Received>;
  /** What V8 does when a flag is set, where flags can be set. */
  readonly flags?: Flags;
  /** Opens a network in ONNX Runtime, where that is there. */
  readonly openDense?: (network: Network, threads: number) => Promise<Path>;
}

/**
 * The bytes behind a web address.
 *
 * @param progress  told which share has come, where the server says how many bytes there are
 * @throws {RunError} `runtime/status`; as `fetch` does
 */
export async function fetchBytes(
  address: string | URL,
  progress?: (share: number) => void,
): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new RunError("runtime/status", `status ${response.status}`);
  // A compressed answer has more bytes than its length says.
  const length = response.headers.get("content-encoding")
    ? 0
    : Number(response.headers.get("content-length"));
  if (!progress || !response.body || !(length > 0)) return new Uint8Array(await response.arrayBuffer());
  const parts: Uint8Array[] = [];
  let got = 0;
  const reader = response.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    got += next.value.length;
    progress(got / length);
  }
  return joined(parts, got);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
