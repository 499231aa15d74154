import { expect, test } from "vitest";
import { lossesOnEngine, type Numbers } from "../../test/support/losses.ts";
import { CLASSES, smallNetwork } from "../../test/support/training.ts";
import { ConfigError } from "../base/errors.ts";
import { keyOf, normals } from "../base/random.ts";
import { sizeOf } from "../base/tensor.ts";
import { batchMean, softCrossEntropy } from "../bert/losses.ts";
import type { LossInputs, Pass } from "../contract/method.ts";
import type { Value } from "../graph/value.ts";
import { attentionLoss, cosineLoss, distillationLoss, hiddenLoss, patientLoss, teacherOf } from "./distil.ts";

const { real, computed } = lossesOnEngine();
const SHARE = real("share", []);
const ONE = { share: [[], [1]] } as const;

/** Passes of two models over texts of 2 and 1 tokens, T = 2, D = 2, H = 1; layer 0 alone. */
function passes(): { readonly inputs: LossInputs; readonly teacher: Pass } {
  const pass = (who: string): Pass => {
    const hidden = [real(`${who}.h`, ["B*T", 2])];
    const [first] = hidden;
    if (first === undefined) throw new Error("no state");
    const encoding = {
      last: first,
      mean: first,
      first: real(`${who}.first`, ["B", 2]),
      lower: [],
      hidden,
      scores: new Map([[0, real(`${who}.a`, ["B", 1, "T", "T"])]]),
      windows: new Map<number, Value>(),
    };
    return { encoding, logits: real(`${who}.z`, ["B", 2]) };
  };
  const [own, teacher] = [pass("s"), pass("t")];
  const inputs: LossInputs = {
    ...own,
    task: real("task", []),
    mask: real("mask", ["B", "T"]),
    share: SHARE,
    answers: {
      against: ({ logits }, softening) =>
        softCrossEntropy(own.logits, logits, (rows) => batchMean(rows, SHARE), softening),
      isSoft: true,
    },
    teacher: () => teacher,
  };
  return { inputs, teacher };
}

/** The last token is padding: whatever stands there must not count. */
const STATES: Numbers = {
  ...ONE,
  task: [[], [10]],
  mask: [
    [2, 2],
    [1, 1, 1, 0],
  ],
  "s.h": [
    [4, 2],
    [3, 4, 0, 1, 1, 0, 50, 60],
  ],
  "t.h": [
    [4, 2],
    [4, 3, 0, 3, 0, 1, -7, 8],
  ],
  "s.a": [
    [2, 1, 2, 2],
    [1, 2, 3, 4, 5, -9995, 6, -9994],
  ],
  "t.a": [
    [2, 1, 2, 2],
    [1, 2, 3, 8, 2, -9000, 1, -9991],
  ],
  "s.z": [
    [2, 2],
    [0, 0, 0, 0],
  ],
  "t.z": [
    [2, 2],
    [Math.log(3), 0, 0, 0],
  ],
};
const { inputs: INPUTS, teacher: TAUGHT } = passes();

test("states: the mean over features, over each text's tokens, over the texts, without padding", async () => {
  // Text 0: tokens (1 + 1)/2 and (0 + 4)/2, mean 1.5. Text 1: (1 + 1)/2. Mean 1.25.
  expect((await computed(hiddenLoss(INPUTS, TAUGHT, [[0, 0]]), STATES)).loss).toBeCloseTo(1.25, 6);
});

test("attention: the mean over pairs of real tokens", async () => {
  // Text 0: one of four scores differs, by 4. Text 1 has one pair, which differs by 3.
  expect((await computed(attentionLoss(INPUTS, TAUGHT, [[0, 0]]), STATES)).loss).toBeCloseTo(
    (16 / 4 + 9) / 2,
    5,
  );
});

test("attention: a pair that a window of either layer hides does not count", async () => {
  const windowed = (pass: Pass, name: string): Pass["encoding"] => ({
    ...pass.encoding,
    windows: new Map([[0, real(name, ["T", "T"])]]),
  });
  const inputs = { ...INPUTS, encoding: windowed(INPUTS, "s.window") };
  const teacher = { ...TAUGHT, encoding: windowed(TAUGHT, "t.window") };
  const seen = (t: number[]): Numbers => ({
    ...STATES,
    "s.window": [
      [2, 2],
      [1, 1, 1, 1],
    ],
    "t.window": [[2, 2], t],
  });
  const lossOf = async (t: number[]): Promise<number> =>
    (await computed(attentionLoss(inputs, teacher, [[0, 0]]), seen(t))).loss;
  expect(await lossOf([1, 1, 1, 1])).toBeCloseTo((16 / 4 + 9) / 2, 5);
  // The pair that differs in text 0 is the second token's with itself.
  expect(await lossOf([1, 1, 1, 0])).toBeCloseTo(9 / 2, 5);
  expect(await lossOf([0, 0, 0, 1])).toBeCloseTo(16 / 4 / 2, 5);
});

test("attention: a layer that has lost its heads does not count", async () => {
  const bare = { ...TAUGHT, encoding: { ...TAUGHT.encoding, scores: new Map<number, Value>() } };
  expect(await computed(attentionLoss(INPUTS, bare, [[0, 0]]), {})).toMatchObject({ loss: 0 });
});

test("patience: [CLS] states by their directions, the mean over features, texts and layers", async () => {
  // Directions (.6, .8) and (.8, .6): (.04 + .04)/2; (1, 0) and (0, 1): (1 + 1)/2.
  const loss = patientLoss(INPUTS, TAUGHT, [
    [0, 0],
    [0, 0],
  ]);
  expect((await computed(loss, STATES)).loss).toBeCloseTo((0.04 + 1) / 2, 6);
});

test("cosine: 1 − cos of each token's last state", async () => {
  // Text 0: 1 − .96 and 0; text 1: 1.
  expect((await computed(cosineLoss(INPUTS, TAUGHT), STATES)).loss).toBeCloseTo((0.04 / 2 + 1) / 2, 6);
});

test("a mix adds the task's loss and the teacher's by their weights", async () => {
  const loss = distillationLoss(INPUTS, { task: 0.5, teacher: 2, temperature: 1 });
  const divergence = (0.75 * Math.log(1.5) + 0.25 * Math.log(0.5)) / 2; // the second text agrees
  expect((await computed(loss, STATES)).loss).toBeCloseTo(5 + 2 * divergence, 5);
});

test("more padding, and a batch in two parts, change no loss beyond 1e-5", async () => {
  const { inputs, teacher } = passes();
  const all = [hiddenLoss, attentionLoss, patientLoss].map((loss) => loss(inputs, teacher, [[0, 0]]));
  const random = (shape: readonly number[], seed: number): number[] => [
    ...normals(keyOf(seed), sizeOf(shape), 1),
  ];
  const shapes = { "s.h": [3, 2], "t.h": [3, 2], "s.a": [1, 3, 3], "t.a": [1, 3, 3] };
  const texts = [0, 1].map((text) =>
    Object.entries(shapes).map(([name, shape], i) => [name, shape, random(shape, 10 * text + i)] as const),
  );
  const alone = (text: number, share: number): Numbers => ({
    mask: [
      [1, 3],
      [1, 1, 1],
    ],
    share: [[], [share]],
    ...Object.fromEntries(
      (texts[text] ?? []).map(([name, shape, values]) => [name, batched(name, shape, values)]),
    ),
  });
  const batched = (name: string, shape: readonly number[], values: readonly number[]): Numbers[string] =>
    name.endsWith("h") ? [shape, values] : [[1, ...shape], values];
  /** Both texts, each followed by one padded token with made-up numbers. */
  const padded = (name: string, values: readonly number[]): number[] => {
    if (name.endsWith("h")) return [...values, 7, -3];
    const rows = [0, 1, 2].flatMap((row) => [...values.slice(3 * row, 3 * row + 3), -9999]);
    return [...rows, 5, 5, 5, -9998];
  };
  const both: Numbers = {
    ...ONE,
    mask: [
      [2, 4],
      [1, 1, 1, 0, 1, 1, 1, 0],
    ],
    ...Object.fromEntries(
      Object.keys(shapes).map((name, i) => {
        const values = texts.flatMap((text) => padded(name, text[i]?.[2] ?? []));
        return [name, [name.endsWith("h") ? [8, 2] : [2, 1, 4, 4], values]];
      }),
    ),
  };
  for (const loss of all) {
    const whole = (await computed(loss, both)).loss;
    const parts = [(await computed(loss, alone(0, 0.5))).loss, (await computed(loss, alone(1, 0.5))).loss];
    expect(Math.abs(whole - parts.reduce((a, b) => a + b))).toBeLessThan(1e-5);
    expect(whole).toBeGreaterThan(0.01);
  }
});

const FACTS = { steps: 1, key: keyOf(1) };
const STUDENT = smallNetwork(CLASSES, 2);

test("a teacher's tensors stand under its own prefix, shared", () => {
  const finetuned = smallNetwork(CLASSES, 4);
  const { teacher, tensors } = teacherOf("kd", STUDENT, { ...FACTS, finetuned }, "attention");
  expect(teacher).toEqual({ config: finetuned.config, head: finetuned.head });
  expect([...tensors.keys()]).toEqual([...finetuned.tensors.keys()].map((name) => `teacher.${name}`));
  expect(tensors.get("teacher.classifier.bias")).toBe(finetuned.tensors.get("classifier.bias"));
});

const wide = smallNetwork(CLASSES, 2);
test.each([
  ["none", undefined, "answers"],
  ["other labels", smallNetwork({ kind: "classification", labels: ["a", "b"] }, 2), "answers"],
  ["another head", smallNetwork({ kind: "regression" }, 2), "answers"],
  ["another hidden size", { ...wide, config: { ...wide.config, hiddenSize: 24 } }, "states"],
  [
    "other heads",
    {
      ...wide,
      config: { ...wide.config, layers: wide.config.layers.map((layer) => ({ ...layer, heads: 3 })) },
    },
    "attention",
  ],
] as const)("kd/teacher: %s where one to compare with is needed is refused", (_, finetuned, compared) => {
  const attempt = () => teacherOf("kd", STUDENT, { ...FACTS, ...(finetuned ? { finetuned } : {}) }, compared);
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code: "kd/teacher" }));
});
