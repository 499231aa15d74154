/** The runtime in Node: what a user of `espalier/runtime` sees. The same in a real browser: test/peers/browser.test.ts. */

import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { letterClassifier } from "../../test/support/classifiers.ts";
import { newFolder } from "../../test/support/tiny-model.ts";
import { keyOf } from "../base/random.ts";
import { POOLING_MODES, type Pooling } from "../bert/config.ts";
import { linearModules } from "../bert/quantized.ts";
import { Engine } from "../engine/engine.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { openNetwork } from "../network/inference.ts";
import { initialNetwork, type Network, withHead } from "../network/network.ts";
import { withQuantized } from "../network/quantized.ts";
import { openTextModel } from "../runs/text-model.ts";
import { encodeEsp } from "../sparse/esp/model.ts";
import { BYTE_TWINS } from "../sparse/kernels.ts";
import { USUAL_RATES } from "../sparse/linear.ts";
import { load, type RuntimeModel, type RuntimeOptions } from "./load.ts";
import type { LoadProgress } from "./stopping.ts";

const TEXTS = ["a film to remember", "bad", ["first of two", "second of two"] as const, "x ".repeat(60)];

const SPARSE = letterClassifier(0.05);
let file: Uint8Array;
let expected: number[][];

beforeAll(async () => {
  file = await encodeEsp(SPARSE, { values: "float32" });
  const stock = await openTextModel(SPARSE);
  expected = (await stock.classify(TEXTS)).map(({ scores }) => [...scores]);
  await stock.close();
});

/** With all layers in 8 bits. */
function inBytes(network: Network): Network {
  return withQuantized(network, new Map(linearModules(network.config.layers).map((name) => [name, {}])));
}

const opened: RuntimeModel[] = [];
afterAll(() => Promise.all(opened.map((model) => model.close())));

async function open(...given: Parameters<typeof load>): Promise<RuntimeModel> {
  const model = await load(...given);
  opened.push(model);
  return model;
}

function expectNear(got: readonly { readonly scores: readonly number[] }[], bound: number): void {
  got.forEach(({ scores }, i) => {
    scores.forEach((score, label) => {
      expect(Math.abs(score - (expected[i]?.[label] ?? Number.NaN))).toBeLessThan(bound);
    });
  });
}

describe.each([1, 2, 3])("%i threads", (threads) => {
  test("probabilities within 1e-5 of ONNX Runtime's, for texts and pairs of any length", async () => {
    const model = await open(file, { threads });
    const got = await model.classify(TEXTS);
    expect(got.map(({ text, pair }) => [text, pair])).toEqual(
      TEXTS.map((given) => (typeof given === "string" ? [given, null] : [...given])),
    );
    expectNear(got, 1e-5);
    expect(model.report).toMatchObject({ path: "sparse", threads, tried: null });
    expect(model.labels).toEqual(["no", "yes"]);
  });

  test("calls that overlap are each answered with their own texts", async () => {
    const model = await open(file, { threads });
    const calls = Array.from({ length: 12 }, (_, i) => TEXTS.slice(i % 3, (i % 3) + 2));
    const answers = await Promise.all(calls.map((texts) => model.classify(texts)));
    const alone = await Promise.all(TEXTS.map(async (text) => (await model.classify([text]))[0]));
    answers.forEach((answer, i) => {
      expect(answer).toEqual(alone.slice(i % 3, (i % 3) + 2));
    });
  });

  test("many texts are split into passes and come back in order", async () => {
    const model = await open(file, { threads });
    const texts = Array.from({ length: 300 }, (_, i) => `${"word ".repeat(i % 13)}${i}`);
    const got = await model.classify(texts);
    expect(got.map(({ text }) => text)).toEqual(texts);
    const [one] = await model.classify([texts[211] ?? ""]);
    expect(got[211]).toEqual(one);
  });
});

test("numbers of threads give the same answers to the bit", async () => {
  const [one, three] = await Promise.all([open(file, { threads: 1 }), open(file, { threads: 3 })]);
  // Which kernels are chosen is measured, so both are given the same rates.
  const rates = one.report.rates;
  const again = await open(file, { threads: 3, rates });
  expect(again.report.rates).toEqual(rates);
  expect(three.report.threads).toBe(3);
  const same = await open(file, { threads: 1, rates });
  expect(await again.classify(TEXTS)).toEqual(await same.classify(TEXTS));
});

test("a mixture of means is the same on any number of threads, whose ranges divide texts", async () => {
  const head = { ...SPARSE.head, reader: "means" } as const;
  if (head.kind !== "classification") throw new Error("the model classifies");
  const bytes = await encodeEsp(withHead(SPARSE, head, keyOf(3)), { values: "float32" });
  const one = await open(bytes, { threads: 1 });
  const { rates } = one.report;
  const wanted = await one.classify(TEXTS);
  expect(new Set(wanted.map(({ scores }) => scores[0])).size).toBe(TEXTS.length);
  for (const threads of [2, 3]) {
    const model = await open(bytes, { threads, rates });
    for (let turn = 0; turn < 20; turn++) expect(await model.classify(TEXTS)).toEqual(wanted);
  }
});

test("a file is read from a path, a file URL, an address or bytes", async () => {
  const path = join(await newFolder(), "model.esp");
  await writeFile(path, file);
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/model.esp" ? 200 : 404;
    response.end(request.url === "/model.esp" ? file : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const base = `http://127.0.0.1:${port}`;
  try {
    for (const source of [
      path,
      new URL(`file://${path}`),
      `file://${path}`,
      `${base}/model.esp`,
      new URL(`${base}/model.esp`),
    ]) {
      const model = await load(source);
      expectNear(await model.classify(TEXTS), 1e-5);
      await model.close();
    }
    await expect(load(`${base}/none.esp`)).rejects.toMatchObject({ code: "runtime/source" });
  } finally {
    server.close();
  }
  expect(new Uint8Array(await readFile(path))).toEqual(file);
});

test("a model without zeros is taken over by ONNX Runtime when that is faster, and says what was tried", async () => {
  const dense = await encodeEsp(letterClassifier(1), { values: "float32" });
  const model = await open(dense);
  const { path, tried } = model.report;
  expect(tried).not.toBeNull();
  expect(path).toBe((tried?.sparse ?? 0) <= (tried?.dense ?? 0) ? "sparse" : "dense");
});

test("loading says how far it has come: the file, then its tensors, then the kernels", async () => {
  const told: LoadProgress[] = [];
  const path = join(await newFolder(), "model.esp");
  await writeFile(path, file);
  await open(path, { onProgress: (progress) => told.push(progress) });
  expect([...new Set(told.map(({ stage }) => stage))]).toEqual(["fetch", "unpack", "place"]);
  for (const stage of ["fetch", "unpack", "place"] as const) {
    const shares = told.filter((one) => one.stage === stage).map(({ share }) => share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  }
  expect(told.filter(({ stage }) => stage === "unpack").length).toBeGreaterThan(10);
});

test("a large model without zeros goes to ONNX Runtime untried", async () => {
  const layer = { heads: 8, headSize: 64, ffn: 2048 };
  const config = { ...SPARSE.config, hiddenSize: 512, layers: [layer] };
  const model = await open(await encodeEsp(initialNetwork(config, SPARSE.head, SPARSE.vocabulary, keyOf(1))));
  expect(model.report).toMatchObject({ path: "dense", tried: null, rates: null, kernels: {}, memory: 0 });
  expect(model.report.density).toBeGreaterThan(0.99);
  const [answer] = await model.classify(["a"]);
  expect(answer?.scores.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
});

test.each([1, 2])(
  "a dense network in 8 bits on %i threads: by kernels of its own, as the graph rounds",
  async (threads) => {
    const dense = letterClassifier(1);
    const network = inBytes(dense);
    const model = await open(await encodeEsp(network, { values: "int8", tables: "float32" }), { threads });
    expect(model.report).toMatchObject({ path: "sparse", tried: null });
    // Which of them is the fastest is measured, and other work on the machine has a say in it.
    expect(Object.keys(model.report.kernels).join()).toMatch(/^q(gemm|spmm)_\w+(,q(gemm|spmm)_\w+)*$/);
    const stock = await openTextModel(network);
    const wanted = await stock.classify(TEXTS);
    await stock.close();
    const got = await model.classify(TEXTS);
    // What lies between two steps may fall to either side.
    got.forEach(({ scores }, i) => {
      scores.forEach((score, label) => {
        expect(Math.abs(score - (wanted[i]?.scores[label] ?? Number.NaN))).toBeLessThan(1e-3);
      });
    });
  },
);

test("rates of another engine bring no kernel back that this one computes wrongly", async () => {
  const bytes = await encodeEsp(inBytes(letterClassifier(1)), { values: "int8", tables: "float32" });
  const high = Object.fromEntries(BYTE_TWINS.map((twin) => [twin, 1e6]));
  const { report } = await open(bytes, { rates: { ...USUAL_RATES, ...high } });
  const isRight = Number(process.versions.node.split(".")[0]) >= 22;
  expect(Object.keys(report.kernels).some((kernel) => kernel.endsWith("_dot"))).toBe(isRight);
  expect(BYTE_TWINS.map((twin) => report.rates?.[twin])).toEqual(BYTE_TWINS.map(() => (isRight ? 1e6 : 0)));
});

test("maxLength cuts texts", async () => {
  const model = await open(file, { maxLength: 8 });
  const [cut, short] = await model.classify(["a b c d e f g h i", "a b c d e f"]);
  expect(cut?.scores).toEqual(short?.scores);
});

test("a stride that leaves a window no room is refused when the model is loaded, not at a long text", async () => {
  const message =
    /^stride: expected a whole number from 0 to below 62, the tokens of a text in a window, got /;
  for (const stride of [62, 1000, -1, 1.5, Number.NaN])
    await expect(load(file, { stride })).rejects.toMatchObject({
      code: "options/stride",
      message: expect.stringMatching(message),
    });
  await expect(load(file, { stride: 6, maxLength: 8 })).rejects.toMatchObject({ code: "options/stride" });
  const model = await open(file, { stride: 61 });
  expect(await model.classify(["a ".repeat(70)])).toHaveLength(1);
});

test("what is told of a model cannot be changed, so that later answers stay right", async () => {
  const model = await open(file);
  const before = await model.classify(TEXTS);
  // As a program without types would do it.
  const labels = model.labels as string[];
  expect(() => labels.reverse()).toThrow(TypeError);
  expect(await model.classify(TEXTS)).toEqual(before);
});

test.each([
  ["runtime/threads", { threads: 0 }],
  ["runtime/threads", { threads: 1.5 }],
  ["runtime/threads", { threads: Number.NaN }],
  ["runtime/path", { path: "x" }],
  ["runtime/path", { path: "" }],
])("%s for options %o", async (code, options: object) => {
  await expect(load(file, options)).rejects.toMatchObject({ code });
});

test("failures keep their code and class across the thread: a damaged file, no texts, a closed model", async () => {
  const damaged = file.slice();
  damaged[damaged.length - 100] = (damaged[damaged.length - 100] ?? 0) ^ 1;
  await expect(load(damaged)).rejects.toMatchObject({
    name: "FormatError",
    code: expect.stringMatching(/^esp\//),
  });
  await expect(load("/nowhere/model.esp")).rejects.toMatchObject({ code: "runtime/source" });
  const model = await load(file);
  await expect(model.classify([])).rejects.toMatchObject({ code: "runtime/none" });
  await model.close();
  const message = "model: expected an open one, got one that was closed";
  await expect(model.classify(["a"])).rejects.toMatchObject({ code: "runtime/closed", message });
  const dense = await load(file, { path: "dense" });
  const meanwhile = dense.classify(["a"]).catch((error: unknown) => error);
  await dense.close();
  expect(await meanwhile).toMatchObject({ code: "runtime/closed", message });
});

test.each([
  [undefined, {}, "model: expected a path, an address, a URL, bytes, a Blob or a Response, got undefined"],
  ["", {}, 'model: expected a path, an address, a URL, bytes, a Blob or a Response, got ""'],
  [Promise.resolve("m.esp"), {}, "a Blob or a Response, got a value of class Promise"],
  ["m.esp", null, "load: expected options by name, got null"],
  ["m.esp", 7, "load: expected options by name, got 7"],
  ["m.esp", { threads: "2" }, 'threads: expected 1 to 64, got "2"'],
  ["m.esp", { onProgress: 5 }, "onProgress: expected a function, got 5"],
  ["m.esp", { signal: new AbortController() }, "signal: expected an AbortSignal, got a value of class Abort"],
  [
    "m.esp",
    { rates: {} },
    "rates: expected report.rates of an earlier load, a number for each kernel, got {}",
  ],
  ["m.esp", { rates: "x" }, /a number for each kernel, got "x"/],
  ["m.esp", { rates: { ...USUAL_RATES, gemm_4x1: 0 } }, /a number for each kernel, got/],
  ["m.esp", { path: 5 }, "path: expected sparse or dense, got 5"],
])(
  "arguments that are none are refused before anything is read: %o, %o",
  async (...[source, options, message]) => {
    // A program without types may hand over anything.
    const error: unknown = await load(source as string, options as RuntimeOptions).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "ConfigError" });
    expect(error instanceof Error ? error.message : "").toMatch(message);
  },
);

test("an option that is not known, and texts that are none, are refused by name", async () => {
  // As a program without types would call it.
  const mistyped: { threads?: number } = JSON.parse('{ "thread": 2 }');
  await expect(load(file, mistyped)).rejects.toMatchObject({
    code: "options/unknown",
    message: 'load: expected a known option, got "thread"; did you mean "threads"?',
  });
  const model = await open(file);
  const bare: string[] = JSON.parse('"a bare text"');
  await expect(model.classify(bare)).rejects.toMatchObject({ name: "ConfigError", code: "texts/kind" });
});

describe("an encoder without a head", () => {
  const ENCODER = { ...SPARSE, ...withHead(SPARSE, { kind: "none" }, keyOf(1)) };
  const pooled = (pooling?: Pooling): Promise<Uint8Array> =>
    encodeEsp({ ...ENCODER, head: { kind: "none", ...(pooling ? { pooling } : {}) } }, { values: "float32" });

  /** Vectors of ONNX Runtime's last hidden states, pooled here in the plainest way. */
  async function plainly({ mode, normalize }: Pooling): Promise<number[][]> {
    const engine = new Engine({ threads: 1 });
    const inference = await openNetwork(engine, ENCODER);
    const tokenizer = tokenizerOf(ENCODER);
    const vectors = TEXTS.map(async (given) => {
      const [text, pair] = typeof given === "string" ? [given] : given;
      const { ids, types } = tokenizer.encode(text, pair, 64);
      const [length, mask] = [ids.length, new Float32Array(ids.length).fill(1)];
      const batch = { size: 1, length, ids: Int32Array.from(ids), types: Int32Array.from(types), mask };
      const states = await inference.logits(batch);
      const width = states.length / length;
      const vector = Array.from({ length: width }, (_, f) => {
        const column = Array.from({ length }, (_, t) => states[t * width + f] ?? Number.NaN);
        const sum = column.reduce((a, b) => a + b, 0);
        if (mode === "cls") return column[0] ?? Number.NaN;
        if (mode === "max") return Math.max(...column);
        return mode === "mean" ? sum / length : sum / Math.sqrt(length);
      });
      const size = normalize ? Math.hypot(...vector) : 1;
      return vector.map((x) => x / size);
    });
    const all = await Promise.all(vectors);
    await engine.close();
    return all;
  }

  const POOLINGS = POOLING_MODES.flatMap((mode) => [true, false].map((normalize) => ({ mode, normalize })));

  test.each(POOLINGS)(
    "%o: vectors within 1e-5 of plain pooling, on threads and in ONNX Runtime",
    async (pooling) => {
      const [bytes, wanted] = [await pooled(pooling), await plainly(pooling)];
      for (const options of [{ threads: 1 }, { threads: 3 }, { path: "dense" }] as const) {
        const model = await open(bytes, options);
        expect([model.task, model.pooling, model.labels]).toEqual(["embedding", pooling, []]);
        const got = await model.embed(TEXTS);
        got.forEach((vector, i) => {
          expect(vector.length).toBe(model.dimensions);
          vector.forEach((x, f) => {
            expect(Math.abs(x - (wanted[i]?.[f] ?? Number.NaN))).toBeLessThan(1e-5);
          });
        });
      }
    },
  );

  test("the mean, brought to length 1, is what it gives when it does not say how", async () => {
    const model = await open(await pooled());
    expect(model.pooling).toEqual({ mode: "mean", normalize: true });
    const [vector = new Float32Array()] = await model.embed(["a film"]);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
  });

  test("many texts come back in order, each vector in memory of its own, whatever else is asked", async () => {
    const model = await open(await pooled(), { threads: 2 });
    const texts = Array.from({ length: 150 }, (_, i) =>
      `a ${"word ".repeat(i % 13)}${"xyz".charAt(i % 3)} `.repeat(1 + (i % 2)),
    );
    const [all, one] = await Promise.all([model.embed(texts), model.embed([texts[97] ?? ""])]);
    expect(all[97]).toEqual(one[0]);
    expect(new Set(all.map(({ buffer }) => buffer)).size).toBe(150);
    expect(new Set(all.map((vector) => vector.join())).size).toBe(78); // of lengths, last letters and repetitions
  });

  test("each model answers what it is for, and says by name what it is when asked for the other", async () => {
    const [encoder, classifier] = [await open(await pooled()), await open(file)];
    expect([classifier.task, classifier.pooling, classifier.dimensions]).toEqual([
      "classification",
      null,
      null,
    ]);
    await expect(encoder.classify(["a"])).rejects.toMatchObject({
      name: "ConfigError",
      code: "model/task",
      message:
        "classify: expected a model with labels or a score, got an encoder without a head, which embed asks",
    });
    await expect(classifier.embed(["a"])).rejects.toMatchObject({
      code: "model/task",
      message:
        "embed: expected an encoder without a head, got a model for classification, which classify asks",
    });
    await expect(encoder.embed([])).rejects.toMatchObject({ code: "runtime/none" });
    await expect(encoder.embed(JSON.parse('"bare"'))).rejects.toMatchObject({ code: "texts/kind" });
  });
});

describe("labels of tokens", () => {
  const tagger = letterClassifier(0.05, { kind: "tokens", labels: ["O", "B-X", "I-X", "B-Y"] });
  // More than one pass holds, of lengths that end inside of a panel.
  const texts = Array.from({ length: 70 }, (_, i) => `Film ${"wörd ".repeat(i % 13)}${i}, end`);

  test.each([
    ["float32", tagger, 5],
    // What lies between two steps may fall to either side.
    ["8 bits", inBytes(tagger), 2],
  ])("%s: entities of the program's own, on threads and in ONNX Runtime", async (_, network, digits) => {
    const bytes = await encodeEsp(network, { values: "float32" });
    const stock = await openTextModel(network);
    const wanted = await stock.tag(texts, { aggregation: "simple" });
    await stock.close();
    expect(wanted.flatMap(({ entities }) => entities).length).toBeGreaterThan(texts.length);
    for (const options of [{ threads: 1 }, { threads: 3 }, { path: "dense" }] as const) {
      const model = await open(bytes, options);
      expect([model.task, model.labels]).toEqual(["tokens", ["O", "B-X", "I-X", "B-Y"]]);
      const got = await model.tag(texts, { aggregation: "simple" });
      expect(got).toEqual(
        wanted.map(({ entities, ...read }) => ({
          ...read,
          entities: entities.map((entity) => ({ ...entity, score: expect.closeTo(entity.score, digits) })),
        })),
      );
    }
  });

  test("what is asked wrongly is refused by name", async () => {
    const model = await open(await encodeEsp(tagger));
    await expect(model.classify(["a"])).rejects.toMatchObject({
      code: "model/task",
      message: "classify: expected a model with labels or a score, got a model for tokens, which tag asks",
    });
    const wrong = (texts: string, options = "{}") => model.tag(JSON.parse(texts), JSON.parse(options));
    await expect(wrong('[["a", "b"]]')).rejects.toMatchObject({ code: "texts/kind" });
    await expect(wrong("[]")).rejects.toMatchObject({ code: "runtime/none" });
    await expect(wrong('["a"]', '{"aggregation":"last"}')).rejects.toMatchObject({ code: "tag/aggregation" });
    await expect(wrong('["a"]', '{"agregation":"max"}')).rejects.toMatchObject({ code: "options/unknown" });
  });
});

test("several labels have a probability each, within 1e-5 of the program's own", async () => {
  const head = { kind: "multi-label", labels: [..."abcdefgh"] } as const;
  const network = letterClassifier(0.05, head);
  const stock = await openTextModel(network);
  const wanted = await stock.classify(TEXTS);
  await stock.close();
  const model = await open(await encodeEsp(network, { values: "float32" }));
  const got = await model.classify(TEXTS);
  expect(got.map(({ label, labels }) => [label, labels])).toEqual(
    wanted.map(({ label, labels }) => [label, labels]),
  );
  const some = new Set(got.flatMap(({ labels }) => labels)).size;
  expect(some > 0 && some < head.labels.length).toBe(true);
  got.forEach(({ label, score, labels, scores }, i) => {
    expect(labels).toEqual(head.labels.filter((_, c) => (scores[c] ?? 0) >= 0.5));
    expect([label, score]).toEqual([head.labels[scores.indexOf(Math.max(...scores))], Math.max(...scores)]);
    scores.forEach((p, c) => {
      expect(p).toBeCloseTo(wanted[i]?.scores[c] ?? Number.NaN, 5);
    });
  });
});

test("a masked language model is refused by name", async () => {
  const mlm = await encodeEsp(initialNetwork(SPARSE.config, { kind: "mlm" }, SPARSE.vocabulary, keyOf(1)));
  await expect(load(mlm)).rejects.toMatchObject({ name: "ConfigError", code: "sparse/head" });
});
