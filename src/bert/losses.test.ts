import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lossesOnEngine, type Numbers } from "../../test/support/losses.ts";
import { input, type Value } from "../graph/value.ts";
import { answerKind } from "./answers.ts";
import type { Head } from "./config.ts";
import { batchMean, type Softening } from "./losses.ts";
import type { Objective } from "./objective.ts";

const { real, computed } = lossesOnEngine();
const SHARE = real("share", []);
const ONE = { share: [[], [1]] } as const;

/** p = (3/4, 1/4) for the teacher, (1/2, 1/2) for the student, at T = 1. */
const ANSWERS: Numbers = {
  ...ONE,
  s: [
    [1, 2],
    [0, 0],
  ],
  t: [
    [1, 2],
    [Math.log(3), 0],
  ],
};
const TWO: Head = { kind: "classification", labels: ["a", "b"] };

/** Answers against a teacher's, as the task of a head compares them. */
function imitated(
  logits: Value,
  teacher: Value,
  softening: Softening,
  head = TWO,
  objective: Objective = {},
): Value {
  const labels = input("labels", "int32", ["B"]);
  const count = real("count", []);
  return answerKind(head).imitation({
    logits,
    labels,
    count,
    objective,
    teacher,
    labelled: count,
    share: SHARE,
    softening,
  });
}

const [S, T] = [real("s", ["B", 2]), real("t", ["B", 2])];

test("T²·KL(p_T ‖ p_S) of ¾, ¼ against ½, ½ is ¾·ln(3/2) + ¼·ln(1/2) within 1e-6", async () => {
  const loss = imitated(S, T, { temperature: 1, form: "divergence" });
  const expected = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
  expect((await computed(loss, ANSWERS)).loss).toBeCloseTo(expected, 6);
});

test("−p_T·log p_S over batch and classes of ¾, ¼ against ½, ½ is ½·ln 2 within 1e-6", async () => {
  const loss = imitated(S, T, { temperature: 1, form: "classes" });
  expect((await computed(loss, ANSWERS)).loss).toBeCloseTo(Math.log(2) / 2, 6);
});

test("the divergence's gradient is T·(p_S − p_T)/B at any T, the classes' form's (p_S − p_T)/(T·B·C)", async () => {
  const temperature = 2;
  const softened = {
    ...ANSWERS,
    t: [
      [1, 2],
      [2 * Math.log(3), 0],
    ],
  } as const; // ¾, ¼ at T = 2
  const divergence = imitated(S, T, { temperature, form: "divergence" });
  expect((await computed(divergence, softened, S)).gradient.map((g) => Math.round(g * 1e5) / 1e5)).toEqual([
    -0.5, 0.5,
  ]);
  const classes = imitated(S, T, { temperature, form: "classes" });
  const { gradient } = await computed(classes, softened, S);
  expect(gradient.map((g) => Math.round(g * 1e5) / 1e5)).toEqual([-0.0625, 0.0625]);
});

test("values of a regression are compared by their mean squared difference", async () => {
  const values = {
    ...ONE,
    s: [
      [2, 1],
      [1, 2],
    ],
    t: [
      [2, 1],
      [4, 2],
    ],
  } as const;
  const [s, t] = [real("s", ["B", 1]), real("t", ["B", 1])];
  const loss = imitated(s, t, { temperature: 3, form: "classes" }, { kind: "regression" });
  expect((await computed(loss, values)).loss).toBe(4.5);
});

test("a mean over the batch counts by the batch's share", async () => {
  const loss = batchMean(real("x", ["B"]), SHARE);
  expect((await computed(loss, { share: [[], [0.25]], x: [[3], [1, 2, 9]] })).loss).toBe(1);
});

interface Golden {
  readonly losses: readonly {
    readonly name: string;
    readonly x: number[];
    readonly labels?: number[];
    readonly teacher?: number[];
    readonly widths?: number[];
    readonly loss: number;
    readonly gradient: number[];
  }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/tasks.json", import.meta.url), "utf8"),
);
const LABELS = ["a", "b", "c"];
const HEADS: Readonly<Record<string, Head>> = {
  binary: { kind: "multi-label", labels: LABELS },
  "soft binary": { kind: "multi-label", labels: LABELS },
  tokens: { kind: "tokens", labels: LABELS },
};

test.each(golden.losses)("$name: loss and gradient within 1e-5 of PyTorch", async (set) => {
  const head = HEADS[set.name] ?? { kind: "none" };
  const { x, labels, teacher, widths } = set;
  const width = head.kind === "none" ? 4 : 3;
  const rows = x.length / width;
  const kind = answerKind(head);
  const perToken = kind.labels.per === "token";
  const z = real("x", [perToken ? "B*T" : "B", width]);
  const objective = widths ? { widths } : {};
  const given = real("teacher", ["B", width]);
  const held = input("labels", kind.labels.dtype, perToken ? ["B", "T"] : ["B", width]);
  const count = real("count", []);
  const common = { logits: z, count, objective };
  const loss = labels
    ? kind.loss({ ...common, labels: held })
    : kind.imitation({
        ...common,
        labels: held,
        teacher: given,
        labelled: count,
        share: SHARE,
        softening: SOFT,
      });
  const counted = head.kind === "none" ? rows : (labels ?? x).filter((label) => label !== -100).length;
  const numbers: Numbers = {
    ...ONE,
    x: [[rows, width], x],
    labels: [perToken ? [2, rows / 2] : [rows, width], labels ?? x],
    teacher: [[rows, width], teacher ?? x],
    count: [[], [counted]],
  };
  const found = await computed(loss, numbers, z);
  expect(Math.abs(found.loss - set.loss)).toBeLessThan(1e-5);
  expect(found.gradient).toHaveLength(x.length);
  found.gradient.forEach((g, i) => {
    expect(Math.abs(g - (set.gradient[i] ?? Number.NaN))).toBeLessThan(1e-5);
  });
});

const SOFT: Softening = { temperature: 2, form: "divergence" };
