/** What the runtime's threads say to each other. Plain values: everything here crosses a thread border. */

import type { WasmMemory } from "../base/wasm.ts";
import type { Network } from "../network/network.ts";
import type { EncodedText } from "../sparse/batch.ts";
import type { EspModel } from "../sparse/esp/model.ts";
import type { CompiledKernels } from "../sparse/kernels.ts";
import type { Rates } from "../sparse/linear.ts";
import type { PlacedModel } from "../sparse/placed.ts";
import type { ChannelEnd } from "./host.ts";

/** What is known of a model once its file is read: all that the thread with the texts needs. */
export type Opened = Pick<EspModel, "config" | "head" | "vocabulary" | "metadata"> & {
  /** Share of the encoder's weights that is not 0. */
  readonly density: number;
  /** Of those weights, zeros included. */
  readonly weights: number;
  /** Numbers of all tensors, zeros included. */
  readonly numbers: number;
};

/** What was found out about this machine: the same for every model of a process, so it is found out once. */
export interface Machine {
  readonly compiled: CompiledKernels;
  readonly rates: Rates;
}

/** What is known once the model lies in the memory that kernels work on. */
export interface Placed {
  readonly machine: Machine;
  readonly report: KernelReport;
}

/** How the model will be run, and what that rests on. */
export interface KernelReport {
  /** The rates that kernels were chosen by, in GFLOP/s. */
  readonly rates: Rates;
  /** Matrices by the kernel that multiplies them. */
  readonly kernels: Readonly<Record<string, number>>;
  /** As the kernels were compiled (CompiledKernels). */
  readonly fused: boolean;
  readonly wide: boolean | null;
  /** Share of the encoder's weights that is not 0. */
  readonly density: number;
  /** Bytes of the memory that holds the model. */
  readonly memory: number;
}

/**
 * What the other threads are given, by the first and not by way of the thread with the texts: there a memory that was
 * passed on would stay until garbage is collected, which its gigabytes do not hasten.
 */
export interface Shared {
  readonly memory: WasmMemory;
  readonly compiled: CompiledKernels;
  readonly model: PlacedModel;
  readonly threads: number;
  /** Address of the words by which threads meet (meeting.ts). */
  readonly meeting: number;
}

/** What the first thread is asked, and below what it answers. */
export type Question =
  | {
      readonly kind: "open";
      /** The bytes of a .esp file. */
      readonly file: Uint8Array;
      readonly where: string;
    }
  | {
      readonly kind: "place";
      readonly threads: number;
      /** What an earlier model found out. */
      readonly machine?: Machine;
      /** In place of measuring them. */
      readonly rates?: Rates;
      /** To the threads that follow, one for each. */
      readonly followers: readonly ChannelEnd[];
    }
  /** The tensors with their zeros; they are handed over, so nothing can be placed afterwards. */
  | { readonly kind: "network" }
  | { readonly kind: "run"; readonly texts: readonly EncodedText[] };

/** Answers by the kind of the question. */
export interface Replies {
  readonly open: Opened;
  readonly place: Placed;
  readonly network: Network;
  /** Logits or vectors, text by text, or logits token by token. */
  readonly run: Float32Array;
}

/** To a thread. */
export type Request =
  | (Question & { readonly id: number })
  | { readonly kind: "follow"; readonly from: ChannelEnd; readonly thread: number };

/** From a thread. */
export type Answer =
  /** Share of the file that is decoded. */
  | { readonly kind: "progress"; readonly share: number }
  | { readonly kind: "following" }
  | { readonly kind: "reply"; readonly id: number; readonly reply: Replies[keyof Replies] }
  | { readonly kind: "failed"; readonly id?: number; readonly failure: Failure };

/** An error, as it crosses. */
export interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}
