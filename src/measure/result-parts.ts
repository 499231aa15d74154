/** Parts of result.json that a run has when they were asked for: what was fitted after training, and folds. */

import {
  aCount,
  aNumber,
  anAmount,
  aText,
  type JsonShape,
  listOf,
  mapOf,
  orNull,
  record,
} from "../formats/json-shape.ts";

/** How far probabilities can be taken at their word (calibration.ts). */
export interface TrustFigures {
  /** Expected calibration error, as a share of 1. */
  readonly error: number;
  /** Mean cross-entropy. */
  readonly loss: number;
}

/** What `calibrate` did; the classifier has it already. */
export interface CalibrationFigures {
  /** What logits were divided by. */
  readonly temperature: number;
  /** Judging examples, on which it was fitted; of labels of words the texts. */
  readonly examples: number;
  readonly before: TrustFigures;
  /** On the examples that it was fitted on. */
  readonly after: TrustFigures;
  /** Each half of the examples by the temperature of the other. */
  readonly held: TrustFigures;
}

/** What `threshold` did; the classifier has it already. */
export interface ThresholdFigures {
  /** From which probability on, before it was moved, a label is said: the second of two classes, or each of several. */
  readonly thresholds: Readonly<Record<string, number>>;
  readonly metric: string;
  /** The metric at 0.5, at the threshold, and with each half of the examples at that of the other. */
  readonly before: number;
  readonly after: number;
  readonly held: number;
}

/** The metric in each fold, whose means the other figures are. */
export interface FoldFigures {
  /** Of the model before; null where there is none. */
  readonly before: readonly (number | null)[];
  readonly after: readonly number[];
}

/** Shapes of these in the file. */
const TRUST = record<TrustFigures>({ error: anAmount, loss: aNumber });

export const CALIBRATION = record<CalibrationFigures>({
  temperature: anAmount,
  examples: aCount,
  before: TRUST,
  after: TRUST,
  held: TRUST,
});

export const THRESHOLD = record<ThresholdFigures>({
  thresholds: mapOf(anAmount),
  metric: aText,
  before: aNumber,
  after: aNumber,
  held: aNumber,
});

export const FOLDS: JsonShape<FoldFigures> = record<FoldFigures>({
  before: listOf(orNull(aNumber)),
  after: listOf(aNumber, 1),
});
