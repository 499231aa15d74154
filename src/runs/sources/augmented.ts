/**
 * The examples of a file of `espalier augment`, added to those that train. Not here: the command that writes it, and what
 * keeps copies of the examples that judge out of it (runs/data.ts).
 */

import { ConfigError } from "../../base/errors.ts";
import type { Dataset, Example } from "../../data/dataset.ts";
import { readSeveralLabels } from "../../data/several-labels.ts";
import { readTable } from "../../data/table.ts";

/**
 * A training set with the examples of an augmented file that are not in it yet.
 * @throws {ConfigError} `data/augmented` for labels of words
 */
export async function addAugmented(train: Dataset, file: string): Promise<Dataset> {
  const isPair = train.examples.some(({ pair }) => pair !== undefined);
  const columns = { text: "text", label: "label", ...(isPair ? { pair: "text_pair" } : {}) };
  if (train.task === "tokens") {
    const message = `augmented: expected none with labels of words, of which there are no copies, got ${file}`;
    throw new ConfigError("data/augmented", message);
  }
  const isSeveral = train.task === "multi-label";
  const { examples } = await (isSeveral
    ? readSeveralLabels([file], columns, { labels: train.labels })
    : readTable(file, columns, { like: train }));
  const identity = ({ text, pair, label }: Example): string => JSON.stringify([text, pair, label]);
  const known = new Set(train.examples.map(identity));
  return { ...train, examples: [...train.examples, ...examples.filter((e) => !known.has(identity(e)))] };
}
