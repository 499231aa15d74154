/** From numbers to places on paper: scales, and round numbers to mark on them. */

/** Where a number lies. */
export interface Scale {
  (value: number): number;
  /** Round numbers inside of the domain. */
  readonly ticks: readonly number[];
}

/** Both ends of something. */
export type Ends = readonly [low: number, high: number];

/** The least and the largest of numbers; both 0 and 1 around none. */
export function endsOf(values: readonly number[]): Ends {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return low > high ? [0, 1] : [low, high];
}

/** Equal steps are equal lengths; the domain is widened to round numbers. */
export function linearScale(domain: Ends, [from, to]: Ends, count = 5): Scale {
  const [low, high] = domain[0] === domain[1] ? widened(domain[0]) : domain;
  const step = roundStep((high - low) / count);
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  const [start, end] = [first * step, last * step];
  return Object.assign((value: number) => from + ((value - start) / (end - start)) * (to - from), { ticks });
}

function widened(value: number): Ends {
  const half = Math.max(Math.abs(value) * 0.05, 1e-9);
  return [value - half, value + half];
}

/** 1, 2 or 5 times a power of ten, at least so much. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((each) => each * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Pixels that a number on an axis takes. */
const APART = 46;

/** Equal factors are equal lengths: for positive numbers alone. Numbers that are near one another get room around them. */
export function logScale(domain: Ends, [from, to]: Ends): Scale {
  const [low, high] = [Math.log10(domain[0]), Math.log10(domain[1])];
  const room = Math.max(0.08 * (high - low), (LEAST - (high - low)) / 2);
  const [start, end] = [low - room, high + room];
  const factors = end - start > 1.2 ? [1, 3] : end - start > 0.6 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7];
  const place = (value: number): number => from + ((Math.log10(value) - start) / (end - start)) * (to - from);
  const ticks: number[] = [];
  for (let power = Math.floor(start); power <= end; power++) {
    for (const factor of factors) {
      const tick = Number((factor * 10 ** power).toPrecision(6));
      const [at, before] = [place(tick), ticks.at(-1)];
      const isInside = at >= from && at <= to;
      if (isInside && (before === undefined || at - place(before) >= APART)) ticks.push(tick);
    }
  }
  return Object.assign(place, { ticks });
}

/** The least that a scale of factors spans: a factor of 2.5. */
const LEAST = Math.log10(2.5);

/** Ends with some room before and behind, up to the most that a value can be. */
export function roomy([low, high]: Ends, most = Number.POSITIVE_INFINITY): Ends {
  const room = low === high ? Math.max(0.05 * Math.abs(low), 1e-9) : 0.1 * (high - low);
  return [low - room, Math.max(high, Math.min(most, high + room))];
}
