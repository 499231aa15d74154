/** What the models answered: class by class, what is mistaken for what, how far probabilities hold, and what changed. */

import { counted } from "../base/quantity.ts";
import { capital, digits } from "../base/units.ts";
import { BINS } from "../measure/calibration.ts";
import { calibrationFigure, calibrationWords } from "./calibration.ts";
import { changedBody, changedFinding } from "./changed.ts";
import { cellMap, shadeKey } from "./draw/cells.ts";
import { dataText, type Html, html } from "./draw/html.ts";
import { type Cell, figureOf, numberCell, shareCell, tableOf } from "./draw/table.ts";
import { absence, gridOf, type Section } from "./frame.ts";
import type { Detail } from "./inside.ts";
import {
  type ClassFigures,
  calibrationOf,
  classFigures,
  confusionOf,
  type Judged,
  judgedOf,
} from "./judgement.ts";
import type { RunSource } from "./source.ts";

/** Classes from which a table takes the width of the page. */
const MANY = 6;

/** The sections: none for a run that judges no labels. */
export function answerSections(run: RunSource, detail: Detail): Section[] {
  const { answers, id, result } = run;
  if (result === undefined || result.command === "pretrain") return [];
  if (answers === undefined) {
    const body = absence(
      "The run kept no answers: it has no answers.jsonl that can be read. Train it again to see them.",
    );
    return [{ id: `${id}-answers`, topic: "Answers", finding: "What it answered is not known", body }];
  }
  const judged = judgedOf(answers);
  const changed: Section = {
    id: `${id}-changed`,
    topic: "What changed",
    finding: changedFinding(answers, judged),
    body: changedBody(answers, judged, detail),
  };
  if (judged === undefined) return [changed];
  return [classSection(id, judged, detail), calibrationSection(run, judged), changed];
}

function classSection(id: string, { answers, truth, after, before }: Judged, detail: Detail): Section {
  const { labels } = answers;
  const confusion = confusionOf(truth, after.predicted, labels.length);
  const figures = classFigures(confusion);
  const then = before && classFigures(confusionOf(truth, before.predicted, labels.length));
  const table = tableOf({
    label: "Results by class",
    columns: [
      { name: "Class", kind: "text" },
      { name: "Examples" },
      { name: "Precision" },
      { name: "Recall" },
      { name: "F1" },
      ...(then ? [{ name: "F1 before" }] : []),
    ],
    rows: figures.map((each, c): Cell[] => [
      dataText(labels[c] ?? "", 60),
      numberCell(each.examples, (n) => n.toLocaleString("en")),
      ...[each.precision, each.recall, each.f1].map(shareCell),
      ...(then ? [shareCell(then[c]?.f1)] : []),
    ]),
  });
  const isShown = detail === "whole" || labels.length <= MANY;
  const layout = labels.length > MANY ? "stack" : "grid";
  const body = html`<div class="${layout}"><figure>${table}<figcaption>Precision: of what is called so, the share that is. Recall: of what is so, the share that is called so.</figcaption></figure>${isShown && confusionFigure(labels, confusion)}</div>`;
  return {
    id: `${id}-classes`,
    topic: "Class by class",
    finding: classFinding(labels, figures, confusion),
    body,
  };
}

/** Which class fares worst, and what is most often taken for what. */
function classFinding(
  labels: readonly string[],
  figures: readonly ClassFigures[],
  confusion: readonly (readonly number[])[],
): Html {
  const pairs = confusion.flatMap((row, a) =>
    row.flatMap((n, b) => (a === b || n === 0 ? [] : [{ a, b, n }])),
  );
  const worst = pairs.toSorted((x, y) => y.n - x.n)[0];
  if (worst === undefined) return html`Every example is answered right`;
  const name = (c: number): Html => dataText(labels[c] ?? "", 40);
  const of = figures[worst.a]?.examples ?? 0;
  return html`Its most frequent mistake: ${name(worst.a)} is called ${name(worst.b)}, ${worst.n.toLocaleString("en")} times in ${of.toLocaleString("en")}`;
}

function confusionFigure(labels: readonly string[], confusion: readonly (readonly number[])[]): Html {
  const many = labels.length > MANY;
  const rows = confusion.map((row, a) => {
    const all = row.reduce((sum, n) => sum + n, 0);
    return {
      name: labels[a] ?? "",
      cells: row.map((n, b) => ({
        share: all === 0 ? null : n / all,
        show: n === 0 && many ? "" : n.toLocaleString("en"),
        title: `${labels[a]} called ${labels[b]}: ${n} of ${all}`,
      })),
    };
  });
  const columns = labels.map((label) => (many ? label : label.slice(0, 12)));
  const chart = cellMap({
    label: "Confusion matrix: true classes down, answers across",
    columns,
    rows,
    left: 78,
    upright: many,
  });
  const caption = html`What is there (down) and what it is called (across). A shade is the share of the row. ${shadeKey("none", "all")}`;
  return figureOf(chart, caption, {
    label: "Confusion matrix",
    columns: [{ name: "Is", kind: "text" }, ...labels.map((label) => ({ name: dataText(label, 40) }))],
    rows: confusion.map((row, a): Cell[] => [
      dataText(labels[a] ?? "", 40),
      ...row.map((n) => numberCell(n, String)),
    ]),
  });
}

function calibrationSection({ id, result }: RunSource, { truth, after, before }: Judged): Section {
  const now = calibrationOf(truth, after);
  const then = before && calibrationOf(truth, before);
  const examples = counted(truth.length, "example");
  const before_ = then === undefined ? "" : ` The model before: ${digits(100 * then.error)} points.`;
  const fitted =
    result?.calibration === undefined
      ? ""
      : " The temperature was fitted on these very examples, which flatters; the verdict has what is left of it on others.";
  const text = `Over ${examples} the expected calibration error is ${digits(100 * now.error)} points: by so much the share of right answers differs from the probability that they are given, on average over ${BINS} bins.${before_}${fitted}`;
  const body = html`<p>${text}</p>${gridOf(calibrationFigure(now, then))}`;
  return { id: `${id}-calibration`, topic: "Calibration", finding: capital(calibrationWords(now)), body };
}
