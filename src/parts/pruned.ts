/**
 * What methods with zeros for pruned weights share: zeros that stay, a product with masks, and one that is checked.
 */

import type { BlockShape } from "../base/blocks.ts";
import { ConfigError } from "../base/errors.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { RunFacts, UpdateRule } from "../contract/method.ts";
import type { Network } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";
import { checkReached } from "./checks.ts";
import { masksOf, zerosIn } from "./prune.ts";

/** The rule of pruned matrices: AdamW that leaves zeros alone. */
export const KEEP_ZEROS: UpdateRule = { kind: "adamw", keepZeros: true };

/** The network's own tensors out of all, with masks of the pruned ones. @throws {RunError} `method/unreached` */
export function keepPruned(
  id: string,
  network: Network,
  tensors: ReadonlyMap<string, FloatTensor>,
  names: readonly string[],
  sparsity: number,
  block?: BlockShape,
): Network {
  const own = new Map([...tensors].filter(([name]) => network.tensors.has(name)));
  checkReached(id, own, names, sparsity, block, zerosIn(network.tensors, names));
  const masks = new Map([...(network.masks ?? []), ...masksOf(own, names)]);
  return { ...network, tensors: own, masks };
}

/** The fine-tuned model of a run. @throws {ConfigError} `ID/finetuned` when there is none */
export function finetunedOf(id: string, { finetuned }: Pick<RunFacts, "finetuned">): Network {
  // What is trained from it has weights of its own, which are on no levels of 8 bits.
  if (finetuned) return inFloat(finetuned);
  throw new ConfigError(`${id}/finetuned`, `${id}: expected a model fine-tuned on the task, got none`);
}
