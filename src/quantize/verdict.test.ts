import { expect, test } from "vitest";
import type { ShippedFile } from "./files.ts";
import { judgeQuantized, type QuantizedOutcome } from "./verdict.ts";

function file(form: ShippedFile["form"], raw: number, score: number, p50s: readonly number[]): ShippedFile {
  const latency = p50s.map((p50, i) => ({ batchSize: 1 + 7 * i, length: 32, p50, p95: p50, repetitions: 9 }));
  return { form, file: form === "float32" ? null : form, bytes: { raw, compressed: raw }, score, latency };
}

const OUTCOME: QuantizedOutcome = {
  metric: "accuracy",
  examples: 872,
  before: 0.914,
  maxDrop: 0.5,
  tries: [{ kept: 0, score: 0.911, drop: 0.3 }],
  modules: ["a", "b", "c"],
  files: [
    file("float32", 1000, 0.914, [10, 80]),
    file("onnx-qdq", 260, 0.912, [5, 40]),
    file("esp", 240, 0.911, [9.5, 90]),
  ],
};

test("what was paid, then each file's bytes, score and times beside float32", () => {
  const { smaller, faster, text } = judgeQuantized(OUTCOME);
  expect([smaller, faster]).toEqual([true, true]);
  expect(text).toContain(
    "Accuracy: 91.4 % in float32, 91.1 % with 3 of 3 layers in 8 bits, on 872 examples.",
  );
  expect(text).toMatch(
    /model_quantized\.onnx: 26 % of the bytes, accuracy 91\.2 %, 2\.0× as fast at batch 1, 2\.0× as fast at batch 8\./,
  );
  expect(text).toContain(
    "model.esp: 24 % of the bytes, accuracy 91.1 %, as fast within 10 % at batch 1, 0.9× as fast",
  );
  expect(text).not.toContain("max-drop");
});

test("layers that stay in float32 are named with the reason, and a file that loses too much says so", () => {
  const [exact, , esp] = OUTCOME.files;
  if (exact === undefined || esp === undefined) throw new Error("no files");
  const tries = [
    { kept: 0, score: 0.9, drop: 1.4 },
    { kept: 2, score: 0.91, drop: 0.4 },
  ];
  const files = [exact, file("onnx-qdq", 500, 0.9, [10, 80]), esp];
  const { text, faster } = judgeQuantized({ ...OUTCOME, tries, files });
  expect(text).toContain(
    "In float32 stay a, b: all in 8 bits lose 1.40 points, more than the 0.5 that 8 bits may cost",
  );
  expect(text).toContain("accuracy 90.0 % (1.40 points lost, more than the 0.5 that 8 bits may cost)");
  expect(faster).toBe(false);
});

test.each([
  [872, 0.5, false],
  [200, 0.5, false],
  [40, 0.5, true],
  [40, 3, false],
  [40, 0, false],
])("%i examples are few for a drop of %d: %s", (examples, maxDrop, expected) => {
  const { text } = judgeQuantized({ ...OUTCOME, examples, maxDrop });
  expect(text.includes("They are few")).toBe(expected);
  if (expected) expect(text).toContain("few to hold a drop of 0.5 points by: one of them is 2.50 % of all.");
});

test("without times nothing is called faster, and a file as large as before is not smaller", () => {
  const files = OUTCOME.files.map((each) => ({ ...each, bytes: { raw: 1000, compressed: 9 }, latency: [] }));
  expect(judgeQuantized({ ...OUTCOME, files })).toMatchObject({ smaller: false, faster: false });
});

test("few say nothing of a metric that is no share of them; what is slow and no smaller is not to ship", () => {
  const given = { ...OUTCOME, metric: "cosine", examples: 40 };
  expect(judgeQuantized(given).text).not.toContain("They are few");
  const [exact] = OUTCOME.files;
  if (exact === undefined) throw new Error("no files");
  const { text } = judgeQuantized({ ...OUTCOME, files: [exact, file("esp", 1010, 0.911, [20, 160])] });
  expect(text).toContain("model.esp saves neither bytes nor time");
  expect(text).not.toContain("saves bytes, not time");
});

test("a file that is slower than float32 at every batch is to be taken for its bytes alone", () => {
  const [exact, onnx] = OUTCOME.files;
  if (exact === undefined || onnx === undefined) throw new Error("no files");
  const advice = (...files: readonly ShippedFile[]): boolean =>
    judgeQuantized({ ...OUTCOME, files: [exact, ...files] }).text.includes("model.esp saves bytes, not time");
  expect(advice(onnx, file("esp", 240, 0.911, [20, 160]))).toBe(true);
  expect(advice(onnx, file("esp", 240, 0.911, [20, 70]))).toBe(false);
  expect(advice(onnx, file("esp", 240, 0.911, []))).toBe(false);
});
