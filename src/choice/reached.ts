/** Whether a run has reached what was wanted of it, in words. */

import { fixed, percent } from "../base/quantity.ts";
import type { ModelFigures, RunResult } from "../measure/result.ts";
import type { Aims } from "./choose.ts";

/** One sentence for each aim that was named; what was not measured is said so. */
export function reachedTexts(aims: Aims, result: RunResult): string[] {
  const { metric, packed, models } = result;
  const before = models.at(-2);
  const texts: string[] = [];
  if (aims.maxDrop !== undefined && metric.before !== null) {
    const lower =
      100 * (metric.better === "higher" ? metric.before - metric.after : metric.after - metric.before);
    texts.push(
      said(
        `at most ${fixed(aims.maxDrop, 1)} points lower`,
        `${fixed(lower, 1)} lower`,
        lower <= aims.maxDrop,
      ),
    );
  }
  if (aims.targetSize !== undefined && packed !== undefined && before !== undefined) {
    const share = packed.bytes.raw / before.bytes.raw;
    texts.push(
      said(`at most ${percent(aims.targetSize)} of the bytes`, percent(share), share <= aims.targetSize),
    );
  }
  if (aims.targetSpeed !== undefined) {
    const faster = speedOf(result);
    const got = faster === undefined ? "a speed that was not measured" : `${fixed(faster, 1)} times`;
    texts.push(
      said(
        `at least ${fixed(aims.targetSpeed, 1)} times as fast`,
        got,
        faster !== undefined && faster >= aims.targetSpeed,
      ),
    );
  }
  return texts;
}

/** One text at a time: the fine-tuned model's median time over that of the product, packed where that was timed. */
function speedOf({ models, packed }: RunResult): number | undefined {
  const alone = (latency: ModelFigures["latency"]): number | undefined =>
    latency.find(({ batchSize }) => batchSize === 1)?.p50;
  const [before, after] = [alone(models.at(-2)?.latency ?? []), alone(models.at(-1)?.latency ?? [])];
  if (before === undefined || after === undefined) return undefined;
  return before / Math.min(after, alone(packed?.latency ?? []) ?? after);
}

function said(wanted: string, got: string, isReached: boolean): string {
  return isReached
    ? `wanted ${wanted}, got ${got}: reached`
    : `wanted ${wanted}, got ${got}: not reached; docs/choosing.md says what else there is`;
}
