import { afterAll, expect, test } from "vitest";
import { fold, type Key, keyOf } from "../base/random.ts";
import type { Tensor } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import { backward } from "./backward.ts";
import { dropout } from "./dropout.ts";
import { sum } from "./ops/broadcast.ts";
import { mul } from "./ops/elementwise.ts";
import { program } from "./program.ts";
import { input } from "./value.ts";

const engine = new Engine({ threads: 2 });
afterAll(() => engine.close());

const [ROWS, COLUMNS] = [512, 384];
const RATES = [0.1, 0.5];
const KEY = fold(fold(keyOf(1), "dropout"), 7);

function keyFeed([high, low]: Key): Tensor {
  const word = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
  return { dtype: "int64", shape: [], data: BigInt64Array.of(word) };
}

/** Dropout of `x` [shape] and, for the loss Σ w·dropout(x), the gradient of x. */
async function run(x: Float32Array, shape: number[], rate: number, key: Key = KEY, site = 3) {
  const rank = shape.map((_, i) => `n${i}`);
  const session = await engine.session(`dropout ${rate} ${site} ${rank}`, () => {
    const value = input("x", "float32", rank);
    const dropped = dropout(value, rate, { key: input("key", "int64", []) }, site);
    const weighted = mul(dropped, input("w", "float32", rank));
    const loss = sum(
      weighted,
      rank.map((_, i) => i),
    );
    const [gradient] = backward(loss, [value]);
    return program({ dropped, gradient: gradient ?? loss });
  });
  const w = Float32Array.from(x, (_, i) => i + 1);
  const feeds: Record<string, Tensor> = {
    x: { dtype: "float32", shape, data: x },
    w: { dtype: "float32", shape, data: w },
    ...(session.program.inputs.has("key") ? { key: keyFeed(key) } : {}),
  };
  const [results] = await engine.run([{ session, feeds }]);
  const floats = (name: string): Float32Array => {
    const data = results?.[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`no result ${name}`);
    return data;
  };
  return { dropped: floats("dropped"), gradient: floats("gradient"), w };
}

/** (kept − (1 − rate))/σ for each element: mean 0 and variance 1 when dropout does what it says. */
async function scores(rate: number, key = KEY, site = 3): Promise<Float64Array> {
  const { dropped } = await run(new Float32Array(ROWS * COLUMNS).fill(1), [ROWS, COLUMNS], rate, key, site);
  const deviation = Math.sqrt(rate * (1 - rate));
  return Float64Array.from(dropped, (y) => (Number(y > 0) - (1 - rate)) / deviation);
}

function rowsOf(z: Float64Array): Float64Array[] {
  return Array.from({ length: ROWS }, (_, i) => z.subarray(i * COLUMNS, (i + 1) * COLUMNS));
}

function columnsOf(z: Float64Array): Float64Array[] {
  return Array.from({ length: COLUMNS }, (_, j) =>
    Float64Array.from({ length: ROWS }, (_, i) => z[i * COLUMNS + j] ?? 0),
  );
}

/** Σ a·b/√n: the correlation of two sets of draws in standard deviations. */
function correlation(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, x, i) => total + x * (b[i] ?? 0), 0) / Math.sqrt(a.length);
}

/** Σ a/√n: the kept share in standard deviations. */
function excess(a: Float64Array): number {
  return a.reduce((total, x) => total + x, 0) / Math.sqrt(a.length);
}

function pairs(lines: readonly Float64Array[]): number[] {
  return lines.flatMap((a, i) => lines.slice(i + 1).map((b) => correlation(a, b)));
}

const largest = (values: readonly number[]): number => values.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
const meanSquare = (values: readonly number[]): number =>
  values.reduce((total, x) => total + x * x, 0) / values.length;

test.each(RATES)(
  "rate %s: the kept share of 196,608 elements is within 4 standard deviations",
  async (rate) => {
    expect(Math.abs(excess(await scores(rate)))).toBeLessThan(4);
  },
);

test.each(RATES)(
  "rate %s: rows' and columns' shares spread as independent draws, within 20 % and 5 deviations",
  async (rate) => {
    const z = await scores(rate);
    for (const lines of [rowsOf(z), columnsOf(z)]) {
      const shares = lines.map(excess);
      expect(largest(shares)).toBeLessThan(5);
      expect(Math.abs(meanSquare(shares) - 1)).toBeLessThan(0.2);
    }
  },
);

test.each(RATES)(
  "rate %s: no two of 512 rows or 384 columns correlate beyond 7 deviations, spread within 5 %",
  async (rate) => {
    const z = await scores(rate);
    for (const lines of [rowsOf(z), columnsOf(z)]) {
      const found = pairs(lines);
      expect(largest(found)).toBeLessThan(7);
      expect(Math.abs(meanSquare(found) - 1)).toBeLessThan(0.05);
    }
  },
);

test.each(RATES)(
  "rate %s: masks of other sites, steps, parts of a step and seeds correlate by less than 4 deviations",
  async (rate) => {
    const z = await scores(rate);
    const others = [
      await scores(rate, KEY, 2),
      await scores(rate, KEY, 4),
      await scores(rate, fold(fold(keyOf(1), "dropout"), 8)),
      await scores(rate, fold(KEY, 1)),
      await scores(rate, fold(fold(keyOf(2), "dropout"), 7)),
    ];
    for (const other of others) expect(Math.abs(correlation(z, other))).toBeLessThan(4);
  },
);

test("the same key and site give the same mask, whatever the shape's leading axes", async () => {
  const x = new Float32Array(4 * 6 * 10).fill(1);
  const flat = await run(x, [24, 10], 0.3);
  expect((await run(x, [24, 10], 0.3)).dropped).toEqual(flat.dropped);
  expect((await run(x, [4, 6, 10], 0.3)).dropped).toEqual(flat.dropped);
});

test.each([0.1, 0.25, 0.5])(
  "rate %s: what is kept is x/(1 − rate) within one rounding, the rest 0",
  async (rate) => {
    const x = Float32Array.from({ length: 2000 }, (_, i) => Math.sin(i) + 2);
    const { dropped } = await run(x, [50, 40], rate);
    const kept = dropped.filter((y) => y !== 0);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(2000);
    const far = dropped.findIndex((y, i) => {
      const whole = (x[i] ?? 0) / (1 - rate);
      return y !== 0 && !(Math.abs(y / whole - 1) < 1.2e-7);
    });
    expect(far).toBe(-1);
  },
);

test("the gradient passes through the same mask", async () => {
  const x = new Float32Array(2000).fill(1);
  const { dropped, gradient, w } = await run(x, [50, 40], 0.4);
  expect(gradient).toEqual(dropped.map((y, i) => Math.fround(y * (w[i] ?? 0))));
});

test("rate 0 leaves everything and needs no key", async () => {
  const x = Float32Array.of(1, 2, 3, 4);
  expect((await run(x, [2, 2], 0)).dropped).toEqual(x);
});
