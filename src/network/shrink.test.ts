import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { CLASSES, madeUpBatch, smallNetwork } from "../../test/support/training.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { classify } from "../bert/head-layers.ts";
import { parameters } from "../bert/names.ts";
import type { Sites } from "../bert/sites.ts";
import { Engine } from "../engine/engine.ts";
import { mul } from "../graph/ops/elementwise.ts";
import { program } from "../graph/program.ts";
import { constant } from "../graph/value.ts";
import { readFolder, writeFolder } from "./folder.ts";
import { openNetwork } from "./inference.ts";
import type { Network } from "./network.ts";
import { keepUnits, type LayerUnits, WHOLE } from "./shrink.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const NETWORK = withBiases(smallNetwork(CLASSES, 2, 0));
const BATCH = madeUpBatch(CLASSES, 3, 8);
const EVERY_THIRD = Array.from({ length: 20 }, (_, i) => i % 3 !== 0);

/** Biases start at 0, which would hide a bias that is wrongly kept or lost. */
function withBiases(network: Network): Network {
  const tensors = new Map(network.tensors);
  for (const [name, { shape, data }] of tensors) {
    if (!name.endsWith(".bias")) continue;
    tensors.set(
      name,
      floatTensor(
        shape,
        data.map((_, i) => Math.sin(i + name.length)),
      ),
    );
  }
  return { ...network, tensors };
}

/** Logits with the given sites. */
async function gated(name: string, network: Network, sites: Sites): Promise<Float32Array> {
  const { config, head, tensors } = network;
  const context = contextOf(config, parameters(config, head), sites);
  const inputs = batchInputs();
  const graph = program({ logits: classify(context, encode(context, inputs)) });
  const session = await engine.session(name, () => graph);
  const shape = [BATCH.size, BATCH.length];
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries([...tensors].filter(([tensor]) => graph.inputs.has(tensor))),
    input_ids: { dtype: "int32", shape, data: BATCH.ids },
    token_type_ids: { dtype: "int32", shape, data: BATCH.types },
    mask: { dtype: "float32", shape, data: BATCH.mask },
  };
  const [results] = await engine.run([{ session, feeds }]);
  const data = results?.logits?.data;
  if (!(data instanceof Float32Array)) throw new Error("no logits");
  return data;
}

/** The same units silenced by gates: 0 for those that are to go. */
function gatesFor(units: readonly LayerUnits[]): Sites {
  return {
    gate: (site, x) => {
      const { heads, neurons } = units[site.layer] ?? WHOLE;
      const whole = site.kind === "attention" || site.kind === "ffn";
      const kept = site.kind === "attention" || site.kind === "heads" ? heads : neurons;
      if (kept === "all" || (typeof kept !== "string" && whole)) return x;
      const values = typeof kept === "string" ? [0] : [...kept].map(Number);
      const shape = site.kind === "heads" && values.length > 1 ? [values.length, 1, 1] : [values.length];
      return mul(x, constant(floatTensor(shape, Float32Array.from(values))));
    },
  };
}

function expectClose(a: Float32Array, b: Float32Array, bound: number): void {
  expect(a.length).toBe(BATCH.size * 3);
  expect(Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))))).toBeLessThan(bound);
}

const CASES: readonly (readonly [string, readonly LayerUnits[]])[] = [
  ["one head", [{ heads: [false, true], neurons: "all" }, WHOLE]],
  ["every head of a layer", [WHOLE, { heads: [false, false], neurons: "all" }]],
  ["an attention module with its bias", [{ heads: "none", neurons: "all" }, WHOLE]],
  ["a feed-forward module with its bias", [WHOLE, { heads: "all", neurons: "none" }]],
  ["a third of the neurons", [{ heads: "all", neurons: EVERY_THIRD }, WHOLE]],
  [
    "something of everything",
    [
      { heads: [true, false], neurons: "none" },
      { heads: "none", neurons: EVERY_THIRD },
    ],
  ],
  [
    "all modules",
    [
      { heads: "none", neurons: "none" },
      { heads: "none", neurons: "none" },
    ],
  ],
];

test.each(CASES)(
  "without %s logits are those of the network with gates at 0 there, within 1e-6",
  async (name, units) => {
    const shrunk = keepUnits(NETWORK, units);
    const shapes = new Map([...shrunk.tensors].map(([tensor, { shape }]) => [tensor, [...shape]]));
    expect(shapes).toEqual(parameters(shrunk.config, shrunk.head));
    const silenced = await gated(`gates ${name}`, NETWORK, gatesFor(units));
    expectClose(await gated(`shrunk ${name}`, shrunk, {}), silenced, 1e-6);
    // The exported model is what ships; ONNX Runtime sums its products in another order.
    expectClose(await (await openNetwork(engine, shrunk)).logits(BATCH), silenced, 1e-5);
  },
);

test.each(CASES)("without %s a network is written to a folder and read back the same", async (_, units) => {
  const masks = new Map([
    mask("bert.encoder.layer.0.attention.output.dense.weight", [12, 12]),
    mask("bert.encoder.layer.1.intermediate.dense.weight", [20, 12]),
  ]);
  const tensors = new Map(
    [...NETWORK.tensors].map(([name, { shape, data }]) => {
      const kept = masks.get(name)?.data;
      return [name, floatTensor(shape, kept ? data.map((w, i) => (kept[i] === 0 ? 0 : w)) : data)];
    }),
  );
  const masked = { ...NETWORK, tensors, masks };
  const shrunk = keepUnits(masked, units);
  const folder = join(await newFolder(), "shrunk");
  await writeFolder(folder, shrunk);
  const back = await readFolder(folder);
  expect(back.config).toEqual(shrunk.config);
  expect(back.tensors).toEqual(shrunk.tensors);
  expect(back.masks).toEqual(shrunk.masks);
});

function mask(name: string, shape: readonly [number, number]): [string, Tensor<"uint8">] {
  const data = Uint8Array.from({ length: shape[0] * shape[1] }, (_, i) => Number((i * 7) % 5 > 1));
  return [name, { dtype: "uint8", shape, data }];
}

test("masks are cut as their tensors are, and one of a tensor with nothing left is dropped", () => {
  const name = "bert.encoder.layer.0.attention.output.dense.weight";
  const [, full] = mask(name, [12, 12]);
  const masked = { ...NETWORK, masks: new Map([[name, full]]) };
  const second = keepUnits(masked, [{ heads: [false, true], neurons: "all" }, WHOLE]);
  const row = (data: Uint8Array, i: number): number[] => [...data.subarray(12 * i + 6, 12 * i + 12)];
  expect(second.masks?.get(name)?.shape).toEqual([12, 6]);
  expect([...(second.masks?.get(name)?.data ?? [])]).toEqual(
    Array.from({ length: 12 }, (_, i) => row(full.data, i)).flat(),
  );
  expect(keepUnits(masked, [{ heads: [false, false], neurons: "all" }, WHOLE]).masks).toBeUndefined();
});

test("what stays is bit for bit what it was, and a whole network is the very same numbers", () => {
  expect(keepUnits(NETWORK, [WHOLE, WHOLE])).toEqual(NETWORK);
  const query = "bert.encoder.layer.1.attention.self.query.weight";
  const shrunk = keepUnits(NETWORK, [WHOLE, { heads: [false, true], neurons: "all" }]);
  expect(shrunk.tensors.get(query)?.data).toEqual(NETWORK.tensors.get(query)?.data.slice(6 * 12));
});

test.each([
  ["of another number of layers", [WHOLE]],
  ["of another number of heads", [WHOLE, { heads: [true], neurons: "all" }]],
  ["of another number of neurons", [{ heads: "all", neurons: [true, false] }, WHOLE]],
] as [string, LayerUnits[]][])("units %s are refused (shrink/units)", (_, units) => {
  expect(() => keepUnits(NETWORK, units)).toThrow(expect.objectContaining({ code: "shrink/units" }));
});
