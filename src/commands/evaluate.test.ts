import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import type { Network } from "../network/network.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { evaluate } from "./evaluate.ts";
import { predict } from "./predict.ts";

const TEXTS = ["good film", "bad film", "a very dull plot", "the plot not bad", "bright"];

async function csv(rows: readonly (readonly [string, string])[]): Promise<string> {
  const path = join(await newFolder(), "dev.csv");
  await writeFile(path, `text,label\n${rows.map((row) => row.join(",")).join("\n")}\n`);
  return path;
}

/** The model's own answers, the first one wrong. */
async function answers(model: string): Promise<[string, string][]> {
  const { predictions } = await predict({ model, texts: TEXTS });
  return predictions.map(({ text, label }, i) => {
    const other = label === "positive" ? "negative" : "positive";
    return [text, (i === 0 ? other : label) ?? ""];
  });
}

test("four of five right is an accuracy of 0.8, and the loss that of the probabilities within 1e-6", async () => {
  const model = await written(tinyModel());
  const rows = await answers(model);
  const result = await evaluate({ model, data: await csv(rows), batchSize: 2 });
  expect(result).toMatchObject({ model: "tiny", task: null, examples: 5, metric: "accuracy" });
  expect(result.metrics.accuracy).toBeCloseTo(0.8, 12);
  const { labels, predictions } = await predict({ model, texts: TEXTS });
  const losses = predictions.map(
    ({ scores }, i) => -Math.log(scores[labels.indexOf(rows[i]?.[1] ?? "")] ?? 0),
  );
  expect(result.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 5, 6);
});

test("classes are matched by name whatever their order and case, and by number where there are no names", async () => {
  const network = tinyModel();
  const model = await written(network);
  const folder = await newFolder();
  const rows = await answers(model);
  const tsv = rows.map(([text, label]) => `${text}\t${Number(label === "positive")}`);
  await writeFile(join(folder, "dev.tsv"), `sentence\tlabel\n${tsv.join("\n")}\n`);
  const under = async (labels: readonly string[], net: Network = network) => {
    const named = await written({ ...net, head: { kind: "classification", labels } });
    return (await evaluate({ model: named, task: "sst2", data: folder })).metrics.accuracy;
  };
  expect(await under(["negative", "positive"])).toBeCloseTo(0.8, 12);
  expect(await under(["NEGATIVE", "Positive"])).toBeCloseTo(0.8, 12);
  expect(await under(["LABEL_0", "LABEL_1"])).toBeCloseTo(0.8, 12);
  expect(await under(["positive", "negative"])).toBeCloseTo(0.2, 12);
  const digits = await csv(rows.map(([text, label]) => [text, String(Number(label === "positive"))]));
  const unnamed = await written({
    ...network,
    head: { kind: "classification", labels: ["LABEL_0", "LABEL_1"] },
  });
  expect((await evaluate({ model: unnamed, data: digits })).metrics.accuracy).toBeCloseTo(0.8, 12);
});

const spellings: [readonly [string, string], readonly [string, string]][] = [
  [
    ["LABEL_0", "LABEL_1"],
    ["LABEL_0", "LABEL_1"],
  ],
  [
    ["LABEL_0", "LABEL_1"],
    ["0.0", "1.0"],
  ],
  [
    ["0", "1"],
    ["LABEL_0", "LABEL_1"],
  ],
  [
    [" negative", "positive "],
    ["negative ", "positive"],
  ],
  [
    ["NEGATIVE", "POSITIVE"],
    ["negative", "Positive"],
  ],
  [
    ["False", "True"],
    ["FALSE", "true"],
  ],
  [
    ["1.0", "2.0"],
    ["1", "2"],
  ],
  [
    ["not spam", "spam"],
    ["not-spam", "SPAM"],
  ],
  [
    ["cafe\u0301", "the\u0301"],
    ["café", "thé"],
  ],
  [
    ["C", "C++"],
    ["C", "C++"],
  ],
];
test.each(spellings)("a model of %j finds its labels in a file of %j", async (own, inFile) => {
  const network = tinyModel();
  const rows = await answers(await written(network));
  const model = await written({ ...network, head: { kind: "classification", labels: own } });
  const data = await csv(rows.map(([text, label]) => [text, inFile[label === "positive" ? 1 : 0]]));
  expect((await evaluate({ model, data })).metrics.accuracy).toBeCloseTo(0.8, 12);
});

test("a label that no class of the model means is refused, however close", async () => {
  const model = await written(tinyModel());
  await expect(evaluate({ model, data: await csv([["film", "positively"]]) })).rejects.toThrow(
    'dev.csv:2: expected label negative or positive, got "positively"',
  );
});

test("a model for classes does not judge what is said to be a regression (evaluate/task)", async () => {
  const model = await written(tinyModel());
  const judging = evaluate({ model, data: await csv([["film", "1"]]), regression: true });
  await expect(judging).rejects.toThrow(expect.objectContaining({ code: "evaluate/task" }));
});

test("rows without a label are left out on request, with a note", async () => {
  const model = await written(tinyModel());
  const rows: [string, string][] = [...(await answers(model)), ["a film", ""]];
  const notes: string[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.kind === "note") notes.push(event.text);
  };
  const result = await evaluate({ model, data: await csv(rows), skipUnlabelled: true }, { report });
  expect(result.examples).toBe(5);
  expect(notes).toEqual(["dev.csv: 1 of 6 rows have no label and are left out"]);
});

test("a regression is judged by its correlations and its mean squared error", async () => {
  const model = await written(tinyModel({ kind: "regression" }));
  const { predictions } = await predict({ model, texts: TEXTS });
  const data = await csv(predictions.map(({ text, score }): [string, string] => [text, String(score + 0.5)]));
  const { metrics, loss } = await evaluate({ model, data });
  expect(metrics.pearson).toBeCloseTo(1, 5);
  expect(loss).toBeCloseTo(0.25, 5);
});

test("a model without labels is refused (model/head)", async () => {
  const model = await written(tinyModel({ kind: "mlm" }));
  await expect(evaluate({ model, data: await csv([["a", "b"]]) })).rejects.toThrow(
    expect.objectContaining({ code: "model/head" }),
  );
});
