/** A part of the page: one answer as its heading, computed from the records, and what it rests on. */

import { counted, fixed, percent } from "../../base/quantity.ts";
import { deviation, mean } from "../../base/statistics.ts";
import { escapeCell } from "../../formats/markdown.ts";
import type { StudyRun } from "../groups.ts";
import type { Picture } from "../picture.ts";

export interface StudySection {
  /** The answer, a sentence without its point. */
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly pictures: readonly Picture[];
  /** Markdown. */
  readonly tables: readonly string[];
}

/** Records have six digits, so a difference of two shares below it may be none. */
const NOTHING = 2e-6;

/** A share with as many digits as it needs near nothing and near all: `7.6 %`, `99.94 %`. */
export function shareText(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return "–";
  const edge = Math.min(Math.abs(share), Math.abs(1 - share));
  if (edge < NOTHING) return percent(Math.round(share));
  return percent(share, { decimals: edge < 0.01 ? 2 : 1 });
}

/** Mean and, of two or more, the deviation: `7.6 ± 0.4 %`. */
export function sharesText(shares: readonly (number | null | undefined)[]): string {
  const known = shares.filter((share) => share !== null && share !== undefined);
  if (known.length === 0) return "–";
  const [centre, spread] = [mean(known), deviation(known)];
  // The deviation of equal numbers need not be exactly 0.
  if (spread === undefined || spread < 1e-9) return shareText(centre);
  const decimals = Math.min(Math.abs(centre), Math.abs(1 - centre)) < 0.01 ? 2 : 1;
  return `${fixed(100 * centre, decimals)} ± ${fixed(100 * spread, decimals)} %`;
}

/** The mean, without its deviation. */
export function meanText(shares: readonly (number | null | undefined)[]): string {
  const known = present(shares);
  return known.length === 0 ? "–" : shareText(mean(known));
}

/** A table that is not aligned in its source: a page of many rows stays small enough for the package. */
export function slimTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  left: readonly number[] = [],
): string {
  const line = (cells: readonly string[]): string => `|${cells.map(escapeCell).join("|")}|`;
  const rule = header.map((_, i) => (i === 0 || left.includes(i) ? "---" : "--:"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** The numbers that are there. */
export function present(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value) => value !== null && value !== undefined);
}

/** What a share of the metric is a share of, in a heading: corrected as soon as one run can be. */
export function leadText(runs: readonly StudyRun[]): string {
  const isKnown = runs.some(({ constant }) => constant !== undefined);
  return isKnown ? "the dense model's lead over a constant answer" : "the dense metric";
}

/** The same in full. */
export function floorText(runs: readonly StudyRun[]): string {
  const judged = runs.filter(({ dense }) => dense !== null);
  const unknown = judged.filter(({ constant }) => constant === undefined).length;
  if (unknown === judged.length) {
    return "A share is of the dense model's metric. It is not corrected for what a constant answer, one that is always the same, would score.";
  }
  const rest =
    unknown === 0
      ? ""
      : ` Of ${counted(unknown, "run")} the score of that answer is not known: their shares are of the whole metric.`;
  return `A constant answer is one that is always the same. 100 % is the dense model, 0 % is that answer, and below 0 a run is worse than it.${rest}`;
}
