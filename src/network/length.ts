/**
 * At how many tokens texts are cut: the one place that decides it, for training, judging, predicting and the runtime.
 *
 * The length is a property of the network (`vocabulary.maxLength`) and goes wherever the network goes: into
 * tokenizer_config.json as `model_max_length`, into an .esp file, a mask file and an .onnx file. What was trained at
 * 96 tokens is therefore cut at 96 by every reader, stock ones too. Browser-safe.
 * Not here: cutting (text/tokenizer.ts), the length that training takes when none is typed (runs/length.ts).
 */

import { ConfigError } from "../base/errors.ts";
import { shown } from "../base/shown.ts";
import type { Network } from "./network.ts";

/** What of a network says how long a text may be. */
export type Lengthy = Pick<Network, "config" | "vocabulary">;

/**
 * The length for a network: what was asked for, else its own.
 * @throws {ConfigError} `options/maxLength` when more is asked than it has positions
 */
export function lengthFor({ config, vocabulary }: Lengthy, asked?: number | undefined): number {
  if (asked === undefined) return Math.min(vocabulary.maxLength, config.maxPositions);
  if (Number.isInteger(asked) && asked >= SHORTEST && asked <= config.maxPositions) return asked;
  throw new ConfigError(
    "options/maxLength",
    `maxLength: expected ${SHORTEST} to ${config.maxPositions} tokens, the model's positions, got ${shown(asked)}`,
  );
}

/** [CLS], one piece and [SEP]; or [CLS] and two [SEP] of a pair. */
const SHORTEST = 3;

/** The same network, whose texts are cut at `length` from now on. */
export function withLength(network: Network, length: number): Network {
  return { ...network, vocabulary: { ...network.vocabulary, maxLength: length } };
}
