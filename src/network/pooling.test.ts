import { expect, test } from "vitest";
import { POOLING_MODES, type Pooling } from "../bert/config.ts";
import { toPanels } from "../sparse/panels.ts";
import { poolBatch, poolStates } from "./pooling.ts";

/** Two features of four tokens, as rows. */
const ROWS = Float32Array.of(1, -3, 3, -1, 5, -2, -1, -2);
const BY_HAND = { mean: [2, -2], cls: [1, -3], max: [5, -1], mean_sqrt_len_tokens: [4, -4] };

test.each(POOLING_MODES)("%s by hand", (mode) => {
  const batch = { size: 1, length: 4, mask: Float32Array.of(1, 1, 1, 1) };
  const [a, b] = BY_HAND[mode];
  expect([...poolBatch(ROWS, batch, { mode, normalize: false })]).toEqual([a, b]);
  const unit = poolBatch(ROWS, batch, { mode, normalize: true });
  const length = Math.hypot(...BY_HAND[mode]);
  expect([...unit]).toEqual(BY_HAND[mode].map((x) => Math.fround(x / length)));
});

test.each(POOLING_MODES)("%s reads no padding: rows of different length each give their own", (mode) => {
  const pooling: Pooling = { mode, normalize: false };
  const padded = Float32Array.of(...ROWS, ...ROWS.subarray(0, 4), 99, 99, 99, 99);
  const mask = Float32Array.of(1, 1, 1, 1, 1, 1, 0, 0);
  const two = poolBatch(padded, { size: 2, length: 4, mask }, pooling);
  const alone = poolBatch(ROWS.subarray(0, 4), { size: 1, length: 2, mask: mask.subarray(0, 2) }, pooling);
  expect([...two]).toEqual([...BY_HAND[mode], ...alone]);
});

test.each(POOLING_MODES)(
  "%s of panels is that of rows, to the bit, whatever lies beyond the text",
  (mode) => {
    const [tokens, features] = [21, 5];
    const rows = Float32Array.from({ length: tokens * features }, (_, i) => Math.sin(7 * i + 1));
    // Only lanes and features that are none hold a 0.
    const panels = toPanels(rows, tokens, features).map((x) => (x === 0 ? Number.NaN : x));
    const [one, other] = [new Float32Array(features), new Float32Array(features)];
    const pooling: Pooling = { mode, normalize: true };
    poolStates(rows, { start: 0, tokens, lanes: 1, stride: features }, pooling, one);
    poolStates(panels, { start: 0, tokens, lanes: 16, stride: 8 * 16 }, pooling, other);
    expect(other).toEqual(one);
  },
);

test("a vector of zeros stays one", () => {
  const vector = new Float32Array(3).fill(1);
  const place = { start: 0, tokens: 2, lanes: 1, stride: 3 };
  poolStates(new Float32Array(6), place, { mode: "mean", normalize: true }, vector);
  expect([...vector]).toEqual([0, 0, 0]);
});
