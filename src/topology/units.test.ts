import { expect, test } from "vitest";
import { onlyGiven, SMALL, structureWith } from "../../test/support/structures.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { keyOf, permutation, uniform } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { type BertConfig, factsOf } from "../bert/config.ts";
import { countUnits, withoutDeadUnits } from "../network/dead-units.ts";
import { structureOf } from "./structure.ts";
import { surveyUnits } from "./units.ts";

test("six neurons by hand: two dead, one nearly, one full", () => {
  // Neuron 0 reads nothing, 1 is read by nobody, 2 reads one weight, 3 has all 4 + 4, 4 and 5 have some of each.
  // 11 of 24 weights are left of `intermediate`: a tenth of 11/6 is less than one weight, so one weight is little.
  const intermediate = ["0000", "1100", "0100", "1111", "1010", "0011"];
  const output = ["101110", "001111", "100101", "001111"]; // a neuron's column: 101…, 000, 110…
  const { layers, neurons } = surveyUnits(structureWith(SMALL, onlyGiven({ intermediate, output })));
  const found = requireItem(layers, 0, "layers").neurons;
  expect(found.reads).toEqual([0, 2, 1, 4, 2, 2]);
  expect(found.readBy).toEqual([2, 0, 3, 4, 3, 3]);
  expect(found).toMatchObject({ units: 6, of: 4, meanReads: 11 / 6, meanReadBy: 15 / 6 });
  expect([found.dead.found, found.nearlyDead.found, found.full.found]).toEqual([2, 1, 1]);
  // Of C(24, 4) = 10626 places of a row's 4 weights, C(13, 4) = 715 hold none of the 11; of a column's C(9, 4) = 126 none
  // of the 15: dead with 1 − (1 − 715/10626)(1 − 126/10626). Full: C(11, 4) = 330 times C(15, 4) = 1365.
  const dead = 1 - (1 - 715 / 10626) * (1 - 126 / 10626);
  expect(found.dead.chance).toBeCloseTo(6 * dead, 10);
  expect(found.full.chance).toBeCloseTo((6 * 330 * 1365) / 10626 ** 2, 10);
  // At most one: 715 + 11 · C(13, 3) = 715 + 11 · 286 = 3861 of a row, 126 + 15 · C(9, 3) = 126 + 15 · 84 = 1386 of a column.
  const little = 1 - (1 - 3861 / 10626) * (1 - 1386 / 10626);
  expect(found.nearlyDead.chance).toBeCloseTo(6 * (little - dead), 10);
  expect(neurons).toEqual({ units: 6, dead: found.dead, nearlyDead: found.nearlyDead, full: found.full });
});

test("a gated neuron is dead without one factor, or, where biases are left, without both", () => {
  const layers = SMALL.layers.map((layer) => ({ ...layer, gated: true as const }));
  const gated: BertConfig = { ...SMALL, layers };
  const bare: BertConfig = { ...gated, facts: { ...factsOf(gated), without: ["ffn"] } };
  // Neuron 0 lacks one factor, 1 the other, 2 both; 3 is read by nobody. 4 and 5 are whole.
  const intermediate = ["0000", "1111", "0000", "1111", "1111", "1111"];
  const gate = ["1111", "0000", "0000", "1111", "1111", "1111"];
  const output = ["111011", "111011", "111011", "111011"];
  const [withBiases, without] = [gated, bare].map((config) => {
    return surveyUnits(structureWith(config, onlyGiven({ intermediate, gate, output }))).neurons;
  });
  expect([withBiases?.dead.found, without?.dead.found]).toEqual([2, 4]);
  expect([withBiases?.full.found, without?.full.found]).toEqual([2, 2]);
  // Of C(24, 4) = 10626 choices C(8, 4) = 70 are a row that lost all its weights, and C(4, 4) = 1 such a column.
  const [row, column] = [70 / 10626, 1 / 10626];
  expect(withBiases?.dead.chance).toBeCloseTo(6 * (1 - (1 - row ** 2) * (1 - column)), 12);
  expect(without?.dead.chance).toBeCloseTo(6 * (1 - (1 - row) ** 2 * (1 - column)), 12);
});

test("two heads by hand: one is dead feature by feature, the other full but for its query", () => {
  // Feature 0 is not written, feature 1 is not read: head 0 is dead, though half of its value and output is there.
  const value = ["0000", "1111", "1111", "1111"];
  const output = ["1011", "1011", "1011", "1011"];
  const query = ["1111", "1111", "1100", "0000"];
  const given = onlyGiven({ value, query, "attention output": output });
  const { heads } = requireItem(surveyUnits(structureWith(SMALL, given)).layers, 0, "layers");
  expect(heads.each).toEqual([
    { state: "dead", query: 1, key: 1, value: 0.5, output: 0.5, all: 0.75 },
    { state: "alive", query: 0.25, key: 1, value: 1, output: 1, all: 26 / 32 },
  ]);
  expect(heads.baseline).toEqual({ query: 10 / 16, key: 1, value: 12 / 16, output: 12 / 16, all: 50 / 64 });
  // All 4 missing weights of 16 fall into a given row (column) in 1 of C(16, 4) = 1820 choices; a head has 2 features.
  const feature = 1 - (1 - 1 / 1820) ** 2;
  expect(heads.dead).toEqual({ found: 1, chance: expect.closeTo(2 * feature ** 2, 12) });
});

test("a head that keeps one weight of its value is nearly dead", () => {
  const value = ["0000", "0100", "1111", "1111"];
  const { heads } = requireItem(surveyUnits(structureWith(SMALL, onlyGiven({ value }))).layers, 0, "layers");
  expect(heads.each.map(({ state }) => state)).toEqual(["nearly dead", "full"]);
});

test("all is full, and nothing is dead, in a network that is whole; the other way round in an empty one", () => {
  const tallies = [true, false].map((isThere) => surveyUnits(structureWith(SMALL, () => isThere)));
  const [whole, empty] = tallies.map(({ heads, neurons }) => [heads, neurons]);
  const [none, two, six] = [0, 2, 6].map((n) => ({ found: n, chance: n }));
  expect(whole).toEqual([
    { units: 2, dead: none, nearlyDead: none, full: two },
    { units: 6, dead: none, nearlyDead: none, full: six },
  ]);
  expect(empty).toEqual([
    { units: 2, dead: two, nearlyDead: none, full: none },
    { units: 6, dead: six, nearlyDead: none, full: none },
  ]);
});

const WIDE = { ...SMALL, hiddenSize: 40, layers: [{ heads: 4, headSize: 2, ffn: 3000 }] };

test("a random mask has as many dead and nearly dead neurons as chance gives, within 4 deviations", () => {
  const order = permutation(keyOf(1), 3000);
  const sparse = (row: number, column: number, key: number) =>
    uniform(keyOf(key), row * 3000 + column) < 0.06;
  const surveys = [(i: number) => i, (i: number) => order[i] ?? 0].map((at) =>
    surveyUnits(
      structureWith(WIDE, ({ component }, row, column) => {
        if (component === "intermediate") return sparse(at(row), column, 1);
        return component !== "output" || sparse(at(column), row, 2);
      }),
    ),
  );
  const [plain, permuted] = [0, 1].map((i) => requireItem(surveys, i, "surveys").neurons);
  expect(permuted).toEqual(plain);
  for (const kind of ["dead", "nearlyDead"] as const) {
    const { found, chance } = requireItem(surveys, 0, "surveys").neurons[kind];
    expect(chance).toBeGreaterThan(300);
    expect(Math.abs(found - chance)).toBeLessThan(4 * Math.sqrt(chance));
  }
});

test("dead are those that leave the network without changing what it says", () => {
  const network = tinyModel();
  const tensors = new Map(network.tensors);
  const clear = (name: string, isCleared: (row: number, column: number) => boolean): void => {
    const { shape, data } = requireEntry(tensors, name, "tensor");
    const width = requireItem(shape, 1, name);
    const left = data.map((x, i) => (isCleared(Math.floor(i / width), i % width) ? 0 : x));
    tensors.set(name, floatTensor(shape, left));
  };
  clear("bert.encoder.layer.0.attention.self.value.weight", (row) => row < 5);
  clear("bert.encoder.layer.0.attention.output.dense.weight", (_, column) => column >= 5 && column < 8);
  clear("bert.encoder.layer.1.intermediate.dense.weight", (row) => row % 3 === 0);
  clear("bert.encoder.layer.1.output.dense.weight", (_, column) => column === 1);
  const pruned = { ...network, tensors };
  const { heads, neurons } = surveyUnits(structureOf(pruned));
  expect([heads.dead.found, neurons.dead.found]).toEqual([1, 9]);
  const left = countUnits(withoutDeadUnits(pruned).config);
  expect([left.heads, left.neurons]).toEqual([heads.units - 1, neurons.units - 9]);
});

test("a layer without heads and neurons has none that are dead", () => {
  const config = { ...SMALL, layers: [{ heads: 0, headSize: 2, ffn: 0 }] };
  const { heads, neurons, layers } = surveyUnits(structureWith(config, () => true));
  expect([heads.units, heads.dead, neurons.units, neurons.dead]).toEqual([
    0,
    { found: 0, chance: 0 },
    0,
    { found: 0, chance: 0 },
  ]);
  expect(layers[0]?.neurons.meanReads).toBeNull();
  expect(layers[0]?.heads.baseline.all).toBeNull();
});
