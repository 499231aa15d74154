import { afterAll, expect, test } from "vitest";
import { type Tensor, zeros } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import { decodeModel } from "../onnx/decode.ts";
import type { Model, Node } from "../onnx/model.ts";
import { backward } from "./backward.ts";
import { Emitter, MICROSOFT } from "./emitter.ts";
import { expand, reshape, sum } from "./ops/broadcast.ts";
import { add, div, mul, scale } from "./ops/elementwise.ts";
import { linear, matmul } from "./ops/linear.ts";
import { layerNorm } from "./ops/normal.ts";
import { concat, slice, take } from "./ops/select.ts";
import { program, SEAL, sizesOf } from "./program.ts";
import { constant, input, scalar, type Value } from "./value.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

function error(code: string): unknown {
  return expect.objectContaining({ name: "GraphError", code });
}

function model(outputs: Record<string, Value>, portable = false): Model {
  return decodeModel(program(outputs, { portable }).bytes);
}

function nodes(outputs: Record<string, Value>, portable = false): readonly Node[] {
  return model(outputs, portable).graph.nodes;
}

async function run(
  outputs: Record<string, Value>,
  feeds: Record<string, Tensor>,
): Promise<Record<string, Tensor>> {
  const session = await engine.session(Object.keys(outputs).join(), () => program(outputs));
  const [results] = await engine.run([{ session, feeds }]);
  return { ...results };
}

test.each([
  [2, 3],
  [1, 1],
  [5, 2],
])(
  "one program serves every batch: shapes of B*T are computed at run time, B = %d and T = %d",
  async (B, T) => {
    const x = input("x", "float32", ["B", "T", 2, 2]);
    const rows = reshape(x, ["B*T", 4]);
    const table = expand(scalar(3), ["B*T", "2*T"]);
    const back = reshape(rows, ["B", "T", 2, 2]);
    const results = await run({ rows, table, back }, { x: zeros("float32", [B, T, 2, 2]) });
    expect(results.rows?.shape).toEqual([B * T, 4]);
    expect(results.table?.shape).toEqual([B * T, 2 * T]);
    expect(results.table?.data).toEqual(new Float32Array(2 * B * T * T).fill(3));
    expect(results.back?.shape).toEqual([B, T, 2, 2]);
  },
);

test("a length is known wherever it is needed: the input that has it may come last", async () => {
  const x = input("x", "float32", [4, "T"]);
  const loss = sum(mul(slice(x, 0, 2, 3), input("w", "float32", ["T"])), [0, 1]);
  const [gradient = x] = backward(loss, [x]);
  const w: Tensor = { dtype: "float32", shape: [2], data: Float32Array.of(5, 7) };
  const results = await run({ gradient }, { w });
  expect(results.gradient?.data).toEqual(Float32Array.of(0, 0, 0, 0, 5, 7, 0, 0));
});

test("a length that no input has is an error: graph/symbol", () => {
  expect(() => program({ y: expand(scalar(1), ["B"]) })).toThrow(error("graph/symbol"));
});

test("equal constants are written once; 0 and -0, or shapes, are not equal", () => {
  const x = input("x", "float32", [2]);
  const constants = (...values: Value[]): number =>
    model({ y: values.reduce((y, v) => add(y, v), x) }, true).graph.initializers.length;
  const row = (...data: number[]): Value =>
    constant({ dtype: "float32", shape: [data.length], data: Float32Array.from(data) });
  expect(constants(scalar(2), scalar(2), scalar(2))).toBe(1);
  expect(constants(scalar(2), row(2))).toBe(2);
  expect(constants(scalar(0), scalar(-0))).toBe(2);
  expect(constants(row(1, 2), row(1, 2), row(2, 1))).toBe(2);
});

test("1 / -0 is -∞ although the graph holds a 0 as well", async () => {
  const results = await run({ y: add(div(scalar(1), scalar(-0)), scale(scalar(0), 5)) }, {});
  expect(results.y?.data).toEqual(Float32Array.of(Number.NEGATIVE_INFINITY));
});

test("a value is written once, however many read it, and an output may be an input or be named twice", async () => {
  const x = input("x", "float32", [2]);
  const y = mul(x, x);
  const outputs = { a: y, b: y, c: x, d: add(y, y) };
  expect(nodes(outputs, true).filter(({ opType }) => opType === "Mul")).toHaveLength(1);
  const data = Float32Array.of(2, 3);
  const results = await run(outputs, { x: { dtype: "float32", shape: [2], data } });
  expect(Object.values(results).map((t) => [...t.data])).toEqual([
    [4, 9],
    [4, 9],
    [2, 3],
    [8, 18],
  ]);
});

test("an input declared in two ways is an error: graph/input", () => {
  const [a, b, c] = [input("x", "float32", [2]), input("x", "float32", ["B"]), input("x", "float64", [2])];
  expect(() => program({ a, b })).toThrow(error("graph/input"));
  expect(() => program({ a, c })).toThrow(error("graph/input"));
  expect(program({ a, again: input("x", "float32", [2]) }).inputs.size).toBe(1);
});

test("a portable program has standard operators only and no seal", () => {
  const [a, b] = [input("a", "float32", [2, 2]), input("b", "float32", [2, 2])];
  const outputs = { y: matmul(a, b, { transposeB: true, alpha: 0.5 }) };
  expect(nodes(outputs).some(({ domain }) => domain === MICROSOFT)).toBe(true);
  expect(nodes(outputs, true).every(({ domain }) => !domain)).toBe(true);
  expect(model(outputs).graph.outputs.map(({ name }) => name)).toEqual([SEAL, "y"]);
  expect(model(outputs, true).graph.outputs.map(({ name }) => name)).toEqual(["y"]);
});

test("equal graphs are equal bytes", () => {
  const make = (): Uint8Array => {
    const x = input("x", "float32", ["B", 4]);
    return program({ y: sum(mul(x, scalar(3)), [0]) }).bytes;
  };
  expect(make()).toEqual(make());
});

test("a value has no output beyond those it wrote: graph/output", () => {
  const x = input("x", "float32", [2]);
  const emit = new Emitter();
  emit.write(x);
  expect(() => emit.output(x, 1)).toThrow(error("graph/output"));
});

const FED = new Map([
  ["x", { dtype: "float32" as const, shape: ["B", "T", 4] }],
  ["m", { dtype: "float32" as const, shape: ["B", "T"] }],
]);

test("symbols are what the feeds say, and feeds of other names say nothing", () => {
  expect(
    sizesOf(FED, [
      ["x", [2, 3, 4]],
      ["other", [9]],
      ["m", [2, 3]],
    ]),
  ).toEqual({ B: 2, T: 3 });
});

test.each<[string, [string, number[]][]]>([
  ["another rank", [["x", [2, 3]]]],
  ["another length", [["x", [2, 3, 5]]]],
  [
    "two lengths of one symbol",
    [
      ["x", [2, 3, 4]],
      ["m", [2, 4]],
    ],
  ],
])("a feed of %s is an error: graph/feed", (_, fed) => {
  expect(() => sizesOf(FED, fed)).toThrow(error("graph/feed"));
});

const [v, m] = [input("v", "float32", [3]), input("m", "float32", ["B", 4])];
test.each<[string, () => Value]>([
  ["graph/broadcast", () => add(v, m)],
  ["graph/dtype", () => add(v, scalar(1, "float64"))],
  ["graph/matmul", () => matmul(m, m)],
  ["graph/axis", () => matmul(v, m)],
  ["graph/linear", () => linear(m, v)],
  ["graph/linear", () => linear(m, input("w", "float32", [5, 4]), v)],
  ["graph/layerNorm", () => layerNorm(m, v, v, 1)],
  ["graph/reshape", () => reshape(m, [4])],
  ["graph/reshape", () => reshape(m, ["T", 4])],
  ["graph/symbolic", () => concat([m, m], 0)],
  ["graph/symbolic", () => slice(m, 0, 0, 1)],
  ["graph/slice", () => slice(m, 1, 2, 5)],
  ["graph/slice", () => slice(m, 1, 2, 2)],
  ["graph/take", () => take(m, 1, -1)],
  ["graph/axis", () => take(m, 2, 0)],
  ["graph/arity", () => concat([], 0)],
])("operands that do not fit are refused when the graph is made: %s (%#)", (code, make) => {
  expect(make).toThrow(error(code));
});
