/**
 * The floors of a run: fitted to what trains, judged on what judges, and left in the run's folder.
 *
 * Where the product gets a temperature or a threshold from the examples that judge (measure/settled.ts), so does each floor,
 * in its own weights and bias: what differs is then the model.
 */

import { join } from "node:path";
import { bytes } from "../base/units.ts";
import { classOf, type Dataset, labelsOf, type Measure } from "../data/dataset.ts";
import type { Truth } from "../data/judging/judge.ts";
import { primaryOf } from "../data/judging/metrics.ts";
import { type Judged, judgeLogits } from "../measure/logits.ts";
import { metricText } from "../measure/metric-text.ts";
import type { FileBytes, FloorKind } from "../measure/result.ts";
import { type SettleSettings, scalingFor } from "../measure/settled.ts";
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
  scaledFloor,
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
  /** What the product is given after training. */
  readonly settling: SettleSettings;
  /** Told what each has come to. */
  readonly tell: (text: string) => void;
}

/**
 * Makes the floors that were asked for, one after the other.
 * @throws the reason of the signal, while one is fitted
 */
export async function measureFloors(
  { train, dev, measure }: FloorData,
  { floor, folder, from, signal, settling, tell }: FloorPlan,
): Promise<MeasuredFloor[]> {
  const { task } = train;
  const measured: MeasuredFloor[] = [];
  if (!hasFloor(task)) return measured;
  for (const kind of floor) {
    if (kind === "none") continue;
    const reader = kind === "tf-idf" ? learnTermReader(train) : await distilReader(train, from, signal);
    const model = await fitFloor(reader, task, train, signal);
    const { settled, judged } = settleFloor(model, dev, measure, settling);
    const size = await writeFloor(join(folder, kind), settled);
    const score = metricText(measure.primary, primaryOf(measure, judged.metrics));
    // The one that nobody asked for.
    const hint = kind === "tf-idf" ? "; --floor none leaves it out" : "";
    tell(`floor: ${measure.primary} ${score} by ${FLOOR_NAMES[kind]}, ${bytes(size.raw)}${hint}`);
    measured.push({ kind, ...judged, bytes: size, parameters: countNumbers(settled) });
  }
  return measured;
}

/** A floor with what is asked for fitted to labelled texts, and judged on them. @throws as `judgeLogits` does */
export function settleFloor(
  model: FloorModel,
  dataset: Dataset,
  measure: Measure,
  settings: SettleSettings,
): { readonly settled: FloorModel; readonly judged: Judged } {
  const [texts, truth] = [dataset.examples.map(asText), truthOfTexts(dataset)];
  const logits = floorLogits(model, texts);
  const scaling = scalingFor(measure, truth, logits, settings);
  if (scaling === undefined) return { settled: model, judged: judgeLogits(measure, logits, truth) };
  const settled = scaledFloor(model, scaling);
  return { settled, judged: judgeLogits(measure, floorLogits(settled, texts), truth) };
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
