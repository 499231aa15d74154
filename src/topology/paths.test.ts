import { expect, test } from "vitest";
import { KINDS as ENCODERS, smallConfigOf } from "../../test/support/architectures.ts";
import { drawn, isThere, nothingBut, PAIR, structureWith } from "../../test/support/structures.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { requireEntry, requireItem, requireValue } from "../base/present.ts";
import { fold, keyOf, permutation } from "../base/random.ts";
import { floatTensor, largestGap } from "../base/tensor.ts";
import { type BertConfig, factsOf } from "../bert/config.ts";
import type { Reader } from "../bert/facts.ts";
import { Engine } from "../engine/engine.ts";
import { openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { type BitMatrix, forEachKept } from "./bits.ts";
import { findPaths, type PathRecord } from "./paths.ts";
import { findReach, hasUnit } from "./reach.ts";
import { type Component, matrixOf, type Structure, structureOf, usersOf } from "./structure.ts";

/**
 * Words 0 and 1 write hidden unit 0, nothing writes unit 1.
 *   query 0 and keys 0, 1 read unit 0; value 0 reads unit 0, value 1 reads unit 1
 *   the attention output writes unit 1 from both features
 *   neuron 0 reads unit 0 and writes unit 0; neuron 1 reads unit 1 and is read by nothing
 */
const BY_HAND = {
  embeddings: ["10", "10", "00"],
  query: ["10", "00"],
  key: ["10", "10"],
  value: ["10", "01"],
  "attention output": ["00", "11"],
  intermediate: ["10", "01"],
  output: ["10", "00"],
};

const onPath = ({ components }: PathRecord) =>
  Object.fromEntries(components.map(({ component, onPath }) => [component, onPath]));

test("with the residual stream: weights on paths and the number of paths, worked out by hand", () => {
  const { withResidual } = findPaths(structureWith(PAIR, nothingBut(BY_HAND)));
  // Value 1 has no signal, so neither its own weight nor the one that reads it is on a path; neuron 1 reaches nothing.
  expect(onPath(withResidual)).toEqual({
    embeddings: 2,
    query: 1,
    key: 2,
    value: 1,
    "attention output": 1,
    intermediate: 1,
    output: 1,
  });
  // Paths to hidden units [2, 0]. Scores: query 0 has 2, keys 2 + 2, together 6. Feature 0: 2 of its own + 6 = 8.
  // After the attention [2, 0 + 8]; neuron 0 has 2 and hands them to unit 0: [2 + 2, 8], together 12.
  expect(withResidual.logPaths).toBeCloseTo(Math.log(12), 12);
  expect(Object.fromEntries(withResidual.units.map(({ kind, effective }) => [kind, effective]))).toEqual({
    input: 2,
    hidden: 1 + 2 + 2, // unit 0 after the embeddings, both after attention and layer
    query: 1,
    key: 2,
    value: 1,
    neuron: 1,
  });
});

test("without it the same encoder has no path: neuron 0 reads what the attention does not write", () => {
  const { withoutResidual } = findPaths(structureWith(PAIR, nothingBut(BY_HAND)));
  expect(withoutResidual.total).toMatchObject({ size: 34, kept: 12, onPath: 0 });
  expect(withoutResidual.logPaths).toBeNull();
  expect(withoutResidual.units.every(({ effective }) => effective === 0)).toBe(true);
});

test("a query does nothing beside keys without a signal; keys act beside a query that is its bias alone", () => {
  const of = (rows: object) =>
    onPath(findPaths(structureWith(PAIR, nothingBut({ ...BY_HAND, ...rows }))).withResidual);
  const none = ["00", "00"];
  expect(of({ key: none })).toMatchObject({ query: 0, key: 0, value: 1 });
  expect(of({ query: none })).toMatchObject({ query: 0, key: 2, value: 1 });
  expect(of({ value: none })).toMatchObject({ query: 0, key: 0, "attention output": 0 });
});

test("a head that reads every layer keeps the first on paths when the second hands nothing on", () => {
  const layer = requireItem(PAIR.layers, 0, "layers");
  const two: BertConfig = { ...PAIR, layers: [layer, layer] };
  const ones = structureWith(two, ({ layer }) => layer !== 1);
  const [last, every] = [findPaths(ones), findPaths({ ...ones, reader: "mixture" })];
  expect(last.withoutResidual.total.onPath).toBe(0);
  expect(every.withoutResidual.total.onPath).toBe(every.withoutResidual.total.kept);
});

test.each(ENCODERS)("of a dense %s every weight and unit is on a path, by chance too", (kind) => {
  const dense = structureOf(tinyModel(undefined, smallConfigOf(kind)));
  for (const record of Object.values(findPaths(dense))) {
    expect(record.total.onPath).toBe(record.total.size);
    expect(record.total.onPathByChance).toBeCloseTo(record.total.size, 6);
    for (const { units, effective, effectiveByChance } of record.units) {
      expect(effective).toBe(units);
      expect(effectiveByChance).toBeCloseTo(units, 6);
    }
    expect(record.logPaths).toBeCloseTo(record.logPathsByChance ?? Number.NaN, 10);
  }
});

/** Paths counted unit by unit over plain lists of numbers, from the words of reach.ts and nothing else. */
function countPlainly(structure: Structure, reader: Reader, skips: boolean): number {
  const dense = (bits: BitMatrix): number[][] =>
    Array.from({ length: bits.rows }, (_, r) =>
      Array.from({ length: bits.columns }, (_, c) => Number(isThere(bits, r, c))),
    );
  const dot = (a: number[], b: number[]): number =>
    a.reduce((sum, x, i) => sum + x * requireItem(b, i, "b"), 0);
  const sum = (a: number[]): number => a.reduce((n, x) => n + x, 0);
  const { config } = structure;
  const { embeddingSize, without, positions } = factsOf(config);
  const isRotary = positions.kind === "rotary";
  const isBiased = !without.includes("attention");
  const written = Array.from({ length: embeddingSize ?? config.hiddenSize }, (_, c) =>
    sum(
      structure.matrices
        .filter(({ layer }) => layer === null)
        .flatMap(({ bits }) => dense(bits).map((row) => requireItem(row, c, "row"))),
    ),
  );
  let x = embeddingSize === undefined ? written : Array<number>(config.hiddenSize).fill(sum(written));
  const ends: number[] = [];
  config.layers.forEach(({ headSize, gated }, layer) => {
    const times = (component: Component, v: number[]): number[] =>
      dense(matrixOf(structure, component, layer)).map((row) => dot(row, v));
    const [q, k, v] = [times("query", x), times("key", x), times("value", x)];
    // A feature of one factor meets the same feature of the other, and under rotation the one half a head away.
    const meets = (other: number[], f: number): boolean => {
      const [first, half] = [f - (f % headSize), headSize / 2];
      const partner = first + ((f - first + half) % headSize);
      return [f, ...(isRotary ? [partner] : [])].some((i) => requireItem(other, i, "features") > 0);
    };
    const score = k.map((keys, i) => {
      const queries = requireItem(q, i, "q");
      return (isBiased || meets(q, i) ? keys : 0) + ((isBiased && isRotary) || meets(k, i) ? queries : 0);
    });
    const mixed = v.map((paths, f) => {
      if (paths === 0) return 0;
      const first = f - (f % headSize);
      return paths + sum(score.slice(first, first + headSize));
    });
    const middle = times("attention output", mixed).map((n, i) => n + (skips ? requireItem(x, i, "x") : 0));
    const own = times("intermediate", middle);
    const gates = gated === true ? times("gate", middle) : own;
    const isEither = !without.includes("ffn");
    const neurons = own.map((n, i) => {
      const gate = requireItem(gates, i, "gates");
      if (gated !== true) return n;
      return isEither || (n > 0 && gate > 0) ? n + gate : 0;
    });
    const fed = times("output", neurons);
    x = fed.map((n, i) => n + (skips ? requireItem(middle, i, "middle") : 0));
    ends.push(sum(x));
  });
  return reader === "mixture" ? sum(ends) : sum(x);
}

/** 2 layers of 2 heads, D = 4, A = 4, F = 3. */
const SMALL: BertConfig = {
  ...PAIR,
  hiddenSize: 4,
  layers: [
    { heads: 2, headSize: 2, ffn: 3 },
    { heads: 2, headSize: 2, ffn: 3 },
  ],
};

/** The same sizes of another kind of encoder. */
const smallOf = (type: "albert" | "modernbert", facts: object = {}): BertConfig => {
  const config = smallConfigOf(type);
  const layers = SMALL.layers.map((sizes, i) => ({ ...config.layers[i], ...sizes }));
  return {
    ...config,
    vocabSize: 3,
    hiddenSize: 4,
    maxPositions: 2,
    layers,
    facts: { ...factsOf(config), ...facts },
  };
};

const KINDS: Readonly<Record<string, BertConfig>> = {
  BERT: SMALL,
  "shared layers, projected tables": smallOf("albert", { embeddingSize: 3 }),
  "gates and rotary places without biases": smallOf("modernbert"),
  "gates and rotary places with biases": smallOf("modernbert", { without: [] }),
};

test.each(Object.keys(KINDS).flatMap((kind) => [1, 2, 3, 4, 5, 6].map((seed) => [kind, seed] as const)))(
  "a weight is on a path when fewer paths are left without it: %s, drawn %i",
  (kind, seed) => {
    const structure = structureWith(
      requireValue(KINDS[kind], kind),
      drawn(keyOf(seed), () => 0.12 * seed),
    );
    for (const reader of ["pooler", "mixture"] as const) {
      const paths = findPaths({ ...structure, reader });
      for (const skips of [true, false]) {
        const record = skips ? paths.withResidual : paths.withoutResidual;
        const all = countPlainly(structure, reader, skips);
        expect(record.logPaths === null ? 0 : Math.exp(record.logPaths) / Math.max(1, all)).toBeCloseTo(
          all === 0 ? 0 : 1,
          10,
        );
        const found = structure.matrices.map(({ bits }) => {
          let n = 0;
          forEachKept(bits, (r, c) => {
            const at = r * bits.stride + (c >> 5);
            const word = requireItem(bits.words, at, "words");
            bits.words[at] = word & ~(1 << (c & 31));
            if (countPlainly(structure, reader, skips) < all) n++;
            bits.words[at] = word;
          });
          return n;
        });
        expect(record.matrices.map(({ onPath }) => onPath)).toEqual(found);
      }
    }
  },
);

test("another order of the neurons changes nothing", () => {
  const structure = structureWith(
    SMALL,
    drawn(keyOf(3), () => 0.35),
  );
  const reordered = structureWith(SMALL, (place, row, column) => {
    const bits = requireValue(structure.matrices.find(({ name }) => name === place.name)?.bits, place.name);
    const neurons = permutation(keyOf(place.layer ?? 0), 3);
    const r = place.component === "intermediate" ? requireItem(neurons, row, "neurons") : row;
    const c = place.component === "output" ? requireItem(neurons, column, "neurons") : column;
    return isThere(bits, r, c);
  });
  expect(reordered).not.toEqual(structure);
  expect(findPaths(reordered)).toEqual(findPaths(structure));
});

test.each(Object.keys(KINDS))("by chance is within 3 % of the mean of 40 drawn masks: %s", (kind) => {
  const small = requireValue(KINDS[kind], kind);
  const [first] = small.layers;
  const layer = { ...first, heads: 4, headSize: 16, ffn: 128 };
  const config: BertConfig = { ...small, hiddenSize: 64, vocabSize: 200, layers: [layer, layer, layer] };
  const draws = Array.from({ length: 40 }, (_, i) =>
    findPaths(
      structureWith(
        config,
        drawn(fold(keyOf(5), i), ({ layer }) => (layer === null ? 0.01 : 0.03)),
      ),
    ),
  );
  for (const kind of ["withResidual", "withoutResidual"] as const) {
    const records = draws.map((draw) => draw[kind]);
    const mean = (of: (record: PathRecord) => number): number =>
      records.reduce((sum, record) => sum + of(record) / records.length, 0);
    const ratio = mean(({ total }) => total.onPath) / mean(({ total }) => total.onPathByChance);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.03);
    const effective = (record: PathRecord, of: "effective" | "effectiveByChance") =>
      record.units.reduce((n, each) => n + each[of], 0);
    const nodes = mean((r) => effective(r, "effective")) / mean((r) => effective(r, "effectiveByChance"));
    expect(Math.abs(nodes - 1)).toBeLessThan(0.03);
    // The number of paths itself is within a tenth: a share of its logarithm, which is 25, would let twice as many pass.
    const beyond = mean((r) => (r.logPaths ?? Number.NaN) - (r.logPathsByChance ?? Number.NaN));
    expect(Math.abs(beyond)).toBeLessThan(0.1);
  }
});

test.each(ENCODERS)(
  "rows from which no output is reached can be taken away: %s's logits stay the same to the last bit",
  async (kind) => {
    const config = smallConfigOf(kind);
    const dense = tinyModel(undefined, config);
    const mask = structureWith(
      config,
      drawn(keyOf(11), ({ layer }) => (layer === null ? 0.5 : 0.08)),
    );
    const pruned: Network = {
      ...dense,
      tensors: new Map([...dense.tensors].map(([name, tensor]) => [name, masked(tensor, mask, name)])),
    };
    const { layers } = findReach(mask, { skips: true, reader: "pooler" });
    let taken = 0;
    const tensors = new Map(pruned.tensors);
    for (const { name, component, layer, bits } of mask.matrices) {
      if (layer === null || !isStage(component)) continue;
      const uses = usersOf(config, layer).map(
        (user) => requireItem(layers, user, "layers").backward[component],
      );
      const { shape, data } = requireEntry(tensors, name, "tensor");
      const isRead = (row: number): boolean => uses.some((units) => hasUnit(units, row));
      const left = data.map((w, i) => (isRead(Math.floor(i / bits.columns)) ? w : 0));
      taken += data.reduce((n, w, i) => n + Number(w !== 0 && left[i] === 0), 0);
      tensors.set(name, floatTensor(shape, left));
    }
    expect(taken).toBeGreaterThan(10);
    const engine = new Engine({ threads: 1 });
    try {
      const ids = Int32Array.from([2, 5, 6, 7, 3, 2, 9, 11, 8, 3]);
      const mask = new Float32Array(10).fill(1);
      const batch = { size: 2, length: 5, ids, types: new Int32Array(10), mask };
      const before = await (await openNetwork(engine, pruned)).logits(batch);
      const after = await (await openNetwork(engine, { ...pruned, tensors })).logits(batch);
      expect(largestGap(before, after)).toBe(0);
    } finally {
      await engine.close();
    }
  },
);

/** The components that write units which a path may leave out. */
function isStage(component: Component): component is "query" | "key" | "value" | "intermediate" | "gate" {
  return ["query", "key", "value", "intermediate", "gate"].includes(component);
}

function masked(tensor: ReturnType<typeof floatTensor>, mask: Structure, name: string) {
  const found = mask.matrices.find((matrix) => matrix.name === name);
  if (found === undefined) return tensor;
  const { columns } = found.bits;
  return floatTensor(
    tensor.shape,
    tensor.data.map((w, i) => (isThere(found.bits, Math.floor(i / columns), i % columns) ? w : 0)),
  );
}
