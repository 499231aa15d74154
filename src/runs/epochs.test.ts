import { expect, test } from "vitest";
import { ENOUGH_TO_FINETUNE, trainingEpochs } from "./epochs.ts";
import type { ProgressEvent } from "./progress.ts";

const BATCHES = { batchSize: 32, accumulate: 1 };

test.each([
  // 120 steps of 32: 19 batches an epoch make 7, 7 batches 18, 2 batches 60, of which 20 are made.
  { examples: 600, epochs: 7 },
  { examples: 200, epochs: 18 },
  { examples: 40, epochs: 20 },
  { examples: 1, epochs: 20 },
  { examples: 1_280, epochs: 3 },
  { examples: 67_349, epochs: 3 },
])("$examples examples are passed $epochs times", ({ examples, epochs }) => {
  expect(trainingEpochs(BATCHES, examples, ENOUGH_TO_FINETUNE)).toBe(epochs);
});

test("batches that make one step together count as one", () => {
  expect(trainingEpochs({ batchSize: 32, accumulate: 4 }, 1_280, ENOUGH_TO_FINETUNE)).toBe(12);
});

test("what was typed is never changed, and only more passes than usual are told", () => {
  const told: ProgressEvent[] = [];
  const context = { report: (event: ProgressEvent) => void told.push(event) };
  expect(trainingEpochs({ ...BATCHES, epochs: 0.5 }, 10, ENOUGH_TO_FINETUNE, context)).toBe(0.5);
  expect(trainingEpochs(BATCHES, 5_000, ENOUGH_TO_FINETUNE, context)).toBe(3);
  expect(told).toEqual([]);
  trainingEpochs(BATCHES, 600, ENOUGH_TO_FINETUNE, context);
  expect(told).toEqual([{ kind: "note", text: expect.stringContaining("7 epochs instead of the usual 3") }]);
});
