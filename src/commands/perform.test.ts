import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { RECIPE } from "../../test/support/run-folder.ts";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import { ConfigError } from "../base/errors.ts";
import { bench } from "../bench/bench.ts";
import { Engine } from "../engine/engine.ts";
import * as espalier from "../index.ts";
import { planReproduction, reproduce } from "../reproduce/reproduce.ts";
import { performRun } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { load } from "../runs/text-model.ts";
import { augment } from "./augment.ts";
import { compress } from "./compress.ts";
import { embed } from "./embed.ts";
import { evaluate } from "./evaluate.ts";
import { exportModel } from "./export.ts";
import { finetune } from "./finetune.ts";
import { inspect } from "./inspect.ts";
import { predict } from "./predict.ts";
import { pretrain } from "./pretrain.ts";
import { quantize } from "./quantize.ts";
import { shrink } from "./shrink.ts";

afterEach(() => void vi.restoreAllMocks());

const TEXTS = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? "good film" : "a bad plot"));

async function given() {
  const root = await newFolder();
  const data = join(root, "data.csv");
  const labelled = TEXTS.map((text, i) => `${text},${i % 2 === 0 ? "positive" : "negative"}`);
  await writeFile(data, `text,label\n${labelled.join("\n")}\n`);
  return { model: await written(tinyModel()), data, out: join(root, "out") };
}

function encoder(): Promise<string> {
  return written(tinyModel({ kind: "none" }));
}

/** Of so few texts 8 bits may lose any number. */
function quantizing(from: Given) {
  return { ...from, validation: from.data, maxDrop: 100, latency: false, threads: 1 };
}

type Given = Awaited<ReturnType<typeof given>>;

/** Needs no engine, as `inspect` needs none. */
const PLAN = (from: Given, context: RunContext): Promise<unknown> =>
  planReproduction({ ...from, paper: "snip" }, context);

/** Each with the first part of its code. */
const ALL: [command: string, call: (given: Given, context: RunContext) => Promise<unknown>, code?: string][] =
  [
    ["inspect", ({ model }, context) => inspect({ model }, context)],
    ["load", ({ model }, context) => load(model, {}, context)],
    ["evaluate", ({ model, data }, context) => evaluate({ model, data }, context)],
    ["predict", ({ model }, context) => predict({ model, texts: TEXTS }, context)],
    ["predict", ({ out, ...from }, context) => predict({ ...from, out: `${out}.csv` }, context)],
    ["embed", ({ model }, context) => embed({ model, texts: TEXTS }, context)],
    ["export", ({ model, out }, context) => exportModel({ model, to: "onnx", out }, context)],
    ["shrink", ({ model, out }, context) => shrink({ model, out }, context)],
    ["bench", ({ model }, context) => bench({ models: [model] }, context)],
    ["augment", ({ out, ...from }, context) => augment({ ...from, out: `${out}.jsonl` }, context)],
    ["run", (from, context) => finetune(from, context), "run/interrupted"],
    ["run", (from, context) => compress({ ...from, method: "magnitude" }, context), "run/interrupted"],
    ["run", ({ data, out }, context) => pretrain({ corpus: data, out }, context), "run/interrupted"],
    ["reproduce", (from, context) => reproduce({ ...from, paper: "snip" }, context)],
    ["reproduce", PLAN],
  ];

test.each(ALL)(
  "%s ends before any work when its signal was aborted before",
  async (...[name, call, code]) => {
    const from = await given();
    const report = vi.fn();
    const ended = call(from, { signal: AbortSignal.abort("enough"), report });
    await expect(ended).rejects.toThrow(
      expect.objectContaining({ name: "InterruptedError", code: code ?? `${name}/stopped`, cause: "enough" }),
    );
    expect(report).not.toHaveBeenCalled();
    expect(existsSync(from.out)).toBe(false);
    expect(await readdir(join(from.out, ".."))).toEqual(["data.csv"]);
  },
);

test.each(ALL)("%s says that the engine is missing before any work", async (...[name, call]) => {
  const from = await given();
  const report = vi.fn();
  const { platform } = process;
  Object.defineProperty(process, "platform", { value: "plan9" });
  const ended = await call(from, { signal: AbortSignal.abort(), report }).catch((error: unknown) => error);
  expect(ended).toMatchObject({ name: "InterruptedError" });
  const missing = call({ ...from, model: "nowhere", data: "nowhere" }, { report });
  const code = name === "inspect" || call === PLAN ? "model/missing" : "engine/missing";
  await expect(missing).rejects.toThrow(expect.objectContaining({ code }));
  Object.defineProperty(process, "platform", { value: platform });
  expect(report).not.toHaveBeenCalled();
});

test.each([
  [null, "options/record", "context: expected options by name, got null"],
  [7, "options/record", "context: expected options by name, got 7"],
  [
    { signals: 1 },
    "options/unknown",
    'context: expected a known option, got "signals"; did you mean "signal"?',
  ],
  [{ signal: new AbortController() }, "context/signal", /expected an AbortSignal, got a value of class/],
  [new AbortController().signal, "context/signal", "context: expected { signal }, got an AbortSignal alone"],
  [{ signal: false }, "context/signal", "signal: expected an AbortSignal, got false"],
  [{ report: "x" }, "context/report", 'report: expected a function, got "x"'],
  [{ resume: "yes" }, "context/resume", 'resume: expected true or false, got "yes"'],
  [{ resume: null }, "context/resume", "resume: expected true or false, got null"],
  [{ partOf: 5 }, "context/partOf", "partOf: expected the folder of a run, got 5"],
])("a context that is none is refused: %j", async (context, code, message) => {
  const { model } = await given();
  // A program without types may hand over anything.
  for (const ended of [inspect({ model }, context as RunContext), load(model, {}, context as RunContext)]) {
    const error: unknown = await ended.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "ConfigError", code });
    expect(error instanceof Error ? error.message : "").toMatch(message);
  }
});

/** What the package exports, errors aside. */
const PUBLIC = Object.entries(espalier).filter(([, each]) => !(each.prototype instanceof Error));

test("the package has 17 functions", () => {
  expect(PUBLIC.length).toBe(17);
});

test.each(PUBLIC)(
  "%s rejects what is no record, or has unknown options, and throws nothing",
  async (_, call) => {
    // A program without types may hand over anything.
    const work = call as (...given: readonly unknown[]) => unknown;
    for (const given of [[null], [7], [{ unheard: 1 }], ["", null], ["m", { unheard: 1 }]]) {
      const ended = work(...given);
      expect(ended).toBeInstanceOf(Promise);
      await expect(ended).rejects.toBeInstanceOf(ConfigError);
    }
  },
);

/** A signal that is aborted while the engine answers its `at`-th call, and the number of calls. */
function abortedAt(at: number) {
  const controller = new AbortController();
  let calls = 0;
  const { run } = Engine.prototype;
  vi.spyOn(Engine.prototype, "run").mockImplementation(function (this: Engine, requests) {
    calls += 1;
    if (calls === at) controller.abort();
    return run.call(this, requests);
  });
  return { signal: controller.signal, calls: () => calls };
}

test.each([
  ["evaluate", ({ model, data }: Given, context) => evaluate({ model, data, batchSize: 1 }, context)],
  ["predict", ({ model }: Given, context) => predict({ model, texts: TEXTS, batchSize: 1 }, context)],
  ["predict", ({ out, ...from }, context) => predict({ ...from, out: `${out}.csv`, batchSize: 1 }, context)],
  ["embed", async (_, context) => embed({ model: await encoder(), texts: TEXTS, batchSize: 1 }, context)],
] satisfies [string, (given: Given, context: RunContext) => Promise<unknown>][])(
  "%s ends after the batch at hand",
  async (name, call) => {
    const from = await given();
    const { signal, calls } = abortedAt(2);
    await expect(call(from, { signal })).rejects.toThrow(
      expect.objectContaining({ name: "InterruptedError", code: `${name}/stopped` }),
    );
    expect(calls()).toBe(2);
    expect(await readdir(join(from.out, ".."))).toEqual(["data.csv"]);
  },
);

test.each([
  ["export", "esp", ({ model, out }: Given, context) => exportModel({ model, to: "esp", out }, context)],
  ["export", "onnx", ({ model, out }, context) => exportModel({ model, to: "onnx", out }, context)],
  [
    "export",
    "a folder",
    ({ model, out }, context) => exportModel({ model, to: "safetensors", out }, context),
  ],
  ["shrink", "alone", ({ model, out }, context) => shrink({ model, out }, context)],
  ["shrink", "with data", (from, context) => shrink(from, context)],
  ["quantize", "alone", (from, context) => quantize(quantizing(from), context)],
  [
    "quantize",
    "as it is timed",
    (from, context) => quantize({ ...quantizing(from), latency: true }, context),
  ],
] satisfies [string, string, (given: Given, context: RunContext) => Promise<unknown>][])(
  "%s, %s: stopped while it measures it has written nothing, and the same call goes on",
  async (name, how, call) => {
    const from = await given();
    const counted = abortedAt(0);
    await call(from, {});
    const all = counted.calls();
    const names = await readdir(join(from.out, ".."), { recursive: true });
    await rm(from.out, { recursive: true });
    vi.restoreAllMocks();
    // The last call is of what has been made: all else is done.
    const { signal } = abortedAt(all);
    await expect(call(from, { signal }), how).rejects.toThrow(
      expect.objectContaining({ name: "InterruptedError", code: `${name}/stopped` }),
    );
    expect(existsSync(from.out) ? await readdir(from.out) : []).toEqual([]);
    await call(from, {});
    expect(await readdir(join(from.out, ".."), { recursive: true })).toEqual(names);
  },
);

test("classify ends after the batch at hand, and the model answers on", async () => {
  const model = await load((await given()).model, { batchSize: 2 });
  const { signal, calls } = abortedAt(1);
  await expect(model.classify(TEXTS, { signal })).rejects.toThrow(
    expect.objectContaining({ name: "InterruptedError", code: "predict/stopped" }),
  );
  expect(calls()).toBe(1);
  expect(await model.classify(TEXTS)).toHaveLength(TEXTS.length);
  await model.close();
});

test("a run that is stopped says how it is resumed where something is saved, else that it begins again", async () => {
  const run = await newFolder();
  const stop = async (folder: string): Promise<unknown> => {
    const controller = new AbortController();
    const work = async (): Promise<void> => {
      controller.abort();
      controller.signal.throwIfAborted();
    };
    return performRun(folder, { signal: controller.signal }, work).catch((error: unknown) => error);
  };
  const begins = { message: "stopped before anything was saved; the same command begins again" };
  expect(await stop(run)).toMatchObject(begins);
  await writeFile(join(run, "recipe.json"), JSON.stringify(RECIPE));
  await mkdir(join(run, "checkpoints"));
  expect(await stop(run)).toMatchObject(begins);
  await mkdir(join(run, "checkpoints", "step-1"));
  const message = `stopped, saved in ${run}; resume with: npx espalier resume ${run}`;
  expect(await stop(run)).toMatchObject({ name: "InterruptedError", code: "run/interrupted", message });
});
