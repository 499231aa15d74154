/**
 * The thread's code and the kernels, inside of a bundle: one file that looks for nothing beside itself, because bundlers
 * move files (Vite's development server bundles what it imports and leaves workers behind). For browsers and for Node.
 */

import { RunError } from "../base/errors.ts";
import { type KernelBuild, kernelFile } from "../sparse/kernel-files.ts";

/** The code of thread.ts, bundled; empty in the thread itself. Put in by build/bundles.mjs, as is the next. */
declare const ESPALIER_THREAD: string;
/** The kernels' files, one after the other, in gzip and base64, and how long each is; empty outside of the thread. */
declare const ESPALIER_KERNELS: { readonly packed: string; readonly sizes: Readonly<Record<string, number>> };

/** The code of thread.ts. */
export function threadCode(): string {
  return ESPALIER_THREAD;
}

/**
 * The bytes of the kernels. All four differ little, so that together they are packed to a seventh; what can run them can
 * unpack them.
 * @throws {RunError} `runtime/kernels` outside of the thread
 */
export async function kernelBytes(build: KernelBuild): Promise<Uint8Array> {
  const { packed, sizes } = ESPALIER_KERNELS;
  const file = kernelFile(build);
  const size = sizes[file];
  if (size === undefined)
    throw new RunError("runtime/kernels", "kernels: expected them in the thread, got none");
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const before = Object.values(sizes).slice(0, Object.keys(sizes).indexOf(file));
  const start = before.reduce((sum, length) => sum + length, 0);
  return new Uint8Array(await new Response(unpacked).arrayBuffer(), start, size);
}
