import { afterAll, expect, test } from "vitest";
import { keyOf, normals } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import { backward } from "../graph/backward.ts";
import { reshape } from "../graph/ops/broadcast.ts";
import { program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import {
  iterate,
  leftOf,
  normalise,
  normalised,
  normOf,
  rightOf,
  spectralLevels,
  spectralNorm,
  spectralVectors,
} from "./spectral.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const [OUT, IN] = [20, 12];
const W = floatTensor([OUT, IN], normals(keyOf(2), OUT * IN, 0.3));
const NONE = floatTensor([0], new Float32Array(0));

/** The largest singular value by 500 iterations from a fixed vector. */
function largest({ data }: FloatTensor): number {
  let v = Array.from({ length: IN }, (_, j) => 1 + j / IN);
  let norm = 0;
  for (let k = 0; k < 500; k++) {
    const right = Array.from({ length: OUT }, (_, i) =>
      v.reduce((s, x, j) => s + x * (data[i * IN + j] ?? 0), 0),
    );
    const back = v.map((_, j) => right.reduce((s, x, i) => s + x * (data[i * IN + j] ?? 0), 0));
    norm = Math.hypot(...back);
    v = back.map((x) => x / norm);
  }
  return Math.sqrt(norm);
}

function vectorsOf(w: FloatTensor): { readonly u: FloatTensor; readonly v: FloatTensor } {
  const made = spectralVectors(new Map([["w", w]]), ["w"], keyOf(4));
  return { u: made.get(leftOf("w")) ?? NONE, v: made.get(rightOf("w")) ?? NONE };
}

async function inGraph(u: FloatTensor, v: FloatTensor) {
  const session = await engine.session("spectral", () => {
    const w = input("w", "float32", [OUT, IN]);
    const given = { u: input("u", "float32", [OUT]), v: input("v", "float32", [IN]) };
    const next = iterate(w, given);
    const sigma = reshape(normOf(w, next), []);
    const [g] = backward(sigma, [w]);
    return program({
      normal: normalise(w, next),
      old: normalise(w, given),
      sigma,
      g: g ?? sigma,
      left: next.u,
      right: next.v,
    });
  });
  const [results] = await engine.run([{ session, feeds: { w: W, u, v } }]);
  return (name: string): Float32Array => {
    const data = results?.[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`no result ${name}`);
    return data;
  };
}

test("30 iterations find the largest singular value from below, within 1 %", () => {
  const { u, v } = vectorsOf(W);
  const sigma = spectralNorm(W, u, v);
  expect(sigma).toBeLessThanOrEqual(largest(W) * (1 + 1e-6));
  expect(sigma).toBeGreaterThan(0.99 * largest(W));
});

test("iterating in the graph goes on: after 60 steps the normalised matrix has norm 1 within 1e-4", async () => {
  let { u, v } = vectorsOf(W);
  for (let k = 0; k < 60; k++) {
    const now = await inGraph(u, v);
    [u, v] = [floatTensor([OUT], now("left").slice()), floatTensor([IN], now("right").slice())];
  }
  const now = await inGraph(u, v);
  expect(Math.abs(largest(floatTensor([OUT, IN], now("normal"))) - 1)).toBeLessThan(1e-4);
  expect(Math.abs((now("sigma")[0] ?? 0) - largest(W))).toBeLessThan(1e-4);
});

test("σ's gradient is ũṽᵀ, and what the graph divides by is what the host does, within 1e-6", async () => {
  const { u, v } = vectorsOf(W);
  const now = await inGraph(u, v);
  const outer = Float32Array.from(
    { length: OUT * IN },
    (_, k) => (now("left")[Math.floor(k / IN)] ?? 0) * (now("right")[k % IN] ?? 0),
  );
  expect(Math.max(...outer.map((x, k) => Math.abs(x - (now("g")[k] ?? Number.NaN))))).toBeLessThan(1e-6);
  const sigma = spectralNorm(W, u, v);
  expect(Math.max(...W.data.map((x, k) => Math.abs(x / sigma - (now("old")[k] ?? Number.NaN))))).toBeLessThan(
    1e-6,
  );
});

test("held at its own level a matrix is as it was, whatever it is multiplied with meanwhile, within 1e-6", () => {
  const start = new Map([["w", W]]);
  const vectors = spectralVectors(start, ["w"], keyOf(4));
  const levels = spectralLevels(start, ["w"], vectors, "pretrained");
  const grown = floatTensor(
    W.shape,
    W.data.map((x) => 3 * x),
  );
  const back = normalised("w", new Map([...vectors, ["w", grown]]), levels);
  expect(Math.max(...back.data.map((x, k) => Math.abs(x - (W.data[k] ?? Number.NaN))))).toBeLessThan(1e-6);
  expect(levels.get("w")).toBeGreaterThan(0.99 * largest(W));
  expect(spectralLevels(start, ["w"], vectors, "one").get("w")).toBe(1);
  expect(normalised("w", new Map([["w", grown]]), new Map())).toBe(grown);
});
