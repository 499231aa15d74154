import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { CLASSES, madeUpBatch, smallNetwork } from "../../test/support/training.ts";
import { findOffLevel } from "../base/levels.ts";
import { requireEntry } from "../base/present.ts";
import { keyOf } from "../base/random.ts";
import { largestGap } from "../base/tensor.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { classify } from "../bert/head-layers.ts";
import { parameters, weightOf } from "../bert/names.ts";
import { linearModules } from "../bert/quantized.ts";
import { Engine } from "../engine/engine.ts";
import { program } from "../graph/program.ts";
import { roundRows, tokenRounding } from "../graph/quantize.ts";
import { decodeModel } from "../onnx/decode.ts";
import { decodeEsp, encodeEsp, networkOf } from "../sparse/esp/model.ts";
import { readFolder, writeFolder } from "./folder.ts";
import { openNetwork } from "./inference.ts";
import { withLayers } from "./layers.ts";
import { initialNetwork, type Network, withHead } from "./network.ts";
import { exportOnnx } from "./onnx.ts";
import { inFloat, withQuantized } from "./quantized.ts";
import { keepUnits, WHOLE } from "./shrink.ts";
import { toStock } from "./stock.ts";
import { keepPieces } from "./vocabulary.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const BATCH = madeUpBatch(CLASSES, 3, 8);
const FLOAT = smallNetwork(CLASSES, 2, 0);
const KEY = "bert.encoder.layer.0.attention.self.key";
const MIXED = "bert.encoder.layer.0.attention.output.dense";
const OUTPUT = "bert.encoder.layer.1.output.dense";
const RECORD = new Map([
  [KEY, { input: { low: -2, high: 1.5 } }],
  [MIXED, {}],
  [OUTPUT, { input: { low: -0.25, high: 3 } }],
]);
const EIGHT = withQuantized(FLOAT, RECORD);

function offLevel({ tensors }: Network, module: string): number {
  return findOffLevel(requireEntry(tensors, weightOf(module), "tensor"));
}

test("the weights of the layers named are on levels, and no others are touched", () => {
  expect(EIGHT.config.quantized).toEqual(RECORD);
  const moved = [...FLOAT.tensors].filter(([name, tensor]) => EIGHT.tensors.get(name) !== tensor);
  expect(moved.map(([name]) => name)).toEqual([KEY, MIXED, OUTPUT].map(weightOf));
  expect([KEY, MIXED, OUTPUT].map((module) => offLevel(EIGHT, module))).toEqual([-1, -1, -1]);
  expect(offLevel(FLOAT, KEY)).toBe(0);
});

test("a folder keeps the record and the very numbers, stored as halves too", async () => {
  for (const storage of ["float32", "float16"] as const) {
    const folder = await newFolder();
    await writeFolder(folder, EIGHT, { storage });
    const back = await readFolder(folder);
    expect(back.config).toEqual(EIGHT.config);
    expect(back.tensors.get(weightOf(OUTPUT))).toEqual(EIGHT.tensors.get(weightOf(OUTPUT)));
  }
});

test("a folder whose weights are between the levels is refused, written or read", async () => {
  const folder = await newFolder();
  const config = { ...FLOAT.config, quantized: RECORD };
  const refused = expect.objectContaining({
    code: "folder/quantized",
    message: expect.stringContaining(`tensor ${KEY}.weight: expected levels`),
  });
  await expect(writeFolder(folder, { ...FLOAT, config })).rejects.toThrow(refused);
  await writeFolder(folder, FLOAT);
  const path = join(folder, "config.json");
  const json: object = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...json, espalier: { quantized: { [KEY]: {} } } }));
  await expect(readFolder(folder)).rejects.toThrow(refused);
});

test.each(["float32", "float16", "int8"] as const)(
  "a packed file of %s values keeps the record and the very numbers",
  async (values) => {
    const back = networkOf(await decodeEsp(await encodeEsp(EIGHT, { values })));
    expect(back.config).toEqual(EIGHT.config);
    for (const module of RECORD.keys()) {
      expect(back.tensors.get(weightOf(module))).toEqual(EIGHT.tensors.get(weightOf(module)));
    }
  },
);

test("layers that stay in float32 are packed as values say, tables as tables do", async () => {
  const back = networkOf(await decodeEsp(await encodeEsp(EIGHT, { values: "float32", tables: "int8" })));
  const words = "bert.embeddings.word_embeddings.weight";
  for (const [name, tensor] of EIGHT.tensors) {
    if (name.startsWith("bert.embeddings.") && tensor.shape.length === 2) continue;
    expect(back.tensors.get(name), name).toEqual(tensor);
  }
  expect(findOffLevel(requireEntry(back.tensors, words, "tensor"))).toBe(-1);
  expect(back.tensors.get(words)).not.toEqual(EIGHT.tensors.get(words));
});

test("the record survives another head, fewer pieces and stock sizes", () => {
  expect(withHead(EIGHT, { kind: "regression" }, keyOf(1)).config.quantized).toEqual(RECORD);
  expect(keepPieces(EIGHT, [0, 1, 2, 3, 4, 9]).config.quantized).toEqual(RECORD);
  const narrow = keepUnits(EIGHT, [{ ...WHOLE, heads: [true, false] }, WHOLE]);
  expect(toStock(narrow).config.quantized).toEqual(RECORD);
  expect(offLevel(toStock(narrow), MIXED)).toBe(-1);
});

test("units that leave take their modules' record with them; what is cut is on levels again", () => {
  const cut = keepUnits(EIGHT, [
    { heads: "none", neurons: "all" },
    { heads: "all", neurons: Array.from({ length: 20 }, (_, i) => i % 4 === 0) },
  ]);
  expect([...(cut.config.quantized?.keys() ?? [])]).toEqual([OUTPUT]);
  expect(offLevel(cut, OUTPUT)).toBe(-1);
  const none = keepUnits(EIGHT, [WHOLE, { heads: "all", neurons: "none" }]);
  expect([...(none.config.quantized?.keys() ?? [])]).toEqual([KEY, MIXED]);
});

test("layers that move take their record along, and lose it where their weights are new", () => {
  const [, layer] = EIGHT.config.layers;
  if (layer === undefined) throw new Error("no layer");
  const source = { layer, stem: "bert.encoder.layer.1", spans: 2 };
  const moved = "bert.encoder.layer.0.output.dense";
  expect(withLayers(EIGHT, [source]).config.quantized).toEqual(new Map([[moved, RECORD.get(OUTPUT)]]));
  const trained = new Map([...EIGHT.tensors].map(([name, tensor]) => [name, { ...tensor }]));
  expect(withLayers(EIGHT, [source], trained).config.quantized).toBeUndefined();
});

test("a network with new weights is in float32, and so is one from which the record is taken", () => {
  const { config, head, vocabulary } = EIGHT;
  expect(initialNetwork(config, head, vocabulary, keyOf(2)).config).toEqual(FLOAT.config);
  expect(inFloat(EIGHT).config).toEqual(FLOAT.config);
  expect(inFloat(EIGHT).tensors).toBe(EIGHT.tensors);
  expect(inFloat(FLOAT)).toBe(FLOAT);
});

/** Logits of the float network whose layers are rounded at the sites of the forward pass. */
async function roundedAtSites(modules: readonly string[]): Promise<Float32Array> {
  const rounded = tokenRounding();
  const context = contextOf(FLOAT.config, parameters(FLOAT.config, CLASSES), {
    weight: (name, w) => (modules.map(weightOf).includes(name) ? roundRows(w) : w),
    input: (module, x) => (modules.includes(module) ? rounded(x) : x),
  });
  const graph = program({ logits: classify(context, encode(context, batchInputs())) });
  const session = await engine.session(`sites ${modules}`, () => graph);
  const shape = [BATCH.size, BATCH.length];
  const [results] = await engine.run([
    {
      session,
      feeds: {
        ...Object.fromEntries(FLOAT.tensors),
        input_ids: { dtype: "int32", shape, data: BATCH.ids },
        token_type_ids: { dtype: "int32", shape, data: BATCH.types },
        mask: { dtype: "float32", shape, data: BATCH.mask },
      },
    },
  ]);
  const data = results?.logits?.data;
  if (data instanceof Float32Array) return data;
  throw new Error("no logits");
}

test.each([
  ["some layers", [...RECORD.keys()]],
  ["all layers", linearModules(FLOAT.config.layers)],
])(
  "with %s in 8 bits, a network answers within 1e-6 of one that is rounded site by site",
  async (_, modules) => {
    const network = withQuantized(FLOAT, new Map(modules.map((module) => [module, {}])));
    const logits = await (await openNetwork(engine, network)).logits(BATCH);
    expect(largestGap(logits, await roundedAtSites(modules))).toBeLessThan(1e-6);
    const exact = await (await openNetwork(engine, FLOAT)).logits(BATCH);
    expect(largestGap(logits, exact)).toBeGreaterThan(1e-4);
  },
);

test("the dynamic int8 of ONNX Runtime takes the place of the network's own rounding", () => {
  const opTypes = (network: Network): string[] =>
    decodeModel(exportOnnx(network, { weights: "int8" })).graph.nodes.map(({ opType }) => opType);
  expect(opTypes(EIGHT)).toEqual(opTypes(FLOAT));
});

test("every linear layer with a weight can be named", () => {
  expect(linearModules(FLOAT.config.layers)).toHaveLength(12);
  expect(linearModules([{ heads: 0, ffn: 3 }])).toEqual([
    "bert.encoder.layer.0.intermediate.dense",
    "bert.encoder.layer.0.output.dense",
  ]);
});
