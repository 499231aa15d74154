/** What the runtime's threads say to each other. Plain values: everything here crosses a thread border. */

import type { EncodedText } from "../sparse/batch.ts";
import type { EspModel } from "../sparse/esp/model.ts";
import type { CompiledKernels } from "../sparse/kernels.ts";
import type { Rates } from "../sparse/linear.ts";
import type { PlacedModel } from "../sparse/model.ts";

/** What is known of a model once it is open: all that the thread with the texts needs. */
export type Opened = Pick<EspModel, "config" | "head" | "vocabulary" | "metadata"> & {
  readonly report: KernelReport;
  /** Absent when one thread does all. */
  readonly shared?: Shared;
};

/** How the model will be run, and what that rests on. */
export interface KernelReport {
  /** The rates that kernels were chosen by, in GFLOP/s. */
  readonly rates: Rates;
  /** Matrices by the kernel that multiplies them. */
  readonly kernels: Readonly<Record<string, number>>;
  /** As the kernels were compiled (CompiledKernels). */
  readonly fused: boolean;
  readonly wide: boolean | null;
  /** Numbers that all sparse and dense matrices of the encoder store, of those that they have. */
  readonly density: number;
  /** Bytes of the memory that holds the model. */
  readonly memory: number;
}

/** What the other threads are given. */
export interface Shared {
  readonly memory: WebAssembly.Memory;
  readonly compiled: CompiledKernels;
  readonly model: PlacedModel;
  readonly threads: number;
  /** Address of the words by which threads meet (meeting.ts). */
  readonly meeting: number;
}

/** To a thread. */
export type Request =
  | {
      readonly kind: "open";
      /** The bytes of a .esp file. */
      readonly file: Uint8Array;
      readonly where: string;
      readonly threads: number;
      readonly rates?: Rates;
    }
  | { readonly kind: "run"; readonly id: number; readonly texts: readonly EncodedText[] }
  | { readonly kind: "follow"; readonly shared: Shared; readonly thread: number };

/** From a thread. */
export type Answer =
  | { readonly kind: "opened"; readonly opened: Opened }
  | { readonly kind: "following" }
  | { readonly kind: "logits"; readonly id: number; readonly logits: Float32Array }
  | { readonly kind: "failed"; readonly id?: number; readonly failure: Failure };

/** An error, as it crosses. */
export interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}
