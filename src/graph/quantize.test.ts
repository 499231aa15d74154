import { afterAll, expect, test } from "vitest";
import { roundToLevels } from "../base/levels.ts";
import { keyOf, normals } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import { backward } from "./backward.ts";
import { topological } from "./emitter.ts";
import { sum } from "./ops/broadcast.ts";
import { add, mul } from "./ops/elementwise.ts";
import { program } from "./program.ts";
import { roundRows, tokenRounding } from "./quantize.ts";
import { input, type Value } from "./value.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

/** f(x) and the gradient of Σ w·f(x), in our operators and in the standard's alone. */
async function run(f: (x: Value) => Value, x: FloatTensor, portable = false) {
  const session = await engine.session(`${f} ${portable} ${x.shape}`, () => {
    const value = input("x", "float32", x.shape);
    const y = f(value);
    const [gradient] = backward(sum(mul(y, input("w", "float32", x.shape)), [0, 1]), [value]);
    return program({ y, gradient: gradient ?? y }, { portable, ...(portable ? { opset: 17 as const } : {}) });
  });
  const w = floatTensor(x.shape, normals(keyOf(5), x.data.length, 1));
  const [results] = await engine.run([{ session, feeds: { x, w } }]);
  const floats = (name: string): Float32Array => {
    const data = results?.[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`no result ${name}`);
    return data;
  };
  return { y: floats("y"), gradient: floats("gradient"), w: w.data };
}

/** 64 rows of sizes from 1e-4 to 1e4: of zeros alone, of either sign, of both, and with ends that are far apart. */
const SHAPES: readonly ((x: number) => number)[] = [
  () => 0,
  (x) => Math.abs(x),
  (x) => -Math.abs(x),
  (x) => x ** 3,
  (x) => x,
];
const ROWS = floatTensor(
  [64, 48],
  Float32Array.from(normals(keyOf(2), 64 * 48, 1), (x, i) => {
    const row = Math.floor(i / 48);
    return (SHAPES[row % 5]?.(x) ?? x) * 10 ** ((row % 9) - 4);
  }),
);

function even(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

test.each([false, true])(
  "a token is rounded by itself to 127 steps (standard operators: %s)",
  async (portable) => {
    const { y, gradient, w } = await run(tokenRounding(), ROWS, portable);
    for (let row = 0; row < 64; row++) {
      const [x, got] = [ROWS.data, y].map((data) => [...data.subarray(row * 48, row * 48 + 48)]);
      if (x === undefined || got === undefined) throw new Error("no row");
      const span = Math.fround(Math.max(0, ...x) - Math.min(0, ...x));
      const step = Math.fround(span / 126);
      expect(got.map((number) => number + 0)).toEqual(
        x.map((number) => (step === 0 ? 0 : Math.fround(even(Math.fround(number / step)) * step) + 0)),
      );
      const levels = got.map((number) => (step === 0 ? 0 : Math.round(number / step)));
      expect(Math.max(0, ...levels) - Math.min(0, ...levels)).toBeLessThanOrEqual(127);
    }
    expect(gradient).toEqual(w);
  },
);

test("a row is rounded to the very levels of base/levels.ts, and passes its gradient on", async () => {
  const { y, gradient, w } = await run(roundRows, ROWS);
  expect(y.map((x) => x + 0)).toEqual(roundToLevels(ROWS).data);
  expect(gradient).toEqual(w);
});

test("the scales of 20,000 rows are those of base/levels.ts, ties in their last digit too", async () => {
  const largest = Float32Array.from({ length: 20_000 }, (_, i) => 127 * (1 + i * 2 ** -15));
  const rows = floatTensor([20_000, 1], largest);
  const { y } = await run(roundRows, rows);
  expect(y).toEqual(roundToLevels(rows).data);
});

test("of what several layers read, one value is rounded once", () => {
  const [x, other, rounded] = [input("x", "float32", [2, 3]), input("y", "float32", [2, 3]), tokenRounding()];
  const opsOf = (y: Value): string[] => topological([y]).map(({ op }) => op);
  expect(opsOf(add(rounded(x), rounded(x))).filter((op) => op === "round")).toHaveLength(1);
  expect(opsOf(add(rounded(x), rounded(other))).filter((op) => op === "round")).toHaveLength(2);
});
