/**
 * What `espalier bench` says in words: which contender is fastest, each against the first, what it costs, from how many
 * zeros the sparse runtime pays, and how far to trust it.
 *
 * A median that changed by 10 % or less is the same (verdict.ts says why). Not here: measuring (bench.ts), tables (cli/).
 */

import { requireItem } from "../base/present.ts";
import { percent, times } from "../base/quantity.ts";
import type { Latency } from "../measure/result.ts";
import { type Change, changeOf, unevenSentence, ZEROS_THRESHOLD } from "../measure/verdict.ts";
import type { BenchContender, BreakEven } from "./answer.ts";
import type { EngineName } from "./engines.ts";

/** What a sentence calls an engine. */
const TITLES: Readonly<Record<EngineName, string>> = {
  onnx: "ONNX Runtime",
  int8: "ONNX Runtime's int8",
  "int8-qdq": "ONNX Runtime's static int8 (QDQ)",
  "transformers.js": "transformers.js (q8, WebAssembly)",
  sparse: "the sparse engine",
};

/** The fastest, one sentence for each contender but the first, then throughput, zeros and a warning where they are known. */
export function benchVerdict(
  contenders: readonly BenchContender[],
  breakEven: readonly BreakEven[] = [],
): string[] {
  const [reference, ...others] = contenders;
  if (reference === undefined) return [];
  return [
    ...(others.length === 0 ? [] : [fastestSentence(contenders)]),
    ...others.map((one) => comparison(one, reference, contenders)),
    ...reference.throughput.map(({ length }) => throughputSentence(contenders, length)),
    ...contenders.flatMap((one) => zerosSentence(one, contenders)),
    ...breakEvenSentences(breakEven, contenders),
    ...unevenSentence(contenders.flatMap(({ latency }) => latency)),
  ];
}

/** How often each contender has the least median, and its lead over the next; a lead within noise is nobody's. */
function fastestSentence(contenders: readonly BenchContender[]): string {
  const cases = requireItem(contenders, 0, "contenders").latency.length;
  const leads = new Map<string, number[]>();
  for (let i = 0; i < cases; i++) {
    const times = contenders.map((one) => ({
      name: contenderName(one, contenders),
      ms: requireItem(one.latency, i, "timings").p50,
    }));
    const [first, second] = times.sort((a, b) => a.ms - b.ms);
    const lead = first && second ? second.ms / first.ms : Number.NaN;
    const name = first && changeOf(lead) === "faster" ? first.name : "";
    leads.set(name, [...(leads.get(name) ?? []), lead]);
  }
  const won = [...leads].filter(([name]) => name !== "").sort(([, a], [, b]) => b.length - a.length);
  const told = won.map(
    ([name, ratios]) => `${name} ${inCases(ratios.length, cases)} (${rangeOf(ratios)} the next)`,
  );
  const even = leads.get("")?.length ?? 0;
  const rest = even === 0 ? [] : [`none by more than 10 % ${inCases(even, cases)}`];
  return `Fastest: ${[...told, ...rest].join(", ")}.`;
}

/** What to call a contender: its engine, its model, or both, as far as they differ. */
export function contenderName({ model, engine }: BenchContender, all: readonly BenchContender[]): string {
  const engines = new Set(all.map((one) => one.engine));
  if (engines.size === 1) return model;
  return new Set(all.map((one) => one.model)).size === 1 ? engine : `${model} ${engine}`;
}

function comparison(one: BenchContender, reference: BenchContender, all: readonly BenchContender[]): string {
  const share = percent(one.bytes.raw / reference.bytes.raw);
  const cost =
    one.difference === null ? "" : `; answers differ by up to ${differenceText(one, reference, all)}`;
  const names = `${contenderName(one, all)} against ${contenderName(reference, all)}`;
  return `${names}: ${speed(one.latency, reference.latency)}; ${share} of the bytes${cost}.`;
}

/** Answers are held to those of the same model in its first engine (answer.ts), which is said where the sentence is of another. */
function differenceText(
  { model, difference }: BenchContender,
  reference: BenchContender,
  all: readonly BenchContender[],
): string {
  const size = difference?.toPrecision(2) ?? "";
  const first = all.find((one) => one.model === model);
  return model === reference.model || first === undefined
    ? size
    : `${size} from those of ${contenderName(first, all)}`;
}

function speed(latency: readonly Latency[], before: readonly Latency[]): string {
  const ratios = latency.map(({ p50 }, i) => requireItem(before, i, "timings").p50 / p50);
  const told = (["faster", "the same", "slower"] as const).flatMap((change) => {
    const some = ratios.filter((ratio) => changeOf(ratio) === change);
    return some.length === 0 ? [] : [describeChange(change, some, ratios.length)];
  });
  return told.join(", ");
}

function describeChange(change: Change, ratios: readonly number[], cases: number): string {
  const where = inCases(ratios.length, cases);
  if (change === "the same") return `the same within 10 % ${where}`;
  return `${change} ${where}, ${rangeOf(ratios)}`;
}

function inCases(some: number, all: number): string {
  if (some < all) return `in ${some} of ${all}`;
  return all === 1 ? "in the one case" : `in all ${all} cases`;
}

function rangeOf(ratios: readonly number[]): string {
  const [least, most] = [times(Math.min(...ratios)), times(Math.max(...ratios))];
  return least === most ? least : `${least} to ${most}`;
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

/** Of a model that the sparse runtime makes faster nowhere: what its zeros have to do with it. */
function zerosSentence(one: BenchContender, contenders: readonly BenchContender[]): string[] {
  const dense = contenders.find(({ model, engine }) => model === one.model && engine === "onnx");
  if (one.kernels === null || dense === undefined) return [];
  const changes = one.latency.map(({ p50 }, i) =>
    changeOf(requireItem(dense.latency, i, "timings").p50 / p50),
  );
  if (changes.includes("faster")) return [];
  const zeros = 1 - one.kernels.density;
  const has = `the encoder of ${one.model} has ${percent(zeros)}`;
  return [
    zeros < ZEROS_THRESHOLD
      ? `A dense model gains nothing from the sparse engine, which leaves out zeros: ${has}.`
      : `Too few zeros for the sparse engine: ${has}.`,
  ];
}

/** One sentence against each dense engine. */
function breakEvenSentences(
  breakEven: readonly BreakEven[],
  contenders: readonly BenchContender[],
): string[] {
  const engines = [...new Set(breakEven.map(({ against }) => against))];
  return engines.flatMap((engine) =>
    breakEvenSentence(
      breakEven.filter(({ against }) => against === engine),
      contenders,
    ),
  );
}

function breakEvenSentence(breakEven: readonly BreakEven[], contenders: readonly BenchContender[]): string[] {
  const [first] = breakEven;
  if (first === undefined) return [];
  const isOne = contenders.every(({ model }) => model === first.model);
  const told = breakEven.map(({ batchSize, length, sparsity }, i) => {
    const zeros = `above ${percent(sparsity)}${i === 0 ? " zeros" : ""}`;
    const share = sparsity <= 0 ? "at any share of zeros" : sparsity >= 1 ? "at no share of zeros" : zeros;
    return `${share} (batch ${batchSize} × ${length} tokens)`;
  });
  const sizes = isOne ? "" : ` at the sizes of ${first.model}`;
  return [`The sparse engine is faster than ${TITLES[first.against]}${sizes} ${told.join(", ")}.`];
}

function rate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toPrecision(3) : perSecond.toFixed(0);
}
