/** The floors of a run: fitted to what trains, judged on what judges, and left in the run's folder. */

import { join } from "node:path";
import { bytes } from "../base/units.ts";
import { classOf, type Dataset, labelsOf, type Measure } from "../data/dataset.ts";
import type { Truth } from "../data/judging/judge.ts";
import { primaryOf } from "../data/judging/metrics.ts";
import { type Judged, judgeLogits } from "../measure/logits.ts";
import { metricText } from "../measure/metric-text.ts";
import type { FileBytes, FloorKind } from "../measure/result.ts";
import { FLOOR_NAMES } from "../measure/verdict.ts";
import { writeFloor } from "./folder.ts";
import {
  asText,
  countNumbers,
  distilReader,
  type FloorModel,
  fitFloor,
  floorLogits,
  hasFloor,
  learnTermReader,
} from "./model.ts";
import type { Distillation } from "./pieces.ts";

/** A floor with its answers to the examples that judge. */
export interface MeasuredFloor extends Judged {
  readonly kind: FloorKind;
  readonly bytes: FileBytes;
  /** Numbers that its files hold. */
  readonly parameters: number;
}

/** The examples of a run. */
export interface FloorData {
  readonly train: Dataset;
  readonly dev: Dataset;
  readonly measure: Measure;
}

/** How floors are made. */
export interface FloorPlan {
  /** `none` stands alone. */
  readonly floor: readonly (FloorKind | "none")[];
  /** Where each is written, in a folder of its kind. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** The encoder that static embeddings are distilled from. */
  readonly from: Distillation;
  /** Told what each has come to. */
  readonly tell: (text: string) => void;
}

/**
 * Makes the floors that were asked for, one after the other.
 * @throws the reason of the signal, while one is fitted
 */
export async function measureFloors(
  { train, dev, measure }: FloorData,
  { floor, folder, from, signal, tell }: FloorPlan,
): Promise<MeasuredFloor[]> {
  const { task } = train;
  const measured: MeasuredFloor[] = [];
  if (!hasFloor(task)) return measured;
  for (const kind of floor) {
    if (kind === "none") continue;
    const reader = kind === "tf-idf" ? learnTermReader(train) : await distilReader(train, from, signal);
    const model = await fitFloor(reader, task, train, signal);
    const size = await writeFloor(join(folder, kind), model);
    const judged = judgeFloor(model, dev, measure);
    const score = metricText(measure.primary, primaryOf(measure, judged.metrics));
    // The one that nobody asked for.
    const hint = kind === "tf-idf" ? "; --floor none leaves it out" : "";
    tell(`floor: ${measure.primary} ${score} by ${FLOOR_NAMES[kind]}, ${bytes(size.raw)}${hint}`);
    measured.push({ kind, ...judged, bytes: size, parameters: countNumbers(model) });
  }
  return measured;
}

/** Judges a floor on labelled texts. @throws as `judgeLogits` does */
function judgeFloor(model: FloorModel, dataset: Dataset, measure: Measure): Judged {
  const logits = floorLogits(model, dataset.examples.map(asText));
  return judgeLogits(measure, logits, truthOfTexts(dataset));
}

/** What is known of texts as a judge reads it, without their pieces. */
export function truthOfTexts({ task, labels, examples }: Dataset): Truth {
  if (task !== "multi-label") return { labels: examples.map(classOf) };
  const rows = examples.map((each) => {
    const holds = new Set(labelsOf(each));
    return labels.map((_, c) => Number(holds.has(c)));
  });
  return { labels: rows.flat(), width: labels.length };
}
