import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { factsWith, still } from "../../test/support/distillation.ts";
import {
  CLASSES,
  madeUpBatch,
  rowsOf,
  runInPieces,
  runPlan,
  settingsOf,
  withTrainer,
} from "../../test/support/training.ts";
import { InputError } from "../base/errors.ts";
import type { BoundMethod } from "../contract/method.ts";
import { methodById } from "../methods/registry.ts";
import type { TrainBatch } from "./feeds.ts";
import type { LoopPlan } from "./loop.ts";
import { FEED, type GraphPlan, trainProgram } from "./step.ts";
import { TeacherAnswers } from "./teacher-answers.ts";
import { tensorsOf } from "./trainer.ts";

test("what was kept is found again, in any order, and what was not is not", () => {
  const answers = new TeacherAnswers(2);
  expect(answers.find(Int32Array.of(0))).toBeUndefined();
  answers.keep(Int32Array.of(3, 1), Float32Array.of(30, 31, 10, 11));
  expect(answers.find(Int32Array.of(1, 3, 1))).toEqual(Float32Array.of(10, 11, 30, 31, 10, 11));
  for (const unknown of [0, 2, 4]) expect(answers.find(Int32Array.of(1, unknown))).toBeUndefined();
  answers.keep(Int32Array.of(5), Float32Array.of(50, 51));
  const copy = new TeacherAnswers(2, answers.all);
  expect(copy.find(Int32Array.of(5, 3))).toEqual(Float32Array.of(50, 51, 30, 31));
  copy.keep(Int32Array.of(3), Float32Array.of(0, 0));
  expect(answers.find(Int32Array.of(3))).toEqual(Float32Array.of(30, 31));
});

const [STUDENT, TEACHER] = [still(CLASSES, 2), still(CLASSES, 4, 10)];
const TEXTS = madeUpBatch(CLASSES, 1, 6);

function bound(id: string, set: Readonly<Record<string, string>>): BoundMethod {
  return methodById(id, { set }).bind(STUDENT, factsWith(TEACHER));
}
const DISTILLED = bound("distil", { layers: "1" });

/** Three epochs over six texts, cut once into 4 and 2, then into 3 and 3; the second part has other padding. */
function epochs(numbered: boolean): LoopPlan {
  const numbers = (from: number, to: number): TrainBatch => ({
    ...rowsOf(TEXTS, from, to),
    ...(numbered ? { indices: Int32Array.from({ length: to - from }, (_, i) => from + i) } : {}),
  });
  const batches = [numbers(0, 4), numbers(4, 6), numbers(0, 3), numbers(3, 6), numbers(2, 6), numbers(0, 2)];
  return {
    steps: batches.length,
    rate: () => 1e-3,
    batches: (step) => [batches[step] ?? TEXTS],
    evaluateEvery: 2,
    evaluate: async (trainer) => {
      const loss = await trainer.loss(TEXTS);
      return { metrics: {}, primary: -loss, loss };
    },
  };
}

test("a teacher read for its answers sees each example once, and losses are the same within 1e-5", async () => {
  const runs = (
    numbered: boolean,
  ): Promise<{ readonly taught: number; readonly losses: readonly number[] }> =>
    withTrainer(settingsOf(DISTILLED, 1), async (trainer, engine) => {
      const run = vi.spyOn(engine, "run");
      const plan = epochs(numbered);
      const losses: number[] = [];
      for (let step = 0; step < plan.steps; step++)
        losses.push((await trainer.step(plan.batches(step), 1e-3)).loss);
      const requests = run.mock.calls.flatMap(([requested]) => requested);
      const taught = requests.filter(({ session }) => session.key.startsWith("teacher")).length;
      return { taught, losses };
    });
  const [kept, anew] = [await runs(true), await runs(false)];
  expect([kept.taught, anew.taught]).toEqual([2, 6]);
  const apart = kept.losses.map((loss, i) => Math.abs(loss - (anew.losses[i] ?? Number.NaN)));
  expect(Math.max(...apart)).toBeLessThan(1e-5);
});

test("a run that is stopped after every step has the answers it had, and gives the same bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-answers-"));
  try {
    const whole = await runPlan(settingsOf(DISTILLED, 1), epochs(true));
    expect(whole.state.buffers.get("answers")).toHaveLength(18);
    expect(await runInPieces(settingsOf(DISTILLED, 1), epochs(true), folder)).toEqual(whole);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("train/state: answers in the state of a method without a teacher are refused", async () => {
  const plain = bound("truncate", { layers: "1" });
  const state = await withTrainer(settingsOf(plain, 1), (trainer) => trainer.state());
  const buffers = new Map(state.buffers).set("answers", new Float32Array(6));
  const attempt = withTrainer(settingsOf(plain, 1), async () => undefined, { state: { ...state, buffers } });
  await expect(attempt).rejects.toThrow(InputError);
  await expect(attempt).rejects.toMatchObject({ code: "train/state" });
});

test.each([
  ["distil", { layers: "1" }, true],
  ["pkd", { layers: "2" }, false],
  ["distilbert", { layers: "1" }, false],
  ["tinybert", { layers: "1", intermediate: "0.5" }, false],
  ["tinybert", { layers: "1", intermediate: "0" }, true],
] as const)("%s %o: the teacher's answers are fed (%s), or the teacher is in the graph", (id, set, fed) => {
  const method = bound(id, set);
  const { config, head } = method.network;
  const shapes = new Map([...tensorsOf(method)].map(([name, { shape }]) => [name, shape]));
  const answers: GraphPlan["answers"] = (tools) => method.sites(method.structure(0), tools);
  const plan = { config, head, shapes, answers, teacher: method.teacher, noise: false };
  const { inputs } = trainProgram(plan, [...method.network.tensors.keys()], {
    rows: false,
    accumulate: false,
  });
  expect(inputs.has(FEED.answers)).toBe(fed);
  expect([...inputs.keys()].some((name) => name.startsWith("teacher."))).toBe(!fed);
});
