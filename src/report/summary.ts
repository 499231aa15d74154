/** What was asked of a run, what it reached, and the verdict in words. */

import { counted, percent, times } from "../base/quantity.ts";
import { bytes, capital, clock, count, milliseconds } from "../base/units.ts";
import { metricText, metricWord } from "../measure/metric-text.ts";
import { reachedText } from "../measure/reached.ts";
import { type FloorFigures, latencyAt, type ModelFigures, type RunResult } from "../measure/result.ts";
import { changeOf, FLOOR_NAMES, gainOf, isDifferent } from "../measure/verdict.ts";
import { dataText, type Html, html, type Part } from "./draw/html.ts";
import { type Cell, numberCell, tableOf } from "./draw/table.ts";
import { factsOf } from "./frame.ts";
import type { RunSource } from "./source.ts";

/** The run in one sentence. */
export function findingOf({ result, history }: RunSource): string {
  if (result === undefined) {
    const at = history.steps.at(-1)?.step;
    return at === undefined
      ? "Not finished: no step is done yet"
      : `Not finished: ${at} of ${counted(history.total, "step")} are done`;
  }
  const { name, before, after } = result.metric;
  const [first, last] = [result.models.at(-2), result.models.at(-1)];
  if (before === null || first === undefined || last === undefined)
    return `${capital(metricWord(name))} ${metricText(name, after)} on ${counted(result.metric.examples, unitOf(result))}`;
  return `${capital(metricWord(name))} ${changeText(result, before)}, with ${bytesText(result, first)}`;
}

function changeText({ metric, paired }: RunResult, before: number): string {
  const [was, is] = [before, metric.after].map((value) => metricText(metric.name, value));
  if (was === is) return `stayed at ${is}`;
  if (paired !== undefined && !isDifferent(paired))
    return `is ${is}, which cannot be told from ${was} before`;
  return `${metric.after > before ? "rose" : "fell"} from ${was} to ${is}`;
}

/** Of the smaller of the files that the product ships in. */
function bytesText({ models, packed }: RunResult, { bytes: { raw: before } }: ModelFigures): string {
  const raw = models.at(-1)?.bytes.raw ?? before;
  if (packed === undefined || packed.bytes.raw >= raw) return `${percent(raw / before)} of the bytes`;
  return `${percent(packed.bytes.raw / before)} of the bytes once packed`;
}

function unitOf({ command }: RunResult): string {
  return command === "pretrain" ? "predicted piece" : "example";
}

/** Four numbers, the verdict, what was asked, and all models in one table. */
export function summaryBody(run: RunSource): Html {
  const { result } = run;
  const missing = run.missing.map((text) => html`<p class="absent">${text}</p>`);
  if (result === undefined) return html`${missing}${askedFacts(run)}`;
  return html`${tiles(result)}<div class="verdict">${claimsOf(run, result).map(claimOf)}</div>${missing}${askedFacts(run)}${modelsTable(result)}`;
}

/** What became of the product, of what was wanted of it, and of the same product in 8 bits. */
function claimsOf({ quantized }: RunSource, { verdict, wanted = [] }: RunResult): string[] {
  const in8Bits = quantized === undefined ? [] : sentencesOf(quantized.text);
  return [
    ...sentencesOf(verdict.text),
    ...wanted.map((each) => `${capital(reachedText(each))}.`),
    ...in8Bits.map((sentence, i) => (i === 0 ? `In 8 bits, in quantized/: ${sentence}` : sentence)),
  ];
}

/** A sentence with its claim in bold: what stands before its first colon. */
function claimOf(sentence: string): Html {
  const [, claim, rest] = /^([^:(]{3,60}?)(:.*| \(.*)$/s.exec(sentence) ?? [];
  return claim === undefined ? html`<p>${sentence}</p>` : html`<p><strong>${claim}</strong>${rest}</p>`;
}

/** A verdict is a row of sentences; each begins with a capital, or the name of a file, behind a full stop. */
export function sentencesOf(text: string): string[] {
  return text.split(/(?<=\.) (?=[A-Z]|(?:onnx[\\/])?model[._])/);
}

function tiles(result: RunResult): Html {
  const { metric, models } = result;
  const [before, after] = [models.length > 1 ? models.at(-2) : undefined, models.at(-1)];
  if (after === undefined) return html``;
  const parts: Part[] = [
    tile(
      capital(metricWord(metric.name)),
      metricText(metric.name, metric.after),
      metric.before === null ? undefined : `${metricText(metric.name, metric.before)} before`,
    ),
    tile(
      "File",
      bytes(after.bytes.raw),
      before && `${percent(after.bytes.raw / before.bytes.raw)} of ${bytes(before.bytes.raw)}`,
    ),
    tile(
      "Weights not 0",
      count(after.parameters.nonzero),
      before &&
        `${percent(after.parameters.nonzero / Math.max(1, before.parameters.nonzero))} of ${count(before.parameters.nonzero)}`,
    ),
  ];
  const now = after.latency[0];
  if (now !== undefined) {
    const then = before && latencyAt(before.latency, now);
    parts.push(
      tile(
        `One pass, batch ${now.batchSize}`,
        milliseconds(now.p50),
        before && then && paceText(gainOf(before, after, then.p50 / now.p50)),
      ),
    );
  }
  return html`<ul class="tiles">${parts}</ul>`;
}

function paceText(ratio: number): string {
  return changeOf(ratio) === "the same" ? "as fast as before" : `${times(ratio)} as fast as before`;
}

function tile(name: string, value: string, note: string | undefined): Html {
  return html`<li><span class="what">${name}</span><strong>${value}</strong><span class="note">${note}</span></li>`;
}

function askedFacts({ recipe, history, result }: RunSource): Html {
  const { settings, machine, command } = recipe;
  const { data, title } = history;
  const text = (name: string): Part => {
    const value = settings[name];
    return value === undefined
      ? undefined
      : dataText(typeof value === "object" ? JSON.stringify(value) : String(value));
  };
  const method = result?.method ?? settings.method;
  return factsOf([
    ["Asked", dataText(title === "" ? command : title)],
    ["Model", text("model")],
    [
      "Method",
      method === undefined || method === null
        ? undefined
        : html`${dataText(String(method))}${methodSettings(settings)}`,
    ],
    ["Data", settings.task === undefined ? text("data") : html`${text("task")}, in ${text("data")}`],
    [
      "Examples",
      data &&
        `${data.train.toLocaleString("en")} to train, ${data.dev.toLocaleString("en")} to judge; cut at ${data.maxLength} tokens`,
    ],
    ["Training", trainingText(settings, history.total)],
    ["Seed", text("seed")],
    ["Took", result && `${clock(result.wallSeconds)}, at most ${bytes(result.peakBytes)} of memory`],
    [
      "Machine",
      `${machine.cpu}, ${counted(machine.threads, "thread")} of ${counted(machine.cores, "core")}, Node ${machine.node}, ${machine.platform}`,
    ],
    ["Version", `Espalier ${recipe.code}`],
  ]);
}

function methodSettings({ set, sparsity }: Readonly<Record<string, unknown>>): Part {
  const chosen = typeof set === "object" && set !== null ? Object.entries(set) : [];
  const all = [...(sparsity === undefined ? [] : [["sparsity", sparsity]]), ...chosen];
  return all.map(([name, value]) => html`, ${dataText(`${name} ${value}`)}`);
}

function trainingText(settings: Readonly<Record<string, unknown>>, steps: number): string | undefined {
  const { epochs, batchSize, learningRate } = settings;
  if (steps === 0) return undefined;
  const passes = typeof epochs === "number" ? `${counted(epochs, "epoch")}, ` : "";
  const batch = typeof batchSize === "number" ? ` of ${counted(batchSize, "example")}` : "";
  return `${passes}${counted(steps, "step")}${batch}${typeof learningRate === "number" ? `, rate ${learningRate.toExponential()}` : ""}`;
}

/** Every model of the run: metrics, sizes, times. */
function modelsTable({ models, floors = [], length }: RunResult): Html {
  const metrics = [...new Set(models.flatMap((model) => Object.keys(model.metrics)))];
  const cases = models[0]?.latency ?? [];
  const row = (model: ModelFigures): Cell[] => [
    capital(model.stage),
    ...metrics.map((name) => numberCell(model.metrics[name], (value) => metricText(name, value))),
    numberCell(model.parameters.total, count),
    numberCell(model.parameters.nonzero, count),
    numberCell(model.bytes.raw, bytes),
    numberCell(model.bytes.compressed, bytes),
    numberCell(model.multiplyAccumulates, count),
    ...cases.map((at) => numberCell(latencyAt(model.latency, at)?.p50, milliseconds)),
  ];
  const floorRow = (floor: FloorFigures): Cell[] => [
    `Floor: ${FLOOR_NAMES[floor.kind]}`,
    ...metrics.map((name) => numberCell(floor.metrics[name], (value) => metricText(name, value))),
    numberCell(floor.parameters, count),
    numberCell(undefined, count),
    numberCell(floor.bytes.raw, bytes),
    numberCell(floor.bytes.compressed, bytes),
    numberCell(undefined, count),
    ...cases.map(() => numberCell(undefined, milliseconds)),
  ];
  return html`<details class="numbers"><summary>All figures of ${counted(models.length + floors.length, "model")}</summary>${tableOf(
    {
      label: "Figures of the run's models",
      columns: [
        { name: "Model", kind: "text" },
        ...metrics.map((name) => ({ name: capital(metricWord(name)) })),
        { name: "Weights" },
        { name: "Not 0" },
        { name: "Bytes" },
        { name: "Compressed" },
        { name: `Products, ${length} tokens` },
        ...cases.map(({ batchSize }) => ({ name: `p50, batch ${batchSize}` })),
      ],
      rows: [...models.map(row), ...floors.map(floorRow)],
    },
  )}</details>`;
}
