/** Where tests and benchmarks find the large files that lie beside the project; the project works without them. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of a shared file, or undefined when this machine has none: the caller then says plainly that it skips. */
export function sharedPath(...parts: string[]): string | undefined {
  const root = process.env.ESPALIER_SHARED ?? resolve(fileURLToPath(import.meta.url), "../../../../shared");
  const path = join(root, ...parts);
  return existsSync(path) ? path : undefined;
}
