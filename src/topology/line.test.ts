import { expect, test } from "vitest";
import { KINDS, smallConfigOf } from "../../test/support/architectures.ts";
import { PRUNED_CONFIG, tinyModel } from "../../test/support/tiny-model.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { fold, keyOf, normals } from "../base/random.ts";
import { floatTensor, largestGap } from "../base/tensor.ts";
import type { Head } from "../bert/config.ts";
import { biasOf, CLASSIFIER } from "../bert/names.ts";
import { Engine } from "../engine/engine.ts";
import { openNetwork } from "../network/inference.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import { blend, reorderUnits, walkLine } from "./line.ts";

const BIAS = biasOf(CLASSIFIER);
const key = keyOf(4);

/** The tiny model with another first number in the classifier's bias, which stands for the place in a loss. */
function at(x: number): Network {
  const model = tinyModel();
  return { ...model, tensors: new Map(model.tensors).set(BIAS, floatTensor([2], Float32Array.of(x, 0))) };
}

const placeOf = ({ tensors }: Network): number =>
  requireItem(requireEntry(tensors, BIAS, "tensor").data, 0, "bias");

/** A loss that is 1 - x² between its two lowest places -1 and 1. */
const judge = async (network: Network) => {
  const x = placeOf(network);
  return { loss: 1 - x * x, metrics: { accuracy: x * x } };
};

test("the barrier between two minima of 1 - x² is 1, half way, worked out by hand", async () => {
  const record = await walkLine({ from: at(-1), to: at(1), between: 3, judge, key });
  // x is -1, -1/2, 0, 1/2, 1; both ends have loss 0, so the excess is the loss.
  expect(record.points.map(({ at, loss, excess }) => [at, loss, excess])).toEqual([
    [0, 0, 0],
    [0.25, 0.75, 0.75],
    [0.5, 1, 1],
    [0.75, 0.75, 0.75],
    [1, 0, 0],
  ]);
  expect(record).toMatchObject({ barrier: 1, barrierAt: 0.5 });
  expect(record.points[1]?.metrics).toEqual({ accuracy: 0.25 });
});

test("the ends need not be alike: from x = 0 to 1 the excess of 1 - x² is t - t²", async () => {
  const { points, barrier, barrierAt } = await walkLine({ from: at(0), to: at(1), between: 3, judge, key });
  // loss(t) = 1 - t²; the straight line between 1 and 0 is 1 - t.
  for (const { at, excess } of points) expect(excess).toBeCloseTo(at - at * at, 7);
  expect([barrier, barrierAt]).toEqual([0.25, 0.5]);
});

test("a network and itself have no barrier, and neither has a loss that falls all the way", async () => {
  expect(await walkLine({ from: at(0.5), to: at(0.5), between: 4, judge, key })).toMatchObject({
    barrier: 0,
  });
  const straight = async (network: Network) => ({ loss: -placeOf(network), metrics: {} });
  const { barrier } = await walkLine({ from: at(0), to: at(1), between: 3, judge: straight, key });
  expect(barrier).toBeCloseTo(0, 6);
});

test("the same line backwards has the same barrier", async () => {
  const skew = async (network: Network) => ({ loss: Math.sin(3 * placeOf(network)), metrics: {} });
  const there = await walkLine({ from: at(-1), to: at(1), between: 7, judge: skew, key });
  const back = await walkLine({ from: at(1), to: at(-1), between: 7, judge: skew, key });
  expect(back.barrier).toBeCloseTo(there.barrier, 6);
  expect(back.barrierAt).toBeCloseTo(1 - there.barrierAt, 12);
});

const ids = Int32Array.from([2, 5, 6, 7, 3, 2, 9, 11, 8, 3]);
const batch = { size: 2, length: 5, ids, types: new Int32Array(10), mask: new Float32Array(10).fill(1) };

test.each([undefined, PRUNED_CONFIG])(
  "units in another order say the same of every text, within 1e-5",
  async (config) => {
    const model = tinyModel(undefined, config);
    const other = reorderUnits(model, key);
    expect(other.tensors).not.toEqual(model.tensors);
    const engine = new Engine({ threads: 1 });
    try {
      const [a, b] = [await openNetwork(engine, model), await openNetwork(engine, other)];
      expect(largestGap(await a.logits(batch), await b.logits(batch))).toBeLessThan(1e-5);
      // Half way they do not: the two lie at different places.
      const middle = await openNetwork(engine, blend(model, other, 0.5));
      expect(largestGap(await a.logits(batch), await middle.logits(batch))).toBeGreaterThan(0.01);
    } finally {
      await engine.close();
    }
  },
);

test.each(KINDS)("%s: units in another order say the same, within 1e-5", async (type) => {
  const { vocabulary } = tinyModel();
  const model = randomised(initialNetwork(smallConfigOf(type), HEAD, vocabulary, key));
  const other = reorderUnits(model, key);
  expect(largestGap(flat(other), flat(model))).toBeGreaterThan(0.01);
  const engine = new Engine({ threads: 1 });
  try {
    const [a, b] = [await openNetwork(engine, model), await openNetwork(engine, other)];
    expect(largestGap(await a.logits(batch), await b.logits(batch))).toBeLessThan(1e-5);
  } finally {
    await engine.close();
  }
});

const HEAD: Head = { kind: "classification", labels: ["no", "yes"] };

/** With numbers in every tensor: biases begin at 0. */
function randomised(network: Network): Network {
  const entries = [...network.tensors].map(([name, { shape, data }]) => {
    const noise = normals(fold(key, name), data.length);
    return [
      name,
      floatTensor(
        shape,
        Float32Array.from(data, (x, i) => x + 0.1 * (noise[i] ?? 0)),
      ),
    ] as const;
  });
  return { ...network, tensors: new Map(entries) };
}

function flat({ tensors }: Network): Float32Array {
  return Float32Array.from([...tensors.values()].flatMap(({ data }) => [...data]));
}

test("networks of two shapes or with two heads are refused", async () => {
  const other = tinyModel(undefined, PRUNED_CONFIG);
  await expect(walkLine({ from: tinyModel(), to: other, between: 1, judge, key })).rejects.toMatchObject({
    code: "topology/shapes",
    message: expect.stringContaining("expected [16, 16] in both, got [8, 16] in the second"),
  });
  expect(() => blend(tinyModel(), tinyModel({ kind: "regression" }), 0.5)).toThrow(
    expect.objectContaining({ code: "topology/heads" }),
  );
});
