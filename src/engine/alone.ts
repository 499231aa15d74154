/**
 * ONNX Runtime on the caller's own thread, from a file: for a process that does nothing else, such as one that is timed.
 *
 * A run blocks the event loop, and no message travels: what a plain program around onnxruntime-node gets. Not here: memory
 * that outlives a run, and the cache of sessions (engine.ts).
 */

import * as ort from "onnxruntime-node";
import type { Tensor } from "../base/tensor.ts";
import type { Provider } from "./protocol.ts";
import { createSession } from "./session.ts";

/** A model that is loaded. */
export interface Alone {
  /** Binds inputs once; each call of the result is one run and gives the outputs by name. */
  bind(feeds: Readonly<Record<string, Tensor>>): () => Promise<Readonly<Record<string, unknown>>>;
}

/** Loads the .onnx file at `path`. */
export async function openAlone(
  path: string,
  { threads, provider }: { readonly threads: number; readonly provider: Provider },
): Promise<Alone> {
  const session = await createSession(path, { threads, provider, arena: true });
  return {
    bind: (feeds) => {
      const bound = Object.entries(feeds).map(([name, { dtype, data, shape }]) => {
        // ONNX Runtime's constructor is overloaded by element type; ours are the same names and arrays, bfloat16 apart.
        return [name, new ort.Tensor(dtype as "float32", data as Float32Array, shape)] as const;
      });
      const inputs = Object.fromEntries(bound);
      return async () => {
        const outputs = await session.run(inputs);
        return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
      };
    },
  };
}
