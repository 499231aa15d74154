import { expect, test } from "vitest";
import { onlyGiven, SMALL, structureWith } from "../../test/support/structures.ts";
import { requireValue } from "../base/present.ts";
import { keyOf, permutation, uniform } from "../base/random.ts";
import { countJunctions, type Junction } from "./junctions.ts";
import type { Structure } from "./structure.ts";

function junctionOf(structure: Structure, name: string): Junction {
  return requireValue(
    countJunctions(structure).junctions.find((junction) => junction.name === name),
    name,
  );
}

test("six neurons by hand: four are written, three are read, two are both", () => {
  const intermediate = ["1111", "1000", "0000", "0001", "0110", "0000"];
  const output = ["000011", "000010", "010010", "000000"]; // columns 1, 4 and 5 have weights
  const structure = structureWith(SMALL, onlyGiven({ intermediate, output }));
  // Of C(24, 4) = 10626 choices of a row C(16, 4) = 1820 leave out all 8 weights, of a column C(19, 4) = 3876 all 5.
  expect(junctionOf(structure, "intermediate → output")).toEqual({
    name: "intermediate → output",
    layer: 0,
    kind: "neurons",
    units: 6,
    written: { found: 4, chance: expect.closeTo(6 * (1 - 1820 / 10626), 10) },
    read: { found: 3, chance: expect.closeTo(6 * (1 - 3876 / 10626), 10) },
    both: { found: 2, chance: (4 * 3) / 6 },
    ofWritten: 2 / 4,
    ofRead: 2 / 3,
    chance: { ofWritten: 3 / 6, ofRead: 4 / 6 },
  });
});

test("a hidden unit is read when query, key or value has a weight for it", () => {
  const one = (column: number) =>
    ["", "", "", ""].map(() => "0000".replace(/0/g, (_, i) => (i === column ? "1" : "0")));
  const given = {
    embeddings: ["0111", "0111", "0111", "0111", "0111"],
    query: one(0),
    key: one(1),
    value: one(2),
  };
  const junction = junctionOf(structureWith(SMALL, onlyGiven(given)), "embeddings → attention");
  expect(junction).toMatchObject({ layer: null, kind: "hidden units", units: 4 });
  expect([junction.written.found, junction.read.found, junction.both.found]).toEqual([3, 3, 2]);
  // A column of each of the three is empty with C(12, 4)/C(16, 4) = 495/1820.
  expect(junction.read.chance).toBeCloseTo(4 * (1 - (495 / 1820) ** 3), 10);
});

test("gated neurons are written twice, and what either factor reads is read", () => {
  const gated = { ...SMALL, layers: SMALL.layers.map((layer) => ({ ...layer, gated: true as const })) };
  const intermediate = ["1000", "1000", "1000", "0000", "0000", "0000"];
  const gate = ["0100", "0000", "0000", "0000", "0000", "0000"];
  const structure = structureWith(gated, onlyGiven({ intermediate, gate }));
  expect(junctionOf(structure, "intermediate → output").written.found).toBe(3);
  expect(junctionOf(structure, "gate → output").written.found).toBe(1);
  expect(junctionOf(structure, "attention output → intermediate").read.found).toBe(2);
});

test("junctions stand in the order of the forward pass, and none follows the last layer", () => {
  const [layer] = SMALL.layers;
  const layers = layer === undefined ? [] : [layer, layer];
  const { junctions } = countJunctions(structureWith({ ...SMALL, layers }, () => true));
  const within = [
    ["query → key", "head features", 4],
    ["value → attention output", "head features", 4],
    ["attention output → intermediate", "hidden units", 4],
    ["intermediate → output", "neurons", 6],
  ];
  expect(junctions.map(({ name, kind, units }) => [name, kind, units])).toEqual([
    ["embeddings → attention", "hidden units", 4],
    ...within,
    ["output → attention", "hidden units", 4],
    ...within,
  ]);
  expect(junctions.map((junction) => junction.layer)).toEqual([null, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
  for (const { units, ofWritten, ofRead, chance, written } of junctions) {
    expect([ofWritten, ofRead, chance.ofWritten, chance.ofRead]).toEqual([1, 1, 1, 1]);
    expect(written).toEqual({ found: units, chance: units });
  }
});

test("of an empty network nothing is written or read, and a module of no units has none", () => {
  const empty = junctionOf(
    structureWith(SMALL, () => false),
    "intermediate → output",
  );
  expect(empty).toMatchObject({ ofWritten: null, ofRead: null, both: { found: 0, chance: 0 } });
  const layers = [{ heads: 0, headSize: 2, ffn: 0 }];
  for (const { kind, units, both } of countJunctions(structureWith({ ...SMALL, layers }, () => true))
    .junctions) {
    expect(units).toBe(kind === "hidden units" ? 4 : 0);
    expect(both.found).toBe(both.chance);
  }
});

const WIDE = { ...SMALL, hiddenSize: 20, layers: [{ heads: 2, headSize: 10, ffn: 4000 }] };

test("two random matrices meet as often as chance says, whatever the order of the neurons", () => {
  const order = permutation(keyOf(2), 4000);
  const mask = (at: (neuron: number) => number): Structure =>
    structureWith(WIDE, ({ component }, row, column) => {
      if (component === "intermediate") return uniform(keyOf(5), at(row) * 20 + column) < 0.04;
      return component !== "output" || uniform(keyOf(6), at(column) * 20 + row) < 0.04;
    });
  const found = junctionOf(
    mask((neuron) => neuron),
    "intermediate → output",
  );
  for (const each of [found.written, found.read, found.both]) {
    expect(each.chance).toBeGreaterThan(1000);
    expect(Math.abs(each.found - each.chance)).toBeLessThan(4 * Math.sqrt(each.chance));
  }
  expect(
    junctionOf(
      mask((neuron) => order[neuron] ?? 0),
      "intermediate → output",
    ),
  ).toEqual(found);
});
