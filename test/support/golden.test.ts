import { expect, test } from "vitest";
import { sizeOf } from "../../src/base/tensor.ts";
import { parameters } from "../../src/bert/names.ts";
import { lossCurve, madeUpSample, tinyCases, value, wikiGolden } from "./golden.ts";

test("made-up values are the script's, bit for bit", () => {
  const { name, values } = madeUpSample();
  expect([...value(name, values.length)]).toEqual(values);
});

test("made-up values fill [-1, 1): 10,000 have mean 0 ± 0.02 and variance 1/3 ± 0.01", () => {
  const u = value("any", 10_000);
  const mean = u.reduce((sum, x) => sum + x, 0) / u.length;
  const variance = u.reduce((sum, x) => sum + (x - mean) ** 2, 0) / u.length;
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(Math.abs(variance - 1 / 3)).toBeLessThan(0.01);
});

test.each(tinyCases().map((c) => [c.name, c] as const))(
  "transformers' parameters of %s are ours, by name and shape",
  (_, { network, gradients, logits, size, length, ids, labels }) => {
    const ours = [...parameters(network.config, network.head)].sort();
    expect([...gradients].map(([name, { shape }]) => [name, shape]).sort()).toEqual(ours);
    expect(ids.length).toBe(size * length);
    expect(labels.length).toBe(network.head.kind === "mlm" ? size * length : size);
    expect(sizeOf(logits.shape)).toBe(logits.data.length);
  },
);

test("the gradient norms stored by tensor add up to the whole gradient's norm within 1e-6", () => {
  const { gradients, gradientNorm } = wikiGolden();
  const squares = Object.values(gradients).reduce((sum, { norm }) => sum + norm ** 2, 0);
  expect(Math.sqrt(squares)).toBeCloseTo(gradientNorm, 6);
});

test("PyTorch's float32 and float64 losses are within 1e-6 of one another at every step", () => {
  const { settings, float32, float64, rates, widths } = lossCurve();
  expect(rates).toHaveLength(settings.steps);
  expect(widths).toHaveLength(settings.steps);
  float32.losses.forEach((loss, i) => {
    expect(Math.abs(loss - (float64.losses[i] ?? Number.NaN)), `step ${i}`).toBeLessThan(1e-6);
  });
});
