import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { evaluate } from "../commands/evaluate.ts";
import { predict } from "../commands/predict.ts";
import type { Dataset } from "../data/dataset.ts";
import { loadModel } from "../runs/models.ts";
import { writeFloor } from "./folder.ts";
import { fitFloor, floorLogits, learnTermReader } from "./model.ts";

const WORDS = ["good", "fine", "dull", "bad"];
const DATA: Dataset = {
  name: "reviews",
  task: "classification",
  labels: ["negative", "positive"],
  examples: Array.from({ length: 40 }, (_, i) => ({
    text: `a ${WORDS[i % 4]} film`,
    label: Number(i % 4 < 2),
    where: `${i}`,
  })),
};
let root: string;
let floor: string;

beforeAll(async () => {
  root = await newFolder();
  floor = join(root, "floor", "tf-idf");
  await writeFloor(floor, await fitFloor(learnTermReader(DATA), "classification", DATA));
  await writeFile(
    join(root, "other.csv"),
    "text,label\na dull film,Negative\na good film,POSITIVE\na bad one,Negative\nso fine,POSITIVE\n",
  );
});

test("a floor is evaluated and predicts as a model does, also by the folder that it is alone in", async () => {
  const data = join(root, "other.csv");
  const result = await evaluate({ model: floor, data });
  expect(result).toMatchObject({ model: "tf-idf", examples: 4, length: null, cut: 0, metric: "accuracy" });
  expect(result.metrics.accuracy).toBe(1);
  const said = await predict({ model: join(root, "floor"), texts: ["good", "Bad!", "nothing known"] });
  expect(said.labels).toEqual(["negative", "positive"]);
  expect(said.predictions.map(({ label, tokens, cut }) => [label, tokens, cut])).toEqual([
    ["positive", 1, 0],
    ["negative", 1, 0],
    ["negative", 2, 0],
  ]);
  const out = join(root, "labelled.csv");
  const { file } = await predict({ model: floor, data, out });
  expect(file?.counts).toEqual({ negative: 2, positive: 2 });
});

test("labels, values and several labels are kept in the files, number for number", async () => {
  for (const [task, labels] of [
    ["multi-label", ["bad", "good", "short"]],
    ["regression", []],
  ] as const) {
    const examples = DATA.examples.map((each, i) => ({
      ...each,
      pair: "a film",
      label: task === "regression" ? i % 4 : [i % 4 < 2 ? 1 : 0, ...(i % 3 === 0 ? [2] : [])],
    }));
    const model = await fitFloor(learnTermReader(DATA), task, { ...DATA, task, labels, examples });
    const path = join(root, task);
    await writeFloor(path, model);
    const before = floorLogits(model, [["a good film", "a film"]]);
    const { predictions } = await predict({ model: path, texts: [["a good film", "a film"]] });
    if (task === "regression") expect(predictions[0]?.score).toBe(before[0]);
    else expect([...before].map((z) => z > 0)).toEqual([false, true, false]);
  }
});

test("a mask, a length, another command and files that do not fit are refused by name", async () => {
  const texts = ["a film"];
  await expect(predict({ model: floor, texts, maxLength: 16 })).rejects.toThrow(
    "maxLength: expected none with a floor",
  );
  await expect(evaluate({ model: floor, data: "x.csv", mask: "m" })).rejects.toThrow(
    "mask: expected none with a floor",
  );
  await expect(loadModel(floor)).rejects.toThrow(
    "model: expected an encoder, got a floor, which evaluate and predict",
  );
  const several = join(root, "several");
  const model = await fitFloor(learnTermReader(DATA), "classification", DATA);
  for (const kind of ["tf-idf", "static"]) await writeFloor(join(several, kind), model);
  await expect(predict({ model: several, texts })).rejects.toThrow(
    "model: expected one floor, got static and tf-idf",
  );
  const data = join(root, "topics.csv");
  await writeFile(data, "text,label\nwar,politics\ngoals,sport\n");
  await expect(evaluate({ model: floor, data })).rejects.toThrow("expected label negative or positive");
  const damaged = join(root, "damaged");
  await writeFloor(damaged, model);
  const facts = {
    version: 1,
    kind: "tf-idf",
    task: "classification",
    labels: ["a", "b"],
    isPair: false,
    width: 1,
  };
  await writeFile(join(damaged, "floor.json"), JSON.stringify({ ...facts, terms: ["a"] }));
  await expect(predict({ model: damaged, texts })).rejects.toThrow(/tensor idf: expected \[1\], got \[14\]/);
});

test.each([
  ["stride", { stride: 4 }],
  ["aggregation", { aggregation: "max" }],
  ["maxLength", { maxLength: 9 }],
] as const)("floor/options: %s is a network's", async (name, given) => {
  await expect(predict({ model: floor, texts: ["good"], ...given })).rejects.toMatchObject({
    code: "floor/options",
    message: expect.stringContaining(`${name}: expected none with a floor`),
  });
});
