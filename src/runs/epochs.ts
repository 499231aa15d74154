/**
 * How many passes over the data training makes where nobody says. Three are the usual number for thousands of examples;
 * of a few hundred they are some twenty steps, which end before anything is learnt (results/small-data.md). So a small
 * set is passed until there are enough steps.
 */

import type { RunContext } from "./progress.ts";

const USUAL = 3;

/** From how many steps on more passes helped nothing in our measurements, and how often a set is passed at most. */
export interface Enough {
  readonly steps: number;
  readonly most: number;
  /** Times the usual passes, where a method wants more of them. */
  readonly longer?: number | undefined;
}

export const ENOUGH_TO_FINETUNE: Enough = { steps: 120, most: 20 };
/** What is taken away has to be learnt around. */
export const ENOUGH_TO_COMPRESS: Enough = { steps: 600, most: 60 };

interface Passes {
  readonly epochs?: number | undefined;
  readonly batchSize: number;
  readonly accumulate: number;
}

/** The passes over so many examples: as many as were typed, else three, or more where the examples are few. */
export function trainingEpochs(
  { epochs, ...batches }: Passes,
  examples: number,
  enough: Enough,
  { report }: RunContext = {},
): number {
  if (epochs !== undefined) return epochs;
  const perEpoch = Math.ceil(examples / batches.batchSize) / batches.accumulate;
  const usual = USUAL * (enough.longer ?? 1);
  const chosen = Math.max(usual, Math.min(enough.most, Math.ceil(enough.steps / perEpoch)));
  if (chosen > usual)
    report?.({
      kind: "note",
      text: `${chosen} epochs instead of the usual ${usual}: with ${examples.toLocaleString("en")} examples those are too few steps to learn from; --epochs says otherwise`,
    });
  return chosen;
}
