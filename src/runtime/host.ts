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

/** One end of a channel between two other threads. */
export type ChannelEnd = InstanceType<typeof MessageChannel>["port1"];

/** What changes hands with a message. */
export type Handed = ArrayBuffer | ChannelEnd;

/** One end of a conversation between two threads. */
export interface Port<Sent, Received> {
  post(message: Sent, transfer?: readonly Handed[]): void;
  /** Called for every message from now on. */
  listen(heard: (message: Received) => void): void;
}

/** A thread that was started. */
export interface Thread<Sent, Received> extends Port<Sent, Received> {
  /** Whether the process stays for it. It does not before it is told to; a page stays for no thread. */
  hold(isAwaited: boolean): void;
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

/** How a file is read. */
export interface Reading {
  /** Told which share has come, where it is known how many bytes there are. */
  readonly progress: (share: number) => void;
  /** Ends it when it is aborted. */
  readonly signal: AbortSignal;
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
  read(source: string | URL, reading: Reading): Promise<Uint8Array>;
  /** The bytes of the kernels. @throws as `read` does */
  kernels(build: KernelBuild): Promise<Uint8Array>;
  /** Starts thread.ts. @throws {RunError} `runtime/threads` where there are no threads */
  startThread<Sent, Received>(): Thread<Sent, Received>;
  /** From the thread that this runs in to the one that started it. @throws {RunError} `runtime/threads` in the main one */
  ownPort<Sent, Received>(): Port<Sent, Received>;
  /** What V8 does when a flag is set, where flags can be set. */
  readonly flags?: Flags;
  /** Opens a network in ONNX Runtime, where that is there; its binary may still be one that this system cannot open. */
  readonly openDense?: (take: () => Promise<Network>, threads: number) => Promise<Path>;
}

/** The bytes behind an address. @throws {RunError} as `responseBytes` does; as `fetch` does; the signal's reason */
export async function fetchBytes(address: string | URL, reading: Reading): Promise<Uint8Array> {
  return responseBytes(await fetch(address, { signal: reading.signal }), reading);
}

/**
 * The bytes of a response.
 * @throws {RunError} `runtime/status`, `runtime/body`; as its body does; the signal's reason
 */
export async function responseBytes(response: Response, { progress, signal }: Reading): Promise<Uint8Array> {
  if (!response.ok) throw new RunError("runtime/status", `status ${response.status}`);
  if (response.bodyUsed) throw new RunError("runtime/body", "a response that was read before");
  // A compressed answer has more bytes than its length says.
  const length = response.headers.get("content-encoding")
    ? 0
    : Number(response.headers.get("content-length"));
  const parts: Uint8Array[] = [];
  let got = 0;
  const write = (part: Uint8Array): void => {
    parts.push(part);
    got += part.length;
    if (length > 0) progress(got / length);
  };
  await response.body?.pipeTo(new WritableStream({ write }), { signal });
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
