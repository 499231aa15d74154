import { expect, test } from "vitest";
import { CLASSES, madeUpBatch, settingsOf, smallNetwork, withTrainer } from "../../test/support/training.ts";
import { keyOf } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { methodById } from "./registry.ts";

const NETWORK = smallNetwork(CLASSES, 2, 0);

function bound(set: Readonly<Record<string, string>>, steps = 10) {
  const facts = { steps, key: keyOf(1), learningRate: 1e-3 };
  return methodById("head-gates", { set }).bind(NETWORK, facts);
}

test("a strong penalty closes the gates: every log α falls, at about the gates' own rate", async () => {
  const settings = settingsOf(bound({ penalty: "100", gateRate: "0.2", start: "0", gated: "0.9" }), 1);
  const gates = await withTrainer({ ...settings, clip: Number.POSITIVE_INFINITY }, async (trainer) => {
    for (let step = 0; step < 5; step++) await trainer.step([madeUpBatch(CLASSES, step)], 1e-3);
    const tensors = await trainer.tensors();
    return ["gate.0", "gate.1"].flatMap((name) => [...(tensors.get(name)?.data ?? [])]);
  });
  expect(gates).toHaveLength(4);
  for (const logAlpha of gates) expect(Math.abs(logAlpha / -1 - 1)).toBeLessThan(0.1);
});

test("the heads with the lowest log α leave, and then the gates rest", async () => {
  const method = bound({ ratio: "0.5", gateRate: "0.5", start: "0", gated: "0.3" });
  await withTrainer(settingsOf(method, 1), async (trainer) => {
    for (let step = 0; step < 3; step++) await trainer.step([madeUpBatch(CLASSES, step)], 1e-3);
    expect(trainer.ready).toBe(true);
    const { progress } = await trainer.state();
    const before = await trainer.tensors();
    const logAlpha = ["gate.0", "gate.1"].flatMap((name) => [...(before.get(name)?.data ?? [])]);
    expect(progress.logAlpha).toEqual(logAlpha);
    const lowest = [...logAlpha].sort((a, b) => a - b).slice(0, 2);
    const bits = logAlpha.map((a) => (lowest.includes(a) ? "0" : "1")).join("");
    const told = (layer: string): string => (layer === "11" ? "all" : layer);
    expect(progress.units).toBe(`${told(bits.slice(0, 2))}/all,${told(bits.slice(2))}/all`);
    for (let step = 3; step < 6; step++) await trainer.step([madeUpBatch(CLASSES, step)], 1e-3);
    const after = await trainer.tensors();
    expect(after.get("gate.0")).toEqual(before.get("gate.0"));
    expect(after.get("classifier.weight")).not.toEqual(before.get("classifier.weight"));
  });
});

test("before heads leave, the model is evaluated with its settled gates, within 1e-5", async () => {
  const method = bound({ start: "0.3" });
  const batch = madeUpBatch(CLASSES, 7, 8);
  const gated = await withTrainer(settingsOf(method, 1), (trainer) => trainer.logits(batch));
  // σ(0.3) stretched; a gate on a context is a factor of the output projection.
  const gate = (1 / (1 + Math.exp(-0.3))) * 1.2 - 0.1;
  const tensors = new Map(NETWORK.tensors);
  for (const [name, { shape, data }] of tensors) {
    if (name.endsWith("attention.output.dense.weight")) {
      tensors.set(
        name,
        floatTensor(
          shape,
          data.map((w) => w * gate),
        ),
      );
    }
  }
  const plain = methodById("finetune").bind({ ...NETWORK, tensors }, { steps: 1, key: keyOf(0) });
  const expected = await withTrainer(settingsOf(plain, undefined), (trainer) => trainer.logits(batch));
  expect(gated).toHaveLength(24);
  expect(Math.max(...gated.map((x, i) => Math.abs(x - (expected[i] ?? Number.NaN))))).toBeLessThan(1e-5);
});

test.each([
  ["ratio", { ratio: "0" }],
  ["heads", { ratio: "0.1" }],
  ["heads", { ratio: "0.9" }],
  ["gated", { gated: "1" }],
  ["rate", { gateRate: "0" }],
  ["rate", { penalty: "-1" }],
] as const)("head-gates/%s: %o is refused", (code, set) => {
  expect(() => bound(set)).toThrow(expect.objectContaining({ code: `head-gates/${code}` }));
});
