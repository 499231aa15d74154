/**
 * One small model of each task, asked in every way that it ships, beside the graph that training runs. The table of
 * `docs/tasks.md` is what came out.
 *
 * Answers are numbers by name, so that two ways can be compared whatever they answer. A way is written once, and gets a row.
 */

import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closable } from "../../src/base/closable.ts";
import type { Head } from "../../src/bert/config.ts";
import { exportModel } from "../../src/commands/export.ts";
import { quantize } from "../../src/commands/quantize.ts";
import { Engine } from "../../src/engine/engine.ts";
import { openReference } from "../../src/measure/difference.ts";
import { tokenizerOf } from "../../src/network/encoding.ts";
import { tagTexts } from "../../src/network/entities.ts";
import { readFolder } from "../../src/network/folder.ts";
import { feedsOf, type Inference } from "../../src/network/inference.ts";
import type { Network } from "../../src/network/network.ts";
import { onnxOutput } from "../../src/network/onnx.ts";
import { poolBatch } from "../../src/network/pooling.ts";
import { type Answerer, classifyTexts, type Prediction } from "../../src/network/predictions.ts";
import { embedTexts } from "../../src/network/vectors.ts";
import { load, type TextModel } from "../../src/runs/text-model.ts";
import { load as loadPacked, type RuntimeModel } from "../../src/runtime/load.ts";
import { decodeEsp, networkOf } from "../../src/sparse/esp/model.ts";
import { newFolder, TINY_CONFIG, tinyModel, WORDS, written } from "../support/tiny-model.ts";

const VECTORS = { mode: "mean", normalize: true } as const;

/** A column for each: its head and, from what its model says, a file to quantize with. */
const TASKS = {
  "one label": { kind: "classification", labels: ["bad", "good"] },
  "a value": { kind: "regression" },
  "several labels": { kind: "multi-label", labels: ["a", "b", "c"] },
  "labels of tokens": { kind: "tokens", labels: ["O", "B-X", "I-X"] },
  vectors: { kind: "none", pooling: VECTORS },
} as const satisfies Record<string, Head>;
type Task = keyof typeof TASKS;
const NAMES = Object.keys(TASKS) as Task[]; // keys of the object above

const TEXTS = WORDS.flatMap((word, i) => [word, `${word} ${WORDS[(3 * i + 1) % WORDS.length]} film`]);

/** What a text is answered with. */
type Said = Readonly<Record<string, number>>;

/** A model of a task, and where it is written. */
interface Shipped {
  readonly network: Network;
  readonly folder: string;
}

/** One way to ask, a row of the table. */
interface Way {
  readonly name: string;
  /** The largest difference that a number may have. */
  readonly bound: number;
  /** Why a task is not answered; that it is not is tested as well. */
  readonly refuses?: Partial<Record<Task, string>>;
  /** The answers, and the network that they are held to where it is another than what was shipped. */
  ask(shipped: Shipped, context: { readonly task: Task }): Promise<Asked | undefined>;
}

interface Asked {
  readonly said: readonly Said[];
  readonly network?: Network;
}

const engine = new Engine({ threads: 1 });
afterAll(() => engine.close());

function ofNumbers(numbers: Iterable<number>): Said {
  return Object.fromEntries(Array.from(numbers, (x, i) => [i, x]));
}

function ofPrediction({ scores, score }: Pick<Prediction, "scores" | "score">): Said {
  return ofNumbers(scores.length === 0 ? [score] : scores);
}

/** What any model that answers texts says of all of them. */
async function saidBy({ task, classify, tag, embed }: TextModel | RuntimeModel): Promise<Said[]> {
  if (task === "embedding") return (await embed(TEXTS)).map(ofNumbers);
  if (task !== "tokens") return (await classify(TEXTS)).map(ofPrediction);
  return (await tag(TEXTS, { aggregation: "none" })).map(({ entities }) =>
    Object.fromEntries(
      entities.flatMap(({ label, score, start, end }, i) => [
        [`${i} ${label}`, score],
        [`${i} start`, start],
        [`${i} end`, end],
      ]),
    ),
  );
}

/** The same of what gives logits or states of a batch of one. */
function answering(network: Network, { logits }: Inference): TextModel {
  const { head, config } = network;
  const tokenizer = tokenizerOf(network);
  const answerer: Answerer = {
    head,
    tokenizer,
    maxLength: config.maxPositions,
    logits: async (texts) => {
      const rows: number[] = [];
      for (const { ids, types } of texts) {
        const batch = { size: 1, length: ids.length, ids, types, mask: new Float32Array(ids.length).fill(1) };
        const output = await logits(batch);
        rows.push(...(head.kind === "none" ? poolBatch(output, batch, VECTORS) : output));
      }
      return Float32Array.from(rows);
    },
  };
  return {
    ...{ network, labels: [], pooling: null, dimensions: null, maxLength: config.maxPositions },
    task: head.kind === "none" ? "embedding" : head.kind === "mlm" ? "regression" : head.kind,
    classify: (texts) => classifyTexts(answerer, texts),
    tag: (texts, options) => tagTexts(answerer, texts, options),
    embed: (texts) => embedTexts(answerer, texts),
    ...closable(async () => {}),
  };
}

async function asked(model: TextModel | RuntimeModel): Promise<Said[]> {
  try {
    return await saidBy(model);
  } finally {
    await model.close();
  }
}

async function byOnnxRuntime({ network, folder }: Shipped): Promise<Asked> {
  const out = join(await newFolder(), "model.onnx");
  await exportModel({ model: folder, to: "onnx", out, threads: 1 });
  const session = await ort.InferenceSession.create(out, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const logits: Inference["logits"] = async (batch) => {
    const feeds = Object.entries(feedsOf(batch)).map(([name, { data, shape }]) => [
      name,
      new ort.Tensor("int64", data as BigInt64Array, [...shape]), // all of them are
    ]);
    const { [onnxOutput(network)]: output } = await session.run(Object.fromEntries(feeds));
    if (output?.data instanceof Float32Array) return output.data;
    throw new Error("model: expected float32, got none");
  };
  const said = await saidBy(answering(network, { logits }));
  await session.release();
  return { said };
}

async function byRuntime({ folder }: Shipped): Promise<Asked> {
  const out = join(await newFolder(), "model.esp");
  await exportModel({ model: folder, to: "esp", values: "float32", out, threads: 1 });
  return { said: await asked(await loadPacked(out, { path: "sparse" })) };
}

/** Labelled by the model itself, so that nothing is lost when its layers are in 8 bits. */
async function dataFor(task: Task, folder: string): Promise<string> {
  const path = join(await newFolder(), "data.jsonl");
  const model = await load(folder);
  const rows = TEXTS.map((text) => ({ text, tokens: text.split(" ") }));
  const labelled =
    task === "vectors"
      ? rows
      : task === "labels of tokens"
        ? (await model.tag(TEXTS, { aggregation: "none" })).map(({ entities, text }) => {
            const at = new Map(entities.map(({ start, label }) => [start, label]));
            const starts = [...text.matchAll(/\S+/g)].map(({ index }) => index);
            return { tokens: text.split(" "), labels: starts.map((start) => at.get(start) ?? "O") };
          })
        : (await model.classify(TEXTS)).map(({ text, label, labels, score }) => ({
            text,
            label: task === "several labels" ? labels : (label ?? score),
          }));
  await model.close();
  await writeFile(path, labelled.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

const quantized = new Map<Task, Promise<string>>();

/** The folder of a model in 8 bits, made once. */
function folderIn8Bits({ folder }: Shipped, task: Task): Promise<string> {
  const make = async (): Promise<string> => {
    const path = await dataFor(task, folder);
    const out = join(await newFolder(), "int8");
    const how = { threads: 1, maxDrop: 100, latency: false, calibration: 8 };
    const texts = task === "vectors" ? { texts: path } : { data: path, validation: path };
    await quantize({ model: folder, out, ...how, ...texts });
    return out;
  };
  const made = quantized.get(task) ?? make();
  quantized.set(task, made);
  return made;
}

async function in8Bits(shipped: Shipped, { task }: { readonly task: Task }): Promise<Asked> {
  const folder = await folderIn8Bits(shipped, task);
  return { said: await asked(await load(folder)), network: await readFolder(folder) };
}

/** Tables are rounded too, so the graph is that of what the file holds. */
async function in8BitsPacked(shipped: Shipped, { task }: { readonly task: Task }): Promise<Asked> {
  const file = join(await folderIn8Bits(shipped, task), "model.esp");
  const network = networkOf(await decodeEsp(await readFile(file), file));
  return { said: await asked(await loadPacked(file, { path: "sparse" })), network };
}

async function byTransformers({ network, folder }: Shipped): Promise<Asked | undefined> {
  const out = join(await newFolder(), "web");
  await exportModel({ model: folder, to: "onnx", out, threads: 1 });
  const said = await saidByPipeline(out, network.head, "fp32");
  return said && { said };
}

async function in8BitsByTransformers(
  shipped: Shipped,
  { task }: { readonly task: Task },
): Promise<Asked | undefined> {
  const folder = await folderIn8Bits(shipped, task);
  const said = await saidByPipeline(folder, shipped.network.head, "q8");
  return said && { said, network: await readFolder(folder) };
}

/** A folder in transformers.js, as its users load one: by its name and `dtype`. Undefined where that is not there. */
async function saidByPipeline(folder: string, head: Head, dtype: "fp32" | "q8"): Promise<Said[] | undefined> {
  const library = await import("@huggingface/transformers").catch(() => undefined);
  if (library === undefined) return undefined;
  Object.assign(library.env, { allowRemoteModels: false, localModelPath: dirname(folder) });
  const said: Said[] = [];
  const from = [basename(folder), { dtype }] as const;
  if (head.kind === "none") {
    const pipe = await library.pipeline("feature-extraction", ...from);
    for (const text of TEXTS)
      said.push(ofNumbers(Array.from((await pipe(text, { pooling: "mean", normalize: true })).data, Number)));
    await pipe.dispose();
  } else if (head.kind === "tokens") {
    const pipe = await library.pipeline("token-classification", ...from);
    for (const text of TEXTS) {
      const found = await pipe(text);
      said.push(Object.fromEntries(found.map(({ entity, score }, i) => [`${i} ${entity}`, score])));
    }
    await pipe.dispose();
  } else {
    const pipe = await library.pipeline("text-classification", ...from);
    const labels: readonly string[] = "labels" in head ? head.labels : ["LABEL_0"];
    for (const text of TEXTS) {
      const found = (await pipe(text, { top_k: labels.length })).flat();
      const scores = labels.map((name) => found.find(({ label }) => label === name)?.score ?? Number.NaN);
      said.push(
        ofPrediction({ scores: head.kind === "regression" ? [] : scores, score: scores[0] ?? Number.NaN }),
      );
    }
    await pipe.dispose();
  }
  return said;
}

/** What lies between two steps may fall to either side. */
const IN_8_BITS = 0.02;
/** Ranges are fixed there, where the model takes each token's own. */
const BY_FIXED_RANGES = 0.05;

const WAYS: readonly Way[] = [
  {
    name: "the folder: `predict`, `embed`, `load`",
    bound: 1e-5,
    ask: async ({ folder }) => ({ said: await asked(await load(folder)) }),
  },
  { name: "`export --to onnx`, in ONNX Runtime", bound: 1e-5, ask: byOnnxRuntime },
  { name: "`export --to esp`, in `espalier/runtime`", bound: 1e-5, ask: byRuntime },
  { name: "`quantize`: the folder", bound: IN_8_BITS, ask: in8Bits },
  { name: "`quantize`: `model.esp`, in `espalier/runtime`", bound: IN_8_BITS, ask: in8BitsPacked },
  {
    name: "`export --to onnx`, a pipeline of transformers.js",
    bound: 1e-5,
    refuses: { "a value": "no: says 1 of every text" },
    ask: byTransformers,
  },
  {
    name: "`quantize`: a pipeline of transformers.js, `q8`",
    bound: BY_FIXED_RANGES,
    refuses: { "a value": "no: says 1 of every text" },
    ask: in8BitsByTransformers,
  },
];

/** The largest difference of a number that both say; of what one of them alone says, infinity, but for places. */
function difference(expected: readonly Said[], got: readonly Said[]): number {
  const gaps = expected.flatMap((said, i) => {
    const other = got[i] ?? {};
    const keys = new Set([...Object.keys(said), ...Object.keys(other)]);
    return [...keys].map((key) => {
      const [a, b] = [said[key], other[key]];
      if (a !== undefined && b !== undefined) return Math.abs(a - b);
      return /start|end/.test(key) ? 0 : Number.POSITIVE_INFINITY;
    });
  });
  return gaps.reduce((a, b) => Math.max(a, b), 0);
}

const cells = new Map<string, string>();
const shipped = new Map<Task, Shipped>();
beforeAll(async () => {
  for (const task of NAMES) {
    const network = tinyModel(TASKS[task], { ...TINY_CONFIG, layers: TINY_CONFIG.layers.slice(1) });
    shipped.set(task, { network, folder: await written(network) });
  }
});

const CASES = WAYS.flatMap((way) => NAMES.map((task) => ({ way, task, called: way.name })));

test.for(CASES)("$task, $called: answers are the reference graph's", async ({ way, task }, context) => {
  const model = shipped.get(task);
  if (model === undefined) throw new Error(`no model for ${task}`);
  const answer = await way.ask(model, { task });
  if (answer === undefined) return context.skip("no transformers.js here");
  const network = answer.network ?? model.network;
  const expected = await saidBy(answering(network, await openReference(engine, network)));
  const worst = difference(expected, answer.said);
  const reason = way.refuses?.[task];
  expect(expected.length).toBe(answer.said.length);
  if (reason === undefined) expect(worst).toBeLessThan(way.bound);
  else expect(worst).toBeGreaterThan(0.1);
  cells.set(`${way.name} ${task}`, reason ?? "yes");
});

test("docs/tasks.md has the table", async (context) => {
  if (cells.size < CASES.length) return context.skip("only a part of the table was made");
  const row = (name: string, of: (task: Task) => string): string =>
    `| ${[name, ...NAMES.map(of)].join(" | ")} |`;
  const questions = { tokens: "`tag`", none: "`embed`" } as const;
  const table = [
    row("", (task) => task),
    `|${"---|".repeat(NAMES.length + 1)}`,
    row("asked by", (task) => {
      const { kind } = TASKS[task];
      return kind === "tokens" || kind === "none" ? questions[kind] : "`classify`";
    }),
    ...WAYS.map(({ name }) => row(name, (task) => cells.get(`${name} ${task}`) ?? "?")),
  ];
  const page = await readFile(new URL("../../docs/tasks.md", import.meta.url), "utf8");
  expect(page).toContain(`${table.join("\n")}\n`);
});
