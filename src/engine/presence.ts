/**
 * Whether ONNX Runtime is there. It is an optional dependency: npm leaves it out where it was told to, and where the
 * package's own install script finds no network.
 */

import { createRequire } from "node:module";
import { ConfigError } from "../base/errors.ts";

const NAME = "onnxruntime-node";
const VERSION = "1.30.0";

/** Whether the package can be found. */
export function hasEngine(): boolean {
  try {
    createRequire(import.meta.url).resolve(NAME);
    return true;
  } catch {
    return false;
  }
}

/** @throws {ConfigError} `engine/missing`, with the way to have it */
export function requireEngine(): void {
  if (hasEngine()) return;
  const install = `npm install ${NAME}@${VERSION}`;
  throw new ConfigError(
    "engine/missing",
    `engine: expected ${NAME}, got none. Install it with: ${install}. Where that fails for want of a network, set ONNXRUNTIME_NODE_INSTALL=skip first: its script fetches CUDA libraries that are not needed here`,
  );
}
