/** A run's texts as its network reads them, before anything of the run is written. */

import { type CutSet, encodeDataset, encodeInWindows } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";

/** What trains and what judges. */
export interface Sets<T> {
  readonly train: T;
  readonly dev: T;
}

/**
 * Both sets, cut at the network's length or, with a stride, in windows of it.
 * @throws {InputError} `encode/types` for pairs that the network cannot read; as `encodeInWindows` does
 */
export function encodeSets(
  network: Network,
  { train, dev }: Sets<Dataset>,
  { stride }: { readonly stride?: number | undefined } = {},
): Sets<CutSet> {
  const [tokenizer, length] = [tokenizerOf(network), lengthFor(network)];
  const encode = (set: Dataset): CutSet =>
    stride === undefined
      ? encodeDataset(set, tokenizer, length)
      : encodeInWindows(set, tokenizer, { length, stride });
  return { train: encode(train), dev: encode(dev) };
}
