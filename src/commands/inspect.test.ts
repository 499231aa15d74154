import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, PRUNED_CONFIG, TINY_CONFIG, tinyModel, written } from "../../test/support/tiny-model.ts";
import type { Head } from "../bert/config.ts";
import { headText } from "../measure/parts.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { inspect } from "./inspect.ts";

test.each([
  ["classification", { kind: "classification", labels: ["no", "yes"] }, TINY_CONFIG, "no / yes"],
  ["regression", { kind: "regression" }, PRUNED_CONFIG, "regression"],
  [
    "mixture",
    { kind: "classification", labels: ["no", "yes"], reader: "mixture" },
    PRUNED_CONFIG,
    "no / yes",
  ],
  ["several labels", { kind: "multi-label", labels: ["a", "b"] }, PRUNED_CONFIG, "any of a / b"],
  ["tokens", { kind: "tokens", labels: ["O", "B-X"] }, TINY_CONFIG, "of each token: O / B-X"],
  ["mlm", { kind: "mlm" }, PRUNED_CONFIG, "masked language model"],
  ["none", { kind: "none" }, TINY_CONFIG, "none"],
] satisfies [string, Head, typeof TINY_CONFIG, string][])(
  "the parts of a %s model add up to the whole",
  async (_, head, config, text) => {
    const result = await inspect({ model: await written(tinyModel(head, config)), maxLength: 10 });
    const sum = (of: (part: (typeof result.parts)[number]) => number) =>
      result.parts.reduce((n, part) => n + of(part), 0);
    expect(sum((part) => part.parameters)).toBe(result.parameters.total);
    expect(sum((part) => part.nonzero)).toBe(result.parameters.nonzero);
    expect(sum((part) => part.multiplyAccumulates)).toBe(result.multiplyAccumulates);
    expect(result).toMatchObject({ model: "tiny", head: text, length: 10 });
    expect(result.parts.map(({ name }) => name).slice(0, 3)).toEqual(["embeddings", "layer 0", "layer 1"]);
    expect(result.parts[1]?.structure).toBe(
      `${config.layers[0]?.heads} heads × 8, ffn ${config.layers[0]?.ffn}`,
    );
  },
);

test("more than six labels are counted, not listed", () => {
  const labels = Array.from({ length: 7 }, (_, i) => `l${i}`);
  expect(headText({ kind: "classification", labels })).toBe("7 labels");
});

test("data is looked at with a trained model: tokens, labels it doubts, how far it can be trusted", async () => {
  const model = await written(tinyModel({ kind: "classification", labels: ["no", "yes"] }, TINY_CONFIG));
  const data = join(await newFolder(), "rows.csv");
  const rows = Array.from({ length: 12 }, (_, i) => `word ${"word ".repeat(i)},${i % 2 ? "no" : "yes"}\n`);
  await writeFile(data, `text,label\n${rows.join("")}word,\n`);
  const notes: string[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.kind === "note") notes.push(event.text);
  };
  const look = await inspect({ data, model, maxLength: 6, threads: 1 }, { report });
  // What is cut of a text is counted to its end.
  const long = join(await newFolder(), "long.csv");
  await writeFile(long, `text,label\n${"word ".repeat(6000)},no\nword,yes\n`);
  const { train } = await inspect({ data: long, model, maxLength: 6, threads: 1 });
  expect(train.lengths.tokens?.longest).toBe(6002);
  expect(look).toMatchObject({
    data: "rows.csv",
    task: "classification",
    columns: { text: "text", textPair: null, label: "label" },
    validation: null,
    train: { rows: 12, unlabelled: 1 },
  });
  expect(notes).toEqual(["rows.csv: 1 of 13 rows have no label and are left out"]);
  const { tokens, cut } = look.train.lengths;
  expect(tokens).not.toBeNull();
  expect(cut?.at).toBe(6);
  expect((tokens?.longest ?? 0) > 6 && (cut?.rows ?? 0) > 0).toBe(true);
  const { suspects = [], agreement, calibrationError } = look.model ?? {};
  // Every other row is labelled the other way: a model of any answer contradicts some of them.
  expect(suspects.length).toBe(12 - Math.round(12 * (agreement ?? 0)));
  expect(suspects.length).toBeGreaterThan(0);
  for (const { label, answer, labelProbability, answerProbability } of suspects)
    expect([label === answer, (labelProbability ?? 1) < (answerProbability ?? 0)]).toEqual([false, true]);
  expect(suspects.map(({ loss }) => loss)).toEqual(suspects.map(({ loss }) => loss).sort((a, b) => b - a));
  expect(calibrationError).toBeLessThan(1);
});

test.each([
  [{}, "model: expected a model or data, got neither"],
  [{ model: "embedded", task: "sst2" }, "data: expected a path beside task, got none"],
  [{ data: "a.csv", maxLength: 9 }, "model: expected one beside maxLength"],
])("options that leave nothing to look at: %j", async (options, message) => {
  await expect(inspect(options)).rejects.toThrow(message);
});
