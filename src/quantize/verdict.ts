/** What came of a quantization, in words: what it cost, which layers stayed in float32 and why, and each file as it ships. */

import { percent, times } from "../base/quantity.ts";
import { capital } from "../base/units.ts";
import { isShareMetric, metricText, metricWord } from "../measure/metric-text.ts";
import type { Latency, Verdict } from "../measure/result.ts";
import { BYTES_THRESHOLD, type Change, changeOf, unevenSentence } from "../measure/verdict.ts";
import { FILES, type ShippedFile } from "./files.ts";
import type { GateTry } from "./gate.ts";

/** What the verdict looks at. */
export interface QuantizedOutcome {
  readonly metric: string;
  readonly examples: number;
  readonly before: number;
  readonly maxDrop: number;
  readonly tries: readonly GateTry[];
  /** The most sensitive first. */
  readonly modules: readonly string[];
  /** The model before, then the files. */
  readonly files: readonly ShippedFile[];
}

/** Judges the files against the model in float32. */
export function judgeQuantized(outcome: QuantizedOutcome): Verdict {
  const { files } = outcome;
  const [exact, ...shipped] = files;
  if (exact === undefined) throw new RangeError("a verdict needs the model before");
  const isSmaller = (file: ShippedFile): boolean => file.bytes.raw <= exact.bytes.raw * (1 - BYTES_THRESHOLD);
  const smaller = shipped.every(isSmaller);
  const everywhere = (file: ShippedFile, change: Change): boolean => {
    const each = ratios(exact, file);
    return each.length > 0 && each.every(({ ratio }) => changeOf(ratio) === change);
  };
  const faster = shipped.some((file) => everywhere(file, "faster"));
  const sentences = [
    ...gateSentences(outcome),
    ...shipped.map((file) => fileSentence(outcome, file, exact)),
    ...slowSentences(
      shipped.filter((file) => everywhere(file, "slower")),
      isSmaller,
    ),
    ...unevenSentence(files.flatMap(({ latency }) => latency)),
  ];
  return { smaller, faster, text: sentences.join(" ") };
}

function gateSentences({ metric, examples, before, maxDrop, tries, modules }: QuantizedOutcome): string[] {
  const last = tries.at(-1);
  if (last === undefined) return [];
  const moved = `${metricText(metric, before)} in float32, ${metricText(metric, last.score)} with`;
  const done = `${modules.length - last.kept} of ${modules.length} layers in 8 bits`;
  const head = `${capital(metricWord(metric))}: ${moved} ${done}, on ${examples.toLocaleString("en")} examples.`;
  const few = isShareMetric(metric) && !metric.startsWith("entity") ? tooFew(examples, maxDrop) : [];
  const first = tries[0];
  if (last.kept === 0 || first === undefined) return [head, ...few];
  const why = `all in 8 bits lose ${first.drop.toFixed(2)} points, more than the ${maxDrop} that 8 bits may cost (\`quantize --max-drop\`)`;
  return [
    head,
    ...few,
    `In float32 stay ${modules.slice(0, last.kept).join(", ")}: ${why}, and these cost most.`,
  ];
}

/** Of two answers that differ in one example, the gate would take one and refuse the other. */
function tooFew(examples: number, maxDrop: number): string[] {
  const each = 100 / examples;
  if (maxDrop === 0 || each <= maxDrop) return [];
  return [`They are few to hold a drop of ${maxDrop} points by: one of them is ${each.toFixed(2)} % of all.`];
}

function fileSentence(
  { metric, before, maxDrop }: QuantizedOutcome,
  file: ShippedFile,
  exact: ShippedFile,
): string {
  const size = `${percent(file.bytes.raw / exact.bytes.raw)} of the bytes`;
  const speed = ratios(exact, file).map(({ batchSize, ratio }) => {
    const said = changeOf(ratio) === "the same" ? "as fast within 10 %" : `${times(ratio)} as fast`;
    return `${said} at batch ${batchSize}`;
  });
  const lost = 100 * (before - file.score);
  const tooMuch =
    lost > maxDrop + 1e-9
      ? ` (${lost.toFixed(2)} points lost, more than the ${maxDrop} that 8 bits may cost)`
      : "";
  const score = `${metric} ${metricText(metric, file.score)}${tooMuch}`;
  return `${nameOf(file)}: ${[size, score, ...speed].join(", ")}.`;
}

function nameOf({ form }: ShippedFile): string {
  return form === "onnx-qdq" ? FILES["onnx-qdq"] : FILES.esp;
}

/** What 8 bits do not give on this processor, and what to ship then. */
function slowSentences(slow: readonly ShippedFile[], isSmaller: (file: ShippedFile) => boolean): string[] {
  const names = (files: readonly ShippedFile[]): string => files.map(nameOf).join(" and ");
  const [saving, useless] = [slow.filter(isSmaller), slow.filter((file) => !isSmaller(file))];
  return [
    ...(saving.length === 0
      ? []
      : [
          `On this processor ${names(saving)} saves bytes, not time: where time counts, ship the model in float32, or one with zeros.`,
        ]),
    ...(useless.length === 0
      ? []
      : [`On this processor ${names(useless)} saves neither bytes nor time: ship the model in float32.`]),
  ];
}

function ratios(
  exact: { readonly latency: readonly Latency[] },
  file: { readonly latency: readonly Latency[] },
): { readonly batchSize: number; readonly ratio: number }[] {
  return file.latency.flatMap((now) => {
    const then = exact.latency.find(({ batchSize }) => batchSize === now.batchSize);
    return then === undefined || now.p50 <= 0
      ? []
      : [{ batchSize: now.batchSize, ratio: then.p50 / now.p50 }];
  });
}
