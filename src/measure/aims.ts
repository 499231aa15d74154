/** What may be wanted of a run whose method is chosen for it, and how what became of that is written in result.json. */

import {
  aClaim,
  aNumber,
  ifThere,
  type JsonShape,
  oneOfValues,
  orNull,
  record,
} from "../formats/json-shape.ts";

/** What is wanted; what is absent does not matter. */
export interface Aims {
  /** Largest share that model.esp may have of the fine-tuned model's bytes. */
  readonly targetSize?: number | undefined;
  /** Least times as fast as the fine-tuned model. */
  readonly targetSpeed?: number | undefined;
  /** Most points of the metric that may be lost, of 100. */
  readonly maxDrop?: number | undefined;
}

/** One thing that was wanted of a run whose method was chosen for it. */
export interface WantedFigures {
  /** The option that named it: at most this share of the bytes, at least as many times as fast, at most as many points lower. */
  readonly aim: "targetSize" | "targetSpeed" | "maxDrop";
  readonly wanted: number;
  /** In the same unit; null where the run has not measured it. */
  readonly got: number | null;
  readonly reached: boolean | null;
  /** There where the product in 8 bits was held to it. */
  readonly bits?: 8;
}

export const WANTED: JsonShape<WantedFigures> = record<WantedFigures>({
  aim: oneOfValues("targetSize", "targetSpeed", "maxDrop"),
  wanted: aNumber,
  got: orNull(aNumber),
  reached: orNull(aClaim),
  bits: ifThere(oneOfValues(8)),
});
