import { afterAll, expect, test } from "vitest";
import { CLASSES, settingsOf, smallNetwork, smallPlan, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { Engine } from "../engine/engine.ts";
import { backward } from "../graph/backward.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { mul } from "../graph/ops/elementwise.ts";
import { program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import { keepMask, spread } from "./movement.ts";
import { methodById } from "./registry.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

test("∂L/∂S = ∂L/∂W'·W also where the mask is 0, and ∂L/∂W only where it is 1 (§3)", async () => {
  const [w, s, g] = ["w", "s", "g"].map((name) => input(name, "float32", [4]));
  if (!(w && s && g)) throw new Error("three inputs");
  const masked = mul(w, keepMask(s, input("t", "float32", [])));
  const [dw, ds] = backward(sum(mul(masked, g), [0]), [w, s]);
  if (!(dw && ds)) throw new Error("two gradients");
  const session = await engine.session("keepMask", () => program({ masked, dw, ds }));
  const row = (...x: number[]) => ({ dtype: "float32" as const, shape: [4], data: Float32Array.from(x) });
  const t = { dtype: "float32" as const, shape: [], data: Float32Array.of(0.5) };
  const feeds = { w: row(1, 2, 3, 4), s: row(0.4, 0.5, 0.6, -9), g: row(5, 6, 7, 8), t };
  const [results] = await engine.run([{ session, feeds }]);
  const read = (name: string) => [...(results?.[name]?.data ?? [])];
  expect(read("masked")).toEqual([0, 2, 3, 0]);
  expect(read("dw")).toEqual([0, 6, 7, 0]);
  expect(read("ds")).toEqual([5, 12, 21, 32]);
});

test("a block's score has the sum of its weights' gradients, and its mask all of its rows", async () => {
  // Three rows of two columns in blocks of 2: the last block of a column has one row.
  const [w, g] = ["w", "g"].map((name) => input(name, "float32", [3, 2]));
  const s = input("s", "float32", [2, 2]);
  if (!(w && g)) throw new Error("two inputs");
  const masked = mul(w, spread(keepMask(s, input("t", "float32", [])), [3, 2], "2x1"));
  const [dw, ds] = backward(sum(mul(masked, g), [0, 1]), [w, s]);
  if (!(dw && ds)) throw new Error("two gradients");
  const session = await engine.session("spread", () => program({ masked, dw, ds }));
  const matrix = (shape: number[], ...x: number[]) => ({
    dtype: "float32" as const,
    shape,
    data: Float32Array.from(x),
  });
  const feeds = {
    w: matrix([3, 2], 1, 2, 3, 4, 5, 6),
    g: matrix([3, 2], 10, 20, 30, 40, 50, 60),
    s: matrix([2, 2], 1, 0, 0, 1),
    t: matrix([], 0.5),
  };
  const [results] = await engine.run([{ session, feeds }]);
  const read = (name: string) => [...(results?.[name]?.data ?? [])];
  expect(read("masked")).toEqual([1, 0, 3, 0, 0, 6]);
  expect(read("dw")).toEqual([10, 0, 30, 0, 0, 60]);
  // Column 0: 10·1 + 30·3, then 50·5; column 1: 20·2 + 40·4, then 60·6.
  expect(read("ds")).toEqual([100, 200, 250, 360]);
});

test.each([{}, { soft: "true" }])(
  "with %o scores stop once the mask is fixed, weights go on, pruned ones keep what they were",
  async (set) => {
    const network = smallNetwork(CLASSES, 2);
    const request = { set: { sparsity: "0.5", until: "0.5", refresh: "1", ...set } };
    const method = methodById("movement", request).bind(network, { steps: 8, key: keyOf(1) });
    await withTrainer(settingsOf(method, 1), async (trainer) => {
      const plan = smallPlan(CLASSES, 8);
      // Fixed after 0.75 of the steps.
      for (let step = 0; step < 6; step++) await trainer.step(plan.batches(step), 1e-2);
      expect(trainer.ready).toBe(true);
      const before = await trainer.tensors();
      for (let step = 6; step < 8; step++) await trainer.step(plan.batches(step), 1e-2);
      const after = await trainer.tensors();
      for (const [name, { data }] of after) {
        const moved = data.some((x, i) => x !== before.get(name)?.data[i]);
        if (name.startsWith("score.")) expect(moved).toBe(false);
        else if (name.endsWith("query.weight")) expect(moved).toBe(true);
      }
      const sizes = [before, after].map((tensors) => trainer.finish(tensors).masks?.size);
      expect(sizes).toEqual([12, 12]);
    });
  },
);
