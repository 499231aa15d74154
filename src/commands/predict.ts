/** `espalier predict`: labels for texts, from one model or from one base under several masks. */

import { InputError } from "../base/errors.ts";
import { maskBase } from "../network/mask-file.ts";
import type { Network } from "../network/network.ts";
import type { Text } from "../network/predictions.ts";
import { resolveOptions } from "../options/schema.ts";
import { PREDICT, type PredictOptions } from "../options/training.ts";
import { type ClassifierOptions, openClassifier } from "../runs/classifier.ts";
import { loadModel } from "../runs/models.ts";
import type { RunContext } from "../runs/progress.ts";
import { maskedNetwork } from "../runs/under-mask.ts";
import type { MaskPredictions, Predictions, PredictResult } from "./answers.ts";

/**
 * Labels texts; a tab separates the two of a pair. With masks the model is their base, is read once, and every mask
 * answers, one after the other.
 *
 * @throws {ConfigError} for options that do not fit, `model/head` for a model that was not fine-tuned
 * @throws {InputError} `predict/tabs` for more than one tab in a text; for a model or a mask that cannot be read
 * @example const { predictions } = await predict({ model: "runs/sst2", texts: ["a film to remember"] });
 * @example const { masks } = await predict({ model: "base", mask: ["sst2.mask", "cola.mask"], texts: ["a film"] });
 */
export async function predict(options: PredictOptions, context: RunContext = {}): Promise<PredictResult> {
  const { model, texts, mask = [], ...rest } = resolveOptions(PREDICT, options);
  const given = texts.map(toText);
  const { network } = await loadModel(model, context);
  const masks = await underEach(network, mask, (masked, path) => answers(masked, path, given, rest));
  const { labels, predictions } = masks[0] ?? (await answers(network, model, given, rest));
  return { labels, predictions, masks };
}

/** One mask after the other: of the networks that they make, each as large as the base, one is there at a time. */
async function underEach(
  network: Network,
  paths: readonly string[],
  use: (masked: Network, path: string) => Promise<Predictions>,
): Promise<MaskPredictions[]> {
  if (paths.length === 0) return [];
  const base = maskBase(network);
  const masks: MaskPredictions[] = [];
  for (const mask of paths) masks.push({ mask, ...(await use(await maskedNetwork(base, mask), mask)) });
  return masks;
}

async function answers(
  network: Network,
  name: string,
  texts: readonly Text[],
  options: ClassifierOptions,
): Promise<Predictions> {
  const classifier = await openClassifier(network, options, name);
  try {
    const { head } = network;
    const labels = head.kind === "classification" ? head.labels : [];
    return { labels, predictions: await classifier.classify(texts) };
  } finally {
    await classifier.close();
  }
}

function toText(line: string, i: number): Text {
  const [text = "", pair, ...more] = line.split("\t");
  if (more.length > 0) {
    const message = `text ${i + 1}: expected at most one tab, between two texts, got ${more.length + 1}`;
    throw new InputError("predict/tabs", message);
  }
  return pair === undefined ? text : [text, pair];
}
