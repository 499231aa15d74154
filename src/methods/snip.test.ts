import { expect, test } from "vitest";
import { CLASSES, madeUpBatch, settingsOf, smallNetwork, withTrainer } from "../../test/support/training.ts";
import { requireEntry } from "../base/present.ts";
import { keyOf } from "../base/random.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import type { Network } from "../network/network.ts";
import { unitsOf } from "../parts/units.ts";
import { methodById } from "./registry.ts";
import { droppedUnits } from "./snip.ts";

const NETWORK = smallNetwork(CLASSES, 2, 0);

function bound(set: Readonly<Record<string, string>>, steps = 10, network = NETWORK) {
  return methodById("snip", { set }).bind(network, { steps, key: keyOf(1), learningRate: 1e-3 });
}

const UNITS = unitsOf(NETWORK.config, ["head", "ffn"]);
const NORMS = [1, 6, 3, 4, 5, 2]; // heads 0.0 and 0.1, ffn 0, heads 1.0 and 1.1, ffn 1
const CHOICE = { threshold: 0, ratio: 0.5, ranking: "global" } as const;

function told(choice: Parameters<typeof droppedUnits>[2]): string[] {
  const dropped = droppedUnits(UNITS, NORMS, choice);
  return [...dropped].map(({ kind, layer, place }) => `${kind} ${layer}.${place}`).sort();
}

test("units below the threshold go, whatever the ratio", () => {
  expect(told({ ...CHOICE, threshold: 3 })).toEqual(["ffn 1.0", "head 0.0"]);
  expect(told({ ...CHOICE, threshold: 1 })).toEqual([]);
});

test("without a threshold the smallest go until the ratio is nearest, of all units or of each kind", () => {
  expect(told(CHOICE)).toEqual(["ffn 0.0", "ffn 1.0", "head 0.0"]);
  expect(told({ ...CHOICE, ranking: "kind" })).toEqual(["ffn 1.0", "head 0.0", "head 1.0"]);
});

/** A module's own biases are its whole output when its matrices are 0: a norm that can be told by hand. */
function constantModules(): Network {
  const tensors = new Map(NETWORK.tensors);
  for (const [name, { shape, data }] of tensors) {
    const [, layer, module] = /layer\.(\d)\.(.*)$/.exec(name) ?? [];
    if (module === "attention.output.dense.weight" || module === "output.dense.weight") {
      tensors.set(name, floatTensor(shape, new Float32Array(data.length)));
    }
    const level = module === "output.dense.bias" ? 2 : 1;
    if (module === "attention.output.dense.bias" || module === "output.dense.bias") {
      tensors.set(
        name,
        floatTensor(
          shape,
          data.map((_, i) => (i % 2 === 0 ? 1 : -1) * (level + 3 * Number(layer))),
        ),
      );
    }
  }
  return { ...NETWORK, tensors };
}

test("function norms are means of |F| over every batch of the first part, told by hand, within 1e-5", async () => {
  const set = {
    unit: "attention+ffn",
    spectral: "off",
    penalty: "0",
    threshold: "1.5",
    penalise: "0.3",
    rounds: "1",
  };
  const progress = await withTrainer(settingsOf(bound(set, 10, constantModules()), 1), async (trainer) => {
    const unit = await trainer.step([madeUpBatch(CLASSES, 0), madeUpBatch(CLASSES, 1, 3)], 0);
    expect(unit.loss).toBeGreaterThan(0);
    for (let step = 1; step < 3; step++) await trainer.step([madeUpBatch(CLASSES, step)], 0);
    return (await trainer.state()).progress;
  });
  expect(progress.norms).toEqual([1, 2, 4, 5].map((norm) => expect.closeTo(norm, 5)));
  expect(progress.dropped).toEqual([0]);
  expect(progress.units).toBe("none/all,all/all");
});

test("the penalty is λ times the sum of the norms, and its gradient makes them smaller", async () => {
  const batch = madeUpBatch(CLASSES, 2, 8);
  const norms = async (
    penalty: string,
    steps: number,
  ): Promise<{ readonly loss: number; readonly sum: number }> => {
    const set = { unit: "head+ffn", spectral: "off", penalty, penalise: "0.9", rounds: "1" };
    return withTrainer(settingsOf(bound(set, 30), 1), async (trainer) => {
      let [loss, before] = [0, 0];
      const total = async (): Promise<number> =>
        [...((await trainer.tensors()).get("snip.norms")?.data ?? new Float32Array(0))].reduce(
          (a, b) => a + b,
          0,
        );
      for (let step = 0; step < steps; step++) {
        before = await total();
        loss = (await trainer.step([batch], 1e-2)).loss;
      }
      return { loss, sum: (await total()) - before };
    });
  };
  const [plain, penalised] = [await norms("0", 1), await norms("0.5", 1)];
  expect(penalised.sum).toBeCloseTo(plain.sum, 4);
  expect(penalised.loss - plain.loss).toBeCloseTo(0.5 * plain.sum, 4);
  expect((await norms("0.5", 20)).sum).toBeLessThan(0.8 * (await norms("0", 20)).sum);
});

/** The largest singular value by 300 iterations. */
function largest({ shape, data }: FloatTensor): number {
  const [rows = 0, columns = 0] = shape;
  let v = Array.from({ length: columns }, (_, j) => 1 + j / columns);
  let norm = 0;
  for (let k = 0; k < 300; k++) {
    const right = Array.from({ length: rows }, (_, i) =>
      v.reduce((s, x, j) => s + x * (data[i * columns + j] ?? 0), 0),
    );
    const back = v.map((_, j) => right.reduce((s, x, i) => s + x * (data[i * columns + j] ?? 0), 0));
    norm = Math.hypot(...back);
    v = back.map((x) => x / norm);
  }
  return Math.sqrt(norm);
}

test.each(["one", "pretrained"])(
  "spectral=%s: every matrix of the product has its largest singular value there",
  async (spectral) => {
    const method = bound({ threshold: "1e-9", penalise: "0.2", spectral });
    const product = await withTrainer(settingsOf(method, 1), async (trainer) => {
      for (let step = 0; step < 10; step++) await trainer.step([madeUpBatch(CLASSES, step)], 1e-3);
      return trainer.finish(await trainer.tensors());
    });
    const matrices = [...product.tensors].filter(
      ([name, { shape }]) => name.includes(".layer.") && shape.length === 2,
    );
    expect(matrices).toHaveLength(12);
    for (const [name, matrix] of matrices) {
      const level = spectral === "one" ? 1 : largest(requireEntry(NETWORK.tensors, name, "tensor"));
      expect(Math.abs(largest(matrix) / level - 1)).toBeLessThan(0.03);
    }
  },
);

test.each([
  ["unit", { unit: "neuron" }],
  ["ranking", { ranking: "matrix" }],
  ["penalise", { penalise: "1" }],
  ["rounds", { rounds: "0" }],
  ["spectral", { spectral: "true" }],
  ["ratio", { ratio: "1" }],
  ["negative", { threshold: "-1" }],
  ["negative", { penalty: "-1" }],
] as const)("snip/%s: %o is refused", (code, set) => {
  expect(() => bound(set)).toThrow(expect.objectContaining({ code: `snip/${code}` }));
});

test("a run that ends before units are dropped has no product (method/unreached)", () => {
  const method = bound({ spectral: "off" });
  expect(method.ready(1, {})).toBe(false);
  expect(() => method.finish(NETWORK.tensors, {})).toThrow(
    expect.objectContaining({ code: "method/unreached" }),
  );
});

test("units go in rounds, by the norms since the last, and those that are gone stay away", async () => {
  const set = { unit: "head+ffn", ratio: "0.5", ranking: "global", penalise: "0.6", rounds: "3" };
  const seen: string[] = [];
  await withTrainer(settingsOf(bound(set, 10), 1), async (trainer) => {
    for (let step = 0; step < 7; step++) {
      await trainer.step([madeUpBatch(CLASSES, step)], 1e-3);
      const { units, dropped, norms } = (await trainer.state()).progress;
      seen.push(`${units ?? "all"} ${JSON.stringify(dropped ?? [])}`);
      if (step === 5) expect(norms).toContain(-1);
    }
    const kept = await trainer.tensors();
    expect(kept.get("snip.batches")?.data).toEqual(Float32Array.of(6));
  });
  const rounds = [seen[0], seen[1], seen[3], seen[5]];
  expect(new Set(rounds).size).toBe(4);
  expect([seen[2], seen[4], seen[6]]).toEqual([seen[1], seen[3], seen[5]]);
  const dropped = rounds.map((line) => JSON.parse(line?.split(" ")[1] ?? "[]"));
  for (const unit of dropped[1]) expect(dropped[3]).toContain(unit);
});
