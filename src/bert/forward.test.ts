import { afterAll, expect, test } from "vitest";
import { madeUpBatch, smallNetwork } from "../../test/support/training.ts";
import type { Tensor } from "../base/tensor.ts";
import { Engine } from "../engine/engine.ts";
import type { Results } from "../engine/protocol.ts";
import { backward } from "../graph/backward.ts";
import { sum } from "../graph/ops/broadcast.ts";
import { type Program, program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import type { BertConfig, Head } from "./config.ts";
import { batchInputs, contextOf, encode } from "./forward.ts";
import { classify, mixLayers } from "./head-layers.ts";
import { MIXTURE, parameters } from "./names.ts";
import { type Sites, SKIP } from "./sites.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

async function run(name: string, graph: Program, feeds: Readonly<Record<string, Tensor>>): Promise<Results> {
  const session = await engine.session(name, () => graph);
  const read = Object.entries(feeds).filter(([key]) => graph.inputs.has(key));
  const [results] = await engine.run([{ session, feeds: Object.fromEntries(read) }]);
  return results ?? {};
}

function floats(shape: readonly number[], ...values: number[]): Tensor {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
}

function values(results: Results, name: string): number[] {
  const data = results[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no result ${name}`);
  return [...data];
}

/** Equal but for the last digits of float32. */
function about(...numbers: number[]): number[] {
  return numbers.map((x) => expect.closeTo(x, 5));
}

test.each(["mixture", "means"] as const)(
  "%s: two layers and gradients are those computed by hand",
  async (reader) => {
    const shapes = new Map([
      [MIXTURE.weights[reader], [2]],
      ["mixture.dense.weight", [2, 2]],
      ["mixture.dense.bias", [2]],
    ]);
    const context = contextOf(smallNetwork({ kind: "regression" }, 2).config, shapes);
    const [top, other] = [input("h1", "float32", ["B", 2]), input("other", "float32", ["B", 2])];
    const lower = [input("h0", "float32", ["B", 2])];
    const read = reader === "means" ? { first: other, mean: top } : { first: top, mean: other };
    const out = mixLayers(context, reader, { lower, ...read });
    const names = [...shapes.keys()];
    const gradients = backward(
      sum(out, [0, 1]),
      names.map((name) => context.plain.get(name) ?? out),
    );
    const graph = program({
      out,
      ...Object.fromEntries(names.map((name, i) => [`g ${name}`, gradients[i] ?? out])),
    });
    const results = await run(`${reader} by hand`, graph, {
      h0: floats([2, 2], 4, 0, -4, 8),
      h1: floats([2, 2], 0, 4, 4, 0),
      [MIXTURE.weights[reader]]: floats([2], 0, Math.log(3)), // shares 1/4 and 3/4: averages (1, 3) and (2, 2)
      "mixture.dense.weight": floats([2, 2], 1, 1, 1, -1),
      "mixture.dense.bias": floats([2], 0.5, 1),
    });
    expect(values(results, "out")).toEqual(about(4.5, 0, 4.5, 1));
    // The second neuron of the first text is cut off by ReLU: the average's gradients are (1, 1) and (2, 0).
    expect(values(results, "g mixture.dense.weight")).toEqual(about(3, 5, 2, 2));
    expect(values(results, "g mixture.dense.bias")).toEqual(about(2, 1));
    // By share: -4 and 12, their mean under the shares 8; so 1/4·(-4 - 8) and 3/4·(12 - 8).
    expect(values(results, `g ${MIXTURE.weights[reader]}`)).toEqual(about(-3, 3));
  },
);

/** Inference and training logits of a classifier that hands on what it reads. */
async function classifierDropped(dropouts: Partial<BertConfig>): Promise<[number[], number[]]> {
  const head: Head = { kind: "classification", labels: Array.from({ length: 12 }, (_, i) => `${i}`) };
  const small = smallNetwork(head, 1, 0);
  const config = { ...small.config, ...dropouts };
  const shapes = parameters(config, head);
  const key = { key: input("key", "int64", []) };
  const logits = ([noise]: [typeof key?]) => {
    const context = contextOf(config, shapes, {}, noise);
    return classify(context, encode(context, batchInputs()));
  };
  const { size, length, ids, types, mask } = madeUpBatch({ kind: "regression" }, 3);
  const shape = [size, length];
  const identity = Float32Array.from({ length: 144 }, (_, i) => Number(i % 13 === 0));
  const feeds = {
    ...Object.fromEntries(small.tensors),
    "classifier.weight": floats([12, 12], ...identity),
    "classifier.bias": floats([12], ...new Float32Array(12)),
    input_ids: { dtype: "int32", shape, data: ids },
    token_type_ids: { dtype: "int32", shape, data: types },
    mask: { dtype: "float32", shape, data: mask },
    key: { dtype: "int64", shape: [], data: BigInt64Array.of(5n) },
  } as const;
  const plain = await run(`plain ${JSON.stringify(dropouts)}`, program({ out: logits([]) }), feeds);
  const noisy = await run(`noisy ${JSON.stringify(dropouts)}`, program({ out: logits([key]) }), feeds);
  return [values(plain, "out"), values(noisy, "out")];
}

test("what the classifier reads is dropped at classifierDropout, else at hiddenDropout", async () => {
  const [read, half] = await classifierDropped({ classifierDropout: 0.5 });
  const kept = half.map((x, i) => x / (read[i] ?? 0));
  expect(new Set(kept.map((ratio) => Math.round(1e5 * ratio) / 1e5))).toEqual(new Set([0, 2]));
  const [plain, none] = await classifierDropped({});
  expect(none).toEqual(plain);
  const [, hidden] = await classifierDropped({ hiddenDropout: 0.5 });
  expect(hidden.filter((x) => x === 0).length).toBeGreaterThan(8);
  const [, own] = await classifierDropped({ hiddenDropout: 0.5, classifierDropout: 0 });
  expect(own.filter((x) => x === 0)).toEqual([]);
});

const SKIPPING: Sites = { layer: (i, layer) => (i === 1 ? layer : SKIP) };

test.each([
  ["every layer", {}],
  ["a skipped last layer", SKIPPING],
] satisfies [string, Sites][])(
  "with %s, `lower` and `first` are the first tokens of the layers' outputs within 1e-6",
  async (name, sites) => {
    const head: Head = { kind: "none" };
    const { config, tensors } = smallNetwork(head, 3, 0);
    const { first, lower, hidden } = encode(
      contextOf(config, parameters(config, head), sites),
      batchInputs(),
    );
    const firsts = config.layers.map((_, i) => lower[i] ?? first);
    const outputs = [
      ...firsts.map((x, i) => [`f${i}`, x] as const),
      ...hidden.map((x, i) => [`h${i}`, x] as const),
    ];
    const { size, length, ids, types, mask } = madeUpBatch({ kind: "regression" }, 3);
    const shape = [size, length];
    const results = await run(name, program(Object.fromEntries(outputs)), {
      ...Object.fromEntries(tensors),
      input_ids: { dtype: "int32", shape, data: ids },
      token_type_ids: { dtype: "int32", shape, data: types },
      mask: { dtype: "float32", shape, data: mask },
    });
    const D = config.hiddenSize;
    expect(firsts).toHaveLength(3);
    for (const i of firsts.keys()) {
      const [ours, all] = [values(results, `f${i}`), values(results, `h${i + 1}`)];
      const rows = Array.from({ length: size }, (_, row) =>
        all.slice(row * length * D, row * length * D + D),
      ).flat();
      expect(ours).toHaveLength(size * D);
      expect(Math.max(...ours.map((x, j) => Math.abs(x - (rows[j] ?? Number.NaN))))).toBeLessThan(1e-6);
    }
  },
);
