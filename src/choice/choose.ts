/**
 * Which method, with which settings, for what a user wants: smaller, faster, or as good as can be.
 *
 * A recommendation is a row of the core table with what it came to there, on a few tasks and one model (figures.ts). That
 * it comes to the same on other data is a guess, and is said to be one; the run then measures what it reached (reached.ts).
 * Pure: nothing is read here.
 */

import { ConfigError } from "../base/errors.ts";
import { counted, fixed, percent } from "../base/quantity.ts";
import type { Aims } from "../measure/aims.ts";
import { aimText } from "../measure/reached.ts";

/** A method as `compress` is asked for it, and what it came to. */
export interface Recommendation {
  /** Of its row, in words. */
  readonly label: string;
  readonly method: string;
  readonly set: Readonly<Record<string, string>>;
  readonly sparsity?: number;
  /** Whether what ships is the product in 8 bits. */
  readonly quantize?: true;
  /** Runs that were made so, of any task: what 8 bits cost stands on them. */
  readonly quantized?: number;
  /** That it was trained at, where it is not the usual one: the method's own. */
  readonly learningRate?: number;
  /** Passes over the data, as a multiple of those that fine-tuning made. */
  readonly longer: number;
  /** Points that it was below its fine-tuned model, over tasks and then their mean. */
  readonly drop: number;
  /** Tasks and runs behind that. */
  readonly tasks: readonly string[];
  readonly runs: number;
  /** Bytes of its .esp file, as a share of the fine-tuned model's in float32. */
  readonly size: number;
  /** Times as fast as the fine-tuned model in ONNX Runtime, one text at a time. */
  readonly faster: number;
}

/** Points that are given up where nothing is said of them. */
export const USUAL_DROP = 2;
/** Points by which rows of a few runs cannot be told apart. */
const ALIKE = 0.5;
/** The method of the row that removes nothing: fine-tuning alone, in 8 bits. */
export const FINE_TUNING = "finetune";

/**
 * The row for some aims. With a size or a speed to be reached, the smallest of those that lose least there; else, of those
 * that lose no more than is allowed, the smallest. Where nothing is asked for there is always one: what loses least. A row
 * of the preferred kind comes before all others.
 *
 * @throws {ConfigError} `choice/none` when no row is there, with those that are nearest
 */
export function choose(
  aims: Aims,
  rows: readonly Recommendation[],
  isPreferred: (row: Recommendation) => boolean = () => true,
): Recommendation {
  const { targetSize = 1, targetSpeed = 0, maxDrop } = aims;
  const isBounded = aims.targetSize !== undefined || aims.targetSpeed !== undefined;
  const most = maxDrop ?? (isBounded ? Number.POSITIVE_INFINITY : USUAL_DROP);
  const isThere = ({ size, faster }: Recommendation): boolean => size <= targetSize && faster >= targetSpeed;
  const all = rows.filter((row) => isThere(row) && row.drop <= most);
  const fitting = all.some(isPreferred) ? all.filter(isPreferred) : all;
  const near = isBounded ? fitting.filter(({ drop }) => drop <= leastOf(fitting) + ALIKE) : fitting;
  const [best] = near.toSorted((a, b) => a.size - b.size || a.longer - b.longer || a.drop - b.drop);
  if (best !== undefined) return best;
  const asksNothing = !isBounded && maxDrop === undefined;
  const [closest] = rows.toSorted((a, b) => a.drop - b.drop);
  if (asksNothing && closest !== undefined) return closest;
  throw noneFor(aims, rows, isThere);
}

function leastOf(rows: readonly Recommendation[]): number {
  return Math.min(...rows.map(({ drop }) => drop));
}

function noneFor(
  aims: Aims,
  rows: readonly Recommendation[],
  isThere: (row: Recommendation) => boolean,
): ConfigError {
  const least = (of: readonly Recommendation[], cost: (row: Recommendation) => number) =>
    of.toSorted((a, b) => cost(a) - cost(b) || a.drop - b.drop).slice(0, 1);
  const { targetSize = 1, targetSpeed = 0, maxDrop } = aims;
  // What loses least where size and speed are there; else what comes nearest to each that none has.
  const near = [
    ...least(rows.filter(isThere), ({ drop }) => drop),
    ...(rows.some(({ size }) => size <= targetSize) ? [] : least(rows, ({ size }) => size)),
    ...(rows.some(({ faster }) => faster >= targetSpeed) ? [] : least(rows, ({ faster }) => -faster)),
    ...(maxDrop === undefined ? [] : least(rows, ({ drop }) => drop)),
  ];
  const nearest = [...new Set(near)].map(figuresText).join("; or ");
  const smaller = rows.some(({ size }) => size <= targetSize)
    ? ""
    : "; with `espalier shrink --vocabulary` beforehand its file is smaller still";
  return new ConfigError(
    "choice/none",
    `compress: expected a method that comes to ${aimsText(aims)}, got none among those measured; nearest: ${nearest || "none"}; --method takes one anyway${smaller}`,
  );
}

/** Aims in words. */
export function aimsText({ targetSize, targetSpeed, maxDrop }: Aims): string {
  const aims = { targetSize, targetSpeed, maxDrop };
  const parts = (["targetSize", "targetSpeed", "maxDrop"] as const).flatMap((aim) => {
    const wanted = aims[aim];
    return wanted === undefined ? [] : [aimText(aim, wanted)];
  });
  return parts.length === 0 ? aimText("maxDrop", USUAL_DROP) : parts.join(", ");
}

/** A row with what it came to. */
export function figuresText({ label, drop, size, faster }: Recommendation): string {
  const change = drop <= 0 ? `${fixed(-drop, 1)} points higher` : `${fixed(drop, 1)} points lower`;
  return `${label} (${percent(size)} of the bytes, ${fixed(faster, 1)} times as fast, ${change})`;
}

/** What was chosen, why, and on what that stands. */
export function choiceText(aims: Aims, row: Recommendation, model: string): string {
  const eight = row.quantized === undefined ? "" : `, 8 bits in ${row.quantized} of them or of other tasks`;
  const runs = `${counted(row.runs, "run")}${eight}`;
  const isBeyond = Object.values(aims).every((aim) => aim === undefined) && row.drop > USUAL_DROP;
  const taken = isBeyond
    ? `none loses at most ${fixed(USUAL_DROP, 1)} points, so this takes what loses least,`
    : `for ${aimsText(aims)} this takes`;
  return `no --method is given: ${taken} ${figuresText(row)}; measured with ${model} on ${row.tasks.join(", ")}, ${runs}; another model or other data may come to other figures`;
}
