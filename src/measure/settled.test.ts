import { expect, test } from "vitest";
import { smallNetwork } from "../../test/support/training.ts";
import { keyOf, normals, uniform } from "../base/random.ts";
import type { Dataset, Measure } from "../data/dataset.ts";
import { withScaling } from "../network/scaled.ts";
import { acrossHalves, calibrationError, fitTemperature, type Labelled, trustOf } from "./calibration.ts";
import { requireSettling, settle, settledSentences } from "./settled.ts";
import { cutOf, cutsFor, metricAt, thresholdOf } from "./threshold.ts";

/** Labels drawn from softmax(z / T), so that T is the temperature that z needs. */
function drawn(n: number, classes: number, temperature: number): Labelled {
  const logits = normals(keyOf(1), n * classes, 2);
  const labels = Array.from({ length: n }, (_, i) => {
    const powers = Array.from(logits.subarray(i * classes, (i + 1) * classes), (z) =>
      Math.exp(z / temperature),
    );
    const share = uniform(keyOf(2), i) * powers.reduce((a, b) => a + b, 0);
    return powers.findIndex((_, c) => share < powers.slice(0, c + 1).reduce((a, b) => a + b, 0));
  });
  return { logits, labels };
}

test("the temperature that labels were drawn with is found within 4 %, and it is where the loss is least", () => {
  const labelled = drawn(8000, 3, 2.5);
  const temperature = fitTemperature(labelled) ?? 0;
  expect(Math.abs(temperature / 2.5 - 1)).toBeLessThan(0.04);
  const lossAt = (t: number) => trustOf({ ...labelled, logits: labelled.logits.map((z) => z / t) }).loss;
  expect(lossAt(temperature)).toBeLessThan(Math.min(lossAt(temperature * 1.01), lossAt(temperature / 1.01)));
  const scaled = { ...labelled, logits: labelled.logits.map((z) => z / temperature) };
  expect(calibrationError(labelled)).toBeGreaterThan(0.15);
  expect(calibrationError(scaled)).toBeLessThan(0.02);
});

test("the error is that of 15 bins, computed by hand", () => {
  const logit = (p: number) => [0, Math.log(p / (1 - p))];
  // Two in the bin of 0.6 to 0.667, one right; one in that of 0.933 to 1, wrong; a half is the first class, in bin 8 of 15.
  const logits = Float32Array.from([logit(0.61), logit(0.65), logit(0.99), [0, 0]].flat());
  const error = (Math.abs(1 - 0.61 - 0.65) + 0.99 + 0.5) / 4;
  expect(calibrationError({ logits, labels: [1, 0, 0, 0] })).toBeCloseTo(error, 6);
});

test("answers that are all right, or no better than chance, have no temperature", () => {
  const logits = Float32Array.from([1, 0, 0, 2, 3, 0]);
  expect(fitTemperature({ logits, labels: [0, 1, 0] })).toBeUndefined();
  expect(fitTemperature({ logits, labels: [1, 0, 1] })).toBeUndefined();
  const settled = settle(smallNetwork(TWO, 1), { logits, labels: [0, 1, 0] }, { calibrate: true }, FACTS);
  expect(settled.notes).toEqual([
    "no temperature fits: the answers are all right, or no better than chance; logits stay as they are",
  ]);
});

const TWO = { kind: "classification" as const, labels: ["no", "yes"] };
const F1: Measure = { task: "classification", metrics: ["accuracy", "f1"], primary: "f1" };
const FACTS = { measure: F1, labels: TWO.labels, key: keyOf(0) };

test("the best cut lies between two neighbours and beats every other, and 0.5 where that is as good", () => {
  const labelled = drawn(400, 2, 1);
  const cuts = cutsFor(F1, labelled, "best");
  const values = Array.from({ length: 400 }, (_, i) => metricAt(F1, labelled, [(i - 200) / 25]));
  expect(metricAt(F1, labelled, cuts)).toBeGreaterThanOrEqual(Math.max(...values));
  expect(metricAt(F1, labelled, cuts)).toBeGreaterThan(metricAt(F1, labelled, [0]));
  expect(cutsFor(F1, { logits: Float32Array.from([3, 0, 0, 1]), labels: [0, 1] }, "best")).toEqual([0]);
  expect(thresholdOf(cutOf(0.3))).toBeCloseTo(0.3, 12);
});

test("of several labels each has the cut of its own best F1, and the classifier's bias has them all", () => {
  const head = { kind: "multi-label" as const, labels: ["a", "b"] };
  const measure: Measure = { task: "multi-label", metrics: ["macro_f1", "micro_f1"], primary: "macro_f1" };
  // Label a holds above 1, label b above -2.
  const logits = Float32Array.from([2, -1, 3, -3, 0.5, -1.5, 0, -4, 1.5, -2.5, -1, -1]);
  const labels = [1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1];
  const network = smallNetwork(head, 1);
  const facts = { measure, labels: head.labels, key: keyOf(0) };
  const { network: settled, figures } = settle(
    network,
    { logits, labels, width: 2 },
    { threshold: "best" },
    facts,
  );
  const cuts = Object.values(figures.threshold?.thresholds ?? {}).map(cutOf);
  expect(cuts[0]).toBeCloseTo(1, 6);
  expect(cuts[1]).toBeCloseTo(-2, 6);
  expect(figures.threshold).toMatchObject({ metric: "macro_f1", after: 1 });
  const bias = (of: typeof network): number[] => [...(of.tensors.get("classifier.bias")?.data ?? [])];
  expect(bias(settled).map((x, i) => x - (bias(network)[i] ?? 0))).toEqual([
    expect.closeTo(-1, 6),
    expect.closeTo(2, 6),
  ]);
  const given = settle(network, { logits, labels, width: 2 }, { threshold: 0.3, calibrate: true }, facts);
  expect(given.figures.threshold?.thresholds).toEqual({
    a: expect.closeTo(0.3, 6),
    b: expect.closeTo(0.3, 6),
  });
  expect(given.figures.calibration?.examples).toBe(6);
});

test("the classifier has both: its logits are z / T, less the cut for the second class", () => {
  const labelled = drawn(400, 2, 2);
  const network = smallNetwork(TWO, 1);
  const {
    network: settled,
    figures,
    notes,
  } = settle(network, labelled, { calibrate: true, threshold: 0.3 }, FACTS);
  const T = figures.calibration?.temperature ?? 0;
  expect(settled.tensors).toEqual(withScaling(network, { temperature: T, shift: [0, -cutOf(0.3)] }).tensors);
  const [w, v] = [network, settled].map(({ tensors }) => tensors.get("classifier.weight")?.data ?? []);
  expect(Math.max(...Array.from(w ?? [], (x, i) => Math.abs(x / T - (v?.[i] ?? 1))))).toBeLessThan(1e-6);
  expect(figures.threshold).toMatchObject({ metric: "f1" });
  expect(figures.threshold?.thresholds.yes).toBeCloseTo(0.3, 6);
  expect(figures.threshold?.after).toBe(figures.threshold?.held);
  expect(settledSentences(figures).join("\n")).toMatch(
    /^Calibrated by temperature 1\.\d\d: .*\.\nThreshold: "yes" from 0\.300 on, which is now 0\.5; f1 .*\.$/,
  );
  expect(notes).toEqual([]);
  expect(settle(network, labelled, {}, FACTS)).toEqual({ network, figures: {}, notes: [] });
});

test("the words of a text lie in one half, and it is the texts that are counted", () => {
  const starts = [0, 1, 4, 6, 12, 13, 20];
  const { logits, labels } = drawn(20, 3, 2);
  const words = { logits, labels, starts };
  const seen: number[][] = [];
  const rowOf = (row: readonly number[]): number =>
    Array.from(labels).findIndex((_, i) => row.every((z, c) => z === logits[3 * i + c]));
  const changed = acrossHalves(words, keyOf(5), (_, own) => {
    seen.push(Array.from({ length: own.length / 3 }, (_, i) => rowOf([...own.subarray(3 * i, 3 * i + 3)])));
    return own.map((z) => z + 1);
  });
  const textOf = (word: number): number => starts.findLastIndex((start) => start <= word);
  const [first, second] = seen.map((rows) => new Set(rows.map(textOf)));
  expect([first?.size, second?.size]).toEqual([3, 3]);
  expect([...(first ?? [])].filter((text) => second?.has(text))).toEqual([]);
  expect(changed.logits).toEqual(logits.map((z) => z + 1));
  const tokens: Measure = { task: "tokens", metrics: ["accuracy"], primary: "accuracy" };
  const head = { kind: "tokens" as const, labels: ["a", "b", "c"] };
  const facts = { measure: tokens, labels: head.labels, key: keyOf(0) };
  const many = drawn(600, 3, 2.5);
  const ends = Array.from({ length: 61 }, (_, i) => 10 * i);
  const { figures } = settle(smallNetwork(head, 1), { ...many, starts: ends }, { calibrate: true }, facts);
  expect(figures.calibration?.examples).toBe(60);
});

test("a best threshold has a figure from the other half beside its own, which flatters", () => {
  const { figures } = settle(smallNetwork(TWO, 1), drawn(60, 2, 3), { threshold: "best" }, FACTS);
  const { before = 0, after = 0, held = 1 } = figures.threshold ?? {};
  expect(after).toBeGreaterThan(before);
  expect(held).toBeLessThan(after);
});

test("values have no temperature, three classes no threshold", () => {
  const data: Dataset = { name: "made", task: "classification", labels: ["a", "b", "c"], examples: [] };
  expect(() => requireSettling({ threshold: "best" }, data, F1)).toThrow(
    "threshold: expected data with two classes, or with several labels of a text, got 3 classes (made)",
  );
  expect(() => requireSettling({ calibrate: true }, { ...data, task: "regression", labels: [] }, F1)).toThrow(
    "calibrate: expected data with labels, got values (made)",
  );
  const two = { ...data, labels: TWO.labels };
  expect(() => requireSettling({ threshold: "best" }, two, { ...F1, primary: "roc_auc" })).toThrow(
    "threshold: expected a metric that a threshold changes, such as f1 or accuracy, got roc_auc",
  );
  expect(() => requireSettling({ threshold: 0.3 }, two, { ...F1, primary: "loss" })).not.toThrow();
});
