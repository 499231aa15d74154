/**
 * transformers.js in Node: a model's folder in q8, on WebAssembly, as a page would run it.
 *
 * Nothing here depends on the library: it is what is found from the working folder, or else beside this package. In Node it
 * takes onnxruntime-node, unless another ONNX Runtime lies in the global object under a symbol (its backends/onnx.js): so it is
 * given the onnxruntime-web that it depends on itself. That is the plain build of WebAssembly; in a page it takes one that can
 * also wait for WebGPU. Everything is of this process, so it has one to itself.
 */

import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { RunError } from "../base/errors.ts";
import { isObject } from "../formats/json.ts";
import type { InputBatch } from "../network/inference.ts";
import { ONNX_INPUTS } from "../network/onnx.ts";

const NAME = "@huggingface/transformers";

/** What brings it. */
export const TRANSFORMERS_INSTALL = `npm install ${NAME}`;

/** The name under which it looks for an ONNX Runtime of the place it runs in. */
const RUNTIME_SYMBOL = Symbol.for("onnxruntime");

type Outputs = Readonly<Record<string, { readonly data: unknown }>>;

/** What is used of the library. */
export interface Library {
  readonly env: object;
  readonly Tensor: new (type: "int64", data: BigInt64Array, shape: readonly number[]) => object;
  readonly AutoModel: {
    from_pretrained(name: string, options: object): Promise<(feeds: object) => Promise<Outputs>>;
  };
}

function isLibrary(module: unknown): module is Library {
  if (!isObject(module) || !isObject(module.env)) return false;
  return typeof module.Tensor === "function" && typeof module.AutoModel === "function";
}

/** What is used of onnxruntime-web. */
interface WebRuntime {
  readonly env: { readonly wasm: object };
}

function isWebRuntime(module: unknown): module is WebRuntime {
  return isObject(module) && isObject(module.env) && isObject(module.env.wasm);
}

/** The library's main file, where it is installed. */
export function findTransformers(): string | undefined {
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      return createRequire(from).resolve(NAME);
    } catch {
      // Not there; perhaps in the next place.
    }
  }
  return undefined;
}

/** A model that is loaded. */
export type TransformersModel = (batch: InputBatch) => () => Promise<Outputs>;

/**
 * Loads the library's code, on WebAssembly with so many threads.
 * @throws {RunError} `bench/transformers` where the library is not installed, or is another one than is known
 */
export function loadTransformers(threads: number): Library {
  const path = findTransformers();
  if (path === undefined) throw unlike(TRANSFORMERS_INSTALL, "none");
  const own = createRequire(path);
  const main = own.resolve("onnxruntime-web");
  const runtime: unknown = own(main);
  if (!isWebRuntime(runtime)) throw unlike("onnxruntime-web with a WebAssembly backend", main);
  // The files beside it: the library itself would fetch them.
  Object.assign(runtime.env.wasm, {
    numThreads: threads,
    wasmPaths: `${pathToFileURL(dirname(main)).href}/`,
  });
  Object.assign(globalThis, { [RUNTIME_SYMBOL]: runtime });
  const library: unknown = own(path);
  if (!isLibrary(library)) throw unlike("transformers.js 4", path);
  return library;
}

/** Loads `onnx/model_quantized.onnx` of a folder with a config.json. */
export async function openFolder(library: Library, folder: string): Promise<TransformersModel> {
  Object.assign(library.env, { allowRemoteModels: false, localModelPath: dirname(folder) });
  // "auto": of the devices that it knows for such a runtime, none by name, so that the runtime takes its own.
  const model = await library.AutoModel.from_pretrained(basename(folder), { dtype: "q8", device: "auto" });
  return ({ size, length, ids, types, mask }) => {
    const long = (data: Int32Array | Float32Array): object =>
      new library.Tensor("int64", BigInt64Array.from(data, BigInt), [size, length]);
    const feeds = {
      [ONNX_INPUTS.ids]: long(ids),
      [ONNX_INPUTS.types]: long(types),
      [ONNX_INPUTS.mask]: long(mask),
    };
    return () => model(feeds);
  };
}

function unlike(expected: string, got: string): RunError {
  return new RunError("bench/transformers", `transformers.js: expected ${expected}, got ${got}`);
}
