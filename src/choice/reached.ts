/** Whether a run has reached what was wanted of it, in words. */

import { fixed, percent } from "../base/quantity.ts";
import type { Metric, ModelFigures, RunResult } from "../measure/result.ts";
import { gainOf } from "../measure/verdict.ts";
import type { Aims } from "./choose.ts";

/** One sentence for each aim that was named; what was not measured is said so. */
export function reachedTexts(aims: Aims, result: RunResult): string[] {
  const { metric, packed, models } = result;
  const before = models.at(-2);
  const texts: string[] = [];
  if (aims.maxDrop !== undefined && metric.before !== null)
    texts.push(...dropTexts(aims.maxDrop, metric.before, metric));
  if (aims.targetSize !== undefined) {
    const share = packed && before && packed.bytes.raw / before.bytes.raw;
    const wanted = `at most ${percent(aims.targetSize)} of the bytes`;
    texts.push(
      share === undefined ? unmeasured(wanted) : said(wanted, percent(share), share <= aims.targetSize),
    );
  }
  if (aims.targetSpeed !== undefined) {
    const faster = speedOf(result);
    const wanted = `at least ${fixed(aims.targetSpeed, 1)} times as fast`;
    const isReached = faster !== undefined && faster >= aims.targetSpeed;
    texts.push(
      faster === undefined ? unmeasured(wanted) : said(wanted, `${fixed(faster, 1)} times`, isReached),
    );
  }
  return texts;
}

/** In points, which errors do not have: `compress` refuses the aim beside them (ask.ts). */
function dropTexts(most: number, before: number, { better, after }: Metric): string[] {
  if (better === "lower") return [];
  const lower = 100 * (before - after);
  const got = `${fixed(Math.abs(lower), 1)} ${lower < 0 ? "higher" : "lower"}`;
  // 0.9 - 0.88 is a little more than 0.02.
  return [said(`at most ${fixed(most, 1)} points lower`, got, lower <= most + 1e-9)];
}

/**
 * One text at a time: the fine-tuned model's median time over that of the product, packed where that is faster. As in the
 * verdict, a product with no less work to do is not faster in ONNX Runtime.
 */
function speedOf({ models, packed }: RunResult): number | undefined {
  const alone = (latency: ModelFigures["latency"] = []): number | undefined =>
    latency.find(({ batchSize }) => batchSize === 1)?.p50;
  const [before, after] = [models.at(-2), models.at(-1)];
  const [then, now, asFile] = [alone(before?.latency), alone(after?.latency), alone(packed?.latency)];
  if (!before || !after || then === undefined || now === undefined) return undefined;
  const own = gainOf(before, after, then / now);
  return asFile === undefined ? own : Math.max(own, then / asFile);
}

function said(wanted: string, got: string, isReached: boolean): string {
  return isReached
    ? `wanted ${wanted}, got ${got}: reached`
    : `wanted ${wanted}, got ${got}: not reached; docs/choosing.md says what else there is`;
}

/** Neither reached nor missed. */
function unmeasured(wanted: string): string {
  return `wanted ${wanted}: not measured in this run, so nobody knows`;
}
