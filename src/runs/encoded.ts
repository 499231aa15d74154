/** A run's texts as its network reads them, before anything of the run is written. */

import { type EncodedSet, encodeDataset } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { tokenizerOf } from "../network/encoding.ts";
import type { Network } from "../network/network.ts";

/** What trains and what judges. */
export interface Sets<T> {
  readonly train: T;
  readonly dev: T;
}

/** Both sets, cut to `maxLength` pieces. @throws {InputError} `encode/types` for pairs that the network cannot read */
export function encodeSets(
  network: Network,
  { train, dev }: Sets<Dataset>,
  maxLength: number,
): Sets<EncodedSet> {
  const tokenizer = tokenizerOf(network);
  const encode = (set: Dataset): EncodedSet => encodeDataset(set, tokenizer, maxLength);
  return { train: encode(train), dev: encode(dev) };
}
