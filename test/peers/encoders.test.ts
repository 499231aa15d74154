/**
 * What is done with an encoder of every architecture: the table of `docs/encoders.md` is what came out.
 *
 * A cell is tried on a small network with random weights. What is refused is refused by name, and its cell has the error's
 * code. Methods build the graph of their first step and of their product everywhere, and run on the architecture that
 * differs most. Parity with transformers is tested beside the folders (src/network/architectures.test.ts).
 */

import { readFile } from "node:fs/promises";
import { afterAll, expect, test } from "vitest";
import { EspalierError } from "../../src/base/errors.ts";
import { fold, keyOf, normals, randint } from "../../src/base/random.ts";
import { floatTensor, largestGap } from "../../src/base/tensor.ts";
import { type BertConfig, factsOf, type Head } from "../../src/bert/config.ts";
import type { ModelType } from "../../src/bert/facts.ts";
import { biasOf, layerNames, parameters, weightOf } from "../../src/bert/names.ts";
import { linearModules } from "../../src/bert/quantized.ts";
import { Engine } from "../../src/engine/engine.ts";
import { openPacked } from "../../src/measure/packed.ts";
import { METHODS } from "../../src/methods/registry.ts";
import { withoutDeadUnits } from "../../src/network/dead-units.ts";
import type { InputBatch } from "../../src/network/inference.ts";
import type { Network } from "../../src/network/network.ts";
import { withQuantized } from "../../src/network/quantized.ts";
import { OBLIGATIONS } from "../../src/obligations/obligations.ts";
import { randomNetwork } from "../../src/obligations/small-network.ts";
import { type Trial, trialOf } from "../../src/obligations/trial.ts";
import { encodeEsp } from "../../src/sparse/esp/model.ts";
import { measureDegrees } from "../../src/topology/degrees.ts";
import { countJunctions } from "../../src/topology/junctions.ts";
import { findPaths } from "../../src/topology/paths.ts";
import { findSpectra } from "../../src/topology/spectra.ts";
import { structureOf } from "../../src/topology/structure.ts";
import { surveyUnits } from "../../src/topology/units.ts";
import { evalProgram, type GraphPlan, trainProgram } from "../../src/train/step.ts";
import { KINDS, smallConfigOf } from "../support/architectures.ts";
import { FORMATS, ofTokens, openHere } from "../support/formats.ts";
import { SETTINGS } from "../support/paper-methods.ts";
import { newFolder } from "../support/tiny-model.ts";

const CLASSES: Head = { kind: "classification", labels: ["a", "b", "c"] };
/** Heads beside that of one label of three. */
const HEADS: Readonly<Record<string, Head>> = {
  "several labels": { kind: "multi-label", labels: ["a", "b", "c"] },
  "labels of tokens": { kind: "tokens", labels: ["O", "B-X", "I-X"] },
  vectors: { kind: "none", pooling: { mode: "mean", normalize: true } },
};
const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

/** A network of a kind; biases are drawn too, so that one that is lost shows. */
function networkOf(config: BertConfig, seed = 9, head = CLASSES): Network {
  const { tensors, ...rest } = randomNetwork(config, head, seed);
  const drawn = [...tensors].map(([name, { shape, data }]) => {
    const values = normals(fold(keyOf(8), name), data.length, 0.3);
    return [name, floatTensor(shape, name.endsWith("bias") ? values : data)] as const;
  });
  return { ...rest, tensors: new Map(drawn) };
}

/** Three texts of 10, 8 and 5 pieces, more than a local window. */
function batchFor({ config }: Network): InputBatch {
  const [size, length] = [3, 10];
  const draw = (below: number, key: string): Int32Array =>
    Int32Array.from({ length: size * length }, (_, i) => randint(fold(keyOf(6), key), below, i));
  const mask = Float32Array.from({ length: size * length }, (_, i) => {
    return Number(i % length < length - 2 * Math.floor(i / length));
  });
  const types = factsOf(config).types === "read" ? draw(2, "types") : new Int32Array(size * length);
  return { size, length, ids: draw(55, "ids").map((id) => id + 5), types, mask };
}

const answered = new WeakMap<Network, Promise<Float32Array>>();

/** What a network says here, asked once. */
function answersOf(network: Network): Promise<Float32Array> {
  const ask = async (): Promise<Float32Array> => (await openHere(network, engine)).outputs(batchFor(network));
  const answer = answered.get(network) ?? ask();
  answered.set(network, answer);
  return answer;
}

/** Written and read by a format's reader; undefined where that is not on this machine. */
async function throughFormat(name: string, network: Network): Promise<void> {
  const format = FORMATS.find((each) => each.name === name);
  if (format === undefined) throw new Error(`no format ${name}`);
  const theirs = await format.open(await format.write(await newFolder(), network), network, engine);
  if (theirs === undefined) throw new Error(`no reader for ${name} here`);
  const batch = batchFor(network);
  const said = await theirs.outputs(batch);
  await theirs.close();
  const ours =
    format.vectors === true
      ? await (await openHere(network, engine, true)).outputs(batch)
      : await answersOf(network);
  expect(said.length).toBe(ours.length);
  const [a, b] = [said, ours].map((rows) => ofTokens(network, batch, rows));
  expect(largestGap(a ?? said, b ?? ours)).toBeLessThanOrEqual(format.bound);
}

/** With another head: what trains it has a graph, and folder, packed file and ONNX answer as it does here. */
async function answersWith(head: Head, { config }: Network): Promise<void> {
  buildGraphs(trialFor("finetune", config, head));
  const network = networkOf(config, 9, head);
  for (const { name } of FORMATS.filter(({ name }) => !name.startsWith("stock folder"))) {
    await throughFormat(name, network);
  }
}

/** Zeros in the rows of the last head and of every other neuron, and in their biases. */
function withZeros(network: Network): Network {
  const tensors = new Map(network.tensors);
  const clear = (name: string, isGone: (row: number) => boolean): void => {
    const tensor = tensors.get(name);
    if (tensor === undefined) return;
    const width = tensor.shape.length === 1 ? 1 : (tensor.shape[1] ?? 1);
    tensors.set(
      name,
      floatTensor(
        tensor.shape,
        tensor.data.map((x, i) => (isGone(Math.floor(i / width)) ? 0 : x)),
      ),
    );
  };
  network.config.layers.forEach(({ headSize, sharing }, i) => {
    const names = layerNames(sharing ?? i);
    clear(weightOf(names.value), (row) => row < headSize);
    clear(biasOf(names.value), (row) => row < headSize && i > 0);
    for (const module of [names.intermediate, names.gate]) clear(weightOf(module), (row) => row % 2 === 0);
  });
  return { ...network, tensors };
}

async function shrinks(network: Network): Promise<void> {
  const pruned = withZeros(network);
  const small = withoutDeadUnits(pruned);
  expect(small.config.layers.map(({ heads, ffn }) => [heads, ffn])).toEqual(
    network.config.layers.map(() => [1, 10]),
  );
  const expected = await answersOf(pruned);
  expect(largestGap(await answersOf(small), expected)).toBeLessThan(1e-5);
  await throughFormat("stock folder, padded, read here", small);
}

async function computesIn8Bits(network: Network): Promise<void> {
  const modules = linearModules(network.config.layers);
  const rounded = withQuantized(network, new Map(modules.map((module) => [module, {}])));
  const [ours, whole] = [await answersOf(rounded), await answersOf(network)];
  expect(largestGap(ours, whole)).toBeGreaterThan(0);
  await throughFormat("Hugging Face folder, read here", rounded);
}

function trialFor(id: string, config: BertConfig, head = CLASSES): Trial {
  const method = Object.entries(METHODS).find(([name]) => name === id)?.[1];
  const set = Object.entries(SETTINGS).find(([name]) => name === id)?.[1] ?? {};
  if (method === undefined) throw new Error(`no method ${id}`);
  return trialOf(method, { set, head, layers: 2, network: (seed) => networkOf(config, seed, head) });
}

/** The graph of the first step, with gradients of all that is trained, and that of the product. */
function buildGraphs({ method }: Trial): void {
  const { config, head } = method.network;
  const added = [...method.tensors].map(([name, { shape }]) => [name, shape] as const);
  const shapes = new Map([...parameters(config, head), ...added]);
  const plan = (structure: string): GraphPlan => ({
    config,
    head,
    shapes,
    teacher: method.teacher,
    noise: false,
    answers: (tools) => method.sites(structure, tools),
  });
  const trained = [...shapes.keys()].filter(method.trains);
  trainProgram(plan(method.structure(0)), trained, { rows: false, accumulate: false });
  evalProgram(plan(method.product()));
}

/** Of those every method owes: what it trains has gradients, and its product answers as its graph did. */
const HELD = OBLIGATIONS.filter(({ holds }) => /^gradients reach|^finish\(\) gives/.test(holds));

/** What also runs on the architecture that differs most from BERT; the others' steps are made of the same graphs. */
const RUN = ["adapting-by-pruning", "theseus"];

async function trains(id: string, config: BertConfig): Promise<void> {
  const trial = trialFor(id, config);
  buildGraphs(trial);
  if (config.facts?.type !== "modernbert" || !RUN.includes(id)) return;
  const problems = await Promise.all(HELD.map((obligation) => obligation.problems(trial)));
  expect(problems.flat()).toEqual([]);
}

async function inSparseRuntime(network: Network): Promise<void> {
  const file = await encodeEsp(network, { values: "float32" });
  const model = await openPacked(file, 1, "model.esp");
  const said = await model.logits(batchFor(network));
  await model.close();
  expect(largestGap(said, await answersOf(network))).toBeLessThan(1e-5);
}

/** Every analysis of a structure finds the half of the heads and neurons that is gone. */
async function isStudied(network: Network): Promise<void> {
  const pruned = withZeros(network);
  const structure = structureOf(pruned);
  const { layers } = network.config;
  const half = layers.reduce((n, { ffn }) => n + ffn / 2, 0);
  expect(surveyUnits(structure)).toMatchObject({
    heads: { dead: { found: layers.length } },
    neurons: { dead: { found: half } },
  });
  const written = countJunctions(structure).junctions.filter(({ kind }) => kind === "neurons");
  expect(written.every(({ written: { found }, units }) => found === units / 2)).toBe(true);
  const { units } = findPaths(structure).withResidual;
  expect(units.find(({ kind }) => kind === "neuron")?.effective).toBe(half);
  const matrices = structure.matrices.length;
  expect(measureDegrees(structure).matrices.length).toBe(matrices);
  const tables = structure.matrices.filter(({ layer }) => layer === null).length;
  expect(findSpectra(pruned, { key: keyOf(1) }).matrices.length).toBe(matrices - tables);
}

/** A column of the table. */
const COLUMNS: Readonly<Record<string, (network: Network) => Promise<void>>> = {
  load: (network) => throughFormat("Hugging Face folder, read here", network),
  ...Object.fromEntries(
    Object.keys(SETTINGS).map((id) => [id, (network: Network) => trains(id, network.config)]),
  ),
  ...Object.fromEntries(
    Object.entries(HEADS).map(([name, head]) => [name, (network: Network) => answersWith(head, network)]),
  ),
  int8: computesIn8Bits,
  shrink: shrinks,
  ONNX: (network) => throughFormat("ONNX file, stock ONNX Runtime", network),
  "`.esp`": inSparseRuntime,
  topology: isStudied,
  "transformers.js": (network) => throughFormat("ONNX folder, transformers.js", network),
};

/** What a transformers.js without a class for the architecture's head says. */
const NO_CLASS = /^Unsupported model type/;

/** `yes`, the code that it is refused with, or the one reader that has no place for it. */
async function cellOf(network: Network, column: string): Promise<string> {
  try {
    await COLUMNS[column]?.(network);
    return "yes";
  } catch (error) {
    if (error instanceof EspalierError) return `no: ${error.code}`;
    if (error instanceof Error && NO_CLASS.test(error.message)) return "not in transformers.js";
    throw error;
  }
}

const rows = new Map<ModelType, readonly string[]>();
const OTHERS = KINDS.filter((kind) => kind !== "bert");

test.each(OTHERS)("%s: what is done with it works, or is refused by name", async (kind) => {
  const cells: string[] = [];
  const network = networkOf(smallConfigOf(kind));
  for (const column of Object.keys(COLUMNS)) cells.push(await cellOf(network, column));
  rows.set(kind, cells);
  expect(cells.filter((cell) => cell === "yes").length).toBeGreaterThan(7);
});

test("docs/encoders.md has the table", async (context) => {
  if (rows.size < OTHERS.length) return context.skip("only a part of the table was made");
  const columns = Object.keys(COLUMNS);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const table = [
    line(["", ...OTHERS]),
    `|${"---|".repeat(OTHERS.length + 1)}`,
    ...columns.map((column, i) => line([column, ...OTHERS.map((kind) => rows.get(kind)?.[i] ?? "?")])),
  ];
  const page = await readFile(new URL("../../docs/encoders.md", import.meta.url), "utf8");
  expect(page).toContain(`${table.join("\n")}\n`);
});
