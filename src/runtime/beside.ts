/**
 * The thread's code and the kernels, as files beside this one: the compiled runtime as it is installed, in Node.
 *
 * A bundle has them inside (inside.ts, which build/bundles.mjs puts in the place of this file).
 */

import { readFile } from "node:fs/promises";
import { builtUrl } from "../base/built-url.ts";
import { type KernelBuild, kernelFile } from "../sparse/kernel-files.ts";

/** Where thread.ts is, or its code. */
export function threadCode(): string | URL {
  return builtUrl("./thread.js", import.meta.url);
}

/** The bytes of the kernels. @throws when their file cannot be had */
export function kernelBytes(build: KernelBuild): Promise<Uint8Array> {
  return readFile(builtUrl(`../sparse/${kernelFile(build)}`, import.meta.url));
}
