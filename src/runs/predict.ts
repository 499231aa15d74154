/** `espalier predict`: labels for texts. */

import { InputError } from "../base/errors.ts";
import type { PredictResult } from "./answers.ts";
import { load, type Text } from "./classifier.ts";
import { resolveOptions } from "./fields.ts";
import { PREDICT, type PredictOptions } from "./options.ts";
import type { RunContext } from "./progress.ts";

/**
 * Labels texts; a tab separates the two of a pair.
 *
 * @throws {ConfigError} for options that do not fit, `model/head` for a model that was not fine-tuned
 * @throws {InputError} `predict/tabs` for more than one tab in a text; for a model that cannot be read
 * @example const { predictions } = await predict({ model: "runs/sst2", texts: ["a film to remember"] });
 */
export async function predict(options: PredictOptions, context: RunContext = {}): Promise<PredictResult> {
  const { model, texts, ...rest } = resolveOptions(PREDICT, options);
  const given = texts.map(toText);
  const classifier = await load(model, rest, context);
  try {
    const { head } = classifier.network;
    const labels = head.kind === "classification" ? head.labels : [];
    return { labels, predictions: await classifier.classify(given) };
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
