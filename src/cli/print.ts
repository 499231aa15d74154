/** Answers in words: what a command prints on standard output when it is not asked for JSON. */

import { join } from "node:path";
import { fixed, named } from "../base/quantity.ts";
import { bytes, clock, wrap } from "../base/units.ts";
import type {
  AugmentResult,
  EmbedResult,
  EvaluationResult,
  ExportResult,
  PredictedFile,
  Predictions,
  PredictResult,
  QuantizeResult,
  ReportResult,
  ShrinkResult,
} from "../commands/answers.ts";
import { metricText } from "../measure/metric-text.ts";
import type { RunResult } from "../measure/result.ts";
import type { PlannedWork } from "../reproduce/reproduce.ts";
import { shellWord } from "../runs/progress.ts";
import { escapeControls } from "./controls.ts";
import { quantizeTables } from "./quantize-table.ts";
import { resultTable, shrinkTable, WIDTH } from "./table.ts";

/** The table, the verdict and where it all is. */
export function printRun(result: RunResult, out: string): string {
  const cost = `took ${clock(result.wallSeconds)}, at most ${bytes(result.peakBytes)} of memory; saved in ${out}`;
  return `\n${resultTable(result)}\n\n${wrap(result.verdict.text, WIDTH)}\n${cost}`;
}

/** A run as every other, and what to do next with it. */
export function printDemo(result: RunResult, out: string, hasReport: boolean): string {
  const page = hasReport ? `\nand see it all: ${join(out, "report.html")}` : "";
  return `${printRun(result, out)}\n\nnext, label a text of your own:\n  ${demoCommand(out)}${page}`;
}

/** A command that works as it is printed, with a text of the demonstration's kind. */
export function demoCommand(out: string): string {
  return `npx espalier predict ${shellWord(out)} "The soup is far from bland."`;
}

/** How many examples there were and are, and where. */
export function printAugmentation({ path, data, examples, written, seconds }: AugmentResult): string {
  const [before, after] = [examples, written].map((n) => n.toLocaleString("en"));
  return `wrote ${after} examples to ${path}: ${before} of ${data} and their copies, ${clock(seconds)}`;
}

/** The task's metric first, then the others. */
export function printEvaluation(result: EvaluationResult): string {
  const others = Object.entries(result.metrics).filter(([name]) => name !== result.metric);
  const lines = others.map(([name, value]) => `  ${name} ${metricText(name, value)}`);
  const main = metricText(result.metric, result.metrics[result.metric] ?? Number.NaN);
  const loss = result.loss === null ? "" : `, loss ${result.loss.toFixed(4)}`;
  const head = `${result.metric} ${main} on ${onExamples(result)}${loss}, ${clock(result.seconds)}`;
  return [head, ...lines, `  ${cutText(result)}`].join("\n");
}

function cutText({ cut, length, stride }: EvaluationResult): string {
  if (length === null) return "texts are read whole";
  if (stride !== undefined)
    return `longer texts are read in windows of ${length} tokens that share ${stride}`;
  const longer = cut === 0 ? "none was longer" : `${cut.toLocaleString("en")} were longer`;
  return `texts are cut at ${length} tokens; ${longer}`;
}

function onExamples({ examples, task }: EvaluationResult): string {
  return `${examples.toLocaleString("en")} examples${task === null ? "" : ` of ${task}`}`;
}

/**
 * One line per text: label, probability and text, separated by tabs, so that other programs can read them; several labels,
 * and their probabilities, have `|` between them. Of tokens a line per entity: the number of its text, label, probability,
 * start, end and text. Of several masks each has its lines, which begin with the mask. Of a labelled file: where it is, and
 * how many rows, or entities, have each label.
 */
export function printPredictions(result: PredictResult): string {
  const { file, masks } = result;
  if (file !== undefined) return fileText(file, result.task);
  const under: readonly (Predictions & { readonly mask?: string })[] = masks.length < 2 ? [result] : masks;
  const texts = Array.from({ length: Math.max(result.predictions.length, result.tagged.length) });
  return texts
    .flatMap((_, i) =>
      under.flatMap(({ mask, ...said }) =>
        linesOf(said, i).map((cells) => [...(mask === undefined ? [] : [mask]), ...cells].join("\t")),
      ),
    )
    .join("\n");
}

/** What is said of one text, in cells. */
function linesOf({ task, labels, predictions, tagged }: Predictions, i: number): string[][] {
  const entities = (tagged[i]?.entities ?? []).map(({ label, score, start, end, text }) =>
    [`${i + 1}`, label, score.toFixed(4), `${start}`, `${end}`, text].map(escapeControls),
  );
  const said = predictions[i];
  if (said === undefined) return entities;
  const isSeveral = task === "multi-label";
  const held = said.scores.filter((_, c) => said.labels.includes(labels[c] ?? ""));
  const label = isSeveral ? said.labels.join("|") : (said.label ?? "value");
  const scores = (isSeveral ? held : [said.score]).map((score) => score.toFixed(4)).join("|");
  const { text, pair } = said;
  return [[label, scores, text, ...(pair === null ? [] : [pair])].map(escapeControls)];
}

function fileText({ path, rows, counts, unlabelled }: PredictedFile, task: PredictResult["task"]): string {
  const each = Object.entries(counts).map(
    ([label, n]) => `${n.toLocaleString("en")} ${escapeControls(named(label))}`,
  );
  if (unlabelled !== undefined) each.push(`${unlabelled.toLocaleString("en")} without a label`);
  const what = task === "tokens" ? "; entities" : "";
  const labels = each.length === 0 ? "" : `${what}: ${each.join(", ")}`;
  return `wrote ${rows.toLocaleString("en")} rows to ${path}${labels}`;
}

/** One vector a line, as JSON, in the order of the texts; digits enough for float32. */
export function printVectors({ vectors }: EmbedResult): string {
  return vectors
    .map((vector) => JSON.stringify(vector.map((x) => Number(x.toPrecision(FLOAT32_DIGITS)))))
    .join("\n");
}

/** As many digits tell any two float32 numbers apart. */
const FLOAT32_DIGITS = 9;

/** Where the file is, how large, and how far from the original it computes. */
export function printExport({ to, path, bytes: size, difference }: ExportResult): string {
  const check = difference === null ? "" : `\n${differenceText(difference)}`;
  return `wrote ${to} to ${path}: ${bytes(size.raw)}, ${bytes(size.compressed)} after gzip -6${check}`;
}

function differenceText(difference: number): string {
  return `largest difference to the original: ${difference.toExponential(1)}`;
}

/** Sizes before and after, how far the smaller model is from the other, where it is, and what is done with it. */
export function printShrinking(result: ShrinkResult): string {
  const { evaluation, difference, path, before, after } = result;
  const idle =
    before.parameters.total === after.parameters.total
      ? ["nothing was left out; with --vocabulary word pieces go that texts do not use"]
      : [];
  const recut =
    evaluation === null || evaluation.recut === 0
      ? []
      : [
          `${evaluation.recut.toLocaleString("en")} of ${onExamples(evaluation.after)} are cut into other pieces`,
        ];
  const check = `${difference === null ? "" : `${differenceText(difference)}; `}saved in ${path}`;
  const next = `as one packed file: npx espalier export ${shellWord(path)} --to esp`;
  return [shrinkTable(result), ...idle, ...recut, check, next].join("\n");
}

/** What each layer costs, the files beside the model before, the verdict and where it all is. */
export function printQuantized(result: QuantizeResult): string {
  return `${quantizeTables(result)}\n\n${wrap(result.verdict.text, WIDTH)}\nsaved in ${result.path}`;
}

/** Where the page is, how large, and what it could not show. */
export function printReport({ path, bytes: size, missing }: ReportResult): string {
  return [...missing.map((text) => wrap(`note: ${text}`, WIDTH)), `wrote ${path}: ${bytes(size)}`].join("\n");
}

/** What a table still needs. */
export function printPlan({ paper, open, done, failed, seconds }: PlannedWork): string {
  const lines = open.map(
    (job) =>
      `  ${job.id.padEnd(PLAN_WIDTH)} ${clock(job.seconds).padStart(8)}  ${fixed(job.epochs, 0)} epochs, rate ${job.learningRate}`,
  );
  const failures = failed === 0 ? "" : `, ${failed} failed`;
  const total = `${paper}: ${open.length} runs to make, about ${fixed(seconds / 3600, 1)} hours of one thread; ${done} done${failures}`;
  return [...lines, total].join("\n");
}

const PLAN_WIDTH = 44;
