import { expect, test } from "vitest";
import type { Dataset, Measure } from "../data/dataset.ts";
import { settleFloor } from "./measure.ts";
import { fitFloor, learnTermReader } from "./model.ts";

/** Texts of which one in ten is of the second class and has a word that others seldom have. */
const RARE: Dataset = {
  name: "rare",
  task: "classification",
  labels: ["no", "yes"],
  examples: Array.from({ length: 200 }, (_, i) => ({
    text: `the film ${i % 7} of ${i % 10 === 0 || i % 40 === 3 ? "dread" : "joy"}`,
    label: Number(i % 10 === 0),
    where: `rare:${i}`,
  })),
};
const F1: Measure = { task: "classification", metrics: ["f1", "accuracy"], primary: "f1" };

test("where the product has its best threshold a floor has its own, and says 0.5 of it from then on", async () => {
  const model = await fitFloor(learnTermReader(RARE), "classification", RARE);
  // So that nothing is said at 0.5.
  const shy = { ...model, linear: { ...model.linear, bias: model.linear.bias.map((b) => b - 6) } };
  const plain = settleFloor(shy, RARE, F1, {});
  expect(plain.settled).toBe(shy);
  expect(plain.judged.metrics.f1).toBe(0);
  const { settled, judged } = settleFloor(shy, RARE, F1, { threshold: "best" });
  // 20 are there and said so, and 5 others have the word: 2 · 20 / (20 + 25).
  expect(judged.metrics.f1).toBeCloseTo(40 / 45, 12);
  expect(settleFloor(settled, RARE, F1, {}).judged.metrics.f1).toBeCloseTo(40 / 45, 12);
});

test("a temperature is fitted to a floor too, and changes no answer", async () => {
  const model = await fitFloor(learnTermReader(RARE), "classification", RARE);
  const loss: Measure = { ...F1, metrics: ["f1", "loss"], primary: "loss" };
  const [plain, settled] = [{}, { calibrate: true }].map(
    (each) => settleFloor(model, RARE, loss, each).judged,
  );
  expect(settled?.metrics.loss ?? 1).toBeLessThan(plain?.metrics.loss ?? 0);
  expect(settled?.predicted).toEqual(plain?.predicted);
});
