/** Training curves: the loss of the steps, and the metrics on the judging examples. */

import { requireItem, requireLast } from "../base/present.ts";
import { counted } from "../base/quantity.ts";
import { capital, digits } from "../base/units.ts";
import { growsWithQuality } from "../data/judging/metrics.ts";
import { metricText, metricWord } from "../measure/metric-text.ts";
import { type Line, legendOf, lineChart } from "./draw/charts.ts";
import { type Html, html } from "./draw/html.ts";
import { figureOf, numberCell } from "./draw/table.ts";
import { absence, gridOf, type Section } from "./frame.ts";
import type { Step } from "./history.ts";
import type { RunSource } from "./source.ts";

/** Points of a curve: more than a page shows would only make it larger. */
const POINTS = 120;
/** Rows of a curve's table. */
const ROWS = 40;

/** The section. */
export function trainingSection(run: RunSource): Section {
  const { steps, looks, total } = run.history;
  const id = `${run.id}-training`;
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) {
    const body = absence("metrics.jsonl has no steps, so there is no curve to draw.");
    return { id, topic: "Training", finding: "No step of training was recorded", body };
  }
  const smooth = smoothed(steps, POINTS);
  const kept = run.result?.kept;
  const end = kept === undefined || kept.step === 0 ? "" : `; the model of step ${kept.step} was kept`;
  const done = last.step >= total ? counted(last.step, "step") : `${last.step} of ${counted(total, "step")}`;
  const finding = `The loss ${wayOf(steps)} in ${done}${end}`;
  return {
    id,
    topic: "Training",
    finding,
    body: gridOf(lossFigure(run, smooth), looks.length > 0 && metricFigure(run)),
  };
}

/** Where the loss went: from the mean of its first tenth to that of its last. */
function wayOf(steps: readonly Step[]): string {
  const tenths = smoothed(steps, 10).map(([, loss]) => loss);
  const [from, to] = [requireItem(tenths, 0, "steps"), requireLast(tenths, "steps")];
  if (Math.abs(to - from) < 0.02 * Math.abs(from)) return `stayed near ${digits(to)}`;
  return `${to < from ? "fell" : "rose"} from ${digits(from)} to ${digits(to)}`;
}

/** Means of so many stretches of the steps, as many as there are steps at most. */
export function smoothed(steps: readonly Step[], count: number): (readonly [step: number, loss: number])[] {
  const stretches = Math.min(count, steps.length);
  return Array.from({ length: stretches }, (_, i) => {
    const [from, to] = [i, i + 1].map((n) => Math.floor((n * steps.length) / stretches));
    const part = steps.slice(from, to);
    const loss = part.reduce((sum, each) => sum + each.loss, 0) / part.length;
    return [requireLast(part, "steps").step, loss] as const;
  });
}

function lossFigure({ history, result }: RunSource, curve: readonly (readonly [number, number])[]): Html {
  const { steps, looks } = history;
  const judged = looks.map(({ step, loss }): [number, number] => [step, loss]);
  const lines: Line[] = [
    { name: "training examples", points: curve, tone: 0 },
    ...(judged.length > 0 ? [{ name: "judging examples", points: judged, tone: 1, dotted: true }] : []),
  ];
  const kept = result?.kept;
  const chart = lineChart(
    {
      label: `Loss by step: ${digits(requireItem(curve, 0, "curve")[1])} at first, ${digits(requireLast(curve, "curve")[1])} at last`,
      x: { name: "step", show: (n) => n.toLocaleString("en") },
      y: { name: "loss", show: digits },
      ...(kept ? { marked: { x: kept.step, word: "kept" } } : {}),
    },
    lines,
  );
  const rows = smoothed(steps, ROWS).map(([step, loss]) => [
    { show: step.toLocaleString("en"), sort: step },
    numberCell(loss, digits),
    numberCell(nearest(judged, step), digits),
  ]);
  const caption = html`Loss by step${steps.length > POINTS && ", each point the mean of a stretch of steps"}. ${judged.length > 0 && legendOf(lines.map(({ tone, name }) => ({ tone, name })))}`;
  const columns = [{ name: "Up to step" }, { name: "Training" }, { name: "Judging" }];
  return figureOf(chart, caption, { label: "Loss by step", columns, rows });
}

/** The last look up to that step. */
function nearest(looks: readonly (readonly [number, number])[], step: number): number | undefined {
  return looks.findLast(([at]) => at <= step)?.[1];
}

function metricFigure({ history, result }: RunSource): Html | undefined {
  const names = [...new Set(history.looks.flatMap(({ metrics }) => Object.keys(metrics)))].filter(
    (name) => name !== "loss",
  );
  if (names.length === 0) return undefined;
  const main = names.includes(result?.metric.name ?? "") ? result?.metric.name : names[0];
  const inOrder = [...names].sort((a, b) => Number(b === main) - Number(a === main));
  const lines = inOrder.map((name, tone): Line => {
    const points = history.looks.flatMap(({ step, metrics }): [number, number][] =>
      metrics[name] === undefined ? [] : [[step, metrics[name]]],
    );
    return { name: metricWord(name), points, tone, dotted: true };
  });
  const values = lines[0]?.points.map(([, y]) => y) ?? [];
  const best = growsWithQuality(main ?? "") ? Math.max(...values) : Math.min(...values);
  const chart = lineChart(
    {
      label: `Metrics by step; best ${metricWord(main ?? "")} ${metricText(main ?? "", best)}`,
      x: { name: "step", show: (n) => n.toLocaleString("en") },
      y: { name: "metric", show: (n) => n.toFixed(2) },
    },
    lines,
  );
  return figureOf(chart, html`Metrics on the judging examples. ${legendOf(lines)}`, {
    label: "Metrics by step",
    columns: [{ name: "Step" }, ...inOrder.map((name) => ({ name: capital(metricWord(name)) }))],
    rows: history.looks.map(({ step, metrics }) => [
      { show: step.toLocaleString("en"), sort: step },
      ...inOrder.map((name) => numberCell(metrics[name], (value) => metricText(name, value))),
    ]),
  });
}
