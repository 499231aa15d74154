/**
 * The verdict: whether the product is smaller, whether it is faster, why not when it is not, and what it cost.
 *
 * Thresholds, so that noise is never sold as progress:
 *   bytes     smaller when at least 1 % is gone; counted on the tensor file, raw
 *   latency   faster (or slower) when the median changed by more than 10 %: repeated measurements of one model on a
 *             machine with other work differ by up to that
 *   metric    higher or lower when the interval of the paired difference (paired.ts) does not hold 0, and for accuracy
 *             McNemar's p is below 5 % too; the same only when the whole interval lies within the margin; else it
 *             cannot be told
 *
 * Zeros in a matrix of the old shape make no tensor file smaller and nothing faster by themselves: a mask is never called a
 * speed-up. What the packed file gains from them is measured, and said of it alone.
 * Not here: measuring.
 */

import { percent, times } from "../base/quantity.ts";
import { bytes, capital } from "../base/units.ts";
import { isShareMetric, metricText, metricWord, signed } from "./metric-text.ts";
import { LEVEL } from "./paired.ts";
import type {
  FloorFigures,
  FloorKind,
  Latency,
  Metric,
  ModelFigures,
  PackedFigures,
  PairedComparison,
  Verdict,
} from "./result.ts";

/** Share of the bytes that must be gone before a model is called smaller. */
export const BYTES_THRESHOLD = 0.01;
/** Share by which a median latency must change before it counts. */
export const LATENCY_NOISE = 0.1;
/** 95th percentile over median from which a measurement is called uneven: a quiet machine stays below 1.3. */
export const UNEVEN = 1.6;
/** Share of the entries that may be zero in a model called dense: padding rows and the like. */
export const ZEROS_THRESHOLD = 0.02;

/** What the verdict looks at. */
export interface Comparison {
  readonly before: ModelFigures;
  readonly after: ModelFigures;
  readonly metric: Metric;
  /** Both models on the same examples, by that metric; absent for one without answers, such as a loss. */
  readonly paired?: PairedComparison | undefined;
  /** Of the mask file that makes the product of the pre-trained model, where there is one. */
  readonly maskBytes?: number | undefined;
  /** The product as a packed file, where it labels texts. */
  readonly packed?: PackedFigures | undefined;
  /** What was fitted to the same examples without a Transformer. */
  readonly floors?: readonly FloorFigures[] | undefined;
}

/** What became of a median. */
export type Change = "faster" | "slower" | "the same";

interface Timing {
  readonly batchSize: number;
  readonly ratio: number;
  readonly change: Change;
}

/** Judges the product against the model it is held to. */
export function judge({ before, after, metric, paired, maskBytes, packed, floors }: Comparison): Verdict {
  const smaller = after.bytes.raw <= before.bytes.raw * (1 - BYTES_THRESHOLD);
  const timings = compareLatency(before.latency, after.latency);
  const dense = timings.map(({ ratio }) => changeOf(gainOf(before, after, ratio)));
  const sparse = compareLatency(before.latency, packed?.latency ?? []);
  const faster = [dense, sparse.map(({ change }) => change)].some(
    (each) => each.length > 0 && each.every((change) => change === "faster"),
  );
  const sentences = [
    // First what was paid, then what was had for it.
    metricSentence(metric, paired),
    ...floorSentences(metric, floors),
    sizeSentence(before, after, smaller),
    ...maskSentence(after, maskBytes),
    speedSentence(before, after, timings),
    ...packedSentence(before, packed, sparse),
    ...unevenSentence([...before.latency, ...after.latency, ...(packed?.latency ?? [])]),
  ];
  return { smaller, faster, text: sentences.join(" ") };
}

/** The verdict of a run that only trained: there is nothing to be smaller or faster than. */
export function trainingVerdict(metric: Metric, floors?: readonly FloorFigures[]): Verdict {
  const sentences = ["Trained, not compressed.", metricSentence(metric), ...floorSentences(metric, floors)];
  return { smaller: false, faster: false, text: sentences.join(" ") };
}

/** What a floor is, in a sentence. */
export const FLOOR_NAMES: Readonly<Record<FloorKind, string>> = {
  "tf-idf": "TF-IDF with a linear model",
  static: "static embeddings with a linear model",
};

/**
 * Whether the product is worth its Transformer: better than each floor by more than chance. A floor would do where nothing
 * beyond the margin is left open for the product; few examples leave both open.
 */
function floorSentences({ name, better }: Metric, floors: readonly FloorFigures[] = []): string[] {
  return floors.map(({ kind, metrics, bytes: { raw }, paired }) => {
    const score = metricText(name, metrics[name] ?? Number.NaN);
    const beside = `beside ${score} of ${FLOOR_NAMES[kind]} in ${bytes(raw)}`;
    const { low, high } = paired.interval;
    const [isDecided, most] = [isDifferent(paired), better === "higher" ? high : -low];
    if (isDecided && paired.difference > 0 === (better === "higher"))
      return `Above the floor: ${differenceText(name, paired)}, ${beside}.`;
    if (isDecided || most <= paired.margin)
      return `Not above the floor: ${differenceText(name, paired)}, ${beside}, which would do.`;
    const found = `${sizeText(name, paired)} on ${paired.examples.toLocaleString("en")} examples`;
    return `Cannot be told from the floor: ${found}, too few to say (${rangeText(name, paired)}), ${beside}.`;
  });
}

function sizeSentence(before: ModelFigures, after: ModelFigures, smaller: boolean): string {
  const share = after.bytes.raw / before.bytes.raw;
  if (smaller) {
    const zeros = zeroShare(after);
    const also = zeros > ZEROS_THRESHOLD ? ` ${percent(zeros)} of what is left are stored zeros.` : "";
    return `Smaller: ${percent(share)} of the bytes are left.${also}`;
  }
  if (share > 1 + BYTES_THRESHOLD) return `Not smaller: the file grew to ${percent(share)} of the original.`;
  const zeros = zeroShare(after);
  if (zeros <= ZEROS_THRESHOLD) return `Not smaller: ${unchangedText(before, after)}.`;
  const download = after.bytes.compressed / before.bytes.compressed;
  const packed =
    download <= 1 - BYTES_THRESHOLD ? `; only the compressed download shrinks, to ${percent(download)}` : "";
  return `Not smaller: ${percent(zeros)} of the parameters are zero, but zeros are stored like other numbers${packed}.`;
}

/** Of a file whose bytes changed by less than the threshold. */
function unchangedText(before: ModelFigures, after: ModelFigures): string {
  if (keepsShapes(before, after)) return "every matrix has the size it had";
  const gone = before.bytes.raw - after.bytes.raw;
  if (gone > 0)
    return `only ${gone.toLocaleString("en")} of ${before.bytes.raw.toLocaleString("en")} bytes are gone`;
  return gone === 0
    ? "the file has as many bytes as before"
    : `the file grew by ${(-gone).toLocaleString("en")} bytes`;
}

/** Whether nothing was removed: as many weights, and as many multiplications with them. */
function keepsShapes(before: ModelFigures, after: ModelFigures): boolean {
  return (
    after.parameters.total === before.parameters.total &&
    after.multiplyAccumulates === before.multiplyAccumulates
  );
}

/** What the task costs where the pre-trained model is there already. */
function maskSentence({ bytes }: ModelFigures, maskBytes: number | undefined): string[] {
  if (maskBytes === undefined) return [];
  const size = `${maskBytes.toLocaleString("en")} bytes`;
  return [
    `As a mask of the pre-trained model: ${size}, ${percent(maskBytes / bytes.raw, { decimals: 1 })} of the file.`,
  ];
}

function speedSentence(before: ModelFigures, after: ModelFigures, timings: readonly Timing[]): string {
  if (timings.length === 0) return "Speed was not measured.";
  const changes = new Set(timings.map(({ change }) => change));
  const figures = timings.map(describeTiming).join(", ");
  if (!changes.has("faster")) {
    const claim = changes.has("slower") ? "Slower" : "Not faster";
    return `${claim}: ${figures}; ${slowReason(before, after)}.`;
  }
  if (!hasLessWork(before, after)) {
    return `Not faster: ${slowReason(before, after)}; that it was timed as ${figures}, is noise of this machine.`;
  }
  if (changes.size === 1) return `Faster: ${figures}.`;
  return `Not faster everywhere: ${figures}.`;
}

/** Whether a forward pass has fewer multiplications: at least one in a hundred. */
function hasLessWork(before: ModelFigures, after: ModelFigures): boolean {
  return after.multiplyAccumulates < 0.99 * before.multiplyAccumulates;
}

/**
 * How many times as fast a pass is, of then / now of its medians. The same graph over again cannot be faster: without less
 * work what the clock says beyond 1 is noise.
 */
export function gainOf(before: ModelFigures, after: ModelFigures, ratio: number): number {
  return hasLessWork(before, after) ? ratio : Math.min(1, ratio);
}

/** What the packed file weighs beside the model before, and how it does in the sparse runtime against it in ONNX Runtime. */
function packedSentence(
  { bytes }: ModelFigures,
  packed: PackedFigures | undefined,
  timings: readonly Timing[],
): string[] {
  if (packed === undefined) return [];
  const size = `${percent(packed.bytes.raw / bytes.raw)} of the bytes`;
  if (timings.length === 0) return [`Packed (model.esp): ${size}.`];
  const changes = new Set(timings.map(({ change }) => change));
  const claim = changes.has("faster")
    ? changes.size === 1
      ? "faster"
      : "not faster everywhere"
    : "not faster";
  const figures = timings.map(describeTiming).join(", ");
  return [`Packed (model.esp): ${size}; in the sparse runtime, which skips zeros, ${claim}: ${figures}.`];
}

/** Why a forward pass did not get faster, from what is known of the two models. */
function slowReason(before: ModelFigures, after: ModelFigures): string {
  const work = after.multiplyAccumulates / before.multiplyAccumulates;
  if (!hasLessWork(before, after)) {
    const shapes = keepsShapes(before, after) ? "the matrices keep their shapes" : workText(work);
    if (zeroShare(after) > ZEROS_THRESHOLD)
      return `a mask is not a speed-up: ${shapes}, and the zeros are multiplied like other numbers`;
    return keepsShapes(before, after) ? `${shapes}, so there is no less work` : shapes;
  }
  if (work > 1 - 2 * LATENCY_NOISE) return `only ${percent(1 - work)} of the multiplications are gone`;
  return `${percent(1 - work)} of the multiplications are gone, but they are not what takes the time at this size`;
}

/** Of multiplications whose number changed by less than counts. */
function workText(work: number): string {
  if (work > 1) return "there are more multiplications than before";
  return work === 1
    ? "there are as many multiplications as before"
    : "less than 1 % of the multiplications is gone";
}

/** A warning when single passes took far longer than the median: other work ran beside, and ratios are rough. */
export function unevenSentence(latencies: readonly Latency[]): string[] {
  const worst = Math.max(1, ...latencies.map(({ p50, p95 }) => (p50 > 0 ? p95 / p50 : 1)));
  if (worst <= UNEVEN) return [];
  return [
    `Timings were uneven (95th percentile up to ${times(worst)} the median): repeat on a quiet machine.`,
  ];
}

function describeTiming({ batchSize, ratio, change }: Timing): string {
  return `${change === "the same" ? "the same within 10 %" : times(ratio)} at batch ${batchSize}`;
}

function compareLatency(before: readonly Latency[], after: readonly Latency[]): Timing[] {
  return after.flatMap((now) => {
    const then = before.find(({ batchSize, length }) => batchSize === now.batchSize && length === now.length);
    if (!then || now.p50 <= 0) return [];
    const ratio = then.p50 / now.p50;
    return [{ batchSize: now.batchSize, ratio, change: changeOf(ratio) }];
  });
}

/** Judges then / now of two medians: a ratio above 1 means faster. */
export function changeOf(ratio: number): Change {
  if (ratio > 1 + LATENCY_NOISE) return "faster";
  return ratio < 1 / (1 + LATENCY_NOISE) ? "slower" : "the same";
}

function metricSentence({ name, before, after, examples }: Metric, paired?: PairedComparison): string {
  const on = `on ${examples.toLocaleString("en")} examples`;
  if (before === null) return `${capital(metricWord(name))}: ${metricText(name, after)} ${on}.`;
  const moved = `${metricText(name, before)} before, ${metricText(name, after)} after`;
  if (paired === undefined) return `${capital(metricWord(name))}: ${moved}, ${on}.`;
  return `${capital(metricWord(name))} ${differenceText(name, paired)}: ${moved}, ${on}${changedText(paired)}.`;
}

/** What can be said of two models by a metric, with the interval that it rests on. */
function differenceText(name: string, paired: PairedComparison): string {
  const { interval, margin } = paired;
  const { low, high } = interval;
  const isShare = isShareMetric(name);
  const within = isShare ? pointsText(margin) : `${Number(margin.toPrecision(2))}`;
  const isSame = low >= -margin && high <= margin;
  if (!isDifferent(paired)) {
    const range = `${rangeText(name, paired)}${isShare ? " points" : ""}`;
    if (isSame) return `the same to within ±${within} (${range})`;
    // Few examples: the score interval leaves 0 out where the exact test, which is the stricter one, does not.
    const by = low > 0 || high < 0 ? " by McNemar's exact test" : "";
    return `cannot be told apart${by} (${range})`;
  }
  const also = isSame ? `, the same to within ±${within}` : "";
  return `${sizeText(name, paired)} (${rangeText(name, paired)})${also}`;
}

/** `2.5 points lower`. */
function sizeText(name: string, { difference }: PairedComparison): string {
  const isShare = isShareMetric(name);
  const size = signed(Math.abs(difference), isShare).replace("+", "");
  const way = difference === 0 ? "apart" : difference > 0 ? "higher" : "lower";
  return `${size}${isShare ? " points" : ""} ${way}`;
}

/** `95 % interval −4.6 to −0.5`. */
function rangeText(name: string, { interval: { low, high } }: PairedComparison): string {
  const isShare = isShareMetric(name);
  return `${percent(LEVEL)} interval ${signed(low, isShare)} to ${signed(high, isShare)}`;
}

/** Whether two models differ. Both have to say so: for few examples the exact test is the stricter one. */
export function isDifferent({ interval: { low, high }, p }: PairedComparison): boolean {
  return (low > 0 || high < 0) && (p === null || p < 1 - LEVEL);
}

/** Which way single examples went, and how likely that is by chance. */
function changedText({ lost, gained, p }: PairedComparison): string {
  if (lost === null || gained === null) return "";
  const chance = p === null ? "" : ` (McNemar p ${p < 0.001 ? "< 0.001" : `= ${Number(p.toPrecision(2))}`})`;
  const [wrong, right] = [lost, gained].map((n) => n.toLocaleString("en"));
  return `; ${wrong} became wrong and ${right} right${chance}`;
}

function pointsText(share: number): string {
  const points = Number((100 * share).toPrecision(3));
  return `${points} ${points === 1 ? "point" : "points"}`;
}

function zeroShare({ parameters }: ModelFigures): number {
  return parameters.total === 0 ? 0 : 1 - parameters.nonzero / parameters.total;
}
