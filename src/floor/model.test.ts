import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { softmax } from "../base/statistics.ts";
import type { Dataset } from "../data/dataset.ts";
import { asText, type FloorTask, fitFloor, floorLogits, learnTermReader } from "./model.ts";
import { countTerms } from "./terms.ts";

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly classes: number;
    readonly train: readonly { readonly text: string; readonly pair?: string; readonly label: number }[];
    readonly dev: readonly { readonly text: string; readonly pair?: string }[];
    readonly terms: readonly string[];
    readonly idf: readonly number[];
    /** Probabilities of each class, or a value. */
    readonly answers: readonly (number | readonly number[])[];
  }[];
}

/** What scikit-learn says: test/goldens/floor.py. */
const { cases }: Golden = JSON.parse(
  readFileSync(new URL("../../test/goldens/floor.json", import.meta.url), "utf8"),
);

function taskOf(classes: number): FloorTask {
  return classes === 0 ? "regression" : "classification";
}

function datasetOf(classes: number, examples: Golden["cases"][number]["train"]): Dataset {
  return {
    name: "texts",
    task: taskOf(classes),
    labels: Array.from({ length: classes }, (_, c) => `class ${c}`),
    examples: examples.map((each) => ({ ...each, where: "here" })),
  };
}

test.each(cases)("$name: terms, weights and answers are scikit-learn's", async (golden) => {
  const { classes, train, dev, terms, idf, answers } = golden;
  const data = datasetOf(classes, train);
  const reader = learnTermReader(data);
  expect(reader.table.terms).toEqual([...terms].sort());
  expect(Math.max(...reader.table.idf.map((x, i) => Math.abs(x - (idf[i] ?? Number.NaN))))).toBeLessThan(
    1e-6,
  );
  const logits = floorLogits(await fitFloor(reader, taskOf(classes), data), dev.map(asText));
  const said = answers.map((_, i) =>
    classes === 0 ? [logits[i] ?? Number.NaN] : softmax(logits.subarray(i * classes, (i + 1) * classes)),
  );
  const off = said.flatMap((each, i) =>
    each.map((x, c) => Math.abs(x - ([answers[i]].flat()[c] ?? Number.NaN))),
  );
  // Of values between 100 and 140 the same digits.
  expect(Math.max(...off)).toBeLessThan(classes === 0 ? 1e-3 : 1e-5);
});

test("words are letters of any script with their marks, in one form; a Han character is one", () => {
  expect([...countTerms("Cafe\u0301 CAFÉ हिन्दी 猫が好き")]).toEqual(
    Object.entries({
      café: 2,
      "café café": 1,
      "café हिन्दी": 1,
      हिन्दी: 1,
      "हिन्दी 猫": 1,
      猫: 1,
      "猫 が": 1,
      が: 1,
      "が 好": 1,
      好: 1,
      "好 き": 1,
      き: 1,
    }),
  );
});

test("texts that share no word, have none, or have one label alone still make a floor with finite answers", async () => {
  const texts = ["one", "two", "?!"];
  for (const labels of [
    [0, 1, 1],
    [1, 1, 1],
  ]) {
    const data = datasetOf(
      2,
      texts.map((text, i) => ({ text, label: labels[i] ?? 0 })),
    );
    const reader = learnTermReader(data);
    const model = await fitFloor(reader, "classification", data);
    expect(reader.table.terms).toEqual(["one", "two"]);
    const logits = floorLogits(model, ["one", "two", "three", "", ["one", "two"]]);
    expect([...logits].every(Number.isFinite)).toBe(true);
    expect((logits[3] ?? 0) > (logits[1] ?? 0)).toBe(labels[0] === 0);
  }
});

test("several labels are each fitted as if they were alone", async () => {
  const texts = Array.from(
    { length: 30 },
    (_, i) => `${["red", "blue"][i % 2]} ${["big", "small", "tall"][i % 3]}`,
  );
  const holds = texts.map((_, i) => [i % 2, Number(i % 3 === 0), Number(i % 5 === 0)]);
  const data = datasetOf(3, []);
  const labelsAt = (row: readonly number[]): number[] => row.flatMap((x, c) => (x === 1 ? [c] : []));
  const examples = texts.map((text, i) => ({ text, label: labelsAt(holds[i] ?? []), where: "here" }));
  const many = { ...data, task: "multi-label", examples } as const;
  const reader = learnTermReader(many);
  const together = floorLogits(await fitFloor(reader, "multi-label", many), texts);
  for (const c of [0, 1, 2]) {
    const one = datasetOf(
      2,
      texts.map((text, i) => ({ text, label: holds[i]?.[c] ?? 0 })),
    );
    const alone = floorLogits(await fitFloor(reader, "classification", one), texts);
    texts.forEach((text, i) => {
      expect(together[3 * i + c], text).toBeCloseTo(alone[2 * i + 1] ?? Number.NaN, 3);
    });
  }
});
