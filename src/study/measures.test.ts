import { expect, test } from "vitest";
import { pruned } from "../../test/support/pruned-run.ts";
import { drawn, onlyGiven, SMALL, structureWith } from "../../test/support/structures.ts";
import { tinyModel } from "../../test/support/tiny-model.ts";
import { keyOf } from "../base/random.ts";
import { mean } from "../base/statistics.ts";
import { findMaskSpectra, findSpectra } from "../topology/spectra.ts";
import { structureOf } from "../topology/structure.ts";
import { measureMask, predictors } from "./measures.ts";

const key = keyOf(3);

test("six neurons by hand: densities, dead neurons and junctions", () => {
  // The masks of topology/units.test.ts: neuron 0 reads nothing, 1 is read by nobody; 11 of 24 and 15 of 24 are left.
  const intermediate = ["0000", "1100", "0100", "1111", "1010", "0011"];
  const output = ["101110", "001111", "100101", "001111"];
  const measures = measureMask(structureWith(SMALL, onlyGiven({ intermediate, output })), {
    key,
    spectra: false,
  });
  // Tables of 5 + 3 + 2 rows of 4, four matrices of 16, two of 24: 40 + 64 + 48 = 152, of which 22 are gone.
  expect(measures.weights).toBe(152);
  expect(measures.density).toBe(130 / 152);
  expect(measures["density.embeddings"]).toBe(1);
  expect(measures["density.intermediate"]).toBe(11 / 24);
  expect(measures["density.encoder"]).toBe(90 / 112);
  expect(measures["density.layer.0"]).toBe(90 / 112);
  expect(measures["neurons.dead"]).toBe(2 / 6);
  expect(measures["neurons.nearlyDead"]).toBe(1 / 6);
  // Five are written, five are read, four of them are the same.
  expect(measures["junctions.neurons"]).toBe(4 / 6);
  expect(measures["path.neurons"]).toBe(4 / 6);
  // What neuron 1 reads (2) is read by nobody, and what reads neuron 0 (2) hears nothing: 126 of 130 are on a path.
  expect(measures.path).toBeCloseTo(126 / 130, 12);
  expect(measures["path.intermediate"]).toBe(9 / 11);
  expect(measures["path.output"]).toBe(13 / 15);
});

test("every measure that has a name is there, spectra where they are asked for", () => {
  const structure = structureWith(
    SMALL,
    drawn(keyOf(5), () => 0.6),
  );
  const plain = measureMask(structure, { key, spectra: false });
  const whole = measureMask(structure, { key, spectra: true });
  expect(predictors().filter((name) => whole[name] === undefined)).toEqual([]);
  const missing = predictors().filter((name) => plain[name] === undefined);
  expect(missing).toEqual(["spectra.stableRank", "spectra.gap"]);
});

test("gaps are a mean over the matrices whose degrees the bound is for", () => {
  // A query with one entry in each row has a mean degree below 3.
  const config = { ...SMALL, hiddenSize: 8, layers: [{ heads: 2, headSize: 4, ffn: 12 }] };
  const structure = structureWith(
    config,
    ({ component }, row, column) => component !== "query" || row === column,
  );
  const others = findMaskSpectra(structure, key).filter(({ component }) => component !== "query");
  const gaps = others.map(({ mask }) => mask.gap);
  expect(measureMask(structure, { key, spectra: true })["spectra.gap"]).toBeCloseTo(mean(gaps), 12);
  const thin = structureWith(config, (_, row, column) => row === column);
  expect(measureMask(thin, { key, spectra: true })["spectra.gap"]).toBeNull();
});

test("a dense model has all densities 1, nothing dead, and what chance gives", () => {
  const measures = measureMask(
    structureWith(SMALL, () => true),
    { key, spectra: false },
  );
  const densities = Object.entries(measures).filter(([name]) => name.startsWith("density"));
  for (const [, share] of densities) expect(share).toBe(1);
  expect(measures["neurons.dead"]).toBe(0);
  expect(measures["path.logBeyond"]).toBeCloseTo(0, 8);
  expect(measures["degrees.in"]).toBe(0);
});

test("spectra of masks alone are those of the whole network's masks", () => {
  const network = pruned(tinyModel(), (i) => i % 3 !== 0);
  const alone = findMaskSpectra(structureOf(network), key);
  const whole = findSpectra(network, { key }).matrices;
  expect(alone.map(({ name }) => name)).toEqual(whole.map(({ name }) => name));
  for (const [i, { kept, mask }] of alone.entries()) {
    expect(kept).toBe(whole[i]?.kept);
    expect(mask.first).toBeCloseTo(whole[i]?.mask.first ?? 0, 6);
    expect(mask.gap).toBeCloseTo(whole[i]?.mask.gap ?? 0, 4);
  }
});
