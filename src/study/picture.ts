/**
 * A picture as a file: charts of the reports side by side, with their titles and colours, and the style inside.
 *
 * Light or dark follows the reader's system. The numbers stand in the page's table, so the picture has words for those who
 * hear it. Not here: the charts (report/draw/).
 */

import { requireItem, requireLast, requireValue } from "../base/present.ts";
import { WIDTH } from "../report/draw/charts.ts";
import { type Html, html, trusted } from "../report/draw/html.ts";
import { PICTURE_STYLE } from "../report/style.ts";

/** One chart. */
export interface Panel {
  readonly title: string;
  readonly chart: Html;
}

/** What a picture shows. */
export interface PictureParts {
  /** For those who hear it. */
  readonly label: string;
  readonly panels: readonly Panel[];
  /** What the colours are; a ring at each point is a full line, faint ones are dashed. */
  readonly legend?: readonly { readonly tone: number; readonly name: string; readonly faint?: boolean }[];
}

/** The picture of a page: its file is the page's name with this one behind it. */
export interface Picture {
  readonly name: string;
  readonly label: string;
  readonly svg: string;
}

const MARGIN = 16;
const TITLE = 26;
const GAP = 28;

/** Draws a picture of two columns, or of one where there is one chart. */
export function drawPicture(name: string, { label, panels, legend = [] }: PictureParts): Picture {
  const columns = Math.min(2, panels.length);
  const width = 2 * MARGIN + columns * WIDTH + (columns - 1) * GAP;
  const keys = legendLines(legend, width);
  const heights = rowHeights(panels, columns);
  const starts = heights.map((_, row) =>
    heights.slice(0, row).reduce((sum, height) => sum + height + GAP, MARGIN + keys.height),
  );
  const height = requireLast(starts, "rows") + requireLast(heights, "rows") + MARGIN;
  const drawn = panels.map(({ title, chart }, i) => {
    const x = MARGIN + (i % columns) * (WIDTH + GAP);
    const y = requireItem(starts, Math.floor(i / columns), "rows");
    return html`<text class="title" x="${x}" y="${y + 13}">${title}</text>${placed(chart, x, y + TITLE)}`;
  });
  const style = trusted(
    `<style>${PICTURE_STYLE}.title{font-size:12px;font-weight:600;fill:var(--ink)}</style>`,
  );
  const svg = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">${style}${keys.drawn}${drawn}</svg>`;
  return { name, label, svg: `${svg.text}\n` };
}

function rowHeights(panels: readonly Panel[], columns: number): number[] {
  const rows = Math.ceil(panels.length / columns);
  return Array.from({ length: rows }, (_, row) => {
    const inRow = panels.slice(row * columns, (row + 1) * columns);
    return TITLE + Math.max(...inRow.map(({ chart }) => heightOf(chart)));
  });
}

/** Charts are drawn WIDTH wide, and say how high they are. */
function heightOf({ text }: Html): number {
  const found = /^<svg viewBox="0 0 \S+ ([\d.]+)"/.exec(text)?.[1];
  return Math.ceil(Number(requireValue(found, "height of a chart")));
}

/** A chart inside of another drawing has a place and a size. */
function placed(chart: Html, x: number, y: number): Html {
  const size = `<svg x="${x}" y="${y}" width="${WIDTH}" height="${heightOf(chart)}" overflow="visible" `;
  return trusted(chart.text.replace(/^<svg /, size));
}

/** Letters are about so wide. */
const LETTER = 5.6;
const KEY = 24;

function legendLines(
  legend: NonNullable<PictureParts["legend"]>,
  width: number,
): { drawn: readonly Html[]; height: number } {
  let [x, y] = [MARGIN, MARGIN];
  const drawn = legend.map(({ tone, name, faint }) => {
    const wide = KEY + name.length * LETTER + 18;
    if (x > MARGIN && x + wide > width) [x, y] = [MARGIN, y + 18];
    const at = x;
    x += wide;
    return html`<path class="line s${tone}${faint && " faint"}" d="M${at} ${y}L${at + 18} ${y}"/><text x="${at + KEY}" y="${y + 3.5}">${name}</text>`;
  });
  return { drawn, height: legend.length === 0 ? 0 : y + 12 };
}
