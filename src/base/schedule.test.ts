import { expect, test } from "vitest";
import { lossCurve } from "../../test/support/golden.ts";
import { ConfigError } from "./errors.ts";
import { linearRate } from "./schedule.ts";

test("the rates are those of the 50 steps in PyTorch, within 1e-15", () => {
  const { settings, rates } = lossCurve();
  const schedule = { peak: settings.learningRate, steps: settings.steps, warmup: settings.warmup };
  const far = rates.filter((rate, step) => !(Math.abs(linearRate(schedule, step) - rate) < 1e-15));
  expect(rates).toHaveLength(50);
  expect(far).toEqual([]);
});

test("it rises to the peak, falls to just above 0, and the first step already moves", () => {
  const rates = Array.from({ length: 100 }, (_, step) =>
    linearRate({ peak: 1, steps: 100, warmup: 0.1 }, step),
  );
  expect(rates.slice(0, 10)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  expect(Math.max(...rates)).toBe(1);
  for (let i = 11; i < 100; i++) expect(rates[i]).toBeLessThan(rates[i - 1] ?? 0);
  expect(rates[99]).toBeCloseTo(1 / 90, 12);
  expect(linearRate({ peak: 1, steps: 100, warmup: 0.1 }, 100)).toBe(0);
});

test("without warm-up, and in a run of one step, the first step is at the peak", () => {
  expect(linearRate({ peak: 0.5, steps: 10, warmup: 0 }, 0)).toBe(0.5);
  expect(linearRate({ peak: 0.5, steps: 1, warmup: 0.1 }, 0)).toBe(0.5);
  expect(linearRate({ peak: 0.5, steps: 3, warmup: 0.9 }, 1)).toBe(0.5);
});

test.each([-0.1, 1, Number.NaN])("schedule/warmup: a share of %s is refused", (warmup) => {
  const attempt = () => linearRate({ peak: 1, steps: 10, warmup }, 0);
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code: "schedule/warmup" }));
});
