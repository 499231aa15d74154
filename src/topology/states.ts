/**
 * How alike the hidden states of two networks are, layer by layer: linear centred kernel alignment on real text.
 *
 *   Kornblith et al., ICML 2019 (1905.00414); of compressed models Ni et al. 2021 · https://arxiv.org/abs/2109.08406
 *
 *   CKA(X, Y) = ‖Yᵀ·X‖² / (‖Xᵀ·X‖·‖Yᵀ·Y‖), Frobenius norms, columns centred        X [n, D], Y [n, D']: a row a token
 *
 * 1 when one is the other turned, shifted and scaled. It does not see a change in directions of little variance, where a
 * classifier may well look, and a few far-off tokens can make it anything: it is easily fooled (Davari et al.,
 * "Reliability of CKA as a Similarity Measure in Deep Learning", ICLR 2023, 8HRvyxc606). So a high value does not say that
 * two models answer alike, and a low one not that they differ: answers are compared by themselves (measure/paired.ts).
 *
 * Beside each number stand two of chance. `permuted`: the same states with tokens in another order among those of some
 * texts of like length, which is what so few tokens, so many features and the lengths of texts give of themselves. `untrained`: the original and a network of its shape with random weights,
 * which reads the same pieces at the same positions. All tokens count, padding does not.
 * The arithmetic is in alignment.ts.
 */

import { InputError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { fold, type Key } from "../base/random.ts";
import type { EncodedSet } from "../data/batches.ts";
import type { Engine } from "../engine/engine.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import { type Alignment, alignPair } from "./alignment.ts";

/** Of one place between two layers. Each is from 0 to 1; null where all tokens have the same state. */
export interface StateAlignment {
  /** Null: after the embeddings; from 0: after that layer. */
  readonly layer: number | null;
  readonly cka: number | null;
  readonly permuted: number | null;
  readonly untrained: number | null;
}

export interface StatesRecord {
  /** What a reader of the numbers has to know. */
  readonly note: string;
  readonly texts: number;
  readonly tokens: number;
  readonly layers: readonly StateAlignment[];
}

const NOTE =
  "Linear CKA is easily fooled (ICLR 2023, 8HRvyxc606): it says how states moved, not whether answers agree.";

/** Two networks, texts, and where they run. */
export interface StatesRequest {
  readonly original: Network;
  readonly compressed: Network;
  readonly set: EncodedSet;
  readonly engine: Engine;
  /** Of the permuted tokens and the random weights. */
  readonly key: Key;
  /** Texts at a time; default 64. */
  readonly batchSize?: number;
}

/**
 * Aligns the states of two networks. Two passes over the texts, of two networks each.
 * @throws {InputError} `topology/shapes` for another number of layers, `topology/pieces` for other word pieces,
 *   `topology/texts` without texts
 */
export async function alignStates(request: StatesRequest): Promise<StatesRecord> {
  const { original, compressed, set, key } = request;
  checkAlike(original, compressed);
  if (set.examples.length === 0)
    throw new InputError("topology/texts", "states: expected at least one text, got none");
  const { config, vocabulary } = original;
  const untrained = initialNetwork(config, { kind: "none" }, vocabulary, fold(key, "untrained"));
  const to = (other: Network): Promise<Alignment[]> => alignPair({ ...request, one: original, other });
  const [pairs, random] = [await to(compressed), await to(untrained)];
  return {
    note: NOTE,
    texts: set.examples.length,
    tokens: set.examples.reduce((n, { ids }) => n + ids.length, 0),
    layers: pairs.map(({ cka, permuted }, i) => {
      return {
        layer: i === 0 ? null : i - 1,
        cka,
        permuted,
        untrained: requireItem(random, i, "layers").cka,
      };
    }),
  };
}

/** @throws {InputError} `topology/shapes`, `topology/pieces` */
function checkAlike(one: Network, other: Network): void {
  const [layers, others] = [one.config.layers.length, other.config.layers.length];
  if (layers !== others) {
    const message = `two networks: expected ${layers} layers in both, got ${others} in the second`;
    throw new InputError("topology/shapes", message);
  }
  const [pieces, second] = [one.vocabulary.vocab, other.vocabulary.vocab];
  if (pieces.length === second.length && pieces.every((piece, i) => piece === second[i])) return;
  const message = "two networks: expected the same word pieces in both, got others in the second";
  throw new InputError("topology/pieces", message);
}
