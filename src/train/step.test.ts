import { afterAll, expect, test } from "vitest";
import { type TinyCase, tinyCases } from "../../test/support/golden.ts";
import type { Tensor } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import type { Results } from "../engine/protocol.ts";
import {
  evalProgram,
  FEED,
  type GraphPlan,
  gradientOf,
  lossProgram,
  OUT,
  readsRowsOnly,
  trainProgram,
} from "./step.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

function planOf({ network }: TinyCase): GraphPlan {
  const shapes = new Map([...network.tensors].map(([name, { shape }]) => [name, shape]));
  return {
    config: network.config,
    head: network.head,
    shapes,
    answers: () => ({}),
    teacher: undefined,
    noise: false,
  };
}

/** The batch, and for `mlm` the flat positions where something is predicted. */
function feedsOf(c: TinyCase): Record<string, Tensor> {
  const shape = [c.size, c.length];
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(c.network.tensors),
    input_ids: { dtype: "int32", shape, data: c.ids },
    token_type_ids: { dtype: "int32", shape, data: c.types },
    mask: { dtype: "float32", shape, data: c.mask },
  };
  if (c.network.head.kind !== "mlm") return { ...feeds, ...labelsOf(c.labels) };
  const positions = Int32Array.from([...c.labels.keys()].filter((i) => c.labels[i] !== -100));
  const labels = Int32Array.from(positions, (i) => c.labels[i] ?? 0);
  return {
    ...feeds,
    ...labelsOf(labels),
    [FEED.positions]: { dtype: "int32", shape: [positions.length], data: positions },
  };
}

function labelsOf(data: Int32Array | Float32Array): Record<string, Tensor> {
  const shape = [data.length];
  const labels: Tensor =
    data instanceof Int32Array ? { dtype: "int32", shape, data } : { dtype: "float32", shape, data };
  return {
    [FEED.labels]: labels,
    [FEED.count]: { dtype: "float32", shape: [], data: Float32Array.of(data.length) },
  };
}

async function train(c: TinyCase): Promise<Results> {
  const names = [...c.network.tensors.keys()];
  const session = await engine.session(`train ${c.name}`, () =>
    trainProgram(planOf(c), names, { rows: false, accumulate: false }),
  );
  const read = Object.entries(feedsOf(c)).filter(([name]) => session.program.inputs.has(name));
  const [results] = await engine.run([{ session, feeds: Object.fromEntries(read) }]);
  return results ?? {};
}

/** ‖a − b‖ / ‖scale‖. */
function distance(a: Float32Array, b: Float32Array, scale: Float32Array = b): number {
  const norm = (x: Float32Array): number => Math.hypot(...x);
  return norm(b.map((x, i) => x - (a[i] ?? Number.NaN))) / norm(scale);
}

function floats(results: Results, name: string): Float32Array {
  const data = results[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no result ${name}`);
  return data;
}

test.each(tinyCases().map((c) => [c.name, c] as const))(
  "%s: loss within 1e-5 and every gradient within 1e-4 relative of PyTorch in float64",
  async (_, c) => {
    const results = await train(c);
    expect(Math.abs(Number(results[OUT.loss]?.data[0]) / c.loss - 1)).toBeLessThan(1e-5);
    // A key's bias has no gradient at all: softmax does not see what is added to a whole row. What rounding leaves of
    // it is compared with the query bias beside it.
    const scaleOf = (name: string): Float32Array =>
      c.gradients.get(name.replace("self.key.bias", "self.query.bias"))?.data ?? new Float32Array(0);
    const far = [...c.gradients]
      .map(([name, g]) => [name, distance(floats(results, gradientOf(name)), g.data, scaleOf(name))] as const)
      .filter(([, d]) => !(d < 1e-4));
    expect(far).toEqual([]);
  },
);

test.each(tinyCases().map((c) => [c.name, c] as const))(
  "%s: the loss alone is within 1e-6 of the one that comes with gradients",
  async (_, c) => {
    const session = await engine.session(`loss ${c.name}`, () => lossProgram(planOf(c)));
    const read = Object.entries(feedsOf(c)).filter(([name]) => session.program.inputs.has(name));
    const [results] = await engine.run([{ session, feeds: Object.fromEntries(read) }]);
    const trained = Number((await train(c))[OUT.loss]?.data[0]);
    expect(Math.abs(Number(results?.[OUT.loss]?.data[0]) / trained - 1)).toBeLessThan(1e-6);
  },
);

const classifying = tinyCases().filter((c) => c.network.head.kind !== "mlm");
test.each(classifying.map((c) => [c.name, c] as const))(
  "%s: logits within 1e-5 of PyTorch in float64",
  async (_, c) => {
    const session = await engine.session(`eval ${c.name}`, () => evalProgram(planOf(c)));
    const read = Object.entries(feedsOf(c)).filter(([name]) => session.program.inputs.has(name));
    const [results] = await engine.run([{ session, feeds: Object.fromEntries(read) }]);
    expect(distance(floats(results ?? {}, OUT.logits), c.logits.data)).toBeLessThan(1e-5);
  },
);

test("word embeddings are read by rows alone, except under a tied output matrix or a weight site", () => {
  const [c] = classifying;
  const mlm = tinyCases().find(({ network }) => network.head.kind === "mlm");
  if (!c || !mlm) throw new Error("goldens lack a case");
  expect(readsRowsOnly(planOf(c))).toBe(true);
  expect(readsRowsOnly(planOf(mlm))).toBe(false);
});
