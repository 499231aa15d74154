/**
 * Draws a run's events on standard error: on a terminal one line that is rewritten, elsewhere plain lines, at most
 * one every few seconds. Evaluations, phases and notes always stay.
 *
 * Not here: metrics.jsonl (runs/folder.ts) and anything on standard output.
 */

import { named, percent, percents } from "../base/quantity.ts";
import { bytes, clock, digits } from "../base/units.ts";
import type {
  CountEvent,
  DataEvent,
  DownloadEvent,
  EvaluationEvent,
  MaskEvent,
  ProgressEvent,
  StepEvent,
} from "../runs/progress.ts";
import { escapeAllButLines } from "./controls.ts";

/** Where to draw; a terminal's standard error, or a file. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** An event in, something on the screen out. */
export interface Display {
  report(event: ProgressEvent): void;
  /** Removes the line that is being rewritten. Call it before anything else is printed, and at the end. */
  clear(): void;
}

/** Milliseconds between two drawings of the live line: fast enough to look alive, slow enough to cost nothing. */
const LIVE_EVERY = 100;
/** Milliseconds between two plain lines about steps. */
const PLAIN_EVERY = 5000;
const LONGEST_BAR = 30;
const SHORTEST_BAR = 8;

/** A display over `screen`; `now` is a clock in milliseconds. */
export function createDisplay(screen: Screen, now: () => number): Display {
  const isLive = screen.isTTY === true;
  let drawn = false;
  let last = -Infinity;
  let first: { step: number; time: number } | undefined;

  const clear = () => {
    if (drawn) screen.write("\r\u001b[K");
    drawn = false;
  };
  const print = (line: string) => {
    clear();
    screen.write(`${escapeAllButLines(line)}\n`);
  };
  const draw = (line: (width: number) => string, isLastOne: boolean) => {
    const time = now();
    if (time - last < (isLive ? LIVE_EVERY : PLAIN_EVERY) && !isLastOne) return;
    last = time;
    if (!isLive) return print(line(Infinity));
    screen.write(`\r\u001b[K${line(screen.columns ?? 80)}`);
    drawn = true;
  };
  const secondsLeft = ({ step, total }: Pick<StepEvent, "step" | "total">): number | undefined => {
    if (first === undefined || step <= first.step) first = { step, time: now() };
    const done = step - first.step;
    return done === 0 ? undefined : ((now() - first.time) / 1000 / done) * (total - step);
  };

  return {
    clear,
    report: (event) => {
      if (event.kind === "step") {
        const left = secondsLeft(event);
        return draw((width) => stepLine(event, left, width), event.step === event.total);
      }
      if (event.kind === "download") {
        return draw((width) => downloadLine(event, width), event.received === event.total);
      }
      if (event.kind === "count") {
        const left = secondsLeft({ step: event.done, total: event.total });
        return draw((width) => countLine(event, left, width), event.done === event.total);
      }
      if (event.kind === "phase") first = undefined;
      print(eventLine(event));
    },
  };
}

/** The line of an event that stays on the screen. */
export function eventLine(event: Exclude<ProgressEvent, StepEvent | DownloadEvent | CountEvent>): string {
  switch (event.kind) {
    case "start":
      return event.step === undefined ? event.title : `${event.title}, resuming from step ${event.step}`;
    case "phase":
      return `· ${event.name}`;
    case "evaluation":
      return evaluationLine(event);
    case "mask":
      return maskLine(event);
    case "data":
      return dataText(event);
    case "note":
      return `  note: ${event.text}`;
    case "done":
      return `done in ${clock(event.seconds)}`;
  }
}

/** Classes beyond these are counted and not listed. */
const LISTED = 8;

function dataText({ train, dev, shares, range, cut, maxLength, windows }: DataEvent): string {
  const [learnt, judged] = [train, dev].map((n) => n.toLocaleString("en"));
  const largest = Object.entries(shares).sort(([, a], [, b]) => b - a);
  const parts = percents(largest.map(([, share]) => share));
  const classes = largest.slice(0, LISTED).map(([label], i) => `${named(label)} ${parts[i]}`);
  const more = largest.length > LISTED ? `, … (${largest.length} classes)` : "";
  const labels = range === null ? `${classes.join(", ")}${more}` : `values from ${range[0]} to ${range[1]}`;
  const whole =
    cut === 0 ? `none longer than ${maxLength} tokens` : `${percent(cut)} cut at ${maxLength} tokens`;
  const lengths = windows ? `in ${windows.toLocaleString("en")} windows of ${maxLength} tokens` : whole;
  return `  ${learnt} examples to train, ${judged} to judge${labels === "" ? "" : `: ${labels}`}; ${lengths}`;
}

/** The loss is said once, and the best so far is marked. */
function evaluationLine({ step, metrics, loss, kept }: EvaluationEvent): string {
  const parts = [metricsText({ ...metrics, loss }), ...(kept ? ["best so far"] : [])];
  return `  after step ${step}: ${parts.join("  ")}`;
}

/** `  mask: 10 % of 10,616,832 weights kept, 3 % of them back since the last look, 12 % pruned once before`. */
function maskLine({ size, kept, returned, recovered }: MaskEvent): string {
  const share = (n: number): string => percent(kept === 0 ? 0 : n / kept);
  const left = `${percent(kept / size)} of ${size.toLocaleString("en")} weights kept`;
  return `  mask: ${left}, ${share(returned)} of them back since the last look, ${share(recovered)} pruned once before`;
}

function metricsText(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join("  ");
}

/**
 * One line about a step that fits into `width`: what matters least goes first, a bar takes what is left. An
 * infinite width means a plain line without a bar.
 */
export function stepLine(event: StepEvent, secondsLeft: number | undefined, width: number): string {
  const parts = [
    `step ${event.step}/${event.total}`,
    secondsLeft === undefined ? "" : `${clock(secondsLeft)} left`,
    `loss ${event.loss.toPrecision(4)}`,
    `${digits(event.examplesPerSecond)} ex/s`,
    `rate ${event.rate.toExponential(1)}`,
    `epoch ${event.epoch.toFixed(2)}`,
  ];
  return fitParts(parts, event.step / event.total, width);
}

function countLine(
  { what, done, total }: CountEvent,
  secondsLeft: number | undefined,
  width: number,
): string {
  const left = secondsLeft === undefined ? "" : `${clock(secondsLeft)} left`;
  return fitParts([`${done}/${total} ${what}`, left], done / total, width);
}

function downloadLine({ file, received, total }: DownloadEvent, width: number): string {
  const size = total === undefined ? bytes(received) : `${bytes(received)} of ${bytes(total)}`;
  const share = total === undefined || total === 0 ? 0 : received / total;
  return fitParts([`fetching ${file}`, size], share, width);
}

function fitParts(parts: readonly string[], share: number, width: number): string {
  const shown = parts.filter((part) => part !== "");
  if (width === Infinity) return `  ${shown.join("  ")}`;
  // The last column stays free: some terminals wrap a full line.
  const room = width - 1;
  while (shown.length > 1 && shown.join("  ").length + 2 + SHORTEST_BAR > room) shown.pop();
  const text = shown.join("  ");
  const barWidth = Math.min(LONGEST_BAR, room - text.length - 2);
  if (barWidth < SHORTEST_BAR) return text.slice(0, Math.max(0, room));
  return `${bar(share, barWidth)}  ${text}`;
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}
