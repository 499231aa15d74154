import { readdirSync, readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import {
  type Operand,
  type Read,
  SAMPLES,
  type Sample,
  SIZES,
  valuesOf,
} from "../../test/support/op-samples.ts";
import { erf } from "../base/erf.ts";
import { type DType, floatTensor, sizeOf, type Tensor, zeros } from "../base/tensor.ts";
import { Engine, type RunRequest } from "../engine/engine.ts";
import type { Results } from "../engine/protocol.ts";
import { decodeModel } from "../onnx/decode.ts";
import { backward } from "./backward.ts";
import { topological } from "./emitter.ts";
import { sum } from "./ops/broadcast.ts";
import { gelu, mul, sigmoid, sub } from "./ops/elementwise.ts";
import { gather, lookup, scatterAdd, slice } from "./ops/select.ts";
import { OPS, type OpName } from "./ops.ts";
import { program } from "./program.ts";
import { evaluate } from "./shape.ts";
import { input, pick, type Rule, type Value } from "./value.ts";

type Real = "float32" | "float64";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const names = Object.keys(SAMPLES) as OpName[]; // the record's keys are exactly these
const rows = names.flatMap((op) => SAMPLES[op].map((sample) => [op, sample.name, sample] as const));
const rule = (op: OpName): Rule<never> => OPS[op];
const isDouble = (op: OpName, sample: Sample): boolean => rule(op).doubles && sample.doubles !== false;
const smooth = rows.filter(([op]) => rule(op).gradient !== undefined);

test("every rule of src/graph/ops/ is in the table, under its own name", () => {
  const folder = new URL("./ops/", import.meta.url);
  const found = readdirSync(folder).flatMap((file) =>
    [...readFileSync(new URL(file, folder), "utf8").matchAll(/^export const (\w+)Rule\b/gm)].map(
      ([, name]) => name,
    ),
  );
  expect(found.sort()).toEqual(Object.keys(OPS).sort());
  expect(names.map((op) => rule(op).name)).toEqual(names);
});

test.each(rows)("%s of %s is the plain computation, within 1e-6 of it in float32", async (op, _, sample) => {
  const check = checkOf(op, sample, "float32");
  expect(distance((await run(check)).y, plain(sample, check))).toBeLessThan(1e-6);
});

// Step 1e-5: truncation is near 1e-10, rounding near 1e-11. LayerNorm's statistics are float32 and set the bound.
test.each(smooth.filter(([op, _, sample]) => isDouble(op, sample)))(
  "the gradient of %s of %s is within 1e-6 of central differences in float64",
  async (op, _, sample) => {
    const check = checkOf(op, sample, "float64");
    expect(distance(gradients(await run(check)), await differences(check, 1e-5))).toBeLessThan(1e-6);
  },
);

// Step 2^-7: truncation is near 1e-5 times the third derivative, an element's rounding near 6e-8 / 2^-7 = 8e-6.
test.each(smooth.filter(([op, _, sample]) => !isDouble(op, sample)))(
  "the gradient of %s of %s is within 1e-4 of central differences in float32",
  async (op, _, sample) => {
    const check = checkOf(op, sample, "float32");
    expect(distance(gradients(await run(check)), await differences(check, 2 ** -7))).toBeLessThan(1e-4);
  },
);

test.each(rows)("%s of %s is within 1e-6 of itself in standard operators only", async (op, _, sample) => {
  const ours = await run(checkOf(op, sample, "float32"));
  const theirs = await run(checkOf(op, sample, "float32", true));
  expect(Object.keys(theirs)).toEqual(Object.keys(ours));
  for (const name of Object.keys(ours)) {
    expect(distance(theirs[name], numbers(ours[name])), name).toBeLessThan(1e-6);
  }
});

test.each(smooth.filter(([op, _, sample]) => isDouble(op, sample)))(
  "the gradient of %s of %s in float32 is within 1e-5 of float64's",
  async (op, _, sample) => {
    const [single, double] = [checkOf(op, sample, "float32"), checkOf(op, sample, "float64")];
    expect(distance(gradients(await run(single)), gradients(await run(double)))).toBeLessThan(1e-5);
  },
);

test.each(rows.filter(([op]) => rule(op).elementwise))(
  "rows of %s of %s, and their gradients, are what looking up the rows of its operands gives",
  async (op, _, sample) => {
    const ids: Operand = { dtype: "int32", shape: [3], integers: [1, 0, 1] };
    const rowsBy = (read: typeof gather): Sample => ({
      ...sample,
      name: `${sample.name}, rows by ${read.name}`,
      operands: [...sample.operands, ids],
      build: (...inputs) => read(sample.build(...inputs), pick(inputs, sample.operands.length)),
    });
    const [whole, own] = [rowsBy(gather), rowsBy(lookup)].map((rows) => run(checkOf(op, rows, "float32")));
    expect(Object.keys((await own) ?? {})).toContain("y");
    for (const [name, rows] of Object.entries((await whole) ?? {})) {
      expect(distance((await own)?.[name], numbers(rows)), name).toBeLessThan(1e-6);
    }
  },
);

test("a table is looked up before anything is done to it, and what is shared is looked up once", () => {
  const [w, score] = [input("w", "float32", [100, 8]), input("score", "float32", [100, 8])];
  const [column, ids] = [input("column", "float32", [100, 1]), input("ids", "int32", [3])];
  const shared = sub(score, input("threshold", "float32", []));
  const rows = lookup(mul(w, mul(sigmoid(shared), shared)), ids);
  expect(rows.shape).toEqual([3, 8]);
  const opsOf = (y: Value): string[] => topological([y]).map(({ op }) => op);
  expect(opsOf(rows).filter((op) => op === "gather")).toHaveLength(2);
  expect(opsOf(rows).filter((op) => op === "sub")).toHaveLength(1);
  for (const y of topological([rows])) {
    if (y.inputs.length > 0) expect(y.shape, y.op).toEqual([3, 8]);
  }
  // What is broadcast along the rows has no rows of its own.
  expect(lookup(mul(w, column), ids).op).toBe("gather");
});

// ScatterND's threads race for one row, but seldom enough to pass: its absence is checked, and the sums of what is there.
test("4096 rows of 256 ones added to one row by two threads are 4096, bit for bit, ten times", async () => {
  const two = new Engine({ threads: 2 });
  const shape = [4096, 256];
  const ids = zeros("int32", [4096]);
  const ones = floatTensor(shape, new Float32Array(sizeOf(shape)).fill(1));
  const y = scatterAdd(input("ids", "int32", [4096]), input("x", "float32", shape), 100);
  const made = program({ y: slice(y, 0, 0, 1) });
  expect(decodeModel(made.bytes).graph.nodes.map(({ opType }) => opType)).not.toContain("ScatterND");
  const session = await two.session("rows", () => made);
  const calls = await two.run(Array.from({ length: 10 }, () => ({ session, feeds: { ids, x: ones } })));
  for (const call of calls) expect(new Set(numbers(call.y))).toEqual(new Set([4096]));
  await two.close();
});

test.each(["erf", "tanh"] as const)(
  "gelu (%s) written out for opset 17 is x·Φ(x), or its approximation, within 1e-6",
  async (kind) => {
    const x = input("x", "float32", [41]);
    const made = program({ y: gelu(x, kind) }, { portable: true, opset: 17 });
    const session = await engine.session(`gelu ${kind} 17`, () => made);
    const data = Float32Array.from({ length: 41 }, (_, i) => (i - 20) / 4);
    const [results] = await engine.run([{ session, feeds: { x: { dtype: "float32", shape: [41], data } } }]);
    const u = (v: number) => Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3);
    const expected = Array.from(data, (v) =>
      kind === "erf" ? (v / 2) * (1 + erf(v / Math.SQRT2)) : (v / 2) * (1 + Math.tanh(u(v))),
    );
    const far = numbers(results?.y).map((y, i) => Math.abs(y - (expected[i] ?? Number.NaN)));
    expect(far).toHaveLength(41);
    expect(Math.max(...far)).toBeLessThan(1e-6);
    const types = decodeModel(made.bytes).graph.nodes.map(({ opType }) => opType);
    expect(types).not.toContain("Gelu");
  },
);

/** A sample as a program of y and the gradients g0, g1, … of Σ w∘y with respect to its real operands. */
interface Check {
  readonly key: string;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly portable: boolean;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly shape: readonly number[];
}

function checkOf(op: OpName, sample: Sample, dtype: Real, portable = false): Check {
  const inputs = sample.operands.map((x, i) => input(`x${i}`, "integers" in x ? x.dtype : dtype, x.shape));
  const feeds = Object.fromEntries(sample.operands.map((x, i) => [`x${i}`, fed(x, i, dtype)]));
  const y = sample.build(...inputs);
  const shape = evaluate(y.shape, SIZES);
  const key = `${op} ${sample.name} ${dtype} ${portable}`;
  if (rule(op).gradient === undefined) return { key, outputs: { y }, portable, feeds, shape };
  const axes = y.shape.map((_, axis) => axis);
  const loss = sum(mul(y, input("w", dtype, y.shape)), axes);
  const targets = inputs.filter((x) => x.dtype === dtype);
  const found = backward(loss, targets).map((g, i): [string, Value] => [`g${i}`, g]);
  const w = fed({ shape: y.shape, low: -1, high: 1 }, -1, dtype);
  return { key, outputs: { y, ...Object.fromEntries(found) }, portable, feeds: { ...feeds, w }, shape };
}

function fed(operand: Operand, place: number, dtype: Real): Tensor {
  const shape = evaluate(operand.shape, SIZES);
  return filled(
    "integers" in operand ? operand.dtype : dtype,
    shape,
    valuesOf(operand, sizeOf(shape), place),
  );
}

function filled(dtype: DType, shape: readonly number[], values: readonly number[]): Tensor {
  const tensor: Tensor = zeros(dtype, shape);
  if (tensor.data instanceof BigInt64Array) tensor.data.set(values.map(BigInt));
  else tensor.data.set(values);
  return tensor;
}

async function run({ key, outputs, portable, feeds }: Check): Promise<Results> {
  const session = await engine.session(key, () => program(outputs, { portable }));
  const [results] = await engine.run([{ session, feeds }]);
  return results ?? {};
}

function gradients(results: Results): number[] {
  const found = Object.entries(results).filter(([name]) => name.startsWith("g"));
  return found.flatMap(([_, tensor]) => numbers(tensor));
}

/** (L(x + h) − L(x − h)) / 2h of L = Σ w∘y, for every element of every real operand. */
async function differences({ key, outputs, portable, feeds }: Check, h: number): Promise<number[]> {
  const session = await engine.session(key, () => program(outputs, { portable }));
  const requests: RunRequest[] = [];
  for (const [name, x] of Object.entries(feeds)) {
    if (name === "w" || !isReal(x)) continue;
    x.data.forEach((_, i) => {
      for (const step of [h, -h]) requests.push({ session, feeds: { ...feeds, [name]: moved(x, i, step) } });
    });
  }
  const results = await engine.run(requests);
  const w = numbers(feeds.w);
  const losses = results.map(({ y }) => numbers(y).reduce((a, v, i) => a + v * (w[i] ?? 0), 0));
  return Array.from(
    { length: losses.length / 2 },
    (_, i) => ((losses[2 * i] ?? 0) - (losses[2 * i + 1] ?? 0)) / (2 * h),
  );
}

function isReal(x: Tensor): x is Tensor<Real> {
  return x.dtype === "float32" || x.dtype === "float64";
}

function moved(x: Tensor<Real>, i: number, step: number): Tensor {
  const values = [...x.data];
  values[i] = (values[i] ?? 0) + step;
  return filled(x.dtype, x.shape, values);
}

/** Every element of the result by the sample's own formula, on the operands as they are fed. */
function plain(sample: Sample, { feeds, shape }: Check): number[] {
  const reads = sample.operands.map((_, i) => readOf(feeds[`x${i}`] ?? zeros("float32", [])));
  return Array.from({ length: sizeOf(shape) }, (_, flat) => sample.reference(indexOf(flat, shape), ...reads));
}

function readOf({ shape, data }: Tensor): Read {
  return (index) => {
    const own = index.slice(index.length - shape.length);
    const flat = shape.reduce((n, length, axis) => n * length + (length === 1 ? 0 : (own[axis] ?? 0)), 0);
    return Number(data[flat]);
  };
}

function indexOf(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const length of shape.toReversed()) {
    index.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return index;
}

function numbers(tensor: Tensor | undefined): number[] {
  return Array.from<number | bigint, number>(tensor?.data ?? [], Number);
}

/** Largest difference, relative above 1; NaN when lengths differ. */
function distance(ours: Tensor | readonly number[] | undefined, theirs: readonly number[]): number {
  const values = ours && "data" in ours ? numbers(ours) : (ours ?? []);
  if (values.length !== theirs.length) return Number.NaN;
  return Math.max(
    ...theirs.map((x, i) => Math.abs((values[i] ?? Number.NaN) - x) / Math.max(1, Math.abs(x))),
  );
}
