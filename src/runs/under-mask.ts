/**
 * A base model under mask files: the task is what a file adds to a model that is there once.
 *
 * Not here: the file's format, and what makes a base the right one (network/mask-file.ts).
 */

import { existsSync, statSync } from "node:fs";
import { InputError } from "../base/errors.ts";
import { withFile, writeFileAtomic } from "../formats/files.ts";
import { applyMaskFile, encodeMaskFile, type MaskBase, maskBase } from "../network/mask-file.ts";
import type { Network } from "../network/network.ts";
import { runPaths } from "./folder.ts";
import { type LoadedModel, loadModel } from "./models.ts";
import type { RunContext } from "./progress.ts";

/**
 * A base under a mask: a file, or the run that left one.
 *
 * @throws {InputError} `mask/none` for a folder without a mask file, `file/missing`; as `applyMaskFile` does
 */
export function applyMask(base: MaskBase, mask: string): Promise<Network> {
  return withFile(maskPath(mask), (source) => applyMaskFile(base, source));
}

function maskPath(mask: string): string {
  if (!existsSync(mask) || !statSync(mask).isDirectory()) return mask;
  const inside = runPaths(mask).mask;
  if (existsSync(inside)) return inside;
  throw new InputError(
    "mask/none",
    `mask: expected a mask file, or a run with one, got a folder without (${mask})`,
  );
}

/** Reads a model as it is, or under a mask. @throws as `loadModel` and `applyMask` do */
export async function loadUnder(ref: string, mask: string | null, context: RunContext): Promise<LoadedModel> {
  const base = await loadModel(ref, context);
  return mask === null ? base : { ...base, network: await applyMask(maskBase(base.network), mask) };
}

/** Writes the mask file that makes `product` of `base`, and gives its bytes; undefined where there is none. */
export async function writeMaskFile(
  path: string,
  base: Network,
  product: Network,
): Promise<number | undefined> {
  const file = encodeMaskFile(maskBase(base), product);
  if (file === undefined) return undefined;
  await writeFileAtomic(path, [file]);
  return file.length;
}
