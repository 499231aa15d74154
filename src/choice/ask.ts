/** What `compress` makes of options that name aims and no method: the same options with a method's in their place. */

import { ConfigError } from "../base/errors.ts";
import { growsWithQuality } from "../data/judging/metrics.ts";
import type { Aims } from "../measure/aims.ts";
import type { CompressSettings } from "../options/training.ts";
import { loadModel } from "../runs/models.ts";
import type { RunContext } from "../runs/progress.ts";
import { choiceText, choose, FINE_TUNING, type Recommendation } from "./choose.ts";
import { FIGURES, type Figures } from "./figures.ts";

/** Settings under a method, and what was chosen where none was named. */
export interface Chosen {
  readonly settings: CompressSettings;
  readonly aims: Aims;
  /** That nothing is to be removed: fine-tuning, in 8 bits. */
  readonly alone?: true;
  /** Times the usual passes over the data. */
  readonly longer?: number;
  readonly text?: string;
}

/** The aims that were named, by name; undefined where none was. */
export function namedAims(aims: Aims): Readonly<Record<string, number>> | undefined {
  const named = Object.entries(aims).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return named.length === 0 ? undefined : Object.fromEntries(named);
}

/** The rows for an encoder of so many layers: halves stay halves, and a row that comes to no whole layer is left out. */
export function rowsFor(depth: number, { layers, rows }: Figures = FIGURES): Recommendation[] {
  return rows.flatMap((row) => {
    if (row.set.layers === undefined) return [row];
    const own = (Number(row.set.layers) * depth) / layers;
    if (!(Number.isInteger(own) && own > 0)) return [];
    const label = row.label.replace(/\b\d+ layers\b/, `${own} layers`);
    return [{ ...row, label, set: { ...row.set, layers: String(own) } }];
  });
}

/** Where nothing is to be fine-tuned, fine-tuning alone is no answer: `quantize` is, which nobody asked. */
function isOpen({ method }: Recommendation, { finetuned, embedding }: CompressSettings): boolean {
  return method !== FINE_TUNING || (finetuned === undefined && !embedding);
}

/**
 * Takes the recommendation when no method is named, which asks how deep the encoder is. What was typed stays as it was
 * typed. The aims leave the settings, so that the recipe says what is run and not what was wished.
 *
 * @throws {ConfigError} `choice/none`, `choice/points` for a drop in points of an error; as `loadModel` does
 */
export async function withMethod(
  { targetSize, targetSpeed, maxDrop, ...settings }: CompressSettings,
  context: RunContext,
  figures = FIGURES,
): Promise<Chosen> {
  const aims = { targetSize, targetSpeed, maxDrop };
  const { metric } = settings;
  if (maxDrop !== undefined && metric !== undefined && !growsWithQuality(metric)) {
    const message = `metric: expected one that is told in points of 100 beside --max-drop, got ${metric}, an error`;
    throw new ConfigError("choice/points", message);
  }
  if (settings.method !== undefined) return { settings, aims };
  const { network } = await loadModel(settings.model, context);
  const rows = rowsFor(network.config.layers.length, figures).filter((row) => isOpen(row, settings));
  // Who asks for 8 bits is given what was measured so, as far as it goes.
  const row = choose(aims, rows, settings.quantize ? ({ quantize }) => quantize === true : undefined);
  const { method, set, sparsity, longer, quantize = settings.quantize } = row;
  return {
    // The row's learning rate is the method's own.
    settings: { ...settings, method, set, quantize, ...(sparsity === undefined ? {} : { sparsity }) },
    aims,
    ...(method === FINE_TUNING ? { alone: true } : {}),
    longer,
    text: choiceText(aims, row, figures.model),
  };
}
