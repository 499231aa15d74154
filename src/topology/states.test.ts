import { afterAll, beforeAll, expect, test } from "vitest";
import { TINY_CONFIG, tinyModel, WORDS } from "../../test/support/tiny-model.ts";
import { requireFloats, requireItem } from "../base/present.ts";
import { fold, keyOf, normals, permutation } from "../base/random.ts";
import { floatTensor, sizeOf } from "../base/tensor.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { parameters } from "../bert/names.ts";
import { type EncodedSet, unlabelled } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import { program } from "../graph/program.ts";
import type { Network } from "../network/network.ts";
import { alignStates } from "./states.ts";

/** 40 texts of 3 to 9 pieces. */
const set: EncodedSet = unlabelled(
  Array.from({ length: 40 }, (_, i) => {
    const words = permutation(fold(keyOf(7), i), WORDS.length).subarray(0, 1 + (i % 7));
    const ids = [2, ...Array.from(words, (word) => 5 + word), 3];
    return { ids, types: ids.map(() => 0) };
  }),
  0,
);
const key = keyOf(1);
let engine: Engine;
let opened = 0;
beforeAll(() => {
  engine = new Engine({ threads: 1 });
});
afterAll(() => engine.close());

const original = tinyModel();

/** The same with noise on every matrix, `size` times as large as the weights. */
function noisy(size: number): Network {
  const tensors = new Map(
    [...original.tensors].map(([name, { shape, data }]) => {
      const noise = normals(fold(keyOf(3), name), data.length, 0.4 * size);
      const moved = data.map((w, i) => (shape.length === 2 ? w + requireItem(noise, i, "noise") : w));
      return [name, floatTensor(shape, moved)] as const;
    }),
  );
  return { ...original, tensors };
}

const align = (compressed: Network, batchSize = 16) =>
  alignStates({ original, compressed, set, engine, key, batchSize });

/** States of all tokens at each place, text by text: [layers][tokens][D]. */
async function statesOf({ config, head, tensors }: Network): Promise<number[][][]> {
  const { hidden } = encode(contextOf(config, parameters(config, head)), batchInputs());
  const outputs = Object.fromEntries(hidden.map((state, i) => [`h${i}`, state]));
  const session = await engine.session(`states of ${++opened}`, () =>
    program(outputs, { portable: true, initializers: new Map(tensors) }),
  );
  const layers: number[][][] = hidden.map(() => []);
  for (const { ids, types } of set.examples) {
    const shape = [1, ids.length];
    const mask = { dtype: "float32", shape, data: new Float32Array(ids.length).fill(1) } as const;
    const feeds = {
      input_ids: { dtype: "int32", shape, data: ids } as const,
      token_type_ids: { dtype: "int32", shape, data: types } as const,
      mask,
    };
    const [results] = await engine.run([{ session, feeds }]);
    layers.forEach((rows, i) => {
      const data = requireFloats(results?.[`h${i}`]?.data, "states");
      for (let t = 0; t < ids.length; t++) rows.push([...data.subarray(t * 16, (t + 1) * 16)]);
    });
  }
  return layers;
}

/** CKA by its other formula, ⟨HKH, HLH⟩ over tokens by tokens: nothing is shared with alignment.ts. */
function ckaByTokens(x: number[][], y: number[][]): number {
  const centred = (rows: number[][]): number[][] => {
    const mean = requireItem(rows, 0, "rows").map(
      (_, c) => rows.reduce((s, row) => s + (row[c] ?? 0), 0) / rows.length,
    );
    return rows.map((row) => row.map((v, c) => v - requireItem(mean, c, "mean")));
  };
  const gram = (rows: number[][]): number[] =>
    rows.flatMap((a) => rows.map((b) => a.reduce((s, v, i) => s + v * requireItem(b, i, "row"), 0)));
  const dot = (a: number[], b: number[]): number =>
    a.reduce((s, v, i) => s + v * requireItem(b, i, "gram"), 0);
  const [k, l] = [gram(centred(x)), gram(centred(y))];
  return dot(k, l) / Math.sqrt(dot(k, k) * dot(l, l));
}

test("a network and itself have 1 in every layer; other tokens and random weights have less", async () => {
  const record = await align(original);
  expect(record).toMatchObject({ texts: 40, tokens: set.examples.reduce((n, { ids }) => n + ids.length, 0) });
  expect(record.note).toContain("fooled");
  expect(record.layers.map(({ layer }) => layer)).toEqual([null, 0, 1]);
  for (const { cka, permuted, untrained } of record.layers) {
    expect(cka).toBeCloseTo(1, 5);
    for (const other of [permuted, untrained]) {
      expect(other).toBeGreaterThan(0);
      expect(other).toBeLessThan(0.8);
    }
  }
});

test.each([0.3, 1])(
  "noise of %d times the weights: as the formula over pairs of tokens has it, within 1e-4",
  async (size) => {
    const other = noisy(size);
    const { layers } = await align(other);
    const [x, y] = [await statesOf(original), await statesOf(other)];
    const expected = x.map((rows, i) => ckaByTokens(rows, requireItem(y, i, "layers")));
    layers.forEach(({ cka }, i) => {
      expect(Math.abs((cka ?? Number.NaN) - requireItem(expected, i, "layers"))).toBeLessThan(1e-4);
    });
    expect(requireItem(layers, 2, "layers").cka).toBeLessThan(size === 1 ? 0.9 : 0.999);
  },
);

test("the batches that texts come in change nothing but the last digits, within 1e-4", async () => {
  const other = noisy(0.5);
  const [few, many] = [await align(other, 3), await align(other, 64)];
  few.layers.forEach(({ cka }, i) => {
    expect(Math.abs((cka ?? 0) - (requireItem(many.layers, i, "layers").cka ?? 1))).toBeLessThan(1e-4);
  });
});

test("hidden units in another order keep 1: the same states, turned", async () => {
  const order = permutation(keyOf(9), TINY_CONFIG.hiddenSize);
  const D = TINY_CONFIG.hiddenSize;
  const isHidden = (name: string, axis: number): boolean =>
    /embeddings/.test(name)
      ? axis === (name.endsWith("LayerNorm.weight") || name.endsWith("bias") ? 0 : 1)
      : /(?:query|key|value|intermediate\.dense)\.weight/.test(name)
        ? axis === 1
        : /(?:attention\.output|\d\.output)\./.test(name) && axis === 0;
  const tensors = new Map(
    [...original.tensors].map(([name, { shape, data }]) => {
      const columns = shape[1] ?? 1;
      const moved = new Float32Array(sizeOf(shape)).map((_, i) => {
        const [r, c] = [Math.floor(i / columns), i % columns];
        const row = isHidden(name, 0) ? requireItem(order, r, "order") : r;
        const column = shape.length === 2 && isHidden(name, 1) ? requireItem(order, c, "order") : c;
        return requireItem(data, row * columns + column, name);
      });
      return [name, floatTensor(shape, moved)] as const;
    }),
  );
  expect(order).not.toEqual(Int32Array.from({ length: D }, (_, i) => i));
  const { layers } = await align({ ...original, tensors });
  for (const { cka } of layers) expect(cka).toBeCloseTo(1, 5);
});

test("states that are the same for every token align with nothing: null", async () => {
  const tensors = new Map(original.tensors);
  for (const [name, { shape, data }] of tensors)
    if (name.endsWith("LayerNorm.weight"))
      tensors.set(
        name,
        floatTensor(
          shape,
          data.map(() => 0),
        ),
      );
  const { layers } = await align({ ...original, tensors });
  expect(layers.map(({ cka, permuted }) => [cka, permuted])).toEqual([
    [null, null],
    [null, null],
    [null, null],
  ]);
});

test("other layers, other pieces and no texts are refused", async () => {
  const { layers } = TINY_CONFIG;
  const shallow = tinyModel(undefined, { ...TINY_CONFIG, layers: layers.slice(1) });
  await expect(align(shallow)).rejects.toMatchObject({ code: "topology/shapes" });
  const vocab = [...original.vocabulary.vocab].reverse();
  const other = { ...original, vocabulary: { ...original.vocabulary, vocab } };
  await expect(align(other)).rejects.toMatchObject({ code: "topology/pieces" });
  const none = { ...set, examples: [] };
  await expect(alignStates({ original, compressed: original, set: none, engine, key })).rejects.toMatchObject(
    { code: "topology/texts" },
  );
});
