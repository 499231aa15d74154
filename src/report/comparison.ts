/**
 * Several runs side by side: a table, the metric against size and against time with the Pareto front, and their curves.
 *
 * Scores of different tasks, metrics or judging examples are no numbers of one scale: runs are put into groups of the same
 * kind, each group has charts of its own, and a sentence says so. A front is drawn within a group alone.
 */

import { counted, percent } from "../base/quantity.ts";
import { bytes, capital, count, digits, milliseconds } from "../base/units.ts";
import { metricText, metricWord } from "../measure/metric-text.ts";
import { type Latency, latencyAt, type ModelFigures } from "../measure/result.ts";
import { ACROSS, legendOf, lineChart, type Mark, pointChart, UPWARDS } from "./draw/charts.ts";
import { dataText, type Html, html, type Part } from "./draw/html.ts";
import { endsOf, linearScale, logScale, roomy } from "./draw/scale.ts";
import { type Cell, figureOf, numberCell, tableOf } from "./draw/table.ts";
import { absence, gridOf, type Section } from "./frame.ts";
import {
  dataName,
  type Finished,
  fileOf,
  finishedRuns,
  type Group,
  groupsOf,
  type Timed,
  timedAlike,
} from "./groups.ts";
import { calibrationOf, judgedOf } from "./judgement.ts";
import type { RunSource } from "./source.ts";
import { smoothed } from "./training.ts";

/** Where a model lies in a chart: what it costs and what it scores. */
export interface Offer {
  readonly cost: number;
  readonly score: number;
}

/** The offers that no other beats: none costs as little and scores as much. Sorted by cost. */
export function paretoFront<T extends Offer>(offers: readonly T[], better: "higher" | "lower"): T[] {
  const sign = better === "higher" ? 1 : -1;
  const front: T[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const offer of offers.toSorted((a, b) => a.cost - b.cost || sign * (b.score - a.score))) {
    if (sign * offer.score <= best) continue;
    best = sign * offer.score;
    front.push(offer);
  }
  return front;
}

/** The section that compares. */
export function comparisonSection(runs: readonly RunSource[]): Section {
  const finished = finishedRuns(runs);
  const groups = groupsOf(finished);
  const notes: Part[] = [];
  if (groups.length > 1)
    notes.push(
      absence(
        `These runs were judged by ${groups.length} different tasks, metrics or sets of examples. Their scores cannot be compared with one another, so each kind has charts of its own.`,
      ),
    );
  const drawn = groups.filter((group) => group.runs.length > 1);
  const alone = groups
    .filter((group) => group.runs.length === 1)
    .flatMap((group) => group.runs.map(({ run }) => run.name));
  if (alone.length > 0)
    notes.push(absence(`Alone of their kind, so in no chart of results: ${alone.join(", ")}.`));
  const stopped = runs.length - finished.length;
  if (stopped > 0)
    notes.push(
      absence(
        `${counted(stopped, "run has", "runs have")} not ended and ${stopped === 1 ? "is" : "are"} in no chart of results.`,
      ),
    );
  const body = html`${notes}${runsTable(runs)}${drawn.map((group) => tradeOffs(group))}${curves(runs)}`;
  return { id: "comparison", topic: "Side by side", finding: comparisonFinding(groups, runs.length), body };
}

function comparisonFinding(groups: readonly Group[], all: number): Html {
  const only = groups.toSorted((a, b) => b.runs.length - a.runs.length)[0];
  if (only === undefined || only.runs.length < 2)
    return html`${counted(all, "run")}, no two of which can be compared`;
  const where = groups.length > 1 ? html` on ${dataText(only.data, 40)}` : undefined;
  const sign = only.better === "higher" ? 1 : -1;
  const best = only.runs.toSorted((a, b) => sign * (b.result.metric.after - a.result.metric.after))[0];
  const smallest = only.runs.toSorted((a, b) => fileOf(a).raw - fileOf(b).raw)[0];
  if (best === undefined || smallest === undefined) return html`${counted(all, "run")}`;
  const score = (each: Finished): string => metricText(only.metric, each.result.metric.after);
  if (best === smallest)
    return html`${dataText(best.run.name, 40)} has the best ${metricWord(only.metric)}${where} (${score(best)}) and the smallest file`;
  return html`Best ${metricWord(only.metric)}${where}: ${dataText(best.run.name, 40)}, ${score(best)}. Smallest file: ${dataText(smallest.run.name, 40)}, ${bytes(fileOf(smallest).raw)} at ${score(smallest)}`;
}

function runsTable(runs: readonly RunSource[]): Html {
  const batches = [
    ...new Set(
      runs.flatMap(({ result }) => (result?.models.at(-1)?.latency ?? []).map(({ batchSize }) => batchSize)),
    ),
  ].sort((a, b) => a - b);
  const rows = runs.map((run, i): Cell[] => {
    const { result, recipe } = run;
    const product = result?.models.at(-1);
    const before = result?.models.length === 1 ? undefined : result?.models.at(-2);
    const metric = result?.metric;
    const judged = judgedOf(run.answers);
    const shareLeft =
      product &&
      product.parameters.nonzero / Math.max(1, before?.parameters.total ?? product.parameters.total);
    return [
      html`<span class="no">${i + 1}</span> <a href="#${run.id}">${dataText(run.name, 60)}</a>`,
      dataText(String(result?.method ?? recipe.settings.method ?? recipe.command), 40),
      dataText(dataName(recipe), 40),
      metric === undefined ? "stopped" : metricWord(metric.name),
      numberCell(metric?.before, (value) => metricText(metric?.name ?? "", value)),
      numberCell(metric?.after, (value) => metricText(metric?.name ?? "", value)),
      numberCell(judged && 100 * calibrationOf(judged.truth, judged.after).error, digits),
      numberCell(shareLeft, (value) => percent(value)),
      numberCell(product?.bytes.raw, bytes),
      numberCell(result?.packed?.bytes.raw, bytes),
      ...batches.map((size) =>
        numberCell(product?.latency.find(({ batchSize }) => batchSize === size)?.p50, milliseconds),
      ),
    ];
  });
  return tableOf({
    label: "The runs side by side",
    columns: [
      { name: "Run", kind: "text" },
      { name: "Method", kind: "text" },
      { name: "Task or data", kind: "text" },
      { name: "Metric", kind: "text" },
      { name: "Before" },
      { name: "After" },
      { name: html`<abbr title="expected calibration error, in points">ECE</abbr>` },
      { name: "Weights not 0" },
      { name: "Bytes" },
      { name: "Packed" },
      ...batches.map((size) => ({ name: `p50, batch ${size}` })),
    ],
    rows,
  });
}

/** One model in a chart of a group. */
interface Placed extends Offer {
  readonly sign: string;
  readonly title: string;
  readonly tone: number;
  readonly hollow: boolean;
}

function tradeOffs(group: Group): Html {
  const word = capital(metricWord(group.metric));
  const sizes = group.runs.flatMap((each) =>
    placedOf(each, group, fileOf(each).raw, ({ bytes: { raw } }) => raw, bytes),
  );
  const timed = timedAlike(group.runs);
  const drawn = timed.length > 1 ? timed.filter(({ runs }) => runs.length > 1) : timed;
  const alone = timed.filter((each) => !drawn.includes(each)).flatMap(({ runs }) => runs);
  const names = alone.map(({ run }) => run.name).join(", ");
  const notes = [
    timed.length === 0 && absence(`${word} against time: no run of this kind was timed.`),
    timed.length > 1 &&
      absence(
        "Times are compared only at one length, one batch size and on one machine; other runs have charts of their own.",
      ),
    alone.length > 0 && absence(`Timed as no other run of this kind, so in no chart of times: ${names}.`),
  ];
  return html`<h3 class="group">${word} on ${dataText(group.name, 60)}</h3>${gridOf(
    tradeOff(group, sizes, "bytes of the file", bytes),
    ...drawn.map((each) => timeFigure(group, each)),
  )}${notes}`;
}

function timeFigure(group: Group, { at, runs }: Timed): Html {
  const placed = runs.flatMap((each) => {
    const now = caseOf(each.product.latency, at) ?? Number.NaN;
    const packed = caseOf(each.result.packed?.latency ?? [], at) ?? Number.POSITIVE_INFINITY;
    return placedOf(each, group, Math.min(now, packed), ({ latency }) => caseOf(latency, at), milliseconds);
  });
  const [threads] = runs.map(({ result: { machine } }) => counted(machine.threads, "thread"));
  const cost = `time of a pass, batch ${at.batchSize}, ${at.length} tokens, ${threads}`;
  return tradeOff(group, placed, cost, milliseconds);
}

function caseOf(latency: readonly Latency[], now: Latency): number | undefined {
  return latencyAt(latency, now)?.p50;
}

/** The product as it is best had, and the model before it as a ring. */
function placedOf(
  { run, number, result }: Finished,
  { metric }: Group,
  cost: number,
  costOf: (model: ModelFigures) => number | undefined,
  show: (value: number) => string,
): Placed[] {
  const score = result.metric.after;
  const before = result.models.length > 1 ? result.models.at(-2) : undefined;
  const past = before && costOf(before);
  const text = (name: string, c: number, s: number): string =>
    `${name}: ${metricText(metric, s)} at ${show(c)}`;
  const own: Placed = {
    cost,
    score,
    sign: `${number}`,
    tone: number - 1,
    hollow: false,
    title: text(run.name, cost, score),
  };
  const was = result.metric.before;
  if (past === undefined || was === null) return [own];
  return [
    own,
    {
      cost: past,
      score: was,
      sign: "",
      tone: number - 1,
      hollow: true,
      title: text(`before ${run.name}`, past, was),
    },
  ];
}

function tradeOff(
  { metric, better }: Group,
  placed: readonly Placed[],
  costName: string,
  show: (value: number) => string,
): Html {
  const front = paretoFront(placed, better);
  // Shares and correlations are 1 at most, and a loss is not.
  const most = better === "higher" ? 1 : undefined;
  const scales = {
    x: logScale(endsOf(placed.map(({ cost }) => cost)), ACROSS),
    y: linearScale(roomy(endsOf(placed.map(({ score }) => score)), most), UPWARDS, 4),
  };
  const marks = placed.map(({ cost, score, ...rest }): Mark => ({ x: cost, y: score, ...rest }));
  const word = metricWord(metric);
  const chart = pointChart(
    {
      label: `${capital(word)} against ${costName}`,
      x: { name: costName, show },
      y: { name: word, show: (value) => metricText(metric, value) },
      scales,
    },
    marks,
    front.map(({ cost, score }): [number, number] => [cost, score]),
  );
  const caption = `${capital(word)} against ${costName}, on a scale of factors. Numbers are runs, rings the models before them; the line joins what no other model beats in both.`;
  return figureOf(chart, caption, {
    label: `${capital(word)} against ${costName}`,
    columns: [
      { name: "Model", kind: "text" },
      { name: capital(word) },
      { name: capital(costName) },
      { name: "On the front", kind: "text" },
    ],
    rows: placed.map((each): Cell[] => [
      dataText(each.title.replace(/: [^:]*$/, ""), 80),
      numberCell(each.score, (value) => metricText(metric, value)),
      numberCell(each.cost, show),
      front.includes(each) ? "yes" : "",
    ]),
  });
}

/** The loss of every run, by the share of its steps, so that short and long ones lie over one another. */
function curves(runs: readonly RunSource[]): Html | undefined {
  const lines = runs.flatMap(({ history, name }, i) => {
    const { steps, total } = history;
    if (steps.length < 2) return [];
    const points = smoothed(steps, 60).map(([step, loss]): [number, number] => [
      step / Math.max(1, total),
      loss,
    ]);
    return [{ name: `${i + 1} ${name}`, tone: i, points }];
  });
  if (lines.length === 0) return undefined;
  const chart = lineChart(
    {
      label: "Loss of all runs, by the share of their steps",
      x: { name: "share of the steps", show: (n) => percent(n) },
      y: { name: "loss", show: digits },
    },
    lines,
  );
  const caption = html`Loss while training, by the share of each run's steps. Methods add terms of their own to the loss, so compare shapes and not heights. ${legendOf(lines.map(({ tone, name }) => ({ tone, name: dataText(name, 44) })))}`;
  const rows = runs.map(({ history: { steps }, name }, i): Cell[] => [
    dataText(`${i + 1} ${name}`, 60),
    numberCell(steps.length, count),
    numberCell(steps[0]?.loss, digits),
    numberCell(steps.at(-1)?.loss, digits),
  ]);
  const columns = [
    { name: "Run", kind: "text" as const },
    { name: "Steps" },
    { name: "First loss" },
    { name: "Last loss" },
  ];
  return gridOf(figureOf(chart, caption, { label: "Loss of all runs", columns, rows }));
}
