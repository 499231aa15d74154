/** Checks that methods share: of settings before a run, and of the sparsity that its product has reached. */

import { BLOCK_SHAPES, type BlockShape, blockNamed, weightsOfBlock } from "../base/blocks.ts";
import { ConfigError, RunError } from "../base/errors.ts";
import type { FloatTensor } from "../base/tensor.ts";
import { weightsIn } from "./matrices.ts";
import { zerosIn } from "./prune.ts";

/** @throws {ConfigError} `ID/sparsity` outside [0, 1) */
export function checkSparsity(id: string, sparsity: number): void {
  if (sparsity >= 0 && sparsity < 1) return;
  throw new ConfigError(`${id}/sparsity`, `${id}: expected a sparsity in [0, 1), got ${sparsity}`);
}

/** @throws {ConfigError} `ID/NAME` for zero, a negative number, or none */
export function checkPositive(id: string, name: string, value: number): void {
  if (value > 0) return;
  throw new ConfigError(`${id}/${name}`, `${id}: expected ${name} above 0, got ${value}`);
}

/** @throws {ConfigError} `ID/NAME` for anything but a whole number from 1 */
export function checkCount(id: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ConfigError(`${id}/${name}`, `${id}: expected ${name} to be a whole number from 1, got ${value}`);
}

/** @throws {ConfigError} `ID/NAME` outside (0, 1) */
export function checkShare(id: string, name: string, value: number): void {
  if (value > 0 && value < 1) return;
  throw new ConfigError(`${id}/${name}`, `${id}: expected ${name} between 0 and 1, got ${value}`);
}

/** @throws {ConfigError} `ID/NAME` when a number lies outside of its range */
export function checkRange(
  id: string,
  name: string,
  value: number,
  within: { readonly from: number; readonly below: number },
): void {
  if (value >= within.from && value < within.below) return;
  const range = `at least ${within.from}${within.below === Number.POSITIVE_INFINITY ? "" : ` and below ${within.below}`}`;
  throw new ConfigError(`${id}/${name}`, `${id}: expected ${name} ${range}, got ${value}`);
}

/** A setting that was typed can be any text. @throws {ConfigError} `ID/NAME` */
export function checkChoice(id: string, name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new ConfigError(
    `${id}/${name}`,
    `${id}: expected ${name} to be ${choices.join(" or ")}, got "${value}"`,
  );
}

/** What the setting `block` of a method says of itself. */
export const BLOCK_HELP = "outputs x inputs that stay or go together: 1, 2x1, 4x1, 1x4 or 4x4";

/** The shape of a method's blocks; 2 and 4 alone are rows. @throws {ConfigError} `ID/block` for one that no kernel reads */
export function checkBlock(id: string, block: string | number): BlockShape {
  const shape = blockNamed(String(block));
  if (shape) return shape;
  throw new ConfigError(
    `${id}/block`,
    `${id}: expected block to be ${BLOCK_SHAPES.join(" or ")}, got "${block}"`,
  );
}

/**
 * Refuses a product that is not as sparse as was asked, to one block of each matrix.
 *
 * @param already  zeros of the model that the method began with: of so many more than were asked it is not to blame
 * @throws {RunError} `method/unreached`
 */
export function checkReached(
  id: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  names: readonly string[],
  sparsity: number,
  block: BlockShape = "1",
  already = 0,
): void {
  const total = weightsIn(tensors, names);
  const missing = sparsity * total - zerosIn(tensors, names);
  // A weight that is 0 by itself may add to what was pruned; rounding takes less than a block from each matrix.
  const rounding = names.length * weightsOfBlock(block);
  if (missing <= rounding && -missing <= rounding + already) return;
  throw unreachedError(id, sparsity, 1 - (total - zerosIn(tensors, names)) / total);
}

/** The error of a product that is less or more sparse than asked. */
export function unreachedError(id: string, asked: number, reached: number): RunError {
  return new RunError(
    "method/unreached",
    `${id}: expected sparsity ${asked}, got ${reached.toFixed(4)} at the end of the run. More steps, or an earlier end of the ramp, may reach it.`,
  );
}
