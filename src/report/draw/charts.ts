/**
 * Charts as SVG that is in the page when it opens: lines, points and bars.
 *
 * All are drawn 360 wide, so that their letters can be read on a phone, and grow with the page. Colours come from the
 * style by number (style.ts); beyond seven, dashes tell lines apart. Every mark has a title for a pointer; the numbers
 * themselves stand in the table beside each chart (table.ts). Not here: maps of cells (cells.ts).
 */

import { type Html, html, trusted } from "./html.ts";
import { type Ends, linearScale, type Scale } from "./scale.ts";

/** Width of every chart. */
export const WIDTH = 360;
const HEIGHT = 210;
const EDGE = { left: 44, right: 12, top: 12, bottom: 34 };
/** Tones that the style has. */
const TONES = 7;

/** An axis: its name, and how its numbers are shown. */
export interface Axis {
  readonly name: string;
  readonly show: (value: number) => string;
}

/** A line through points. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Number of its colour. */
  readonly tone: number;
  /** Drawn thin and pale: what a smoother line is made of. */
  readonly faint?: boolean;
  /** A ring at each point. */
  readonly dotted?: boolean;
}

/** A place in a chart of points. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly tone: number;
  /** A sign beside it. */
  readonly sign: string;
  readonly title: string;
  /** Drawn as a ring: what the others are held to. */
  readonly hollow?: boolean;
}

interface Frame {
  readonly label: string;
  readonly x: Axis;
  readonly y: Axis;
}

/** A number as it stands in a path: three digits behind the point say more than a screen shows. */
export function place(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** The class of a colour, and of a dash where colours come round again. */
export function toneOf(tone: number): string {
  const dash = Math.floor(tone / TONES);
  return `s${tone % TONES}${dash > 0 ? ` d${dash % 3}` : ""}`;
}

/** Where the paper of a chart begins and ends. */
export const ACROSS: Ends = [EDGE.left, WIDTH - EDGE.right];
export const UPWARDS: Ends = [HEIGHT - EDGE.bottom, EDGE.top];

/** Lines over a common pair of axes. `markX` is a step that is marked with a word. */
export function lineChart(
  frame: Frame & {
    readonly scales?: { readonly x: Scale; readonly y: Scale };
    readonly marked?: { readonly x: number; readonly word: string };
  },
  lines: readonly Line[],
): Html {
  const points = lines.flatMap((line) => line.points);
  const x = frame.scales?.x ?? linearScale(endsOfPairs(points, 0), ACROSS, 4);
  const y = frame.scales?.y ?? linearScale(endsOfPairs(points, 1), UPWARDS, 4);
  const marked = frame.marked && markedLine(x(frame.marked.x), frame.marked.word);
  return drawing(
    frame.label,
    html`${axes(frame, x, y)}${marked}${lines.map((line) => drawLine(line, x, y))}`,
  );
}

function endsOfPairs(points: readonly (readonly [number, number])[], side: 0 | 1): Ends {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const point of points) [low, high] = [Math.min(low, point[side]), Math.max(high, point[side])];
  return low > high ? [0, 1] : [low, high];
}

function markedLine(x: number, word: string): Html {
  const isRight = x > WIDTH - 90;
  return html`<line class="kept" x1="${place(x)}" x2="${place(x)}" y1="${EDGE.top}" y2="${HEIGHT - EDGE.bottom}"/><text class="note" x="${place(x + (isRight ? -4 : 4))}" y="${EDGE.top + 8}" text-anchor="${isRight ? "end" : "start"}">${word}</text>`;
}

function drawLine({ name, points, tone, faint, dotted }: Line, x: Scale, y: Scale): Html {
  const path = points.map(([a, b], i) => `${i === 0 ? "M" : "L"}${place(x(a))} ${place(y(b))}`).join("");
  const rings = dotted
    ? html`${points.map(([a, b]) => html`<circle class="${toneOf(tone)}" cx="${place(x(a))}" cy="${place(y(b))}" r="2.6"/>`)}`
    : undefined;
  return html`<path class="line ${toneOf(tone)}${faint ? " faint" : ""}" d="${path}"><title>${name}</title></path>${rings}`;
}

/** Points, and a line through those that none of the others beats. */
export function pointChart(
  frame: Frame & { readonly scales: { readonly x: Scale; readonly y: Scale } },
  marks: readonly Mark[],
  front: readonly (readonly [number, number])[],
): Html {
  const { x, y } = frame.scales;
  const path = front.map(([a, b], i) => `${i === 0 ? "M" : "L"}${place(x(a))} ${place(y(b))}`).join("");
  const taken: { x: number; y: number }[] = [];
  const drawn = marks.map((mark) => {
    const [cx, cy] = [x(mark.x), y(mark.y)];
    const side = cx > WIDTH - 46 ? -1 : 1;
    // A sign moves up and down, further each time, until it stands alone.
    const isTaken = (y: number): boolean =>
      y > HEIGHT - EDGE.bottom ||
      taken.some((other) => Math.abs(other.x - cx) < 26 && Math.abs(other.y - y) < 10);
    const offsets = [0, ...Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? -10 : 10) * (1 + (i >> 1)))];
    const at =
      cy + 3.5 + (mark.sign === "" ? 0 : (offsets.find((offset) => !isTaken(cy + 3.5 + offset)) ?? 0));
    if (mark.sign !== "") taken.push({ x: cx, y: at });
    return html`<g class="${toneOf(mark.tone)}${mark.hollow ? " hollow" : ""}"><title>${mark.title}</title><circle cx="${place(cx)}" cy="${place(cy)}" r="4.2"/><text class="sign" x="${place(cx + 8 * side)}" y="${place(at)}" text-anchor="${side < 0 ? "end" : "start"}">${mark.sign}</text></g>`;
  });
  return drawing(
    frame.label,
    html`${axes(frame, x, y)}${front.length > 1 && html`<path class="front" d="${path}"/>`}${drawn}`,
  );
}

function axes({ x: across, y: up }: Frame, x: Scale, y: Scale): Html {
  const [left, right] = ACROSS;
  const [bottom] = UPWARDS;
  const rows = y.ticks.map(
    (tick) =>
      html`<line class="rule" x1="${left}" x2="${right}" y1="${place(y(tick))}" y2="${place(y(tick))}"/><text x="${left - 6}" y="${place(y(tick) + 3.5)}" text-anchor="end">${up.show(tick)}</text>`,
  );
  const columns = x.ticks.map(
    (tick) =>
      html`<text x="${place(x(tick))}" y="${bottom + 14}" text-anchor="middle">${across.show(tick)}</text>`,
  );
  return html`${rows}<line class="base" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${columns}<text class="name" x="${(left + right) / 2}" y="${HEIGHT - 5}" text-anchor="middle">${across.name}</text>`;
}

/** A bar with its name before it and its number behind it. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly show: string;
  readonly tone: number;
  /** The part of it that is drawn full; the rest is pale. Absent: all of it. */
  readonly full?: number;
}

/** Bars that begin at one edge, one below the other. @param start  room for their names */
export function barChart(label: string, bars: readonly Bar[], start = 104): Html {
  const top = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const [room, step] = [WIDTH - start - 84, 20];
  const longest = Math.floor((start - 8) / LETTER);
  const drawn = bars.map(({ name, value, show, tone, full = value }, i) => {
    const [y, wide, solid] = [i * step + 3, (value / top) * room, (Math.min(full, value) / top) * room];
    const pale = html`<rect class="pale ${toneOf(tone)}" x="${start}" y="${y}" width="${place(wide)}" height="14" rx="1.5"/>`;
    return html`<g><title>${`${name}: ${show}`}</title><text class="before" x="${start - 8}" y="${y + 11}" text-anchor="end">${shorten(name, longest)}</text>${pale}<rect class="${toneOf(tone)}" x="${start}" y="${y}" width="${place(solid)}" height="14" rx="1.5"/><text x="${place(start + wide + 6)}" y="${y + 11}">${show}</text></g>`;
  });
  return drawing(label, html`${drawn}`, bars.length * step + 4);
}

/** Letters of a name are about so wide. */
export const LETTER = 5.6;

/** A name that fits: its middle is left out. */
export function shorten(name: string, longest: number): string {
  if (name.length <= longest) return name;
  const end = Math.floor((longest - 1) / 2);
  return `${name.slice(0, longest - 1 - end)}…${name.slice(name.length - end)}`;
}

/** The SVG around a drawing. With links in it, it is a group and no picture. */
export function drawing(label: string, inside: Html, height = HEIGHT, linked = false): Html {
  const role = trusted(linked ? 'role="group"' : 'role="img"');
  return html`<svg viewBox="0 0 ${WIDTH} ${place(height)}" ${role} aria-label="${label}">${inside}</svg>`;
}

/** Colours with their names. */
export function legendOf(items: readonly { readonly tone: number; readonly name: string | Html }[]): Html {
  return html`<ul class="legend">${items.map(
    ({ tone, name }) =>
      html`<li><svg viewBox="0 0 18 8" width="18" height="8" aria-hidden="true"><path class="line ${toneOf(tone)}" d="M1 4L17 4"/></svg>${name}</li>`,
  )}</ul>`;
}
