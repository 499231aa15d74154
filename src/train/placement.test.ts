import { afterAll, expect, test } from "vitest";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { sizeOf } from "../base/tensor.ts";
import { EMBEDDINGS, isDecayed } from "../bert/names.ts";
import { Engine } from "../engine/engine.ts";
import { BUFFERS, gradientView, type PlacementPlan, place, planPlacement } from "./placement.ts";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

const { tensors } = smallNetwork(CLASSES, 2);
const isLayer = (name: string): boolean => name.includes("layer");

const PLANS: Readonly<Record<string, PlacementPlan>> = {
  "everything trained": { trains: () => true, rows: false },
  "word embeddings apart": { trains: () => true, rows: true },
  "layers trained, the rest frozen": { trains: isLayer, rows: true },
  "layers trained, the rest measured": { trains: isLayer, measures: () => true, rows: true },
  "layers trained, a part measured": {
    trains: isLayer,
    measures: (name) => name.endsWith("bias"),
    rows: false,
  },
  "layers move by a rule of their own, a part of the rest is kept": {
    trains: (name) => name !== EMBEDDINGS.types,
    keeps: (name) => name === EMBEDDINGS.types,
    rule: (name) => (isLayer(name) ? { kind: "descent", factor: 2 } : undefined),
    rows: true,
  },
  "nothing trained": { trains: () => false, rows: true },
};

test.each(Object.entries(PLANS))(
  "%s: every tensor has a place of its own, and each buffer is full",
  (_, plan) => {
    const { views } = planPlacement(tensors, plan);
    expect([...views.keys()].sort()).toEqual([...tensors.keys()].sort());
    const byBuffer = new Map<string, [number, number][]>();
    for (const { buffer, offset, shape } of views.values()) {
      byBuffer.set(buffer, [...(byBuffer.get(buffer) ?? []), [offset, sizeOf(shape)]]);
    }
    for (const places of byBuffer.values()) {
      let end = 0;
      for (const [offset, size] of places.sort(([a], [b]) => a - b)) {
        expect(offset).toBe(end);
        end += size;
      }
    }
  },
);

test.each(Object.entries(PLANS))(
  "%s: what moves alike lies together, and what decays is not with what does not",
  (_, plan) => {
    const { views, groups, total, table } = planPlacement(tensors, plan);
    const ends = groups.map(({ end }) => end);
    expect(groups.map(({ start }) => start)).toEqual([0, ...ends.slice(0, -1)].slice(0, groups.length));
    expect(ends.at(-1) ?? 0).toBe(total);
    expect(table).toEqual(plan.rows && plan.trains(EMBEDDINGS.words) ? [60, 12] : undefined);
    for (const [name, { buffer, offset, shape }] of views) {
      const end = offset + sizeOf(shape);
      if (!plan.trains(name)) expect(buffer).toBe(plan.keeps?.(name) ? BUFFERS.kept : BUFFERS.frozen);
      else if (table && name === EMBEDDINGS.words) expect(buffer).toBe(BUFFERS.table);
      else {
        expect(buffer).toBe(BUFFERS.weights);
        const group = groups.find((it) => it.start <= offset && end <= it.end);
        expect(group?.decays).toBe(isDecayed(name));
        expect(group?.rule).toEqual(plan.rule?.(name) ?? { kind: "adamw" });
      }
    }
  },
);

test.each(Object.entries(PLANS))(
  "%s: gradients lie end to end, the measured ones behind the trained",
  (_, plan) => {
    const placement = planPlacement(tensors, plan);
    const places = placement.differentiated.map((name) => gradientView(placement, name));
    let end = 0;
    for (const { buffer, offset, shape } of places.sort((a, b) => a.offset - b.offset)) {
      expect(buffer).toBe(BUFFERS.gradients);
      expect(offset).toBe(end);
      end += sizeOf(shape);
    }
    expect(end).toBe(placement.measured);
    const wanted = (name: string): boolean =>
      plan.trains(name) ? !(placement.table && name === EMBEDDINGS.words) : (plan.measures?.(name) ?? false);
    expect([...placement.differentiated].sort()).toEqual([...tensors.keys()].filter(wanted).sort());
  },
);

test("tensors that are placed are read back bit for bit, and training starts from moments of zero", async () => {
  const placement = planPlacement(tensors, { trains: () => true, rows: true });
  await place(engine, tensors, placement);
  for (const [name, view] of placement.views)
    expect(await engine.read(view)).toEqual(tensors.get(name)?.data);
  const zeros = new Float32Array(placement.total);
  for (const buffer of [BUFFERS.gradients, BUFFERS.mean, BUFFERS.square]) {
    expect(await engine.read({ buffer, offset: 0, shape: [placement.total] })).toEqual(zeros);
  }
});

test("train/tensor: a tensor that is not there, or not placed, is refused by name", async () => {
  const placement = planPlacement(tensors, { trains: () => true, rows: true });
  const rest = new Map([...tensors].filter(([name]) => name !== EMBEDDINGS.types));
  await expect(place(engine, rest, placement)).rejects.toMatchObject({
    code: "train/tensor",
    message: expect.stringContaining(EMBEDDINGS.types),
  });
  expect(() => gradientView(placement, "no.such.tensor")).toThrow(
    expect.objectContaining({ code: "train/tensor" }),
  );
});
