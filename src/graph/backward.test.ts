import { afterAll, expect, test } from "vitest";
import { Engine } from "../engine/engine.ts";
import { backward, consumers } from "./backward.ts";
import { topological } from "./emitter.ts";
import { sum } from "./ops/broadcast.ts";
import { add, exp, mul, scale, stop, surrogate } from "./ops/elementwise.ts";
import { layerNorm } from "./ops/normal.ts";
import { program } from "./program.ts";
import { constant, input, part, type Value } from "./value.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const x = input("x", "float32", ["n"]);
const w = input("w", "float32", ["n"]);

/** Values of `outputs` at x = (1, 2), w = (3, 5). */
async function at(outputs: readonly Value[]): Promise<number[][]> {
  const made = program(Object.fromEntries(outputs.map((value, i) => [`y${i}`, value])));
  const fed = { x: Float32Array.of(1, 2), w: Float32Array.of(3, 5) };
  const feeds = Object.fromEntries(
    Object.entries(fed)
      .filter(([name]) => made.inputs.has(name))
      .map(([name, data]) => [name, { dtype: "float32" as const, shape: [2], data }]),
  );
  const session = await engine.session(`${key++}`, () => made);
  const [results = {}] = await engine.run([{ session, feeds }]);
  return outputs.map((_, i) => Array.from(results[`y${i}`]?.data ?? [], Number));
}
let key = 0;

function error(code: string): unknown {
  return expect.objectContaining({ name: "GraphError", code });
}

test("gradients of several paths add up: d Σ(x∘w + x∘x + x) / dx = w + 2x + 1", async () => {
  const loss = sum(add(add(mul(x, w), mul(x, x)), x), [0]);
  expect(await at(backward(loss, [x, w]))).toEqual([
    [6, 10],
    [1, 2],
  ]);
});

test("a gradient may be asked for at an inner value, and the loss itself has gradient 1", async () => {
  const inner = mul(x, w);
  const loss = sum(mul(inner, inner), [0]);
  expect(await at(backward(loss, [inner, x, loss]))).toEqual([[6, 20], [18, 100], [1]]);
});

test("nothing passes through stop: d Σ x∘stop(x) / dx = x", async () => {
  expect(await at(backward(sum(mul(x, stop(x)), [0]), [x]))).toEqual([[1, 2]]);
});

test("a surrogate has the first value and the second's gradient: of x²·w by 3x the gradient is 3w", async () => {
  const y = mul(surrogate(mul(x, x), scale(x, 3)), w);
  expect(await at([y])).toEqual([await at([mul(mul(x, x), w)]).then(([value]) => value)]);
  const [plain] = await at([scale(w, 3)]);
  expect(await at(backward(sum(y, [0]), [x]))).toEqual([plain]);
});

test("nothing passes through the parts of an operation", () => {
  const z = input("z", "float32", [2, 4]);
  const row = constant({ dtype: "float32", shape: [4], data: Float32Array.of(1, 1, 1, 1) });
  const mean = part(layerNorm(z, row, row, 1), 0);
  expect(() => backward(sum(mean, [0, 1]), [z])).toThrow(error("graph/unreached"));
});

test("gradients of gradients are gradients: d² Σx³ / dx² = 6x", async () => {
  const [first = x] = backward(sum(mul(mul(x, x), x), [0]), [x]);
  expect(await at(backward(sum(first, [0]), [x]))).toEqual([[6, 12]]);
});

test("what no target needs is not differentiated", () => {
  const frozen = exp(exp(exp(w)));
  const [g] = backward(sum(mul(x, frozen), [0]), [x]);
  const names = topological(g ? [g] : []).map(({ op }) => op);
  expect(names.filter((op) => op === "exp")).toHaveLength(3);
  expect(names.filter((op) => op === "mul")).toHaveLength(1);
});

test("what does not lead to the loss is neither differentiated nor written", () => {
  const used = mul(x, w);
  exp(used);
  const { bytes } = program({ y: sum(used, [0]) });
  expect(new TextDecoder("latin1").decode(bytes)).not.toContain("Exp");
  const [g] = backward(sum(used, [0]), [x]);
  expect(topological(g ? [g] : []).map(({ op }) => op)).not.toContain("exp");
});

test("a chain of 20,000 operations is differentiated and written: no recursion", () => {
  let y = x;
  for (let i = 0; i < 20_000; i++) y = scale(y, 0.5);
  const [g = x] = backward(sum(y, [0]), [x]);
  expect(topological([g]).length).toBeGreaterThan(20_000);
  expect(program({ g: mul(g, x) }).inputs.size).toBe(1);
});

test("a target that the loss does not reach is an error: graph/unreached", () => {
  expect(() => backward(sum(x, [0]), [w])).toThrow(error("graph/unreached"));
  expect(() => backward(sum(stop(x), [0]), [x])).toThrow(error("graph/unreached"));
});

test("only scalars are differentiated: graph/scalar", () => {
  expect(() => backward(x, [x])).toThrow(error("graph/scalar"));
});

test("consumers are the values that read a value directly", () => {
  const y = mul(x, w);
  const loss = sum(add(y, x), [0]);
  expect(consumers([loss], x).map(({ op }) => op)).toEqual(["mul", "add"]);
  expect(consumers([loss], y).map(({ op }) => op)).toEqual(["add"]);
  expect(consumers([loss], loss)).toEqual([]);
});
