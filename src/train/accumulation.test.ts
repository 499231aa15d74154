import { expect, test } from "vitest";
import { furthest } from "../../test/support/adamw.ts";
import { CLASSES, madeUpBatch, settingsOf, smallNetwork, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import type { Head } from "../bert/config.ts";
import type { Objective } from "../bert/objective.ts";
import { methodById } from "../methods/registry.ts";
import type { TrainBatch } from "./feeds.ts";
import { BUFFERS } from "./placement.ts";

const network = smallNetwork(CLASSES, 2);
const facts = { steps: 4, key: keyOf(0), pretrained: network, finetuned: smallNetwork(CLASSES, 2, 0, 10) };
const whole = madeUpBatch(CLASSES, 3, 8);

interface Trained {
  readonly id: string;
  readonly set: Record<string, string>;
  readonly objective: Objective;
}

/** Rows of a batch, without the padding that none of them needs. */
function part({ length, ids, types, mask, labels }: TrainBatch, from: number, to: number): TrainBatch {
  const pieces = (row: number): number =>
    mask.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0);
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  const own = Math.max(...rows.map(pieces));
  const cut = <T extends Int32Array | Float32Array>(data: T, into: T): T => {
    for (const [i, row] of rows.entries()) into.set(data.subarray(row * length, row * length + own), i * own);
    return into;
  };
  const size = rows.length * own;
  return {
    size: rows.length,
    length: own,
    ids: cut(ids, new Int32Array(size)),
    types: cut(types, new Int32Array(size)),
    mask: cut(mask, new Float32Array(size)),
    labels: labels.slice(from, to),
  };
}

/** Loss, and gradients of the first step without dropout, as AdamW's means hold them. */
function gradients(
  { id, set, objective }: Trained,
  parts: readonly TrainBatch[],
  given = { network, finetuned: facts.finetuned },
): Promise<{ readonly loss: number; readonly gradients: readonly number[] }> {
  const method = methodById(id, { set }).bind(given.network, {
    ...facts,
    pretrained: given.network,
    finetuned: given.finetuned,
  });
  const settings = { ...settingsOf(method, undefined), clip: Number.POSITIVE_INFINITY, objective };
  return withTrainer(settings, async (trainer) => {
    const { loss } = await trainer.step(parts, 0);
    const { buffers } = await trainer.state();
    const means = [BUFFERS.mean, `${BUFFERS.table}.m`].flatMap((name) => [...(buffers.get(name) ?? [])]);
    return { loss, gradients: means.map((mean) => 10 * mean) };
  });
}

const WEIGHED: Objective = { weights: [0.5, 1, 3], mix: [{ loss: "focal", share: 1 }], smoothing: 0.1 };
const TRAINED: readonly Trained[] = [
  { id: "finetune", set: {}, objective: {} },
  { id: "distil", set: { layers: "2" }, objective: WEIGHED },
  { id: "tinybert", set: { layers: "2" }, objective: {} },
];

test.each(TRAINED)(
  "$id: parts of 5, 1 and 2 texts give the large batch's gradient within 1e-6",
  async (trained) => {
    const once = await gradients(trained, [whole]);
    const parts = [part(whole, 0, 5), part(whole, 5, 6), part(whole, 6, 8)];
    expect(parts.map(({ length }) => length)).not.toEqual([8, 8, 8]);
    const summed = await gradients(trained, parts);
    expect(Math.max(...once.gradients.map(Math.abs))).toBeGreaterThan(0.01);
    expect(furthest([summed.loss], [once.loss], 1)).toBeLessThan(1e-6);
    expect(furthest(summed.gradients, once.gradients, 1)).toBeLessThan(1e-6);
  },
);

test.each([
  ["l0", { sparsity: "0.5", start: "0" }],
  ["head-gates", { ratio: "0.5", start: "0" }],
] as const)(
  "%s draws its gates once a step, not once a part: the large batch's gradient within 1e-6",
  async (id, set) => {
    const calm = smallNetwork(CLASSES, 2, 0);
    const given = { ...facts, pretrained: calm, finetuned: calm };
    const method = methodById(id, { set }).bind(calm, given);
    const step = (parts: readonly TrainBatch[]) =>
      withTrainer({ ...settingsOf(method, 3), clip: Number.POSITIVE_INFINITY }, (trainer) =>
        trainer.step(parts, 0),
      );
    const once = await step([whole]);
    const summed = await step([part(whole, 0, 5), part(whole, 5, 6), part(whole, 6, 8)]);
    expect(furthest([summed.loss, summed.gradNorm], [once.loss, once.gradNorm], 1)).toBeLessThan(2e-6);
  },
);

test("equal weights of classes change neither loss nor gradient where tokens are taught, within 1e-6", async () => {
  const tokens: Head = { kind: "tokens", labels: ["O", "B-X", "I-X"] };
  const taught = { network: smallNetwork(tokens, 2), finetuned: smallNetwork(tokens, 2, 0, 10) };
  const parts = [0, 1].map((number) => madeUpBatch(tokens, number));
  const found = (objective: Objective) =>
    gradients({ id: "distil", set: { layers: "2" }, objective }, parts, taught);
  const [plain, equal, light] = [
    await found({}),
    await found({ weights: [10, 10, 10] }),
    await found({ weights: [0.1, 0.1, 0.1] }),
  ];
  expect(Math.max(...plain.gradients.map(Math.abs))).toBeGreaterThan(0.01);
  for (const weighed of [equal, light]) {
    expect(furthest([weighed.loss], [plain.loss], 1)).toBeLessThan(1e-6);
    expect(furthest(weighed.gradients, plain.gradients, 1)).toBeLessThan(1e-6);
  }
});
