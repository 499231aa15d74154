import { afterAll, expect, test } from "vitest";
import { Engine } from "../engine/engine.ts";
import { squaresCalls, squaresProgram, totalOf } from "./norm.ts";
import { BUFFERS } from "./placement.ts";

const engine = new Engine({ threads: 2 });
afterAll(() => engine.close());

test.each([1, 255, 256, 257, 262_144, 262_145, 3_000_001])(
  "%i gradients: the squared norm is within 1e-7 of the sum in float64",
  async (length) => {
    const g = Float32Array.from({ length }, (_, i) => Math.sin(0.7 * i + 1) * 1e-3);
    await engine.allocate(BUFFERS.gradients, length + 9);
    // What lies behind does not count.
    await engine.write({ buffer: BUFFERS.gradients, offset: 0, shape: [length + 9] }, filled(g, 9));
    const session = await engine.session("squares", squaresProgram);
    const total = totalOf(await engine.run(squaresCalls(session, length)));
    const exact = g.reduce((sum, x) => sum + x * x, 0);
    expect(Math.abs(total / exact - 1)).toBeLessThan(1e-7);
  },
);

function filled(data: Float32Array, more: number): Float32Array {
  const all = new Float32Array(data.length + more).fill(1e9);
  all.set(data);
  return all;
}

test("a gradient that is not finite gives a norm that is not", async () => {
  await engine.allocate(BUFFERS.gradients, 600);
  const at = { buffer: BUFFERS.gradients, offset: 599, shape: [1] };
  const session = await engine.session("squares", squaresProgram);
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, 1e30]) {
    await engine.write(at, Float32Array.of(value));
    expect(totalOf(await engine.run(squaresCalls(session, 600)))).not.toBeLessThan(Number.POSITIVE_INFINITY);
  }
});
