/** Whether a run has reached what was wanted of it: figures, and the same in words. */

import { decimalsOf, fixed } from "../base/quantity.ts";
import type { Aims, WantedFigures } from "./aims.ts";
import type { ModelFigures, RunResult } from "./result.ts";
import { gainOf } from "./verdict.ts";

type Measured = Pick<RunResult, "metric" | "packed" | "models" | "quantized">;

/**
 * One record for each aim that was named, in one order; `got` is null where the run has not measured it. A run that leaves
 * its product in 8 bits is held to that: it is what ships.
 */
export function reachedOf(aims: Aims, result: Measured): WantedFigures[] {
  const { metric, models, quantized } = result;
  const before = beforeOf(result);
  // What was fine-tuned alone is held to itself in float32.
  const score = metric.before ?? (before === models.at(-1) ? metric.after : null);
  const shipped = quantized ?? { after: metric.after, bytes: result.packed?.bytes };
  const figures: WantedFigures[] = [];
  const add = (aim: WantedFigures["aim"], got: number | undefined, most: boolean): void => {
    const wanted = aims[aim];
    if (wanted === undefined) return;
    // 0.9 - 0.88 is a little more than 0.02.
    const isReached = got === undefined ? null : most ? got <= wanted + 1e-9 : got >= wanted;
    figures.push({ aim, wanted, got: got ?? null, reached: isReached, ...(quantized ? { bits: 8 } : {}) });
  };
  // In points, which errors do not have: `compress` refuses the aim beside them (choice/ask.ts).
  if (score !== null && metric.better === "higher")
    add("maxDrop", shipped.after === null ? undefined : 100 * (score - shipped.after), true);
  add("targetSize", shipped.bytes && before && shipped.bytes.raw / before.bytes.raw, true);
  add("targetSpeed", speedOf(result), false);
  return figures;
}

/** The model that the product is held to. */
function beforeOf({ models }: Measured): ModelFigures | undefined {
  return models.length === 1 ? models[0] : models.at(-2);
}

/**
 * One text at a time: the fine-tuned model's median time over that of the product, packed where that is faster. As in the
 * verdict, a product with no less work to do is not faster in ONNX Runtime. The file in 8 bits was timed beside the product.
 */
function speedOf(result: Measured): number | undefined {
  const { models, packed, quantized } = result;
  const alone = (latency: ModelFigures["latency"] = []): number | undefined =>
    latency.find(({ batchSize }) => batchSize === 1)?.p50;
  const [before, after] = [beforeOf(result), models.at(-1)];
  const [then, now, asFile] = [alone(before?.latency), alone(after?.latency), alone(packed?.latency)];
  if (!before || !after || then === undefined || now === undefined) return undefined;
  if (quantized) return quantized.faster === null ? undefined : (then / now) * quantized.faster;
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
export function reachedText({ aim, wanted, got, reached, bits }: WantedFigures): string {
  if (got === null) return `wanted ${aimText(aim, wanted)}: not measured in this run, so nobody knows`;
  const where = bits === undefined ? "" : ` in ${bits} bits`;
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
  return `wanted ${aimText(aim, wanted)}, got ${words(fixed(unit * got, decimals), got)}${where}: ${end}`;
}
