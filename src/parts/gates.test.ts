import { afterAll, expect, test } from "vitest";
import { smallConfigOf } from "../../test/support/architectures.ts";
import { CLASSES, madeUpBatch, smallNetwork } from "../../test/support/training.ts";
import type { Tensor } from "../base/tensor.ts";
import type { ModelType } from "../bert/facts.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { classify } from "../bert/head-layers.ts";
import { parameters } from "../bert/names.ts";
import type { Sites } from "../bert/sites.ts";
import { Engine } from "../engine/engine.ts";
import type { Results } from "../engine/protocol.ts";
import { backward } from "../graph/backward.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { type Program, program } from "../graph/program.ts";
import { constant, input, type Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { keepUnits } from "../network/shrink.ts";
import { randomNetwork } from "../obligations/small-network.ts";
import { gateHeads, headOutputs, keepRanges, withoutUnits } from "./gates.ts";
import { parseUnits } from "./units.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

/** Sessions have names, and every graph here its own. */
let graphs = 0;

const NETWORK = smallNetwork(CLASSES, 2, 0);
const BATCH = madeUpBatch(CLASSES, 3, 8);
const EVEN = Array.from({ length: 20 }, (_, i) => Number(i % 2 === 0)).join("");

function graphOf({ config, head }: Network, sites: Sites) {
  const context = contextOf(config, parameters(config, head), sites);
  const encoding = encode(context, batchInputs());
  return { context, encoding, logits: classify(context, encoding) };
}

async function run(graph: Program, feeds: Readonly<Record<string, Tensor>>): Promise<Results> {
  const session = await engine.session(`graph ${graphs++}`, () => graph);
  const read = Object.entries(feeds).filter(([name]) => graph.inputs.has(name));
  const [results] = await engine.run([{ session, feeds: Object.fromEntries(read) }]);
  return results ?? {};
}

function batchFeeds(network: Network): Record<string, Tensor> {
  const shape = [BATCH.size, BATCH.length];
  return {
    ...Object.fromEntries(network.tensors),
    input_ids: { dtype: "int32", shape, data: BATCH.ids },
    token_type_ids: { dtype: "int32", shape, data: BATCH.types },
    mask: { dtype: "float32", shape, data: BATCH.mask },
  };
}

function floats(results: Results, name: string): Float32Array {
  const data = results[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no result ${name}`);
  return data;
}

function distance(a: Float32Array, b: Float32Array): number {
  return a.length === b.length
    ? Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))))
    : Number.NaN;
}

const LEFT: readonly (readonly [string, ModelType])[] = [
  ["01/all,all/none", "bert"],
  ["00/all,none/all", "bert"],
  [`10/${EVEN},01/${EVEN}`, "bert"],
  ["none/none,none/none", "bert"],
  [`10/${EVEN},01/${EVEN}`, "mpnet"],
  [`01/${EVEN},none/${EVEN}`, "modernbert"],
];

test.each(LEFT)("without units %s a %s graph gives the shrunk network's logits", async (text, type) => {
  const units = parseUnits(text);
  const network = type === "bert" ? NETWORK : randomNetwork(smallConfigOf(type), CLASSES);
  const { logits } = graphOf(network, withoutUnits(network.config, units));
  const shrunk = keepUnits(network, units);
  const cut = floats(await run(program({ logits }), batchFeeds(network)), "logits");
  const plain = floats(
    await run(program({ logits: graphOf(shrunk, {}).logits }), batchFeeds(shrunk)),
    "logits",
  );
  expect(cut).toHaveLength(BATCH.size * 3);
  expect(distance(cut, plain)).toBeLessThan(1e-6);
});

test("a module that is gone is not in the graph, and attention has as many scores as heads are left", () => {
  const { logits, encoding } = graphOf(NETWORK, withoutUnits(NETWORK.config, parseUnits("01/none,none/all")));
  const names = [...program({ logits }).inputs.keys()];
  expect(names.filter((name) => /layer\.0\.(intermediate|output\.dense)/.test(name))).toEqual([]);
  expect(names.filter((name) => /layer\.1\.attention\.(self|output\.dense)/.test(name))).toEqual([]);
  expect(names).toContain("bert.encoder.layer.0.attention.self.query.weight");
  expect([...encoding.scores].map(([layer, { shape }]) => [layer, shape[1]])).toEqual([[0, 1]]);
});

test("a head that is left out has no gradient, and the other has the whole", async () => {
  const name = "bert.encoder.layer.0.attention.self.value.weight";
  const { context, logits } = graphOf(NETWORK, withoutUnits(NETWORK.config, parseUnits("01/all,all/all")));
  const [g] = backward(sum(logits, [0, 1]), [context.plain.get(name) ?? logits]);
  const gradient = floats(await run(program({ g: g ?? logits }), batchFeeds(NETWORK)), "g");
  expect(gradient.subarray(0, 72).every((x) => x === 0)).toBe(true);
  expect(gradient.subarray(72).filter((x) => Math.abs(x) > 1e-6).length).toBeGreaterThan(60);
});

function numbers(shape: readonly number[]): { readonly value: Value; readonly data: Float32Array } {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(3 * i));
  return { value: constant({ dtype: "float32", shape, data }), data };
}

test("ranges of units are the rows or columns of those units, in their order", async () => {
  const { value, data } = numbers([12, 2]);
  const flipped = numbers([2, 12]);
  const graph = program({
    rows: keepRanges(value, 0, [0, 2, 3], 3),
    columns: keepRanges(flipped.value, 1, [1], 6),
  });
  const results = await run(graph, {});
  expect([...floats(results, "rows")]).toEqual([...data.subarray(0, 6), ...data.subarray(12)]);
  expect([...floats(results, "columns")]).toEqual([
    ...flipped.data.subarray(6, 12),
    ...flipped.data.subarray(18),
  ]);
});

test("a gate scales each head's context", async () => {
  const { value, data } = numbers([2, 2, 3, 2]);
  const gate = constant({ dtype: "float32", shape: [2], data: Float32Array.of(0.5, 0) });
  const gated = floats(await run(program({ y: gateHeads(value, gate) }), {}), "y");
  expect([...gated]).toEqual(
    [...data].map((x, i) => (Math.floor(i / 6) % 2 === 0 ? Math.fround(x * 0.5) : x * 0)),
  );
});

test("what the heads add is together the output projection of the joined contexts, within 1e-6", async () => {
  const seen: Value[] = [];
  const projection = "bert.encoder.layer.0.attention.output.dense.weight";
  const { logits } = graphOf(NETWORK, {
    gate: (site, x) => {
      if (site.kind === "heads" && site.layer === 0) {
        seen.push(sum(headOutputs(x, input(projection, "float32", [12, 12])), [0]));
      }
      return x;
    },
    residual: (site, branch) => {
      if (site.kind === "attention" && site.layer === 0) seen.push(branch);
      return branch;
    },
  });
  const [heads, branch] = seen;
  const results = await run(
    program({ heads: heads ?? logits, branch: branch ?? logits }),
    batchFeeds(NETWORK),
  );
  // The network's biases are 0.
  expect(floats(results, "heads")).toHaveLength(BATCH.size * BATCH.length * 12);
  expect(distance(floats(results, "heads"), floats(results, "branch"))).toBeLessThan(1e-6);
});
