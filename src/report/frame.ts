/** What every part of a page is made of: a section with its finding as heading, facts, a sentence on what is missing. */

import { type Html, html, type Part } from "./draw/html.ts";

/** A part of a page. `finding` is a sentence that says what is to be seen; `topic` names it in a word or two. */
export interface Section {
  readonly id: string;
  readonly topic: string;
  readonly finding: Part;
  readonly body: Part;
}

/** The section, under a heading of that level. */
export function sectionOf({ id, topic, finding, body }: Section, level: 2 | 3 = 2): Html {
  const heading =
    level === 2
      ? html`<h2 id="${id}-h">${unbroken(finding)}</h2>`
      : html`<h3 id="${id}-h">${unbroken(finding)}</h3>`;
  return html`<section id="${id}" aria-labelledby="${id}-h"><p class="topic">${topic}</p>${heading}${body}</section>`;
}

/** A number stays on one line with its unit. */
export function unbroken(finding: Part): Part {
  return typeof finding === "string"
    ? finding.replaceAll(/(\d) (?=%|[kMG]?B\b|m?s\b)/g, "$1\u00a0")
    : finding;
}

/** Names with what belongs to them. */
export function factsOf(facts: readonly (readonly [name: string, value: Part])[]): Html {
  const shown = facts.filter(([, value]) => value !== undefined && value !== "");
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Charts side by side where there is room. */
export function gridOf(...figures: readonly Part[]): Html {
  return html`<div class="grid">${figures}</div>`;
}

/** What cannot be shown, and why. */
export function absence(text: string): Html {
  return html`<p class="absent">${text}</p>`;
}
