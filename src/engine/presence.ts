/**
 * Whether ONNX Runtime is there. It is an optional dependency: npm leaves it out where it was told to, and where the
 * package's own install script finds no network. It has no binary for every machine either.
 */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError } from "../base/errors.ts";

const NAME = "onnxruntime-node";
const VERSION = "1.30.0";

/** Where this version has its binaries, from its main module; a folder for each platform and processor. */
const BINARIES = "../bin/napi-v6";

/** Whether the package can be found, with a binary for this machine. */
export function hasEngine(): boolean {
  const main = mainModule();
  return main !== undefined && hasBinary(main);
}

function mainModule(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(NAME);
  } catch {
    return undefined;
  }
}

function hasBinary(main: string): boolean {
  const { platform, arch } = process;
  return existsSync(join(dirname(main), BINARIES, platform, arch, "onnxruntime_binding.node"));
}

/** @throws {ConfigError} `engine/missing`, with the way to have it */
export function requireEngine(): void {
  const main = mainModule();
  if (main !== undefined) {
    if (hasBinary(main)) return;
    const machine = `${process.platform} ${process.arch}`;
    throw new ConfigError(
      "engine/missing",
      `engine: expected ${NAME} with a binary for ${machine}, got one without (${dirname(dirname(main))})`,
    );
  }
  const install = `npm install ${NAME}@${VERSION}`;
  throw new ConfigError(
    "engine/missing",
    `engine: expected ${NAME}, got none. Install it with: ${install}. Where that fails for want of a network, set ONNXRUNTIME_NODE_INSTALL=skip first: its script fetches CUDA libraries that are not needed here`,
  );
}
