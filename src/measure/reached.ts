/** Whether a run has reached what was wanted of it: figures, and the same in words. */

import { decimalsOf, fixed } from "../base/quantity.ts";
import type { ModelFigures, RunResult, WantedFigures } from "./result.ts";
import { gainOf } from "./verdict.ts";

/** What is wanted; what is absent does not matter. */
export interface Aims {
  /** Largest share that model.esp may have of the fine-tuned model's bytes. */
  readonly targetSize?: number | undefined;
  /** Least times as fast as the fine-tuned model. */
  readonly targetSpeed?: number | undefined;
  /** Most points of the metric that may be lost, of 100. */
  readonly maxDrop?: number | undefined;
}

type Measured = Pick<RunResult, "metric" | "packed" | "models">;

/** One record for each aim that was named, in one order; `got` is null where the run has not measured it. */
export function reachedOf(aims: Aims, result: Measured): WantedFigures[] {
  const { metric, packed, models } = result;
  const before = models.at(-2);
  const figures: WantedFigures[] = [];
  const add = (aim: WantedFigures["aim"], got: number | undefined, most: boolean): void => {
    const wanted = aims[aim];
    if (wanted === undefined) return;
    // 0.9 - 0.88 is a little more than 0.02.
    const isReached = got === undefined ? null : most ? got <= wanted + 1e-9 : got >= wanted;
    figures.push({ aim, wanted, got: got ?? null, reached: isReached });
  };
  // In points, which errors do not have: `compress` refuses the aim beside them (choice/ask.ts).
  if (metric.before !== null && metric.better === "higher")
    add("maxDrop", 100 * (metric.before - metric.after), true);
  add("targetSize", packed && before && packed.bytes.raw / before.bytes.raw, true);
  add("targetSpeed", speedOf(result), false);
  return figures;
}

/**
 * One text at a time: the fine-tuned model's median time over that of the product, packed where that is faster. As in the
 * verdict, a product with no less work to do is not faster in ONNX Runtime.
 */
function speedOf({ models, packed }: Measured): number | undefined {
  const alone = (latency: ModelFigures["latency"] = []): number | undefined =>
    latency.find(({ batchSize }) => batchSize === 1)?.p50;
  const [before, after] = [models.at(-2), models.at(-1)];
  const [then, now, asFile] = [alone(before?.latency), alone(after?.latency), alone(packed?.latency)];
  if (!before || !after || then === undefined || now === undefined) return undefined;
  const own = gainOf(before, after, then / now);
  return asFile === undefined ? own : Math.max(own, then / asFile);
}

/** Of each aim: what its numbers are told in, the least decimals of these, and the words around them. */
const WORDS: Readonly<
  Record<
    WantedFigures["aim"],
    {
      readonly unit: number;
      readonly decimals: number;
      readonly wanted: (text: string) => string;
      readonly got: (text: string, value: number) => string;
    }
  >
> = {
  maxDrop: {
    unit: 1,
    decimals: 1,
    wanted: (points) => `at most ${points} points lower`,
    got: (points, value) => `${points.replace("-", "")} ${value < 0 ? "higher" : "lower"}`,
  },
  targetSize: {
    unit: 100,
    decimals: 0,
    wanted: (share) => `at most ${share} % of the bytes`,
    got: (share) => `${share} %`,
  },
  targetSpeed: {
    unit: 1,
    decimals: 1,
    wanted: (times) => `at least ${times} times as fast`,
    got: (times) => `${times} times`,
  },
};

/** An aim in words, with the number as it was typed. */
export function aimText(aim: WantedFigures["aim"], wanted: number): string {
  const { unit, decimals, wanted: words } = WORDS[aim];
  return words(fixed(unit * wanted, decimalsOf(unit * wanted, decimals)));
}

/** One aim in a sentence; what was not measured is neither reached nor missed. */
export function reachedText({ aim, wanted, got, reached }: WantedFigures): string {
  if (got === null) return `wanted ${aimText(aim, wanted)}: not measured in this run, so nobody knows`;
  const { unit, decimals: least, got: words } = WORDS[aim];
  // What was missed by a little is not told by the same number.
  let decimals = least;
  while (
    !reached &&
    decimals < 6 &&
    Number(fixed(unit * got, decimals)) === Number((unit * wanted).toFixed(6))
  )
    decimals++;
  const end = reached ? "reached" : "not reached; docs/choosing.md says what else there is";
  return `wanted ${aimText(aim, wanted)}, got ${words(fixed(unit * got, decimals), got)}: ${end}`;
}
