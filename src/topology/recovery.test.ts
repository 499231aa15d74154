import { expect, test } from "vitest";
import { drawn, isThere, nothingBut, PAIR, SMALL, structureWith } from "../../test/support/structures.ts";
import { requireValue } from "../base/present.ts";
import { fold, keyOf } from "../base/random.ts";
import { followMask, type MaskTrail, recoveryOf } from "./recovery.ts";
import type { Structure } from "./structure.ts";

function findRecovery(masks: readonly Structure[]) {
  let trail: MaskTrail | undefined;
  for (const mask of masks) trail = followMask(trail, mask);
  return recoveryOf(trail);
}

const query = (...rows: string[]) => structureWith(PAIR, nothingBut({ query: rows }));

test("three masks of four connections, worked out by hand", () => {
  const record = findRecovery([query("11", "10"), query("01", "10"), query("11", "01")]);
  // 3 are kept, then 2 of them, then 3: the first of row 0 was pruned once, the last of row 1 was not there at all.
  expect(record.masks).toBe(3);
  expect(record.changes).toEqual([
    { kept: 2, pruned: 1, returned: 0, prunedByChance: 3 * (1 - 2 / 4), returnedByChance: 2 * (1 - 3 / 4) },
    { kept: 3, pruned: 1, returned: 2, prunedByChance: 2 * (1 - 3 / 4), returnedByChance: 3 * (1 - 2 / 4) },
  ]);
  // Of the last three, one was in both before; by chance 3 · (1 - 3/4 · 2/4) = 15/8 would not have been.
  expect(record.total).toEqual({ kept: 3, recovered: 2, recoveredByChance: 15 / 8 });
  expect(record.components.find(({ component }) => component === "query")).toMatchObject(record.total);
});

test("what left before the last mask but one counts too", () => {
  const record = findRecovery([query("10", "00"), query("01", "00"), query("11", "00"), query("11", "00")]);
  expect(record.total).toMatchObject({ kept: 2, recovered: 2 });
  expect(record.changes.at(-1)).toMatchObject({ pruned: 0, returned: 0 });
});

test("a mask that only shrinks recovers nothing, one that stays the same neither", () => {
  const dense = structureWith(SMALL, () => true);
  const half = structureWith(
    SMALL,
    drawn(keyOf(1), () => 0.5),
  );
  const quarter = structureWith(SMALL, (place, r, c) => {
    const bits = requireValue(half.matrices.find(({ name }) => name === place.name)?.bits, place.name);
    return isThere(bits, r, c) && r % 2 === 0;
  });
  expect(findRecovery([dense, half, quarter]).total.recovered).toBe(0);
  expect(findRecovery([half, half]).total.recovered).toBe(0);
});

test("masks that are drawn anew recover what chance says, within 2 %", () => {
  const layer = { heads: 2, headSize: 32, ffn: 128 };
  const config = { ...SMALL, hiddenSize: 64, layers: [layer] };
  const masks = [0.9, 0.7, 0.6, 0.5].map((density, i) =>
    structureWith(
      config,
      drawn(fold(keyOf(2), i), () => density),
    ),
  );
  const { recovered, recoveredByChance } = findRecovery(masks).total;
  expect(Math.abs(recovered / recoveredByChance - 1)).toBeLessThan(0.02);
});

test("one mask alone, none, and masks of two shapes are refused", () => {
  expect(() => findRecovery([])).toThrow("recovery: expected at least 2 masks of a run, got none");
  expect(() => findRecovery([query("11", "11")])).toThrow("expected at least 2 masks of a run, got 1");
  const other = structureWith(SMALL, () => true);
  expect(() => findRecovery([query("11", "11"), other])).toThrow(
    expect.objectContaining({ code: "topology/shapes" }),
  );
});
