/** The examples that two models answer differently, with what each of them said. */

import { requireItem } from "../base/present.ts";
import { counted, percent } from "../base/quantity.ts";
import { digits } from "../base/units.ts";
import type { Answers } from "../runs/answers.ts";
import { dataText, type Html, html } from "./draw/html.ts";
import { type Cell, numberCell, tableOf } from "./draw/table.ts";
import { absence } from "./frame.ts";
import type { Detail } from "./inside.ts";
import { changedExamples, type Judged, movedExamples, type Opinion } from "./judgement.ts";

/** Examples of each kind that are shown. */
const SHOWN = { whole: 15, brief: 3 } as const;
/** Characters of a text that are shown. */
const LETTERS = { whole: 400, brief: 160 } as const;

/** What changed, as a heading. */
export function changedFinding(answers: Answers, judged: Judged | undefined): string {
  if (answers.before === undefined) return "There is no model before to compare with";
  if (judged?.before === undefined) {
    const moved = movedExamples(answers);
    const mean =
      moved.reduce((sum, { before, after }) => sum + Math.abs(after - before), 0) / Math.max(1, moved.length);
    return `Values moved by ${digits(mean)} on average`;
  }
  const changed = changedExamples(judged.truth, judged.before, judged.after);
  const n = (fate: string): number => changed.filter((each) => each.fate === fate).length;
  if (changed.length === 0) return "No answer changed";
  const [lost, gained] = [n("became wrong"), n("became right")];
  return `${counted(lost, "answer")} became wrong and ${gained.toLocaleString("en")} right, of ${judged.truth.length.toLocaleString("en")}`;
}

/** The examples themselves. */
export function changedBody(answers: Answers, judged: Judged | undefined, detail: Detail): Html {
  if (answers.before === undefined)
    return absence("This run trained one model. Compress it, and the answers of both are compared here.");
  if (judged?.before === undefined) return movedTable(answers, detail);
  const changed = changedExamples(judged.truth, judged.before, judged.after);
  if (changed.length === 0) return absence("Both models call every judging example the same.");
  const shown = (["became wrong", "became right", "wrong otherwise"] as const).flatMap((fate) =>
    changed.filter((each) => each.fate === fate).slice(0, SHOWN[detail]),
  );
  const { labels, examples } = answers;
  const opinion = ({ label, probability }: Opinion): Cell => ({
    show: html`${dataText(labels[label] ?? "", 40)} <span class="p">${percent(probability, { decimals: 1 })}</span>`,
    sort: probability,
  });
  const rows = shown.map(({ example, fate, before, after }): Cell[] => {
    const { text, pair, label } = requireItem(examples, example, "examples");
    return [
      textCell(text, pair, detail),
      dataText(labels[label] ?? "", 40),
      opinion(before),
      opinion(after),
      html`<span class="fate ${fate.replaceAll(" ", "-")}">${fate}</span>`,
    ];
  });
  const rest = changed.length - shown.length;
  const more =
    rest > 0
      ? html`<p class="more">${counted(rest, "other")} changed as well; all are in answers.jsonl.</p>`
      : undefined;
  const table = tableOf({
    label: "Examples whose answer changed",
    columns: [
      { name: "Text", kind: "text" },
      { name: "Is", kind: "text" },
      { name: "Before", kind: "text" },
      { name: "After", kind: "text" },
      { name: "So it", kind: "text" },
    ],
    rows,
  });
  return html`<div class="texts">${table}</div>${more}`;
}

function textCell(text: string, pair: string | undefined, detail: Detail): Html {
  const letters = LETTERS[detail];
  const shown = text === "" ? html`<em>(empty)</em>` : dataText(text, letters);
  return pair === undefined ? shown : html`${shown}<br>${dataText(pair, letters)}`;
}

function movedTable(answers: Answers, detail: Detail): Html {
  const moved = movedExamples(answers).slice(0, 2 * SHOWN[detail]);
  const rows = moved.map(({ example, before, after }): Cell[] => {
    const { text, pair, label } = requireItem(answers.examples, example, "examples");
    return [
      textCell(text, pair, detail),
      ...[label, before, after].map((value) => numberCell(value, digits)),
      numberCell(after - before, (value) => `${value < 0 ? "−" : "+"}${digits(Math.abs(value))}`),
    ];
  });
  return html`<div class="texts">${tableOf({
    label: "Examples whose value moved furthest",
    columns: [
      { name: "Text", kind: "text" },
      { name: "Is" },
      { name: "Before" },
      { name: "After" },
      { name: "Moved" },
    ],
    rows,
  })}</div>`;
}
