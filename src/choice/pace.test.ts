import { expect, test } from "vitest";
import { methodById } from "../methods/registry.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS } from "../options/training.ts";
import { chooseBatches, chooseEpochs, chooseRates, ownNotes } from "./pace.ts";

/** What is chosen for options, and what is said of it. */
function chosen(method: string, typed: Readonly<Record<string, unknown>>, set: Record<string, string> = {}) {
  const asked = resolveOptions(COMPRESS, { model: "m", data: "d", out: "o", method, set, ...typed });
  const configured = methodById(method, { set });
  const numbers = { ...chooseRates(asked, configured), ...chooseBatches(asked, configured) };
  return { ...numbers, said: ownNotes(asked, configured) };
}

test.each([
  ["truncate", {}, {}, 5e-5, 5e-5],
  ["truncate", { learningRate: 1e-3 }, {}, 1e-3, 1e-3],
  ["truncate", { learningRate: 1e-3, finetuneRate: 2e-5 }, {}, 1e-3, 2e-5],
  ["truncate", { learningRate: 1e-3, finetuned: "f" }, {}, 1e-3, undefined],
  ["sparsebert", {}, {}, 1e-3, 5e-5],
  ["sparsebert", {}, { sparsity: "0.9" }, 5e-4, 5e-5],
  ["sparsebert", { learningRate: 1e-3 }, {}, 1e-3, 5e-5],
  ["sparsebert", { learningRate: 1e-3, finetuneRate: 1e-4 }, {}, 1e-3, 1e-4],
  ["sparsebert", { learningRate: 1e-4 }, { sparsity: "0.5" }, 1e-4, 1e-4],
  ["sparsebert", { embedding: true }, {}, 1e-3, undefined],
  ["magnitude", {}, { sparsity: "0.5" }, 5e-5, 5e-5],
  ["magnitude", {}, { sparsity: "0.5", frozen: "true" }, 1e-3, 5e-5],
  ["lottery", {}, { frozen: "true" }, 3e-4, 5e-5],
  ["adapting-by-pruning", {}, {}, 1e-3, 5e-5],
] as const)("%s with %j and %j compresses at %d, after fine-tuning at %d", (id, typed, set, rate, first) => {
  const { learningRate, finetuneRate } = chosen(id, typed, set);
  expect([learningRate, finetuneRate]).toEqual([rate, first]);
});

test.each([
  ["truncate", {}, 32, undefined],
  ["truncate", { batchSize: 16 }, 16, undefined],
  ["truncate", { finetuneBatchSize: 16 }, 32, 16],
  ["adapting-by-pruning", {}, 8, 32],
  ["adapting-by-pruning", { batchSize: 16 }, 16, undefined],
  ["adapting-by-pruning", { batchSize: 8, finetuneBatchSize: 32 }, 8, 32],
  ["adapting-by-pruning", { finetuned: "f" }, 8, undefined],
] as const)("%s with %j compresses in batches of %d, after other ones of %d", (id, typed, batch, first) => {
  const { batchSize, finetuneBatchSize } = chosen(id, typed);
  expect([batchSize, finetuneBatchSize]).toEqual([batch, first]);
});

test("fine-tuning passes over its own examples, without the copies that the compression has", () => {
  const options = { model: "m", data: "d", out: "o", method: "theseus", batchSize: 32 };
  const asked = { ...resolveOptions(COMPRESS, options), batchSize: 32 };
  const examples = Array.from({ length: 9300 }, (_, i) => ({ text: `${i}`, label: 0, where: "" }));
  const alone = chooseEpochs(
    asked,
    { train: { examples: examples.slice(0, 300) }, copies: 0 },
    undefined,
    {},
  );
  const copied = chooseEpochs(asked, { train: { examples }, copies: 9000 }, undefined, {});
  expect(alone.finetuneEpochs).toBe(12);
  expect(copied).toEqual({ epochs: 3, finetuneEpochs: 12 });
});

test("fine-tuning in batches of its own needs as many passes as their steps", () => {
  const options = { model: "m", data: "d", out: "o", method: "adapting-by-pruning" };
  const asked = { ...resolveOptions(COMPRESS, options), batchSize: 8, finetuneBatchSize: 32 };
  const examples = Array.from({ length: 320 }, (_, i) => ({ text: `${i}`, label: 0, where: "" }));
  const { epochs, finetuneEpochs } = chooseEpochs(asked, { train: { examples }, copies: 0 }, undefined, {});
  expect([epochs, finetuneEpochs]).toEqual([600 / 40, 120 / 10]);
});

test("the embedded model has a rate of its own, under a method without one and for the teacher", () => {
  const { learningRate, finetuneRate } = chosen("truncate", { model: "embedded" });
  expect([learningRate, finetuneRate]).toEqual([5e-4, 5e-4]);
  expect(chosen("features", { model: "embedded" })).toMatchObject({ learningRate: 1e-3, finetuneRate: 5e-4 });
});

test("a method's own rate is said, one that is typed or usual is not", () => {
  const text = "learning rate 1e-3, the method's own; --learning-rate says otherwise";
  expect(chosen("features", {}).said).toEqual([text]);
  const batch = "batches of 8, the method's own; --batch-size says otherwise";
  expect(chosen("adapting-by-pruning", {}).said).toEqual([text, batch]);
  expect(chosen("adapting-by-pruning", { batchSize: 8 }).said).toEqual([text]);
  expect(chosen("features", { learningRate: 1e-3 }).said).toEqual([]);
  expect(chosen("truncate", {}).said).toEqual([]);
});
