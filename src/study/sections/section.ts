/** A part of the page: one answer as its heading, computed from the records, and what it rests on. */

import { fixed, percent } from "../../base/quantity.ts";
import { deviation, mean } from "../../base/statistics.ts";
import { escapeCell } from "../../formats/markdown.ts";
import type { Picture } from "../picture.ts";

export interface StudySection {
  /** The answer, a sentence without its point. */
  readonly heading: string;
  readonly paragraphs: readonly string[];
  readonly pictures: readonly Picture[];
  /** Markdown. */
  readonly tables: readonly string[];
}

/** A share with as many digits as it needs near nothing and near all: `7.6 %`, `99.94 %`. */
export function shareText(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return "–";
  const edge = Math.min(Math.abs(share), Math.abs(1 - share));
  if (edge === 0) return percent(share);
  return percent(share, { decimals: edge < 0.01 ? 2 : 1 });
}

/** Mean and, of two or more, the deviation: `7.6 ± 0.4 %`. */
export function sharesText(shares: readonly (number | null | undefined)[]): string {
  const known = shares.filter((share) => share !== null && share !== undefined);
  if (known.length === 0) return "–";
  const [centre, spread] = [mean(known), deviation(known)];
  if (spread === undefined || spread === 0) return shareText(centre);
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
