import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { CLASSES, madeUpBatch, smallNetwork } from "../../test/support/training.ts";
import { fold, keyOf, normals } from "../base/random.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import type { Activation } from "../bert/facts.ts";
import { biasOf, layerNames, parameters, weightOf } from "../bert/names.ts";
import { Engine } from "../engine/engine.ts";
import { countUnits, withoutDeadUnits } from "./dead-units.ts";
import { openNetwork } from "./inference.ts";
import type { Network } from "./network.ts";

const engine = new Engine({ threads: 1, maxSessions: 4 });
afterAll(() => engine.close());

const BATCH = madeUpBatch(CLASSES, 3, 4);
const [HEADS, HEAD_SIZE, NEURONS, LAYERS] = [2, 6, 20, 2];

/** Biases start at 0, which would hide a constant that is lost; LayerNorm's are drawn too. */
function network(activation: Activation): Network {
  const { config, tensors, ...rest } = smallNetwork(CLASSES, LAYERS, 0);
  const drawn = [...tensors].map(([name, tensor]) => {
    if (!name.endsWith("bias")) return [name, tensor] as const;
    return [name, floatTensor(tensor.shape, normals(fold(keyOf(5), name), tensor.data.length, 0.5))] as const;
  });
  return { ...rest, config: { ...config, activation }, tensors: new Map(drawn) };
}

/** What is zero about a unit: nothing, its columns, its rows with their bias, its rows alone, half and half. */
const FATES = ["alive", "columns", "rows and bias", "rows", "mixed"] as const;
type Fate = (typeof FATES)[number];

interface Fates {
  readonly heads: readonly Fate[];
  readonly neurons: readonly Fate[];
  /** Whether the modules' own biases are zero too, so that nothing at all is left. */
  readonly silent: boolean;
}

/** Zeroes a module's units as `fates` say. */
function zeroUnits(tensors: Map<string, Tensor>, into: string, out: string, fates: readonly Fate[]): void {
  const copy = (name: string): Float32Array => {
    const tensor = tensors.get(name);
    if (!(tensor?.data instanceof Float32Array)) throw new Error(`no ${name}`);
    const data = Float32Array.from(tensor.data);
    tensors.set(name, { ...tensor, data });
    return data;
  };
  const [rows, biases, columns] = [copy(weightOf(into)), copy(biasOf(into)), copy(weightOf(out))];
  const [D, size] = [rows.length / biases.length, biases.length / fates.length];
  biases.forEach((_, a) => {
    const fate = fates[Math.floor(a / size)];
    const isColumn = fate === "columns" || (fate === "mixed" && a % 2 === 0);
    if (isColumn) for (let d = 0; d < D; d++) columns[d * biases.length + a] = 0;
    else if (fate !== "alive") rows.fill(0, a * D, (a + 1) * D);
    if (fate === "rows and bias") biases[a] = 0;
  });
}

function zeroed({ tensors, ...rest }: Network, layers: readonly Fates[]): Network {
  const changed = new Map<string, Tensor>(tensors);
  layers.forEach(({ heads, neurons, silent }, i) => {
    const names = layerNames(i);
    zeroUnits(changed, names.value, names.attentionOutput, heads);
    zeroUnits(changed, names.intermediate, names.output, neurons);
    for (const module of silent ? [names.attentionOutput, names.output] : []) {
      const { hiddenSize } = rest.config;
      changed.set(biasOf(module), floatTensor([hiddenSize], new Float32Array(hiddenSize)));
    }
  });
  const floats = [...changed].flatMap(([name, { shape, data }]) =>
    data instanceof Float32Array ? [[name, floatTensor(shape, data)] as const] : [],
  );
  return { ...rest, tensors: new Map(floats) };
}

const alive = (fates: readonly Fate[]): number => fates.filter((fate) => fate === "alive").length;

async function largestDifference(a: Network, b: Network): Promise<number> {
  const [x, y] = [
    await (await openNetwork(engine, a)).logits(BATCH),
    await (await openNetwork(engine, b)).logits(BATCH),
  ];
  expect(x.length).toBe(BATCH.size * 3);
  return Math.max(...x.map((each, i) => Math.abs(each - (y[i] ?? Number.NaN))));
}

/** All that the property promises of one network. */
async function holds(activation: Activation, layers: readonly Fates[]): Promise<void> {
  const whole = zeroed(network(activation), layers);
  const small = withoutDeadUnits(whole);
  expect(small.config.layers).toEqual(
    layers.map(({ heads, neurons }) => ({ heads: alive(heads), headSize: HEAD_SIZE, ffn: alive(neurons) })),
  );
  const shapes = new Map([...small.tensors].map(([name, { shape }]) => [name, [...shape]]));
  expect(shapes).toEqual(parameters(small.config, small.head));
  expect(await largestDifference(whole, small)).toBeLessThan(1e-5);
}

const all = (fate: Fate, count: number): Fate[] => Array.from({ length: count }, () => fate);
const WHOLE: Fates = { heads: all("alive", HEADS), neurons: all("alive", NEURONS), silent: false };

test.each<[string, Fates[]]>([
  ["a head of zero columns", [{ ...WHOLE, heads: ["columns", "alive"] }, WHOLE]],
  ["a head whose value bias alone is left", [WHOLE, { ...WHOLE, heads: ["alive", "rows"] }]],
  ["a head of zero values", [WHOLE, { ...WHOLE, heads: ["rows and bias", "alive"] }]],
  ["a head dead by a column here and a row there", [{ ...WHOLE, heads: ["mixed", "alive"] }, WHOLE]],
  ["a layer with no head left", [{ ...WHOLE, heads: all("columns", HEADS) }, WHOLE]],
  ["a layer with value biases alone", [WHOLE, { ...WHOLE, heads: all("rows", HEADS) }]],
  ["neurons whose bias alone is left", [{ ...WHOLE, neurons: all("rows", NEURONS) }, WHOLE]],
  ["all neurons of zero columns", [WHOLE, { ...WHOLE, neurons: all("columns", NEURONS) }]],
  [
    "nothing in any module, biases included",
    Array.from({ length: LAYERS }, () => ({
      heads: all("columns", HEADS),
      neurons: all("rows and bias", NEURONS),
      silent: true,
    })),
  ],
])("%s: exact sizes, and logits within 1e-5", async (_, layers) => {
  await holds("gelu", layers);
});

const fates = (count: number): fc.Arbitrary<Fate[]> => {
  const each = fc.array(fc.constantFrom(...FATES), { minLength: count, maxLength: count });
  return fc.oneof({ weight: 3, arbitrary: each }, fc.constantFrom(...FATES.map((fate) => all(fate, count))));
};
const layerFates: fc.Arbitrary<Fates> = fc.record({
  heads: fates(HEADS),
  neurons: fates(NEURONS),
  silent: fc.boolean(),
});

test("random masks under every activation: exact sizes, and logits within 1e-5", async () => {
  const layers = fc.array(layerFates, { minLength: LAYERS, maxLength: LAYERS });
  const activation = fc.constantFrom<Activation>("gelu", "gelu_new", "relu");
  await fc.assert(fc.asyncProperty(activation, layers, holds), { numRuns: 40 });
});

test("a network in which nothing is dead is the very same record", () => {
  const whole = network("gelu");
  expect(withoutDeadUnits(whole)).toBe(whole);
});

test("a neuron of one weight in each matrix stays, and a column of negative zeros is dead", () => {
  const whole = zeroed(network("gelu"), [{ ...WHOLE, neurons: all("rows", NEURONS) }, WHOLE]);
  const { intermediate, output } = layerNames(0);
  const tensors = new Map(whole.tensors);
  const [rows, columns] = [tensors.get(weightOf(intermediate)), tensors.get(weightOf(output))];
  if (!rows || !columns) throw new Error("no feed-forward module");
  tensors.set(weightOf(intermediate), floatTensor(rows.shape, rows.data.with(7 * 12 + 3, 1e-30)));
  expect(countUnits(withoutDeadUnits({ ...whole, tensors }).config)).toEqual({
    heads: 4,
    neurons: 21,
    modules: 4,
  });
  const negative = columns.data.map((x, i) => (i % NEURONS === 7 ? -0 : x));
  tensors.set(weightOf(output), floatTensor(columns.shape, negative));
  expect(countUnits(withoutDeadUnits({ ...whole, tensors }).config)).toEqual({
    heads: 4,
    neurons: 20,
    modules: 3,
  });
});

test("masks are cut with their tensors, and a bias that takes a constant up loses its own", () => {
  const whole = zeroed(network("gelu"), [{ ...WHOLE, heads: ["rows", "alive"] }, WHOLE]);
  const { attentionOutput } = layerNames(0);
  const masks = new Map<string, Tensor<"uint8">>([
    [weightOf(attentionOutput), { dtype: "uint8", shape: [12, 12], data: new Uint8Array(144).fill(1) }],
    [biasOf(attentionOutput), { dtype: "uint8", shape: [12], data: new Uint8Array(12) }],
  ]);
  const small = withoutDeadUnits({ ...whole, masks });
  expect([...(small.masks ?? [])].map(([name, { shape }]) => [name, shape])).toEqual([
    [weightOf(attentionOutput), [12, 6]],
  ]);
});
