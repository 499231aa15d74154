import { afterAll, expect, test } from "vitest";
import { encoderCases, hubFolder } from "../../test/support/encoders.ts";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { findOffLevel } from "../base/levels.ts";
import { requireEntry, requireValue } from "../base/present.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { biasOf, layerNames, parameters, weightOf } from "../bert/names.ts";
import { linearModules } from "../bert/quantized.ts";
import { unlabelled } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import { program } from "../graph/program.ts";
import { readFolder } from "../network/folder.ts";
import { inFloat } from "../network/quantized.ts";
import { answersOf, divergence, meanCosine } from "./answers.ts";
import { type Calibration, calibrate } from "./calibrate.ts";
import { fitLayers, withLayersIn8Bits } from "./post-training.ts";
import { layerSensitivities } from "./sensitivity.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const NETWORK = smallNetwork(CLASSES, 2, 0);
const TEXTS = unlabelled(
  Array.from({ length: 12 }, (_, i) => ({
    ids: Array.from({ length: 3 + (i % 5) }, (_, t) => 5 + ((7 * i + 3 * t) % 50)),
    types: new Array(3 + (i % 5)).fill(0),
  })),
  0,
);
const HOW = { ranges: "minmax", biasCorrection: true } as const;
const calibrated: Promise<Calibration> = calibrate(engine, NETWORK, TEXTS);

/** What the first layer reads: the embeddings of every token of every text. */
async function embeddings(): Promise<Float32Array[]> {
  const context = contextOf(NETWORK.config, parameters(NETWORK.config, CLASSES));
  const [first] = encode(context, batchInputs()).hidden;
  if (first === undefined) throw new Error("no embeddings");
  const session = await engine.session("embeddings", () => program({ x: first }));
  const rows: Float32Array[] = [];
  for (const { ids, types } of TEXTS.examples) {
    const shape = [1, ids.length];
    const read = [...session.program.inputs.keys()].filter((name) => NETWORK.tensors.has(name));
    const [results] = await engine.run([
      {
        session,
        feeds: {
          ...Object.fromEntries(read.map((name) => [name, requireEntry(NETWORK.tensors, name, "tensor")])),
          input_ids: { dtype: "int32", shape, data: ids },
          token_type_ids: { dtype: "int32", shape, data: types },
        },
      },
    ]);
    const data = results?.x?.data;
    if (!(data instanceof Float32Array)) throw new Error("no states");
    for (let t = 0; t < ids.length; t++) rows.push(data.slice(t * 12, t * 12 + 12));
  }
  return rows;
}

/** W·x + b. */
function apply(weight: FloatTensor, bias: FloatTensor, x: ArrayLike<number>): number[] {
  return Array.from(bias.data, (b, row) => {
    let sum = b;
    for (let j = 0; j < x.length; j++) sum += (weight.data[row * x.length + j] ?? 0) * (x[j] ?? 0);
    return sum;
  });
}

test("a calibration knows range, means and mean squares of what a layer reads, without padding", async () => {
  const rows = await embeddings();
  const names = layerNames(0);
  const facts = requireEntry(await calibrated, names.query, "facts");
  const all = rows.flatMap((row) => [...row]);
  expect(facts.seen.range()).toEqual({ low: Math.min(...all), high: Math.max(...all) });
  for (let j = 0; j < 12; j++) {
    const column = rows.map((row) => row[j] ?? 0);
    const mean = (f: (x: number) => number) => column.reduce((sum, x) => sum + f(x), 0) / rows.length;
    expect(facts.means[j]).toBeCloseTo(
      mean((x) => x),
      5,
    );
    expect(facts.squares[j]).toBeCloseTo(
      mean((x) => x * x),
      5,
    );
  }
  expect(requireEntry(await calibrated, names.value, "facts")).toBe(facts);
  expect([...(await calibrated).keys()].toSorted()).toEqual(linearModules(NETWORK.config.layers).toSorted());
});

test("a corrected layer gives on the average what it gave in float32, within 1e-5", async () => {
  const { query } = layerNames(0);
  const fitted = requireEntry(fitLayers(NETWORK, await calibrated, HOW), query, "layer");
  const [weight, bias] = [weightOf(query), biasOf(query)].map((name) =>
    requireEntry(NETWORK.tensors, name, "tensor"),
  );
  if (weight === undefined || bias === undefined) throw new Error("no layer");
  const rows = await embeddings();
  const sums = { exact: new Array<number>(12).fill(0), rough: new Array<number>(12).fill(0) };
  for (const x of rows) {
    const step = (Math.max(0, ...x) - Math.min(0, ...x)) / 126;
    const rounded = x.map((value) => Math.round(value / step) * step);
    apply(weight, bias, x).forEach((y, i) => {
      sums.exact[i] = (sums.exact[i] ?? 0) + y / rows.length;
    });
    apply(fitted.weight, requireValue(fitted.bias, "bias"), rounded).forEach((y, i) => {
      sums.rough[i] = (sums.rough[i] ?? 0) + y / rows.length;
    });
  }
  for (const [i, y] of sums.exact.entries()) expect(sums.rough[i]).toBeCloseTo(y, 5);
  const plain = fitLayers(NETWORK, await calibrated, { ...HOW, biasCorrection: false });
  expect(plain.get(query)?.bias).toBe(bias);
});

test("modules that layers share are calibrated by what each of them reads", async () => {
  const shared = {
    ...NETWORK,
    config: { ...NETWORK.config, layers: NETWORK.config.layers.map((layer) => ({ ...layer, sharing: 0 })) },
  };
  const [own, all] = [layerNames(0), await calibrate(engine, shared, TEXTS)];
  expect([...all.keys()].toSorted()).toEqual(linearModules(shared.config.layers).toSorted());
  const copied = new Map(
    [...shared.tensors].map(([name, tensor]) => {
      const from = name.replace("layer.1.", "layer.0.");
      return [name, shared.tensors.get(from) ?? tensor] as const;
    }),
  );
  const apart = await calibrate(engine, { ...NETWORK, tensors: copied }, TEXTS);
  for (const module of [own.query, own.value, own.intermediate, own.output]) {
    const [got, first, second] = [
      all.get(module),
      apart.get(module),
      apart.get(module.replace("layer.0.", "layer.1.")),
    ].map((facts) => requireValue(facts, "facts").seen.range());
    expect(got?.low).toBe(Math.min(first?.low ?? 0, second?.low ?? 0));
    expect(got?.high).toBe(Math.max(first?.high ?? 0, second?.high ?? 0));
  }
});

const others = new Map((await encoderCases()).map((each) => [each.config.model_type, each]));
test.each([...others])(
  "%s: every layer is calibrated and fitted, with its bias where it has one",
  async (_, given) => {
    const network = await readFolder(await hubFolder(given, given.tensors), () => {});
    const { size, length, ids, types } = given.batch;
    const texts = unlabelled(
      Array.from({ length: size }, (_, i) => ({
        ids: ids.slice(i * length, (i + 1) * length),
        types: types.slice(i * length, (i + 1) * length),
      })),
      0,
    );
    const all = linearModules(network.config.layers);
    const calibration = await calibrate(engine, network, texts);
    expect([...calibration.keys()].toSorted()).toEqual(all.toSorted());
    const product = withLayersIn8Bits(network, fitLayers(network, calibration, HOW), all);
    expect([...product.tensors.keys()]).toEqual([...network.tensors.keys()]);
    for (const module of all)
      expect(findOffLevel(requireEntry(product.tensors, weightOf(module), "tensor"))).toBe(-1);
  },
);

test("only the chosen layers are in 8 bits, with ranges; the others are the very same tensors", async () => {
  const fitted = fitLayers(NETWORK, await calibrated, HOW);
  const chosen = linearModules(NETWORK.config.layers).slice(3, 7);
  const product = withLayersIn8Bits(NETWORK, fitted, chosen);
  expect([...(product.config.quantized?.keys() ?? [])]).toEqual(chosen);
  for (const { input } of product.config.quantized?.values() ?? []) expect(input?.high).toBeGreaterThan(0);
  for (const module of linearModules(NETWORK.config.layers)) {
    const tensor = requireEntry(product.tensors, weightOf(module), "tensor");
    if (chosen.includes(module)) expect(findOffLevel(tensor)).toBe(-1);
    else expect(tensor).toBe(NETWORK.tensors.get(weightOf(module)));
  }
});

test("a network in 8 bits keeps levels and biases, and only gets ranges", async () => {
  const all = linearModules(NETWORK.config.layers);
  const once = withLayersIn8Bits(NETWORK, fitLayers(NETWORK, await calibrated, HOW), all);
  const again = fitLayers(once, await calibrate(engine, inFloat(once), TEXTS), HOW);
  expect(withLayersIn8Bits(once, again, all).tensors).toEqual(once.tensors);
});

test("a mask of a bias that is corrected does not say any more that it is 0", async () => {
  const { query } = layerNames(0);
  const [name, data] = [biasOf(query), new Float32Array(12)];
  const masks = new Map([[name, { dtype: "uint8" as const, shape: [12], data: new Uint8Array(12) }]]);
  const tensors = new Map([...NETWORK.tensors, [name, floatTensor([12], data)]]);
  const masked = { ...NETWORK, tensors, masks };
  const product = withLayersIn8Bits(masked, fitLayers(masked, await calibrated, HOW), [query]);
  expect(product.masks).toBeUndefined();
});

test("each layer alone costs something, in descending order, and float32 costs nothing", async () => {
  const fitted = fitLayers(NETWORK, await calibrated, HOW);
  const told: number[] = [];
  const costs = await layerSensitivities({
    network: NETWORK,
    fitted,
    texts: TEXTS,
    threads: 1,
    progress: (done) => told.push(done),
  });
  expect(costs.map(({ module }) => module).toSorted()).toEqual([...fitted.keys()].toSorted());
  expect(costs.map(({ cost }) => cost)).toEqual(costs.map(({ cost }) => cost).toSorted((a, b) => b - a));
  expect(costs.at(-1)?.cost).toBeGreaterThan(0);
  expect(told).toHaveLength(12);
  const exact = await answersOf(engine, NETWORK, TEXTS);
  expect(divergence(CLASSES, exact, exact, 12)).toBe(0);
});

test("divergences and cosines are those computed by hand", () => {
  const half = Float32Array.of(0, 0);
  const three = Float32Array.of(Math.log(3), 0); // 3/4 and 1/4
  const nats = 0.5 * Math.log(0.5 / 0.75) + 0.5 * Math.log(0.5 / 0.25);
  expect(divergence(CLASSES, half, three, 1)).toBeCloseTo(nats, 6);
  expect(divergence({ kind: "regression" }, Float32Array.of(1, 2), Float32Array.of(2, 4), 2)).toBe(2.5);
  const several = { kind: "multi-label", labels: ["a", "b"] } as const;
  expect(divergence(several, half, three, 1)).toBeCloseTo(nats / 2, 6); // the second label's are the same
  const tokens = { kind: "tokens", labels: ["O", "X"] } as const;
  const two = [Float32Array.of(...half, ...three), Float32Array.of(...three, ...three)] as const;
  expect(divergence(tokens, ...two, 1)).toBeCloseTo(nats / 2, 6);
  const [a, b] = [Float32Array.of(1, 0, 0, 2), Float32Array.of(1, 1, 0, 1)];
  expect(meanCosine(a, b, 2)).toBeCloseTo((Math.SQRT1_2 + 1) / 2, 6);
  expect(meanCosine(new Float32Array(4), new Float32Array(4), 2)).toBe(1);
});
