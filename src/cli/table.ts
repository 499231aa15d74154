/**
 * Plain-text tables of results, aligned, at most 80 columns wide with the names used here.
 *
 * The first row is what the others are held to: sizes are given as what is left of it, times as how many times
 * faster. Not here: judging (measure/verdict.ts).
 */

import { counted, percent, times } from "../base/quantity.ts";
import { bytes, count, digits, milliseconds, wrap } from "../base/units.ts";
import type { BenchContender, BenchResult } from "../bench/answer.ts";
import { contenderName } from "../bench/verdict.ts";
import type { InspectResult, ModelSizes, ShrinkResult } from "../commands/answers.ts";
import { metricText } from "../measure/metric-text.ts";
import { type Latency, latencyAt, type ModelFigures, type RunResult } from "../measure/result.ts";

/** Width that every table keeps to. */
export const WIDTH = 80;
const GAP = "  ";
const NONE = "–";
/** Characters of a model's name: what 80 columns leave beside its sizes. */
const LONGEST_NAME = 25;

/** Rows under a header; the first column is aligned left, as are those in `left`. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  left: readonly number[] = [],
): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    widths
      .map((width, i) => {
        const cell = cells[i] ?? "";
        return i === 0 || left.includes(i) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(GAP)
      .trimEnd();
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)));
  return [line(header), rule, ...rows.map(line)].join("\n");
}

/** A run's models side by side: metric, parameters, bytes and latency, with what is left and how much faster. */
export function resultTable(result: RunResult): string {
  const { models, metric } = result;
  const reference = referenceOf(result);
  if (!reference) return "";
  const batches = reference.latency.map(({ batchSize }) => batchSize);
  const header = ["", metric.name, "parameters", "bytes", ...batches.map((size) => `batch ${size}`)];
  const rows = models.map((model) => [
    model.stage,
    metricCell(metric.name, model),
    sizeText(count, model.parameters.total, reference.parameters.total, model === reference),
    sizeText(bytes, model.bytes.raw, reference.bytes.raw, model === reference),
    ...reference.latency.map((at) => latencyCell(model.latency, at, model === reference)),
  ]);
  const floors = (result.floors ?? []).map(({ kind, metrics, parameters, bytes: { raw } }) => [
    kind,
    metricCell(metric.name, { metrics }),
    sizeText(count, parameters, reference.parameters.total, false),
    sizeText(bytes, raw, reference.bytes.raw, false),
    ...reference.latency.map(() => `${NONE}${" ".repeat(5)}`),
  ]);
  return `${renderTable(header, [...rows, ...floors])}\n${caption(result)}${floorCaption(result)}`;
}

/** What the product is held to, as in the verdict: the fine-tuned model, where there is one before it. */
function referenceOf({ models }: RunResult): ModelFigures | undefined {
  return models.at(-1)?.stage === "compressed" ? models.at(-2) : models[0];
}

function metricCell(name: string, { metrics }: Pick<ModelFigures, "metrics">): string {
  const value = metrics[name];
  return value === undefined ? NONE : metricText(name, value);
}

/** A size and the share of the reference that is left; the reference itself leaves the place of the share empty. */
function sizeText(
  unit: (n: number) => string,
  size: number,
  reference: number,
  isReference: boolean,
): string {
  const share = isReference || reference === 0 ? "" : percent(size / reference);
  return `${unit(size)} ${share.padStart(5)}`;
}

function latencyCell(latencies: readonly Latency[], at: Latency, isReference: boolean): string {
  const now = latencyAt(latencies, at);
  if (!now) return `${NONE}${" ".repeat(5)}`;
  const factor = isReference || now.p50 <= 0 ? "" : times(at.p50 / now.p50);
  return `${milliseconds(now.p50)} ${factor.padStart(4)}`;
}

function caption(result: RunResult): string {
  const { length, stride, machine, metric, models } = result;
  const onExamples = `${metricWords(metric.name, models)} on ${metric.examples.toLocaleString("en")} examples`;
  if (!models.some(({ latency }) => latency.length > 0))
    return `${onExamples}, ${stride === undefined ? "cut at" : "in windows of"} ${length} tokens`;
  const threads = counted(machine.threads, "thread");
  const held = models.length > 1 ? `\nshares and factors beside the ${referenceOf(result)?.stage} model` : "";
  return `${onExamples}; time of one batch of ${length} tokens, median, ${threads}${held}`;
}

/** What the last rows are. */
function floorCaption({ floors = [] }: RunResult): string {
  if (floors.length === 0) return "";
  return `\n${floors.map(({ kind }) => kind).join(", ")}: without a Transformer, the floor to be above`;
}

/** What a mean is of stands beside it in the models' metrics. */
function metricWords(name: string, models: readonly ModelFigures[]): string {
  const parts = models.flatMap(({ metrics }) => Object.keys(metrics)).filter((each) => each !== name);
  return name === "mean" ? `mean of ${[...new Set(parts)].join(" and ")}` : name;
}

/** Sizes, then load time and memory, then one table of times for each batch size and length, and the verdict. */
export function benchTable({ contenders, machine, verdict }: BenchResult): string {
  const reference = contenders[0];
  if (!reference) return "";
  const rows = contenders.map((contender) => ({
    ...contender,
    name: shortName(contenderName(contender, contenders)),
    isReference: contender === reference,
  }));
  const sizes = renderTable(
    ["", "parameters", "not zero", "bytes", "gzip -6"],
    rows.map(({ name, parameters, bytes: size, isReference }) => [
      name,
      sizeText(count, parameters.total, reference.parameters.total, isReference),
      percent(parameters.nonzero / Math.max(1, parameters.total)),
      sizeText(bytes, size.raw, reference.bytes.raw, isReference),
      sizeText(bytes, size.compressed, reference.bytes.compressed, isReference),
    ]),
  );
  const loading = renderTable(
    ["", "load", "memory", "at most", "answers off by"],
    rows.map(({ name, load, memory, difference }) => [
      name,
      milliseconds(load),
      bytes(memory.loaded),
      bytes(memory.peak),
      difference === null ? "" : difference.toPrecision(2),
    ]),
  );
  const cases = reference.latency.map((at) => benchCase(rows, at));
  const threads = counted(machine.threads, "thread");
  const isOne = contenders.every(({ model }) => model === reference.model);
  const where = `${isOne ? `${reference.model}; ` : ""}${machine.cpu}, ${threads}, Node ${machine.node}`;
  return [
    sizes,
    loading,
    ...cases,
    verdict.map((text) => wrap(text, WIDTH)).join("\n"),
    [...rows.flatMap(kernelLine), where].map((text) => wrap(text, WIDTH)).join("\n"),
  ].join("\n\n");
}

interface BenchRow extends BenchContender {
  readonly name: string;
  readonly isReference: boolean;
}

/** What the sparse runtime found out while it loaded a model. */
function kernelLine({ name, kernels }: BenchRow): string[] {
  if (kernels === null) return [];
  const rates = new Map<string, number>(Object.entries(kernels.rates));
  const used = Object.entries(kernels.kernels).map(
    ([kernel, matrices]) => `${matrices} × ${kernel} at ${digits(rates.get(kernel) ?? Number.NaN)} GFLOP/s`,
  );
  const wide = kernels.wide === true ? "; 256-bit vectors" : "";
  const fused = kernels.fused ? "; fused products" : "";
  return [`${name}: ${percent(1 - kernels.density)} zeros; ${used.join(", ")}${wide}${fused}`];
}

function benchCase(rows: readonly BenchRow[], at: Latency): string {
  const cells = rows.map(({ name, latency, isReference }) => {
    const now = latencyAt(latency, at);
    if (!now) return [name, NONE, NONE, NONE, ""];
    const factor = isReference || now.p50 <= 0 ? "" : times(at.p50 / now.p50);
    const perSecond = now.p50 > 0 ? digits((1000 * now.batchSize) / now.p50) : NONE;
    return [name, milliseconds(now.p50), milliseconds(now.p95), perSecond, factor];
  });
  const title = `batch ${at.batchSize} × ${at.length} tokens`;
  return renderTable([title, "p50", "p95", "examples/s", "faster"], cells);
}

/** The end of a path tells models apart, so a long name loses its beginning. */
function shortName(name: string): string {
  return name.length <= LONGEST_NAME ? name : `…${name.slice(1 - LONGEST_NAME)}`;
}

/** What a model was and is made of, and the metric of both where it was evaluated. */
export function shrinkTable({ before, after, evaluation }: ShrinkResult): string {
  const row = (
    name: string,
    unit: (n: number) => string,
    size: (sizes: ModelSizes) => number,
  ): readonly string[] => [
    name,
    unit(size(before)),
    unit(size(after)),
    percent(size(after) / Math.max(1, size(before))),
  ];
  const whole = (n: number) => n.toLocaleString("en");
  const rows = [
    row("heads", whole, ({ heads }) => heads),
    row("neurons", whole, ({ neurons }) => neurons),
    row("modules", whole, ({ modules }) => modules),
    row("word pieces", whole, ({ pieces }) => pieces),
    row("parameters", count, ({ parameters }) => parameters.total),
    row("bytes", bytes, ({ bytes: { raw } }) => raw),
    row("after gzip -6", bytes, ({ bytes: { compressed } }) => compressed),
  ];
  const metrics = [evaluation?.before, evaluation?.after].flatMap((each) =>
    each === undefined ? [] : [metricText(each.metric, each.metrics[each.metric] ?? Number.NaN)],
  );
  const judged = evaluation === null ? [] : [[evaluation.before.metric, ...metrics, ""]];
  return renderTable(["", "before", "after", "left"], [...rows, ...judged]);
}

/** The parts of a model with their share of parameters and work. */
export function inspectTable(result: InspectResult): string {
  const { parts, parameters, multiplyAccumulates, length } = result;
  const rows = parts.map((part) => [
    part.name,
    part.structure,
    sizeText(count, part.parameters, parameters.total, false),
    percent(part.nonzero / Math.max(1, part.parameters)),
    sizeText(count, part.multiplyAccumulates, multiplyAccumulates, false),
  ]);
  const total = [
    "total",
    "",
    `${count(parameters.total)} ${" ".repeat(5)}`,
    percent(parameters.nonzero / Math.max(1, parameters.total)),
    `${count(multiplyAccumulates)} ${" ".repeat(5)}`,
  ];
  const table = renderTable(["", "structure", "parameters", "not zero", "MACs"], [...rows, total], [1]);
  const file = `${bytes(result.bytes.raw)} on disk, ${bytes(result.bytes.compressed)} after gzip -6`;
  const cut = `texts are cut at ${result.maxLength} tokens, of ${result.positions} positions`;
  const about = `MACs: multiply-accumulates for one text of ${length} tokens`;
  return [table, `${result.architecture}; head: ${result.head}; ${file}`, cut, about].join("\n");
}
