import { expect, test } from "vitest";
import type { Dataset, Label } from "../data/dataset.ts";
import { objectiveNotes, objectiveOf } from "./objective.ts";

function data(task: Dataset["task"], labels: readonly string[], each: readonly Label[]): Dataset {
  return {
    name: "made",
    task,
    labels,
    examples: each.map((label) => ({ text: "t", label, where: "made:1" })),
  };
}

const CLASSES = data("classification", ["a", "b", "c"], [0, 0, 0, 1]);

test("balanced weights are scikit-learn's, and of labels that hold those of the ones that do not", () => {
  // compute_class_weight("balanced", classes=[0, 1], y=[0, 0, 0, 1]) gives 2/3 and 2; with a third class n / (C·n_c).
  expect(objectiveOf({ classWeights: "balanced" }, CLASSES)).toEqual({ weights: [4 / 9, 4 / 3, 1] });
  const several = data("multi-label", ["x", "y", "z"], [[0], [0, 1], [0], []]);
  expect(objectiveOf({ classWeights: "balanced" }, several)).toEqual({ weights: [1 / 3, 3, 1] });
  const words = data("tokens", ["O", "B-X"], [[0, 0, 1], [0]]);
  expect(objectiveOf({ classWeights: "balanced" }, words)).toEqual({ weights: [4 / 6, 2] });
  expect(objectiveNotes({ weights: [4 / 9, 4 / 3, 1] }, ["a", "b", "c"])).toEqual([
    "weights of the classes in the loss: a 0.444, b 1.33, c 1",
  ]);
});

test("losses are mixed by name and share, and nothing asked for is no objective", () => {
  expect(objectiveOf({}, CLASSES)).toBeUndefined();
  expect(objectiveOf({ labelSmoothing: 0 }, CLASSES)).toBeUndefined();
  expect(objectiveOf({ loss: "focal" }, CLASSES)).toEqual({ mix: [{ loss: "focal", share: 1 }], gamma: 2 });
  const loss = "cross-entropy:0.7, focal:0.3";
  expect(objectiveOf({ loss, gamma: 1, labelSmoothing: 0.1 }, CLASSES)).toEqual({
    mix: [
      { loss: "cross-entropy", share: 0.7 },
      { loss: "focal", share: 0.3 },
    ],
    gamma: 1,
    smoothing: 0.1,
  });
});

test.each([
  [
    { loss: "huber" },
    'loss: expected cross-entropy or focal, or several as in cross-entropy:0.7,focal:0.3, got "huber" (made)',
  ],
  [{ loss: "focal:0" }, 'got "focal:0" (made)'],
  [{ loss: "focal:1:2" }, 'got "focal:1:2" (made)'],
  [{ gamma: 1 }, "gamma: expected it with the loss focal, got none"],
  [
    { classWeights: [1, 2] },
    "classWeights: expected 3 weights, one for each class in this order: a, b, c, got 2 (made)",
  ],
])("%j is refused for classes", (settings, message) => {
  expect(() => objectiveOf(settings, CLASSES)).toThrow(message);
});

test("values have losses of their own, and neither weights nor smoothing", () => {
  const values = data("regression", [], [1, 2]);
  expect(objectiveOf({ loss: "huber" }, values)?.mix).toEqual([{ loss: "huber", share: 1 }]);
  expect(() => objectiveOf({ loss: "focal" }, values)).toThrow(
    "loss: expected squared or absolute or huber, or several",
  );
  expect(() => objectiveOf({ classWeights: "balanced" }, values)).toThrow(
    "classWeights: expected data with classes, got regression (made)",
  );
  expect(() => objectiveOf({ labelSmoothing: 0.1 }, values)).toThrow(
    "labelSmoothing: expected data with classes",
  );
});
