/** Whole numbers in proportion to others, with a sum that is given. */

import { requireItem } from "./present.ts";

/** Whole shares of `count` in proportion to sizes, by largest remainders; of equal ones the earlier. */
export function apportion(sizes: readonly number[], count: number): number[] {
  const total = sizes.reduce((a, b) => a + b, 0);
  const exact = sizes.map((size) => (size * count) / total);
  const floors = exact.map(Math.floor);
  const rest = count - floors.reduce((a, b) => a + b, 0);
  const fraction = (c: number): number => requireItem(exact, c, "shares") % 1;
  const served = new Set([...sizes.keys()].sort((a, b) => fraction(b) - fraction(a)).slice(0, rest));
  return floors.map((floor, c) => floor + Number(served.has(c)));
}
