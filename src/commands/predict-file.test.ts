import { existsSync, readdirSync, readFileSync } from "node:fs";
import { symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { classOf } from "../data/dataset.ts";
import { readTable } from "../data/table.ts";
import { openTable } from "../data/table-records.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { predict } from "./predict.ts";

const TEXTS = ["good film", 'the "bad" film', "a very dull, plot", "the plot\nnot bad", "bright\tfilm"];

/** The tiny model's folder, a file beside it, and a place to write to. */
async function given(name: string, content: string, out: string) {
  const folder = await newFolder();
  const data = join(folder, name);
  await writeFile(data, content);
  return { model: await written(tinyModel()), data, out: join(folder, out) };
}

function csv(texts: readonly string[]): string {
  return `id,text,note\n${texts.map((t, i) => `${i},"${t.replaceAll('"', '""')}",n${i}`).join("\n")}\n`;
}

test.each(["csv", "tsv", "jsonl"])(
  "rows of a CSV become rows of a .%s in their order, their columns kept",
  async (ending) => {
    const job = await given("in.csv", csv(TEXTS), `out.${ending}`);
    const { file, predictions } = await predict(job);
    expect(predictions).toEqual([]);
    expect([file?.path, file?.rows]).toEqual([job.out, TEXTS.length]);
    const { predictions: alone } = await predict({
      model: job.model,
      texts: TEXTS.map((t) => t.replaceAll("\t", " ")),
    });
    const labelled = { task: "classification", labels: ["negative", "positive"] } as const;
    const read = await readTable(job.out, { text: "text", label: "label" }, { like: labelled });
    expect(read.examples.map(({ text }) => text)).toEqual(TEXTS);
    expect(read.examples.map((each) => read.labels[classOf(each)])).toEqual(alone.map(({ label }) => label));
    const scores = await readTable(job.out, { text: "text", label: "score" }, { task: "regression" });
    scores.examples.forEach((each, i) => {
      expect(classOf(each)).toBeCloseTo(alone[i]?.score ?? Number.NaN, 5);
    });
    const ids = await readTable(job.out, { text: "note", label: "id" });
    expect(ids.examples.map(({ text, label }) => [text, label])).toEqual(TEXTS.map((_, i) => [`n${i}`, i]));
    const ofLabels = read.labels.map((label) => file?.counts[label]);
    expect(ofLabels).toEqual(read.labels.map((label) => alone.filter((said) => said.label === label).length));
  },
);

test("the columns that are added are label, score and the score of each class", async () => {
  const job = await given("in.csv", "text\ngood film\n", "out.csv");
  await predict(job);
  const { predictions } = await predict({ model: job.model, texts: ["good film"] });
  const [said] = predictions;
  const [header, row = ""] = readFileSync(job.out, "utf8").split("\n");
  expect(header).toBe("text,label,score,score_negative,score_positive");
  const [text, label, ...scores] = row.split(",");
  expect([text, label]).toEqual(["good film", said?.label]);
  [said?.score, ...(said?.scores ?? [])].forEach((score, i) => {
    expect(Number(scores[i])).toBeCloseTo(score ?? Number.NaN, 6);
  });
});

test("a line of JSON stays as it is, with members at its end; large numbers keep their digits", async () => {
  const line = '{"id": 12345678901234567890, "text":"good film" , "tags":[1, 2]}';
  const job = await given("in.jsonl", `${line}\n\n{"text":"bad film"}\n`, "out.jsonl");
  await predict(job);
  const [first = "", second = ""] = readFileSync(job.out, "utf8").split("\n");
  expect(first.startsWith('{"id": 12345678901234567890, "text":"good film" , "tags":[1, 2],"label":"')).toBe(
    true,
  );
  expect(Object.keys(JSON.parse(second))).toEqual(["text", "label", "score", "scores"]);
  expect(Object.keys(JSON.parse(second).scores)).toEqual(["negative", "positive"]);
});

test("columns that are called label or score already are kept, and the model's are called otherwise", async () => {
  const job = await given("in.csv", "text,label\ngood film,7\n", "out.csv");
  const notes: string[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.kind === "note") notes.push(event.text);
  };
  await predict(job, { report });
  expect(readFileSync(job.out, "utf8").split("\n")[0]).toBe(
    "text,label,predicted_label,predicted_score,predicted_score_negative,predicted_score_positive",
  );
  expect(notes).toEqual([
    "the file has a column of that name, so what the model says is in predicted_label and predicted_score",
  ]);
});

test("of a regression the value is added alone, of pairs both texts are read", async () => {
  const job = await given("in.tsv", "one\ttwo\ngood film\tbad plot\n", "out.csv");
  const model = await written(tinyModel({ kind: "regression" }));
  await predict({ ...job, model, text: "one", textPair: "two" });
  const { predictions } = await predict({ model, texts: [["good film", "bad plot"]] });
  const [header, row = ""] = readFileSync(job.out, "utf8").split("\n");
  expect(header).toBe("one,two,score");
  expect(Number(row.split(",")[2])).toBeCloseTo(predictions[0]?.score ?? Number.NaN, 5);
});

test("more rows than are labelled together come out in their order", async () => {
  const texts = Array.from({ length: 2500 }, (_, i) => (i % 3 === 0 ? "good film" : "bad plot very dull"));
  const job = await given("in.csv", csv(texts), "out.csv");
  await predict(job);
  const { examples } = await readTable(job.out, { text: "text", label: "score" }, { task: "regression" });
  expect(examples.map(({ text }) => text)).toEqual(texts);
  const of = (text: string) => examples.filter((each) => each.text === text).map(classOf);
  const [good, bad] = [of("good film"), of("bad plot very dull")];
  expect(Math.max(...good) - Math.min(...good)).toBeLessThan(1e-5);
  expect(Math.max(...bad) - Math.min(...bad)).toBeLessThan(1e-5);
  expect(Math.abs((good[0] ?? 0) - (bad[0] ?? 0))).toBeGreaterThan(1e-3);
});

test.each([
  ["a column that is not there", "in.csv", "txt\nx\n", "table/column"],
  ["a row that does not fit", "in.csv", "text,b\nx,1\ny\n", "table/fields"],
  ["no rows", "in.csv", "text\n", "table/empty"],
  ["a text that is none", "in.jsonl", '{"text":"x"}\n{"text":5}\n', "table/text"],
  ["a column that the first row lacks", "in.jsonl", '{"text":"x"}\n{"text":"y","b":1}\n', "table/column"],
  ["its columns named twice", "in.csv", "text,label,predicted_label\nx,1,2\n", "predict/columns"],
] as const)("a file with %s is refused before anything is written", async (_, name, content, code) => {
  const job = await given(name, content, "out.csv");
  await expect(predict(job)).rejects.toThrow(expect.objectContaining({ code }));
  expect(readdirSync(dirname(job.out))).toEqual([name]);
});

test("a file that is there is kept unless it may be replaced; one that was stopped leaves nothing", async () => {
  const job = await given("in.csv", "text\ngood film\n", "out.csv");
  const signal = AbortSignal.abort();
  await expect(predict(job, { signal })).rejects.toThrow(
    expect.objectContaining({ code: "predict/stopped" }),
  );
  expect(readdirSync(dirname(job.out))).toEqual(["in.csv"]);
  await writeFile(job.out, "mine");
  await expect(predict(job)).rejects.toThrow(expect.objectContaining({ code: "predict/exists" }));
  expect(readFileSync(job.out, "utf8")).toBe("mine");
  await predict({ ...job, force: true });
  expect(existsSync(job.out) && readFileSync(job.out, "utf8").startsWith("text,label")).toBe(true);
});

test.each([
  [{ texts: ["a"], data: "d.csv", out: "o.csv" }, "texts: expected them or data, got both"],
  [{}, "texts: expected one text or more, or data, got neither"],
  [{ texts: ["a"], out: "o.csv" }, "data: expected a file beside out, got none"],
  [{ data: "d.csv" }, "out: expected a .csv, .tsv or .jsonl file to write, got none"],
  [{ data: "d.csv", out: "o.xlsx" }, "out: expected a .csv, .tsv or .jsonl file to write, got o.xlsx"],
  [{ data: "d.csv", out: "o.csv", mask: ["a", "b"] }, "mask: expected one with data, got 2"],
])("options that contradict each other are refused: %j", async (options, message) => {
  await expect(predict({ model: "m", ...options })).rejects.toThrow(message);
});

test("several labels stand in one column, with | between them or as a list", async () => {
  const model = await written(tinyModel({ kind: "multi-label", labels: ["a", "b", "c"] }));
  const { data, out } = await given("in.csv", csv(TEXTS), "out.csv");
  const { file } = await predict({ model, data, out });
  const json = await given("in.csv", csv(TEXTS), "out.jsonl");
  await predict({ model, data: json.data, out: json.out });
  const { predictions } = await predict({ model, texts: TEXTS.map((t) => t.replaceAll("\t", " ")) });
  const [header, first] = readFileSync(out, "utf8").split("\n");
  expect(header).toBe("id,text,note,labels,score_a,score_b,score_c");
  expect(first?.split(",")[3]).toBe(predictions[0]?.labels.join("|"));
  const lines = readFileSync(json.out, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).labels)).toEqual(predictions.map(({ labels }) => labels));
  const ofLabel = (label: string): number =>
    predictions.filter(({ labels }) => labels.includes(label)).length;
  expect(file?.counts).toEqual({ a: ofLabel("a"), b: ofLabel("b"), c: ofLabel("c") });
  expect(file?.unlabelled).toBe(predictions.filter(({ labels }) => labels.length === 0).length);
});

test("a later row with a column more is refused before anything is labelled", async () => {
  const rows = [{ text: "good film" }, { text: "bad plot", note: "x" }];
  const job = await given("in.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"), "out.csv");
  const counted: number[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.kind === "count") counted.push(event.done);
  };
  await expect(predict(job, { report })).rejects.toMatchObject({ code: "table/column" });
  expect([counted, existsSync(job.out)]).toEqual([[], false]);
});

test.each([
  ["in.csv", ";", "out.csv", ";"],
  ["in.csv", "|", "out.csv", "|"],
  ["in.csv", "\t", "out.csv", ","],
  ["in.tsv", "\t", "out.csv", ","],
  ["in.csv", ";", "out.tsv", "\t"],
])("%s separated by %j becomes %s separated by %j", async (name, from, out, to) => {
  const job = await given(
    name,
    `id${from}text${from}note\n1${from}good film${from}n\n2${from}bad plot${from}n\n`,
    out,
  );
  await predict(job);
  const [header = "", row = ""] = readFileSync(job.out, "utf8").split("\n");
  expect(header.split(to).slice(0, 4)).toEqual(["id", "text", "note", "label"]);
  expect(row.split(to).slice(0, 3)).toEqual(["1", "good film", "n"]);
  const read = await readTable(job.out, { text: "text", label: "id" });
  expect(read.examples.map(({ text }) => text)).toEqual(["good film", "bad plot"]);
  expect(read.labels).toEqual(["1", "2"]);
});

test("entities are a list of objects, in a cell of CSV as JSON", async () => {
  const model = await written(tinyModel({ kind: "tokens", labels: ["O", "B-X", "I-X"] }));
  const { data, out } = await given("in.csv", csv(["good film, plot", "bad"]), "out.csv");
  await predict({ model, data, out });
  const json = await given("in.csv", csv(["good film, plot", "bad"]), "out.jsonl");
  const { file } = await predict({ model, data: json.data, out: json.out });
  const [first, second] = readFileSync(json.out, "utf8").trim().split("\n");
  const { tagged } = await predict({ model, texts: ["good film, plot", "bad"] });
  const near = tagged.map(({ entities }) =>
    entities.map(({ score, ...rest }) => ({ ...rest, score: expect.closeTo(score, 5) })),
  );
  expect([first, second].map((line) => JSON.parse(line ?? "").entities)).toEqual(near);
  expect(file?.counts).toEqual({ X: tagged.flatMap(({ entities }) => entities).length });
  const table = await openTable(out, ["text"], "auto");
  for await (const { fields } of table.records()) {
    const entities = JSON.parse(String(new Map(fields).get("entities")));
    expect(near).toContainEqual(entities);
  }
  await expect(predict({ model, data, out, force: true, textPair: "note" })).rejects.toMatchObject({
    code: "predict/pairs",
  });
});

test("what a killed call has left beside its file is removed, and nothing of this one stays", async () => {
  const job = await given("in.csv", "text\ngood film\n", "out.csv");
  const beside = (name: string) => join(dirname(job.out), name);
  const [dead, other] = [`.out.csv.${crypto.randomUUID()}.tmp`, `.more.csv.${crypto.randomUUID()}.tmp`];
  for (const name of [dead, other]) await writeFile(beside(name), "half");
  await predict(job);
  expect(readdirSync(dirname(job.out)).sort()).toEqual([other, "in.csv", "out.csv"]);
});

test("a place that cannot be written to is refused by name", async () => {
  const job = await given("in.csv", "text\ngood film\n", "dangling/out.csv");
  await symlink(join(dirname(job.data), "gone", "further"), dirname(job.out));
  await expect(predict(job)).rejects.toMatchObject({
    code: "place/unwritable",
    message: expect.stringContaining(`(${job.out})`),
  });
});
