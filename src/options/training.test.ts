import { expect, test } from "vitest";
import { ConfigError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { PREDICT } from "./answering.ts";
import { BENCH, EVALUATE, EXPORT, INSPECT, SHRINK } from "./models.ts";
import { PRACTICE } from "./practice.ts";
import { resolveOptions } from "./schema.ts";
import { AUGMENT, COMPRESS, DEMO, FINETUNE, PRETRAIN, RESUME } from "./training.ts";

const GIVEN = { model: "m", data: "d", out: "o" };

test("only what has no default has to be given", () => {
  const settings = resolveOptions(FINETUNE, GIVEN);
  expect(settings).toMatchObject({
    ...GIVEN,
    batchSize: 32,
    weightDecay: 0.01,
    warmup: 0.1,
    clip: 1,
    accumulate: 1,
    seed: 0,
    device: "cpu",
    bucket: true,
    force: false,
  });
  expect(settings.threads).toBeGreaterThanOrEqual(1);
  expect(settings.threads).toBeLessThanOrEqual(8);
  expect("patience" in settings).toBe(false);
});

test("undefined counts as absent, and the given record is not changed", () => {
  const given = { ...GIVEN, weightDecay: undefined, limit: undefined };
  const settings = resolveOptions(FINETUNE, given);
  expect(settings.weightDecay).toBe(0.01);
  expect("limit" in settings).toBe(false);
  expect(given.weightDecay).toBeUndefined();
});

test("what is not asked for is in no recipe, and a part to freeze is a word or a number of layers", () => {
  const { freeze } = FINETUNE.fields;
  expect(Object.keys(PRACTICE).filter((name) => name in resolveOptions(FINETUNE, GIVEN))).toEqual([]);
  expect(["embeddings", "encoder", "4"].map((typed) => freeze.kind.parse([typed]))).toEqual([
    "embeddings",
    "encoder",
    4,
  ]);
  expect(
    ["head", "0", "1.5", "-1"].map((typed) => freeze.kind.accepts(freeze.kind.parse([typed]))),
  ).not.toContain(true);
  expect(() => resolveOptions(FINETUNE, { ...GIVEN, fewShot: 8, augmented: "copies.jsonl" })).toThrow(
    "fewShot: expected it without augmented, whose copies are of all examples, got both",
  );
  for (const validation of [undefined, "dev.csv"])
    expect(() => resolveOptions(FINETUNE, { ...GIVEN, folds: 5, augmented: "c.jsonl", validation })).toThrow(
      "folds: expected it without augmented, which has copies of what a fold judges by, got both",
    );
  expect(() =>
    resolveOptions(COMPRESS, { ...GIVEN, method: "theseus", finetuned: "runs/full", folds: 5 }),
  ).toThrow("folds: expected it without finetuned, got both: runs/full may know the examples that judge");
});

test("every default is a value its own field accepts", () => {
  const schemas = [
    FINETUNE,
    COMPRESS,
    AUGMENT,
    EVALUATE,
    PREDICT,
    EXPORT,
    BENCH,
    INSPECT,
    PRETRAIN,
    RESUME,
    DEMO,
    SHRINK,
  ];
  for (const { name, fields } of schemas) {
    for (const [key, field] of Object.entries(fields)) {
      if (field.presence === "default")
        expect(field.kind.accepts(field.fallback), `${name}.${key}`).toBe(true);
      expect(field.meaning, `${name}.${key}`).not.toBe("");
    }
  }
});

interface Refusal {
  readonly given: Readonly<Record<string, unknown>>;
  readonly code: string;
  readonly says: string;
}

const REFUSALS: readonly Refusal[] = [
  { given: { data: "d", out: "o" }, code: "options/missing", says: "model: expected a folder" },
  { given: { ...GIVEN, epocs: 3 }, code: "options/unknown", says: 'did you mean "epochs"?' },
  { given: { ...GIVEN, "batch-size": 3 }, code: "options/unknown", says: 'did you mean "batchSize"?' },
  {
    given: { ...GIVEN, epochs: 0 },
    code: "options/value",
    says: "epochs: expected a number above 0 to 10000, got 0",
  },
  { given: { ...GIVEN, batchSize: 1.5 }, code: "options/value", says: "an integer from 1 to 65536, got 1.5" },
  { given: { ...GIVEN, learningRate: Number.NaN }, code: "options/value", says: "learningRate" },
  { given: { ...GIVEN, warmup: 1 }, code: "options/value", says: "and below 1, got 1" },
  { given: { ...GIVEN, device: "tpu" }, code: "options/value", says: 'one of cpu, webgpu, cuda, got "tpu"' },
  { given: { ...GIVEN, bucket: "yes" }, code: "options/value", says: 'true or false, got "yes"' },
  { given: { ...GIVEN, limit: null }, code: "options/value", says: "limit: expected an integer from 1 to" },
  { given: { ...GIVEN, batchSize: null }, code: "options/value", says: "from 1 to 65536, got null" },
  {
    given: { ...GIVEN, force: null },
    code: "options/value",
    says: "force: expected true or false, got null",
  },
  {
    given: { ...GIVEN, out: "" },
    code: "options/value",
    says: 'out: expected a folder, got ""',
  },
];

test.each(REFUSALS)("$given is refused as $code", ({ given, code, says }) => {
  const attempt = () => resolveOptions(FINETUNE, given);
  expect(attempt).toThrow(ConfigError);
  expect(attempt).toThrow(expect.objectContaining({ code, message: expect.stringContaining(says) }));
});

test("rules see several settings at once", () => {
  const given = { corpus: "c", out: "o", hidden: 100, heads: 3 };
  expect(() => resolveOptions(PRETRAIN, given)).toThrow(
    expect.objectContaining({
      code: "options/rule",
      message: "hidden: expected a multiple of heads=3, got 100",
    }),
  );
  expect(() => resolveOptions(PRETRAIN, { corpus: "c", out: "o", batchTokens: 64 })).toThrow(
    expect.objectContaining({ code: "options/rule" }),
  );
});

test.each([
  {
    text: "stars",
    label: "stars",
    says: "label: expected a column of its own, got stars, which is a text's",
  },
  { textPair: "label", says: "label: expected a column of its own, got label" },
  { text: "a", textPair: "a", says: "textPair: expected a column of its own, got a" },
  {
    task: "sst2",
    label: "stars",
    says: "label: expected none beside task, whose columns are known, got stars",
  },
  { task: "rte", textPair: "b", says: "textPair: expected none beside task, whose columns are known, got b" },
])("columns that are one are refused: $says", ({ says, ...columns }) => {
  expect(() => resolveOptions(FINETUNE, { ...GIVEN, ...columns })).toThrow(says);
});

test("messages can name the flag that was typed", () => {
  expect(() => resolveOptions(FINETUNE, { ...GIVEN, batchSize: 0 }, () => "--batch-size")).toThrow(
    /^--batch-size:/,
  );
});

test("typed text is read by the field's kind, and refused when it is of another", () => {
  const { epochs, bucket } = FINETUNE.fields;
  expect(epochs.kind.parse(["1", "2.5e-1"])).toBe(0.25);
  expect(epochs.kind.accepts(epochs.kind.parse(["three"]))).toBe(false);
  expect(epochs.kind.accepts(epochs.kind.parse(["0x10"]))).toBe(false);
  expect(bucket.kind.parse(["false"])).toBe(false);
  expect(BENCH.fields.batchSizes.kind.parse(["1,8", "32"])).toEqual([1, 8, 32]);
  expect(BENCH.fields.batchSizes.kind.accepts(BENCH.fields.batchSizes.kind.parse(["1,,2"]))).toBe(false);
  expect(COMPRESS.fields.set.kind.parse(["a=1", "b=x=y", "a=1"])).toEqual({ a: "1", b: "x=y" });
  expect(COMPRESS.fields.set.kind.accepts(COMPRESS.fields.set.kind.parse(["a"]))).toBe(false);
});

test("no name is suggested when none is near", () => {
  expect(nearest("quux", Object.keys(FINETUNE.fields))).toBeUndefined();
});
