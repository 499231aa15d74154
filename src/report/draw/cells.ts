/**
 * Maps of cells: shares from 0 to 1 as shades of one colour, light for none and full for all.
 *
 *   cellMap    few cells, each with its number and, if it leads somewhere, a link
 *   shadeMap   many cells without numbers: the runs of one shade in a row are one stroke, so that a map of thousands of
 *              cells takes a few kilobytes
 */

import { requireItem } from "../../base/present.ts";
import { drawing, LETTER, place, shorten, WIDTH } from "./charts.ts";
import { type Html, html, type Part } from "./html.ts";

/** Shades of a map: k0 is nothing at all, the others divide what is above. */
export const SHADES = 9;

/** Number of the shade of a share; 0 only for 0 itself. */
export function shadeOf(share: number): number {
  if (!(share > 0)) return 0;
  return Math.min(SHADES - 1, 1 + Math.floor(share * (SHADES - 1) * 0.999999));
}

/** A cell of a small map. */
export interface MapCell {
  /** From 0 to 1; null where there is nothing. */
  readonly share: number | null;
  /** Its number, short. */
  readonly show: string;
  readonly title: string;
  /** Where it leads, an anchor of the page. */
  readonly to?: string;
}

/** A small map. */
export interface CellMap {
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly MapCell[] }[];
  /** Room for the names of rows. */
  readonly left?: number;
  /** Names of columns stand upright where they are long. */
  readonly upright?: boolean;
}

/** Letters of an upright name. */
const LONGEST_HEAD = 19;

/** Draws a small map. */
export function cellMap({ label, columns, rows, left = 64, upright = false }: CellMap): Html {
  const wide = (WIDTH - left - 2) / Math.max(1, columns.length);
  const high = Math.min(30, Math.max(14, wide * 0.62));
  const longest = Math.min(LONGEST_HEAD, Math.max(0, ...columns.map((name) => name.length)));
  const top = upright ? Math.ceil(10 + longest * LETTER) : 20;
  const heads = columns.map((name, i) => {
    const x = left + (i + 0.5) * wide;
    return upright
      ? html`<text class="head" transform="translate(${place(x + 3)} ${top - 6}) rotate(-90)">${shorten(name, LONGEST_HEAD)}</text>`
      : html`<text class="head" x="${place(x)}" y="${top - 7}" text-anchor="middle">${name}</text>`;
  });
  const drawn = rows.map(({ name, cells }, r) => {
    const y = top + r * high;
    const title = html`<text class="before" x="${left - 6}" y="${place(y + high / 2 + 3.5)}" text-anchor="end">${shorten(name, Math.floor((left - 6) / 6))}</text>`;
    return html`${title}${cells.map((cell, c) => drawCell(cell, left + c * wide, y, wide, high))}`;
  });
  const linked = rows.some(({ cells }) => cells.some(({ to }) => to !== undefined));
  return drawing(label, html`${heads}${drawn}`, top + rows.length * high + 2, linked);
}

function drawCell(
  { share, show, title, to }: MapCell,
  x: number,
  y: number,
  wide: number,
  high: number,
): Html {
  const shade = share === null ? "none" : `k${shadeOf(share)}`;
  const fits = show.length * 5.2 < wide;
  const number: Part =
    fits &&
    html`<text class="in" aria-hidden="true" x="${place(x + wide / 2)}" y="${place(y + high / 2 + 3)}" text-anchor="middle">${show}</text>`;
  const box = html`<rect x="${place(x + 0.75)}" y="${place(y + 0.75)}" width="${place(wide - 1.5)}" height="${place(high - 1.5)}" rx="1.5"/>`;
  if (to === undefined) return html`<g class="cell ${shade}"><title>${title}</title>${box}${number}</g>`;
  return html`<a class="cell ${shade}" href="#${to}" aria-label="${title}">${box}${number}</a>`;
}

/** A map of many cells: [rows, columns] shares. */
export interface ShadeMap {
  readonly label: string;
  readonly shares: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Names of rows, where they have any. */
  readonly names?: readonly string[];
  /** Height of a row; as wide as a cell when absent. */
  readonly rowHeight?: number;
}

/** Draws a map of many cells. */
export function shadeMap({ label, shares, rows, columns, names, rowHeight }: ShadeMap): Html {
  const left = names ? 64 : 0;
  const wide = (WIDTH - left) / columns;
  const high = rowHeight ?? wide;
  const strokes = new Map<number, string>();
  for (let r = 0; r < rows; r++) {
    for (const { shade, start, length } of runsOf(shares.subarray(r * columns, (r + 1) * columns))) {
      strokes.set(shade, `${strokes.get(shade) ?? ""}M${start} ${r + 0.5}h${length}`);
    }
  }
  const paths = [...strokes].map(([shade, d]) => html`<path class="k${shade}" d="${d}"/>`);
  const titles = (names ?? []).map(
    (name, r) =>
      html`<text class="before" x="${left - 6}" y="${place((r + 0.5) * high + 3.5)}" text-anchor="end">${name}</text>`,
  );
  // Strokes are one unit thick; the rows of the map are as high as asked.
  const map = html`<g class="shades" transform="translate(${left} 0) scale(${place(wide)} ${place(high)})">${paths}</g>`;
  return drawing(label, html`${titles}${map}`, rows * high);
}

/** Neighbours of one shade, together. */
function runsOf(row: Float32Array): { shade: number; start: number; length: number }[] {
  const runs: { shade: number; start: number; length: number }[] = [];
  for (let c = 0; c < row.length; c++) {
    const shade = shadeOf(requireItem(row, c, "shares"));
    const last = runs.at(-1);
    if (last?.shade === shade) last.length++;
    else runs.push({ shade, start: c, length: 1 });
  }
  return runs;
}

/** What the shades mean, from nothing to all. */
export function shadeKey(low: string, high: string): Html {
  const boxes = Array.from(
    { length: SHADES },
    (_, i) => html`<rect class="k${i}" x="${i * 14}" y="0" width="13" height="10" rx="1.5"/>`,
  );
  return html`<span class="key">${low} <svg viewBox="0 0 ${SHADES * 14} 10" width="${SHADES * 14}" height="10" aria-hidden="true">${boxes}</svg> ${high}</span>`;
}
