/**
 * How long `compress` trains, in which batches and at which rate, and the fine-tuning before it, as far as nobody says.
 *
 * Not here: how many passes a data set needs (runs/epochs.ts), a method's own batch and rate (its file).
 */

import type { ConfiguredMethod } from "../contract/configured.ts";
import type { Dataset } from "../data/dataset.ts";
import { type CompressSettings, EMBEDDED_RATE, USUAL_BATCH, USUAL_RATE } from "../options/training.ts";
import type { LabelledData } from "../runs/data.ts";
import { EMBEDDED } from "../runs/embedded.ts";
import { ENOUGH_TO_COMPRESS, ENOUGH_TO_FINETUNE, trainingEpochs } from "../runs/epochs.ts";
import type { RunContext } from "../runs/progress.ts";

/** The passes of the compression, and of the fine-tuning before it where there is one, which does without the copies. */
export function chooseEpochs(
  asked: CompressSettings & { readonly batchSize: number },
  { train, copies }: Pick<LabelledData, "copies"> & { readonly train: Pick<Dataset, "examples"> },
  longer: number | undefined,
  context: RunContext,
): { readonly epochs: number; readonly finetuneEpochs?: number } {
  const examples = train.examples.length;
  const epochs = trainingEpochs(asked, examples, { ...ENOUGH_TO_COMPRESS, longer }, context);
  if (asked.finetuned !== undefined) return { epochs };
  const { finetuneBatchSize: batchSize = asked.batchSize } = asked;
  const typed = { ...asked, batchSize, epochs: asked.finetuneEpochs ?? asked.epochs };
  return { epochs, finetuneEpochs: trainingEpochs(typed, examples - copies, ENOUGH_TO_FINETUNE) };
}

/**
 * Examples of one batch of the compression, and of the fine-tuning before it where that has others: what was not typed for
 * it is the method's business alone.
 */
export function chooseBatches(
  { batchSize: typed, finetuned, finetuneBatchSize, embedding }: CompressSettings,
  { batchSize: own }: ConfiguredMethod,
): { readonly batchSize: number; readonly finetuneBatchSize?: number } {
  const batchSize = typed ?? own ?? USUAL_BATCH;
  if (finetuned !== undefined || embedding) return { batchSize };
  const first = finetuneBatchSize ?? typed ?? USUAL_BATCH;
  return first === batchSize ? { batchSize } : { batchSize, finetuneBatchSize: first };
}

/** The learning rate of a model, where neither the user nor a method says one. */
export function usualRate(model: string): number {
  return model === EMBEDDED ? EMBEDDED_RATE : USUAL_RATE;
}

/**
 * The learning rate of the compression, and of the fine-tuning before it where there is one. A rate that was typed for a
 * method with one of its own says nothing of a model: at ten times its rate fine-tuning would spoil the teacher.
 */
export function chooseRates(
  { model, learningRate: typed, finetuned, finetuneRate, embedding }: CompressSettings,
  { learningRate: own }: ConfiguredMethod,
): { readonly learningRate: number; readonly finetuneRate?: number } {
  const learningRate = typed ?? own ?? usualRate(model);
  // Vectors are their own labels: there is nothing to be fine-tuned.
  if (finetuned !== undefined || embedding) return { learningRate };
  return {
    learningRate,
    finetuneRate: finetuneRate ?? (own === undefined ? learningRate : usualRate(model)),
  };
}

/** What is said of a rate and a batch that are the method's own. */
export function ownNotes(typed: CompressSettings, method: ConfiguredMethod): string[] {
  const { learningRate: rate, batchSize: batch } = method;
  const rates =
    typed.learningRate !== undefined || rate === undefined
      ? []
      : [`learning rate ${rate.toExponential()}, the method's own; --learning-rate says otherwise`];
  const batches =
    typed.batchSize !== undefined || batch === undefined
      ? []
      : [`batches of ${batch}, the method's own; --batch-size says otherwise`];
  return [...rates, ...batches];
}
