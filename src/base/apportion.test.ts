import { expect, test } from "vitest";
import { apportion } from "./apportion.ts";

test.each([
  ["51.5 and 48.5 of a hundred: the earlier of two equal remainders", [515, 485], 100, [52, 48]],
  ["equal sizes", [1, 1, 1], 100, [34, 33, 33]],
  ["the largest remainder, wherever it stands", [10, 10, 19], 10, [3, 2, 5]],
  ["nothing of nothing", [0, 4], 3, [0, 3]],
  ["shares whose sum is a digit off", [0.1, 0.2, 0.7], 100, [10, 20, 70]],
])("%s", (_, sizes, count, expected) => {
  expect(apportion(sizes, count)).toEqual(expected);
});
