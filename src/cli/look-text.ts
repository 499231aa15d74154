/** What `inspect` found in data, in at most 80 columns: sizes, labels, lengths, what to look after, labels in doubt. */

import { counted, fixed, named, percent, percents } from "../base/quantity.ts";
import { digits, wrap } from "../base/units.ts";
import type { DataInspection, SetLook } from "../look/look.ts";
import type { ModelLook } from "../look/opinion.ts";
import type { Said, Suspect } from "../look/suspects.ts";
import type { Spread } from "../look/texts.ts";
import { escapeControls } from "./controls.ts";
import { renderTable, WIDTH } from "./table.ts";

/** Labels that the table shows; the others are counted. */
const MOST_LABELS = 20;
/** Characters of a label in a table. */
const LONGEST_LABEL = 24;

/** The whole answer. */
export function lookText(look: DataInspection): string {
  const { model } = look;
  return [
    headText(look),
    ...(look.task === "regression" ? [valuesTable(look)] : []),
    ...(look.labels.length > 0 ? [labelsTable(look)] : []),
    lengthsTable(look),
    findingsText(look.findings),
    ...(model === null ? [] : [suspectsText(model, look.task === "tokens" ? "words" : "rows")]),
  ].join("\n\n");
}

function headText({ train, validation, task, columns }: DataInspection): string {
  const rows = ({ rows: n }: SetLook): string => counted(n, "row");
  const judging = validation === null ? "" : `, ${rows(validation)} to judge by`;
  const texts = columns?.textPair == null ? "text in column" : "texts in columns";
  const pair = columns?.textPair == null ? "" : ` and ${named(columns.textPair)}`;
  const read =
    columns === null ? [] : [`${texts} ${named(columns.text)}${pair}, label in ${named(columns.label)}`];
  const name = escapeControls(train.name);
  const kind = task === "embedding" ? "texts without labels" : task;
  return [`${name}: ${rows(train)} to train on${judging}; ${kind}`, ...read]
    .map((line) => wrap(line, WIDTH))
    .join("\n");
}

function setsOf({ train, validation }: DataInspection): [string, SetLook][] {
  return [
    ["train", train],
    ...(validation === null ? [] : [["validation", validation] as [string, SetLook]]),
  ];
}

function labelsTable({ labels, train, validation, task }: DataInspection): string {
  const all = task === "tokens" ? labels.reduce((n, each) => n + each.train, 0) : train.rows;
  const shares = percents(labels.map((each) => each.train / all));
  const rows = labels
    .slice(0, MOST_LABELS)
    .map(({ label, train: n, validation: judging }, i) => [
      shortened(label, LONGEST_LABEL),
      whole(n),
      shares[i] ?? "",
      ...(judging === null ? [] : [whole(judging)]),
    ]);
  const header = ["label", "train", "share", ...(validation === null ? [] : ["validation"])];
  const rest = labels.length - rows.length;
  return [renderTable(header, rows), ...(rest > 0 ? [`and ${whole(rest)} labels more`] : [])].join("\n");
}

function valuesTable(look: DataInspection): string {
  const rows = setsOf(look).flatMap(([name, { values }]) =>
    values === null
      ? []
      : [[name, ...[values.least, values.mean, values.largest].map(digits), deviationText(values.deviation)]],
  );
  return renderTable(["values", "least", "mean", "largest", "deviation"], rows);
}

function deviationText(deviation: number | null): string {
  return deviation === null ? "" : digits(deviation);
}

function lengthsTable(look: DataInspection): string {
  const rows = setsOf(look).flatMap(([name, { lengths }]) => {
    const units: [string, Spread | null][] = [
      ["characters", lengths.characters],
      ["words", lengths.words],
      ["tokens", lengths.tokens],
    ];
    return units.flatMap(([unit, spread]) =>
      spread === null ? [] : [[`${name}, ${unit}`, ...lengthCells(spread)]],
    );
  });
  const cut = setsOf(look).flatMap(([name, { lengths, rows: n }]) =>
    lengths.cut === null ? [] : [`${percent(lengths.cut.rows / n)} of ${name}`],
  );
  const at = look.train.lengths.cut?.at;
  const said =
    at === undefined ? [] : [`longer than ${whole(at)} tokens, where texts are cut: ${cut.join(", ")}`];
  return [renderTable(["length of a row", "median", "90 %", "99 %", "longest"], rows), ...said].join("\n");
}

function lengthCells({ median, p90, p99, longest }: Spread): string[] {
  return [median, p90, p99, longest].map(whole);
}

function findingsText(findings: readonly string[]): string {
  if (findings.length === 0) return "nothing to look after was found";
  return findings
    .map((text) => wrap(`- ${escapeControls(text)}`, WIDTH - 2).replaceAll("\n", "\n  "))
    .join("\n");
}

function suspectsText(
  { model, kind, learns, suspects, agreement, calibrationError }: ModelLook,
  rows: string,
): string {
  const who = kind === "given" ? model : "a linear model on the words of other rows";
  const said = [
    ...(agreement === null
      ? []
      : [`it says what the data says of ${percent(agreement, { decimals: 1 })} of the ${rows}`]),
    ...(calibrationError === null
      ? []
      : [`its probabilities are off by ${fixed(100 * calibrationError, 1)} points on the average`]),
  ];
  const facts = said.length === 0 ? "" : ` (${said.join("; ")})`;
  if (suspects.length === 0 && kind === "folds" && !learns)
    return wrap(`${who} learns little here${facts}, and is not asked which labels it doubts`, WIDTH);
  if (suspects.length === 0) return wrap(`${who} doubts no label${facts}`, WIDTH);
  const head = wrap(`labels that ${who} doubts most${facts}:`, WIDTH);
  return [head, ...suspects.map(suspectText)].join("\n");
}

/** A line of what stands against what, and one of the text. */
function suspectText({
  where,
  text,
  pair,
  label,
  answer,
  labelProbability,
  answerProbability,
}: Suspect): string {
  const whole = pair === null ? text : `${text} | ${pair}`;
  const words = `${where}: ${saidText(label, labelProbability)}, rather ${saidText(answer, answerProbability)}`;
  return `  ${shortened(words, WIDTH - 2)}\n    ${shortened(whole, WIDTH - 4)}`;
}

function saidText(said: Said, probability: number | null): string {
  if (typeof said === "number") return digits(said);
  const label = typeof said === "string" ? named(said) : said.map(named).join(" + ") || "none";
  return probability === null ? label : `${label} ${percent(probability)}`;
}

function shortened(text: string, most: number): string {
  const line = escapeControls(text);
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

function whole(n: number): string {
  return n.toLocaleString("en");
}
