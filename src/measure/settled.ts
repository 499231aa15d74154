/**
 * What is fitted to the judging examples when training has ended: a temperature, and a threshold of two classes or of each
 * of several labels. Both go into the classifier (network/scaled.ts), so that every format and every program has them.
 *
 * They are fitted on the rows that judge, which flatters them: each figure stands beside an honest one, for which either
 * half of these rows was judged by what the other half gave. A floor that the product is held to gets the same (floor/). A threshold moves the probabilities with it: 0.5 is then
 * where the answer changes. So the temperature is fitted first, and its figures are those before the threshold.
 */

import { ConfigError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import { fixed, percent } from "../base/quantity.ts";
import { fold, type Key, keyOf } from "../base/random.ts";
import type { EncodedSet } from "../data/batches.ts";
import type { Dataset, Measure, TaskKind } from "../data/dataset.ts";
import { type Truth, truthOf } from "../data/judging/judge.ts";
import type { Provider } from "../engine/protocol.ts";
import type { Network } from "../network/network.ts";
import { type Scaling, withScaling } from "../network/scaled.ts";
import {
  acrossHalves,
  asClasses,
  countLabelled,
  fitTemperature,
  halves,
  type Labelled,
  trustOf,
} from "./calibration.ts";
import { type Judged, judgeNetwork } from "./logits.ts";
import { metricText } from "./metric-text.ts";
import type { CalibrationFigures, ThresholdFigures } from "./result-parts.ts";
import { cutsFor, metricAt, movesWithThreshold, shiftedBy, shiftOf, thresholdOf } from "./threshold.ts";

/** What a run asks for. */
export interface SettleSettings {
  readonly calibrate?: boolean | undefined;
  readonly threshold?: number | "best" | undefined;
}

/** What was fitted; a part that was not asked for, or does not fit, is absent. */
export interface SettledFigures {
  readonly calibration?: CalibrationFigures;
  readonly threshold?: ThresholdFigures;
}

/** A network after it, and what is to be said. */
export interface Settled {
  readonly network: Network;
  readonly figures: SettledFigures;
  /** One line for each. */
  readonly notes: readonly string[];
}

/** What the examples that judge are, beside their pieces. */
export interface Judging {
  readonly set: EncodedSet;
  readonly measure: Measure;
  /** Names of the classes. */
  readonly labels: readonly string[];
}

/** Judges a network, settles it, and judges it again where that has changed it. */
export async function judgeSettled(
  network: Network,
  settings: SettleSettings & { readonly threads: number; readonly device: Provider; readonly seed: number },
  { set, measure, labels }: Judging,
): Promise<Settled & { readonly judged: Judged & { readonly network: Network } }> {
  const first = await judgeNetwork(network, settings, set, measure);
  const truth = truthOf(set);
  const labelled = labelledBy(truth, first.logits);
  const key = keyOf(settings.seed);
  const settled = settle(network, labelled, settings, { measure, labels, key });
  const isSame = settled.network === network;
  return { ...settled, judged: isSame ? first : await judgeNetwork(settled.network, settings, set, measure) };
}

/** Answers beside what they are held to. */
function labelledBy({ labels, width = 1, starts }: Truth, logits: Float32Array): Labelled {
  return { logits, labels, width, ...(starts ? { starts } : {}) };
}

/** Tasks whose answers are probabilities. */
const PROBABLE: readonly TaskKind[] = ["classification", "multi-label", "tokens"];

/** @throws {ConfigError} `calibrate/task`, `threshold/classes`, `threshold/metric` for data that has no such thing */
export function requireSettling(
  { calibrate, threshold }: SettleSettings,
  { task, labels, name }: Dataset,
  measure: Measure,
): void {
  if (calibrate && !PROBABLE.includes(task)) {
    const message = `calibrate: expected data with labels, got ${KINDS[task]} (${name})`;
    throw new ConfigError("calibrate/task", message);
  }
  if (threshold === undefined) return;
  if (task !== "multi-label" && (task !== "classification" || labels.length !== 2)) {
    const expected = "data with two classes, or with several labels of a text";
    const got = task === "classification" ? `${labels.length} classes` : KINDS[task];
    throw new ConfigError("threshold/classes", `threshold: expected ${expected}, got ${got} (${name})`);
  }
  if (threshold === "best" && !movesWithThreshold(measure)) {
    const expected = "a metric that a threshold changes, such as f1 or accuracy";
    throw new ConfigError("threshold/metric", `threshold: expected ${expected}, got ${measure.primary}`);
  }
}

/** What a task asks for, in words. */
const KINDS: Readonly<Record<TaskKind, string>> = {
  classification: "classes",
  regression: "values",
  "multi-label": "several labels of a text",
  tokens: "labels of words",
  embedding: "vectors",
};

/** Fits what was asked for. @param labels  the classes' names */
export function settle(
  network: Network,
  labelled: Labelled,
  settings: SettleSettings,
  {
    measure,
    labels,
    key,
  }: { readonly measure: Measure; readonly labels: readonly string[]; readonly key: Key },
): Settled {
  const { calibrate = false, threshold } = settings;
  const { temperature: fitted, cuts, scaled, scaling } = fitTo(labelled, settings, measure);
  const asked = measure.task === "multi-label" ? asClasses(labelled) : labelled;
  const calibration =
    fitted === undefined ? undefined : calibrationFigures(asked, fitted, fold(key, "calibrate"));
  const job = { cuts, threshold, labels: measure.task === "multi-label" ? labels : labels.slice(1) };
  return {
    network: scaling === undefined ? network : withScaling(network, scaling),
    figures: {
      ...(calibration ? { calibration } : {}),
      ...(threshold === undefined
        ? {}
        : { threshold: thresholdFigures(job, scaled, measure, fold(key, "threshold")) }),
    },
    notes: calibrate && !calibration ? [UNFIT] : [],
  };
}

const UNFIT =
  "no temperature fits: the answers are all right, or no better than chance; logits stay as they are";

/** What is fitted, and what becomes of logits by it. */
interface Fit {
  /** Undefined where none was asked for, or none fits. */
  readonly temperature: number | undefined;
  readonly cuts: readonly number[];
  /** The answers under the temperature alone. */
  readonly scaled: Labelled;
  /** Undefined where logits stay as they are. */
  readonly scaling: Scaling | undefined;
}

function fitTo(labelled: Labelled, { calibrate, threshold }: SettleSettings, measure: Measure): Fit {
  const asked = measure.task === "multi-label" ? asClasses(labelled) : labelled;
  const found = calibrate ? fitTemperature(asked) : undefined;
  const temperature = found ?? 1;
  const scaled = { ...labelled, logits: labelled.logits.map((z) => z / temperature) };
  const cuts = threshold === undefined ? [] : cutsFor(measure, scaled, threshold);
  const isMoved = cuts.some((cut) => cut !== 0);
  const scaling = { temperature, ...(isMoved ? { shift: shiftOf(measure, cuts) } : {}) };
  return { temperature: found, cuts, scaled, scaling: temperature === 1 && !isMoved ? undefined : scaling };
}

/** What would become of any model's answers to the judging examples; undefined where they stay as they are. */
export function scalingFor(
  measure: Measure,
  truth: Truth,
  logits: Float32Array,
  settings: SettleSettings,
): Scaling | undefined {
  return fitTo(labelledBy(truth, logits), settings, measure).scaling;
}

function calibrationFigures(labelled: Labelled, temperature: number, key: Key): CalibrationFigures {
  const before = trustOf(labelled);
  const after = trustOf({ ...labelled, logits: labelled.logits.map((z) => z / temperature) });
  const held = trustOf(halves(labelled, key));
  return { temperature, examples: countLabelled(labelled), before, after, held };
}

/** What was fitted and what it did, a sentence each. */
export function settledSentences({ calibration, threshold }: SettledFigures): string[] {
  return [
    ...(calibration ? [calibrationSentence(calibration)] : []),
    ...(threshold ? [thresholdSentence(threshold)] : []),
  ];
}

function calibrationSentence({ temperature, before, held }: CalibrationFigures): string {
  const [was, is] = [before.error, held.error].map((x) => percent(x, { decimals: 1 }));
  return `Calibrated by temperature ${fixed(temperature, 2)}: expected calibration error ${was} without it, ${is} with it, each half of the judging examples by the temperature of the other.`;
}

interface Moved {
  readonly cuts: readonly number[];
  readonly threshold: number | "best" | undefined;
  /** Those that have a cut. */
  readonly labels: readonly string[];
}

function thresholdFigures(
  { cuts, labels, threshold }: Moved,
  labelled: Labelled,
  measure: Measure,
  key: Key,
): ThresholdFigures {
  const none = cuts.map(() => 0);
  const crossed = acrossHalves(labelled, key, (fitted, logits) => {
    const own = threshold === "best" ? cutsFor(measure, fitted, threshold) : cuts;
    return shiftedBy(logits, shiftOf(measure, own));
  });
  return {
    thresholds: Object.fromEntries(
      labels.map((label, i) => [label, thresholdOf(requireItem(cuts, i, "cuts"))]),
    ),
    metric: measure.primary,
    before: metricAt(measure, labelled, none),
    after: metricAt(measure, labelled, cuts),
    held: metricAt(measure, crossed, none),
  };
}

function thresholdSentence({ thresholds, metric, before, after, held }: ThresholdFigures): string {
  const [was, is, honest] = [before, after, held].map((x) => metricText(metric, x));
  const each = Object.entries(thresholds).map(
    ([label, value]) => `${JSON.stringify(label)} from ${fixed(value, 3)}`,
  );
  const more = each.length > SHOWN ? `, and ${each.length - SHOWN} more` : "";
  const also =
    after === held ? "" : `, ${honest} with each half of the judging examples at the thresholds of the other`;
  return `Threshold: ${each.slice(0, SHOWN).join(", ")}${more} on, which is now 0.5; ${metric} ${was} without it, ${is} with it${also}.`;
}

/** Labels in a sentence. */
const SHOWN = 5;
