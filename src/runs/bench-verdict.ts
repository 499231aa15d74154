/**
 * What `espalier bench` says in words: each contender against the first, what it costs, and how far to trust it.
 *
 * A median that changed by 10 % or less is the same (verdict.ts says why). Not here: measuring (bench.ts), tables (cli/).
 */

import type { BenchContender, BreakEven } from "./answers.ts";
import type { Latency } from "./result.ts";
import { type Change, changeOf, unevenSentence } from "./verdict.ts";

/** One sentence for each contender but the first, then throughput, break-even and a warning where they are known. */
export function benchVerdict(
  contenders: readonly BenchContender[],
  breakEven: readonly BreakEven[] = [],
): string[] {
  const [reference, ...others] = contenders;
  if (reference === undefined) return [];
  return [
    ...others.map((one) => comparison(one, reference, contenders)),
    ...reference.throughput.map(({ length }) => throughputSentence(contenders, length)),
    ...breakEven.map(breakEvenSentence),
    ...unevenSentence(contenders.flatMap(({ latency }) => latency)),
  ];
}

/** What to call a contender: its engine, its model, or both, as far as they differ. */
export function contenderName({ model, engine }: BenchContender, all: readonly BenchContender[]): string {
  const engines = new Set(all.map((one) => one.engine));
  if (engines.size === 1) return model;
  return new Set(all.map((one) => one.model)).size === 1 ? engine : `${model} ${engine}`;
}

function comparison(one: BenchContender, reference: BenchContender, all: readonly BenchContender[]): string {
  const share = percent(one.bytes.raw / reference.bytes.raw);
  const cost = one.difference === null ? "" : `; logits differ by up to ${one.difference.toPrecision(2)}`;
  const names = `${contenderName(one, all)} against ${contenderName(reference, all)}`;
  return `${names}: ${speed(one.latency, reference.latency)}; ${share} of the bytes${cost}.`;
}

function speed(latency: readonly Latency[], before: readonly Latency[]): string {
  const ratios = latency.map(({ p50 }, i) => (before[i]?.p50 ?? Number.NaN) / p50);
  const told = (["faster", "the same", "slower"] as const).flatMap((change) => {
    const some = ratios.filter((ratio) => changeOf(ratio) === change);
    return some.length === 0 ? [] : [changed(change, some, ratios.length)];
  });
  return told.join(", ");
}

function changed(change: Change, ratios: readonly number[], cases: number): string {
  const where =
    ratios.length === cases
      ? `in ${cases === 1 ? "the one case" : `all ${cases} cases`}`
      : `in ${ratios.length} of ${cases}`;
  if (change === "the same") return `the same within 10 % ${where}`;
  const [least, most] = [times(Math.min(...ratios)), times(Math.max(...ratios))];
  return `${change} ${where}, ${least === most ? least : `${least} to ${most}`}`;
}

function throughputSentence(contenders: readonly BenchContender[], length: number): string {
  const rows = contenders.flatMap((one) =>
    one.throughput
      .filter((at) => at.length === length)
      .map((at) => ({ name: contenderName(one, contenders), ...at })),
  );
  const figures = rows
    .sort((a, b) => b.examplesPerSecond - a.examplesPerSecond)
    .map(
      ({ name, examplesPerSecond, batchSize }) => `${name} ${rate(examplesPerSecond)} (batch ${batchSize})`,
    );
  return `Examples a second at ${length} tokens, at the best batch: ${figures.join(", ")}.`;
}

function breakEvenSentence({ engine, against, batchSize, length, sparsity }: BreakEven): string {
  const where = `at batch ${batchSize} and ${length} tokens`;
  if (sparsity >= 1) return `Break-even ${where}: none; ${engine} is slower than ${against} at any sparsity.`;
  return `Break-even ${where}: ${engine} is faster than ${against} from a sparsity of ${percent(sparsity)}.`;
}

function rate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toPrecision(3) : perSecond.toFixed(0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 9.95 ? 1 : 0)}×`;
}
