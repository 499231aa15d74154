/** Every setting of every method: a value that would waste a run is refused before its first step. */

import { expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { METHODS, type MethodId, methodById } from "./registry.ts";

type Settings = Readonly<Record<string, string>>;

const NETWORK = smallNetwork(CLASSES, 2);
const FACTS = { steps: 20, key: keyOf(0), pretrained: NETWORK, finetuned: NETWORK };

/** A wrong value of each setting, alone or with others it has to do with. None for numbers that may be any, and for switches. */
type Wrong = Readonly<Record<string, readonly (string | Settings)[]>>;

const COUNT = ["0", "-1", "1.5"];
const SHARE = ["0", "1", "-0.1"];
const ABOVE = ["0", "-1"];
const BELOW_ONE = ["-0.1", "1"];
const LAYERS = ["-1", "3", "1.5"];
const WORD = ["odd"];
const RAMP = { from: ["-0.1", "1"], until: ["0", "1.1"] };
const SPARSE = { sparsity: BELOW_ONE };

const WRONG: Readonly<Record<MethodId, Wrong>> = {
  "adapting-by-pruning": {
    ...SPARSE,
    ...{ scope: WORD, head: WORD, step: WORD, decay: WORD, control: WORD },
    ...{ alpha: ABOVE, hard: ABOVE, soft: ABOVE, mean: ABOVE, times: COUNT, until: RAMP.until },
    gamma: [
      { decay: "constant", gamma: "0" },
      { decay: "constant", gamma: "-1" },
    ],
    deviation: ["-1"],
  },
  distil: { layers: LAYERS, alpha: BELOW_ONE, temperature: ABOVE },
  distilbert: {
    ...{ layers: LAYERS, init: WORD, temperature: ABOVE, teacher: ["-1"], cosine: ["-1"] },
    task: ["-1", { teacher: "0", cosine: "0", task: "0" }],
  },
  features: { head: WORD },
  finetune: {},
  "head-gates": { ratio: SHARE, penalty: ["-1"], gateRate: ABOVE, start: [], gated: SHARE },
  "head-importance": { ratio: SHARE, measure: SHARE, atLeast: ["-1", "0.5", "2"] },
  l0: {
    ...{ ...SPARSE, ...RAMP, ranking: WORD, penalty: ["-1"], maskRate: ABOVE, start: [] },
    gated: ["0.5", "1"],
  },
  layerdrop: { layers: LAYERS, rate: BELOW_ONE },
  lottery: { ...SPARSE, rounds: [...COUNT, "20"], scope: WORD, block: WORD, head: WORD },
  magnitude: {
    ...{ ...SPARSE, ...RAMP, schedule: WORD, ranking: WORD, scope: WORD, block: WORD, head: WORD },
    times: COUNT,
  },
  movement: {
    ...{ ...SPARSE, ...RAMP, block: WORD },
    ...{ maskRate: ABOVE, refresh: COUNT, penalty: ["-1"] },
  },
  pkd: { layers: [...LAYERS, "1"], strategy: WORD, alpha: BELOW_ONE, beta: ["-1"], temperature: ABOVE },
  "quantization-aware": { alpha: BELOW_ONE, temperature: ABOVE },
  random: { ...SPARSE, scope: WORD, block: WORD, head: WORD },
  snip: {
    ...{ unit: WORD, ranking: WORD, spectral: WORD, ratio: SHARE, penalise: SHARE, rounds: COUNT },
    ...{ threshold: ["-1"], penalty: ["-1"] },
  },
  sparsebert: { ...SPARSE, init: WORD, when: WORD, rate: WORD, block: WORD, times: COUNT },
  theseus: {
    ...{ layers: LAYERS, schedule: WORD, start: WORD, init: WORD, clipOver: WORD },
    ...{ base: ["0", "1.1"], full: ["-0.1", "1.1"] },
    swap: ["-1", "0.5", "3", { swap: "1" }],
  },
  tinybert: {
    ...{ layers: LAYERS, start: WORD, intermediate: BELOW_ONE, predictionRate: ABOVE },
    temperature: ABOVE,
  },
  truncate: { layers: LAYERS },
};

test("every setting but a switch is in the table", () => {
  for (const [id, { fields }] of Object.entries(METHODS)) {
    const asked = Object.keys(fields).filter((name) => typeof fields[name]?.default !== "boolean");
    // Keys of `METHODS` are its ids.
    expect([id, ...Object.keys(WRONG[id as MethodId]).toSorted()]).toEqual([id, ...asked.toSorted()]);
  }
});

const rows = Object.entries(WRONG).flatMap(([id, wrong]) =>
  Object.entries(wrong).flatMap(([name, values]) =>
    values.map((value): [string, Settings] => [id, typeof value === "string" ? { [name]: value } : value]),
  ),
);

test.each(rows)("%s with %o is refused before any work", (id, set) => {
  expect(() => methodById(id, { set }).bind(NETWORK, FACTS)).toThrow(
    expect.objectContaining({ name: "ConfigError", code: expect.stringMatching(`^${id}/`) }),
  );
});

test.each(Object.keys(METHODS))("%s takes its defaults", (id) => {
  expect(methodById(id).bind(smallNetwork(CLASSES, 4), deeper()).id).toBe(id);
});

function deeper() {
  const network = smallNetwork(CLASSES, 4);
  return { ...FACTS, pretrained: network, finetuned: network };
}
