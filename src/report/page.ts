/**
 * The page: one HTML file that holds all it needs, of one run or of several.
 *
 * One run is told whole. Of up to four each is told whole behind what compares them; of more, each has its summary, its map
 * and a few examples, so that the page stays small and the runs' own reports hold the rest. The policy in its head lets
 * nothing be fetched and no script run but its own.
 */

import { createHash } from "node:crypto";
import { counted } from "../base/quantity.ts";
import { answerSections } from "./answered.ts";
import { comparisonSection } from "./comparison.ts";
import { costSection } from "./cost.ts";
import { dataText, type Html, html, type Part, trusted } from "./draw/html.ts";
import { type Section, sectionOf, unbroken } from "./frame.ts";
import { finishedRuns } from "./groups.ts";
import { type Detail, insideSection } from "./inside.ts";
import { overlapSection } from "./overlaps.ts";
import { recipeSection } from "./recipe-section.ts";
import { SCRIPT } from "./script.ts";
import type { RunSource } from "./source.ts";
import { STYLE } from "./style.ts";
import { findingOf, summaryBody } from "./summary.ts";
import { trainingSection } from "./training.ts";

/** Runs that are told whole beside one another. */
const WHOLE = 4;
/** What every report of this program has in its head. */
export const GENERATOR = "Espalier report";

/** The page of one run or more. @param version  of this program */
export function reportPage(runs: readonly RunSource[], version: string): string {
  const [only] = runs;
  const isOne = runs.length === 1 && only !== undefined;
  const title = isOne ? `${only.name}: ${findingOf(only)}` : `${counted(runs.length, "run")} side by side`;
  const body = isOne ? onePage(only) : severalPage(runs);
  const digest = createHash("sha256").update(SCRIPT).digest("base64");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="${GENERATOR} ${version}">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${body}
<footer><p>Made by Espalier ${version}. Everything is in this file; it fetches nothing.</p></footer>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

function onePage(run: RunSource): Html {
  const sections = sectionsOf(run, "whole");
  const { title } = run.history;
  return html`<header id="${run.id}"><p class="topic">${dataText(run.name, 120)}</p><h1>${unbroken(findingOf(run))}</h1><p class="lead">${dataText(title === "" ? run.recipe.command : title, 200)}</p>${contents(sections)}</header>
<main><section aria-label="Asked and reached">${summaryBody(run)}${notesOf(run)}</section>${sections.map((section) => sectionOf(section))}</main>`;
}

function severalPage(runs: readonly RunSource[]): Html {
  const detail: Detail = runs.length > WHOLE ? "brief" : "whole";
  const compared = [comparisonSection(runs), overlapSection(runs)];
  const each = runs.map((run, i) => {
    const parts = sectionsOf(run, detail).map((section) => sectionOf(section, 3));
    return html`<section id="${run.id}" aria-labelledby="${run.id}-h"><p class="topic">${i + 1} ${dataText(run.name, 120)}</p><h2 id="${run.id}-h">${unbroken(findingOf(run))}</h2>${summaryBody(run)}${notesOf(run)}${parts}</section>`;
  });
  const links = runs.map(
    (run, i) => html`<li><a href="#${run.id}">${i + 1} ${dataText(run.name, 60)}</a></li>`,
  );
  const short =
    detail === "brief"
      ? html`<p class="lead">Of more than ${WHOLE} runs each is shown in short; its own report has every matrix and more examples.</p>`
      : undefined;
  const [first, ...rest] = compared;
  return html`<header><p class="topic">${counted(runs.length, "run")}, ${finishedRuns(runs).length.toLocaleString("en")} finished</p><h1>${first && unbroken(first.finding)}</h1>${short}<nav aria-label="Contents"><ol>${compared.map(linkTo)}${links}</ol></nav></header>
<main>${first && html`<section id="${first.id}" aria-label="${first.topic}"><p class="topic">${first.topic}</p>${first.body}</section>`}${rest.map((section) => sectionOf(section))}${each}</main>`;
}

function sectionsOf(run: RunSource, detail: Detail): Section[] {
  const training = trainingSection(run);
  const inside = insideSection(run, detail);
  const answers = answerSections(run, detail);
  const recipe = recipeSection(run);
  if (run.result?.folds !== undefined) return [training, recipe];
  if (detail === "whole") return [training, ...answers, inside, costSection(run), recipe];
  // The curve and the parts of a run stand in its own report.
  const isLong = (section: Section): boolean => section.id.endsWith("-calibration");
  return [...answers.filter((section) => !isLong(section)), inside, recipe];
}

function contents(sections: readonly Section[]): Html {
  return html`<nav aria-label="Contents"><ol>${sections.map(linkTo)}</ol></nav>`;
}

function linkTo({ id, topic }: Section): Html {
  return html`<li><a href="#${id}">${topic}</a></li>`;
}

/** What the run said while it worked. */
function notesOf({ history }: RunSource): Part {
  const { notes } = history;
  if (notes.length === 0) return undefined;
  return html`<details class="numbers"><summary>${counted(notes.length, "note")} of the run</summary><ul>${notes.map((note) => html`<li>${dataText(note, 500)}</li>`)}</ul></details>`;
}
