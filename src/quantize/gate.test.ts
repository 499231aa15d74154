import { expect, test } from "vitest";
import { RunError } from "../base/errors.ts";
import { type GateTry, passGate } from "./gate.ts";

/** A gate of 36 layers, of which `sensitive` lose a point each and the rest nothing. */
function gate(sensitive: number, maxDrop: number, layers = 36): Promise<GateTry[]> {
  return passGate({
    layers,
    before: 0.9,
    maxDrop,
    metric: "accuracy",
    scoreWith: async (kept) => 0.9 - 0.01 * Math.max(0, sensitive - kept),
  });
}

test.each([
  [0, 0.5, 0],
  [1, 0.5, 1],
  [1, 1, 0],
  [7, 0.5, 7],
  [7, 2, 5],
  [35, 0, 35],
])(
  "of %i layers that lose a point each, at most %d lost, %i stay in float32",
  async (sensitive, drop, kept) => {
    const tries = await gate(sensitive, drop);
    expect(tries.at(-1)?.kept).toBe(kept);
    expect(tries.at(-1)?.drop).toBeLessThanOrEqual(drop + 1e-6);
    expect(new Set(tries.map((each) => each.kept)).size).toBe(tries.length);
    expect(tries.length).toBeLessThanOrEqual(12);
  },
);

test("a model that gains passes at once", async () => {
  const scoreWith = async () => 0.95;
  const tries = await passGate({ layers: 3, before: 0.9, maxDrop: 0, metric: "mcc", scoreWith });
  expect(tries).toEqual([{ kept: 0, score: 0.95, drop: expect.closeTo(-5, 6) }]);
});

test.each([1, 2, 36])(
  "of %i layers, none of which may be in 8 bits, the gate says what is lost",
  async (layers) => {
    const failed = gate(100, 0.5, layers);
    await expect(failed).rejects.toThrow(RunError);
    await expect(failed).rejects.toThrow(
      expect.objectContaining({
        code: "quantize/drop",
        message: expect.stringContaining("at most 0.5 points"),
      }),
    );
  },
);
