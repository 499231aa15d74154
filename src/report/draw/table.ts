/**
 * Tables of a page. Each can be read without a script; with one, a click on a heading sorts by that column.
 *
 * A wide table scrolls inside its own frame, which the keyboard reaches. Not here: what is in them.
 */

import { percent } from "../../base/quantity.ts";
import { type Html, html, type Part } from "./html.ts";

/** A cell; `sort` is what a number stands for where its text is rounded or has a unit. */
export type Cell = Part | { readonly show: Part; readonly sort: number };

/** A column: text is aligned left, numbers right. */
export interface Column {
  readonly name: Part;
  readonly kind?: "text" | "number";
}

/** A table. */
export interface TableParts {
  /** What it holds, for those who hear it. */
  readonly label: string;
  readonly columns: readonly Column[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly Cell[])[];
}

/** A table in a frame that scrolls. */
export function tableOf({ label, columns, rows }: TableParts): Html {
  const classOf = ({ kind = "number" }: Column): string => (kind === "number" ? "n" : "t");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="data"><thead><tr>${columns.map(
    (column) => html`<th scope="col" class="${classOf(column)}">${column.name}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${row.map((cell, i) => cellOf(cell, i, columns[i]?.kind ?? "number"))}</tr>`,
  )}</tbody></table></div>`;
}

function cellOf(cell: Cell, i: number, kind: "text" | "number"): Html {
  const isSorted = typeof cell === "object" && "sort" in cell;
  const [show, sort] = isSorted ? [cell.show, html` data-sort="${cell.sort}"`] : [cell, undefined];
  const side = kind === "number" ? "n" : "t";
  if (i === 0) return html`<th scope="row" class="t"${sort}>${show}</th>`;
  return html`<td class="${side}"${sort}>${show}</td>`;
}

/** A number as it is shown, and the number. */
export function numberCell(value: number | null | undefined, show: (value: number) => string): Cell {
  return value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : { show: show(value), sort: value };
}

/** A share in percent, to a tenth. */
export function shareCell(share: number | null | undefined): Cell {
  return numberCell(share, (value) => percent(value, { decimals: 1 }));
}

/** A chart with a line on what it shows, and its table behind a fold. */
export function figureOf(chart: Html, caption: Part, table?: TableParts): Html {
  return html`<figure>${chart}<figcaption>${caption}</figcaption>${
    table &&
    html`<details class="numbers"><summary>Table<span class="unseen">: ${table.label}</span></summary>${tableOf(table)}</details>`
  }</figure>`;
}
