/** `espalier embed`: vectors of texts, from an encoder without a head. */

import type { Text } from "../network/predictions.ts";
import { EMBED, type EmbedOptions, type EmbedSettings } from "../options/answering.ts";
import { resolveOptions } from "../options/schema.ts";
import { loadModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { openTextModel, requireVectors } from "../runs/text-model.ts";
import type { EmbedResult } from "./answers.ts";
import { toText } from "./predict.ts";

/**
 * Gives each text a vector, and each pair of texts, `[text, pair]`.
 *
 * @throws {ConfigError} for options that do not fit, `model/head` for a model that gives no vectors
 * @throws {InputError} for a model that cannot be read
 * @throws {InterruptedError} `embed/stopped`
 * @example const { vectors } = await embed({ model: "hf:sentence-transformers/all-MiniLM-L6-v2", texts: ["a film"] });
 */
export async function embed(options: EmbedOptions, context: RunContext = {}): Promise<EmbedResult> {
  const settings = resolveOptions(EMBED, options);
  return perform("embed", context, () => embedWith(settings, settings.texts, context));
}

/**
 * As `embed`, for texts as they are typed, where a tab separates the two of a pair.
 * @throws {InputError} `embed/tabs` for more than one tab in a text; as `embed` does
 */
export async function embedLines(options: EmbedOptions, context: RunContext = {}): Promise<EmbedResult> {
  const settings = resolveOptions(EMBED, options);
  return perform("embed", context, async () => {
    const texts = settings.texts.map((line, i) => toText(line, i, "embed"));
    return embedWith(settings, texts, context);
  });
}

async function embedWith(
  settings: EmbedSettings,
  given: readonly Text[],
  context: RunContext,
): Promise<EmbedResult> {
  const { model: ref, threads, device, batchSize, maxLength } = settings;
  const { network } = await loadModel(ref, context);
  const pooling = requireVectors(network.head, ref);
  const model = await openTextModel(network, { threads, device, batchSize, maxLength });
  try {
    const { dimensions = network.config.hiddenSize } = settings;
    const vectors = await model.embed(given, { dimensions }, context);
    return { length: model.maxLength, pooling, dimensions, vectors: vectors.map((vector) => [...vector]) };
  } finally {
    await model.close();
  }
}
