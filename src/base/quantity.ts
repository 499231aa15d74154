/** Numbers as people read them, in the terminal, in verdicts and in tables alike. */

import { apportion } from "./apportion.ts";
import { requireItem } from "./present.ts";

/** A share: 0.283 → `28 %`; a little that rounds to nothing is `<1 %`. */
export function percent(share: number, { decimals = 0 }: { readonly decimals?: number } = {}): string {
  const value = 100 * share;
  if (decimals === 0 && value > 0 && value < 1) return "<1 %";
  return `${fixed(value, decimals)} %`;
}

/** The shares of a whole: 0.515 and 0.485 → `52 %` and `48 %`, for together they are all of it. Others are told each by itself. */
export function percents(shares: readonly number[]): string[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (Math.abs(total - 1) > 1e-6) return shares.map((share) => percent(share));
  return apportion(shares, 100).map((whole, i) => {
    const share = requireItem(shares, i, "shares");
    return percent(share < 0.01 ? share : whole / 100);
  });
}

/** A factor: 1.62 → `1.6×`, 12.3 → `12×`. */
export function times(factor: number): string {
  return `${factor.toFixed(factor < 9.95 ? 1 : 0)}×`;
}

/** A number with so many decimals; never `-0.0`. */
export function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? (0).toFixed(decimals) : text;
}

/** Decimals that say a number as it is, at least so many and at most 4. */
export function decimalsOf(value: number, least: number): number {
  let decimals = least;
  while (decimals < 4 && Math.abs(Number(value.toFixed(decimals)) - value) > 1e-9) decimals++;
  return decimals;
}

/** A name beside a number: one that is a number itself stands in quotation marks. */
export function named(name: string): string {
  return /^[\s\d.,+-]*$/.test(name) ? JSON.stringify(name) : name;
}

/** `1 example`, `1,200 examples`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
