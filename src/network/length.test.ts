import { expect, test } from "vitest";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { lengthFor, withLength } from "./length.ts";

const NETWORK = tinyModel();
const { maxPositions } = NETWORK.config;

test.each([
  ["its own length, below its positions", 9, 9],
  ["its positions, when it says more", 512, maxPositions],
  ["its positions, when it says nothing", Number.POSITIVE_INFINITY, maxPositions],
])("without a word of the user a network takes %s", (_, own, length) => {
  expect(lengthFor(withLength(NETWORK, own))).toBe(length);
});

test("what the user says counts up to the positions, above the network's own length too", () => {
  for (const asked of [3, 9, 10, maxPositions]) expect(lengthFor(withLength(NETWORK, 9), asked)).toBe(asked);
});

test.each([2, 0, -1, 7.5, maxPositions + 1, Number.NaN, Number.POSITIVE_INFINITY])(
  "%d tokens are refused by name",
  (asked) => {
    expect(() => lengthFor(NETWORK, asked)).toThrow(
      `maxLength: expected 3 to ${maxPositions} tokens, the model's positions, got ${asked}`,
    );
  },
);
