/** The messages between an `Engine` and its worker thread. */

import type { DType, Tensor } from "../base/tensor.ts";
import type { WasmMemory } from "../base/wasm.ts";

/** Where a session computes. */
export type Provider = "cpu" | "webgpu" | "cuda";

/** A part of one of the worker's buffers, read or written in place. `offset` counts elements. */
export interface View {
  readonly buffer: string;
  readonly offset: number;
  readonly shape: readonly number[];
}

/** A result that comes back to the caller. */
export interface Fresh {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** One run of a session: views are bound in place, tensors travel. */
export interface Call {
  /** The session's key. */
  readonly session: string;
  readonly feeds: Readonly<Record<string, View | Tensor>>;
  readonly fetches: Readonly<Record<string, View | Fresh>>;
  /** Views that stay the same from run to run, sent once with `bind`. */
  readonly binding?: number;
}

/** Fresh results of a call by name. */
export type Results = Readonly<Record<string, Tensor>>;

export interface Requests {
  allocate: { readonly name: string; readonly length: number };
  allocateTogether: { readonly sizes: Readonly<Record<string, number>> };
  release: { readonly name: string };
  write: { readonly view: View; readonly data: Float32Array };
  read: { readonly view: View };
  compile: { readonly session: string; readonly bytes: Uint8Array };
  dispose: { readonly session: string };
  bind: {
    readonly binding: number;
    readonly feeds: Record<string, View>;
    readonly fetches: Record<string, View>;
  };
  run: { readonly calls: readonly Call[] };
  host: { readonly module: string; readonly name: string; readonly argument: unknown };
}

export interface Replies {
  allocate: undefined;
  allocateTogether: undefined;
  release: undefined;
  write: undefined;
  read: Float32Array;
  compile: undefined;
  dispose: undefined;
  bind: undefined;
  run: readonly Results[];
  host: unknown;
}

export type Request = {
  [K in keyof Requests]: { readonly kind: K; readonly id: number } & Requests[K];
}[keyof Requests];

/** Ends the worker after the run that it is in; requests that wait are dropped. */
export interface Stop {
  readonly kind: "stop";
}

/** A failure with a code is the user's setting and its message is whole; one without is the computation's. */
export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly message: string; readonly code?: string };

export interface WorkerSettings {
  readonly provider: Provider;
  readonly threads: number;
  readonly arena: boolean;
}

/** What a host kernel, exported by a module that `Engine.host` names, works on: the worker's buffers by name, and state of its own that lives as long as the worker. */
export interface HostMemory {
  readonly view: (view: View) => Float32Array;
  /** The memory that a view of a buffer made by `allocateTogether` lies in; kernels work on it by byte address. */
  readonly heap: (buffer: string) => WasmMemory;
  readonly state: Map<string, unknown>;
}
