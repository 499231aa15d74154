/** How far a model's probabilities can be taken at their word: in words, and as a reliability diagram. */

import { percent } from "../base/quantity.ts";
import { digits } from "../base/units.ts";
import type { Reliability } from "../measure/calibration.ts";
import { DEVIATE } from "../measure/paired.ts";
import { ACROSS, type Line, legendOf, lineChart, UPWARDS } from "./draw/charts.ts";
import type { Html } from "./draw/html.ts";
import { html } from "./draw/html.ts";
import { linearScale } from "./draw/scale.ts";
import { type Cell, figureOf, numberCell, shareCell } from "./draw/table.ts";

/** Points between confidence and accuracy that go unnoticed. */
const NEAR = 0.02;

/** One clause on a model's confidence. What so many examples leave to chance is not held against it. */
export function calibrationWords({ confidence, accuracy, error, examples, chance }: Reliability): string {
  const told = `${percent(confidence)} sure on average, right in ${percent(accuracy)}`;
  const distance = Math.abs(confidence - accuracy);
  const isOff = distance > NEAR;
  if (isOff && distance > DEVIATE * chance.gap)
    return `it is ${confidence > accuracy ? "surer than it should be" : "less sure than it could be"}: ${told}`;
  if (error > 2 * NEAR && error > chance.error)
    return `on average it is as sure as it is right (${percent(accuracy)}), in single bins it is not`;
  if (!isOff) return `its probabilities hold: ${told}`;
  return `its probabilities may hold: ${told}, which ${examples.toLocaleString("en")} examples cannot tell apart`;
}

/** Accuracy by confidence; on the diagonal both are the same. */
export function calibrationFigure(now: Reliability, then: Reliability | undefined): Html {
  const lineOf = (name: string, { bins }: Reliability, tone: number): Line => ({
    name,
    tone,
    dotted: true,
    points: bins.flatMap(({ confidence, accuracy }): [number, number][] =>
      confidence === null || accuracy === null ? [] : [[confidence, accuracy]],
    ),
  });
  const diagonal: Line = {
    name: "as sure as right",
    tone: 6,
    faint: true,
    points: [
      [0, 0],
      [1, 1],
    ],
  };
  const lines = [lineOf("this model", now, 0), ...(then ? [lineOf("the model before", then, 1)] : [])];
  const show = (n: number): string => percent(n);
  const chart = lineChart(
    {
      label: `Reliability diagram; expected calibration error ${digits(100 * now.error)} points`,
      x: { name: "probability of the answer", show },
      y: { name: "right", show },
      scales: { x: linearScale([0, 1], ACROSS), y: linearScale([0, 1], UPWARDS) },
    },
    [diagonal, ...lines],
  );
  const rows = now.bins.map((bin, i): Cell[] => [
    { show: `${percent(bin.low)} to ${percent(bin.high)}`, sort: bin.low },
    numberCell(bin.examples, (n) => n.toLocaleString("en")),
    shareCell(bin.confidence),
    shareCell(bin.accuracy),
    ...(then
      ? [numberCell(then.bins[i]?.examples, (n) => n.toLocaleString("en")), shareCell(then.bins[i]?.accuracy)]
      : []),
  ]);
  const caption = html`Reliability: the share that is right, by the probability that the answer was given. On the grey line both are the same; below it the model is too sure. ${legendOf(lines)}`;
  return figureOf(chart, caption, {
    label: "Reliability by bin",
    columns: [
      { name: "Probability", kind: "text" },
      { name: "Examples" },
      { name: "Sure, on average" },
      { name: "Right" },
      ...(then ? [{ name: "Examples before" }, { name: "Right before" }] : []),
    ],
    rows,
  });
}
