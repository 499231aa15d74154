/** `espalier inspect`: what is in a model, part by part, without running it. */

import { headText, partsOf } from "../measure/parts.ts";
import { lengthFor } from "../network/length.ts";
import { countParameters, macs } from "../network/network.ts";
import { INSPECT, type InspectOptions, type InspectSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { usualLength } from "../runs/length.ts";
import { loadModel, measureModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import type { InspectResult } from "./answers.ts";

/**
 * Counts a model's parameters and multiply-accumulates.
 *
 * @throws {ConfigError} for options that do not fit, among them a length above the model's positions
 * @throws {InputError}, {FormatError} for a model that cannot be read; {InterruptedError} `inspect/stopped`
 * @example const { parts, parameters } = await inspect({ model: "hf:google/bert_uncased_L-4_H-256_A-4" });
 */
export async function inspect(options: InspectOptions, context: RunContext = {}): Promise<InspectResult> {
  const settings = resolveOptions(INSPECT, options);
  return perform("inspect", context, () => inspectModel(settings, context), { engine: false });
}

async function inspectModel(
  { model, maxLength }: InspectSettings,
  context: RunContext,
): Promise<InspectResult> {
  const { network, name, path } = await loadModel(model, context);
  const length = usualLength(network, maxLength);
  const { total, nonzero, embeddings } = countParameters(network);
  return {
    model: name,
    head: headText(network.head),
    parts: partsOf(network, length),
    parameters: { total, nonzero, embeddings },
    bytes: await measureModel(path),
    maxLength: lengthFor(network),
    positions: network.config.maxPositions,
    length,
    multiplyAccumulates: macs(network.config, network.head, length),
  };
}
