/**
 * The sparse runtime against what a page would take in its place, whole models in a real browser, in turn, one thread each.
 *
 *   npm run build && node benchmarks/runtime/browser.mjs [--shape 12x768 | 6x256] [--sparsity 0.95] [--blocks 1,4x1]
 *       [--int8] [--model REF] [--rival REF] [--against web,web-int8,transformers.js] [--tokens 128] [--batches 1,8] [--turns 9] [--json]
 *
 *   web               onnxruntime-web's WebAssembly backend, dense float32
 *   web-int8          the same with the file of `export --to onnx-int8`
 *   transformers.js   that file in transformers.js: dtype q8, device wasm, the onnxruntime-web that it brings
 *
 * All are loaded in one page of Chromium (CHROMIUM_PATH, or /usr/bin/chromium) from files of the very same network, or the
 * others from those of --rival, such as the model that ours was compressed from. Medians.
 * Weights and places are made up, in float32 or with --int8 in 8 bits, unless --model names a folder or an .esp file, which
 * is then run as it is: an encoder without a head gives vectors, pooled in the others as a page would do it. Ours is given texts, the others pieces.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { poolingOf } from "../../dist/bert/config.js";
import { configJson } from "../../dist/bert/config-json.js";
import { linearModules } from "../../dist/bert/quantized.js";
import { exportOnnx } from "../../dist/network/onnx.js";
import { inFloat, withQuantized } from "../../dist/network/quantized.js";
import { checkBlock } from "../../dist/parts/checks.js";
import { isEsp, loadModel } from "../../dist/runs/models.js";
import { encodeEsp } from "../../dist/sparse/esp/model.js";
import { serve } from "../../examples/browser/serve.mjs";
import { startChromium } from "../chromium.mjs";
import { prunedNetwork } from "./pruned.mjs";

/** @param {string} value */
const text = (value) => ({ type: /** @type {const} */ ("string"), default: value });
const { values } = parseArgs({
  options: {
    shape: text("12x768"),
    sparsity: text("0.95"),
    blocks: text("1,4x1"),
    int8: { type: "boolean", default: false },
    model: { type: "string" },
    rival: { type: "string" },
    against: text("web,web-int8,transformers.js"),
    tokens: text("128"),
    batches: text("1,8"),
    turns: text("9"),
    json: { type: "boolean", default: false },
  },
});
const [T, turns, sparsity] = [values.tokens, values.turns, values.sparsity].map(Number);
const batches = String(values.batches).split(",").map(Number);
const against = String(values.against).split(",");

/** Runs in the page. Texts of T pieces are words of one piece each. */
async function compare({ T, batches, turns, against, words, special, pooling }) {
  // Addresses of the page, not files.
  const [runtime, onnx, library] = ["/runtime.js", "/ort.mjs", "/transformers.js"];
  const { load } = await import(runtime);
  const model = await load("/model.esp", { threads: 1 });
  /** Each as a function from named numbers to the data of the one output. */
  const open = {
    web: () => openWeb("/model.onnx"),
    "web-int8": () => openWeb("/models/m/onnx/model_quantized.onnx"),
    "transformers.js": async () => {
      const { env, AutoModel, Tensor } = await import(library);
      Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/models/" });
      Object.assign(env, { useBrowserCache: false, useWasmCache: false });
      Object.assign(env.backends.onnx.wasm, { numThreads: 1, wasmPaths: "/" });
      const whole = await AutoModel.from_pretrained("m", { dtype: "q8", device: "wasm" });
      return { run: async (feeds) => Object.values(await whole(feeds))[0].data, Tensor };
    },
  };
  async function openWeb(address) {
    const ort = await import(onnx);
    Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: "/" });
    const bytes = await (await fetch(address)).arrayBuffer();
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return { run: async (feeds) => Object.values(await session.run(feeds))[0].data, Tensor: ort.Tensor };
  }
  const rivals = [];
  for (const name of against) rivals.push({ name, ...(await open[name]()) });
  const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];

  /** The vector of one text, from states [T, D]. */
  function pool(states, D) {
    const rows = pooling.mode === "cls" ? 1 : T;
    const vector = Float64Array.from({ length: D }, (_, f) => {
      let [sum, most] = [0, Number.NEGATIVE_INFINITY];
      for (let t = 0; t < rows; t++) {
        sum += states[t * D + f];
        most = Math.max(most, states[t * D + f]);
      }
      if (pooling.mode === "max") return most;
      return pooling.mode === "mean" ? sum / rows : sum / Math.sqrt(rows);
    });
    const length = pooling.normalize ? Math.hypot(...vector) : 1;
    return [...vector].map((x) => x / length);
  }

  /** What the others put out, as we answer: vectors, or probabilities. */
  function answersOf(data, size) {
    const width = data.length / size;
    return Array.from({ length: size }, (_, b) => {
      const row = data.subarray(b * width, (b + 1) * width);
      if (pooling) return pool(row, width / T);
      const powers = [...row].map((x) => Math.exp(x - Math.max(...row)));
      return powers.map((p) => p / powers.reduce((a, c) => a + c, 0));
    }).flat();
  }

  const ask = (texts) => (pooling ? model.embed(texts) : model.classify(texts));
  const rows = [];
  for (const size of batches) {
    const picked = Array.from({ length: size * T }, (_, i) => words[(i * 7919) % words.length]);
    const ids = picked.map(([id], i) => (i % T === 0 ? special.cls : i % T === T - 1 ? special.sep : id));
    const texts = Array.from({ length: size }, (_, b) =>
      picked
        .slice(b * T + 1, b * T + T - 1)
        .map(([, word]) => word)
        .join(" "),
    );
    const contenders = rivals.map(({ name, run, Tensor }) => {
      const long = (data) => new Tensor("int64", BigInt64Array.from(data, BigInt), [size, T]);
      const feeds = {
        input_ids: long(ids),
        attention_mask: long(ids.map(() => 1)),
        token_type_ids: long(ids.map(() => 0)),
      };
      return { name, pass: async () => answersOf(await run(feeds), size) };
    });
    const ours = async () => (await ask(texts)).flatMap((answer) => [...(pooling ? answer : answer.scores)]);
    const all = [{ name: "sparse", pass: ours }, ...contenders];
    const answers = [];
    for (const { pass } of all) answers.push(await pass());
    for (let i = 0; i < 3; i++) await ours();
    const times = all.map(() => []);
    for (let turn = 0; turn < turns; turn++) {
      for (const [i, { pass }] of all.entries()) {
        const start = performance.now();
        await pass();
        times[i].push(performance.now() - start);
      }
    }
    rows.push({
      batch: size,
      contenders: all.map(({ name }, i) => ({
        name,
        ms: median(times[i]),
        ratio: median(times[i]) / median(times[0]),
        difference: Math.max(...answers[i].map((x, j) => Math.abs(x - answers[0][j]))),
      })),
    });
  }
  const { kernels } = model.report;
  await model.close();
  return { rows, kernels };
}

/** Networks to run, with their names and, of a file that is run as it is, its path. */
async function* networks() {
  if (values.model !== undefined) {
    const { network, path, name } = await loadModel(values.model);
    yield { name, network, esp: isEsp(path) ? path : undefined };
    return;
  }
  for (const block of String(values.blocks)
    .split(",")
    .map((name) => checkBlock("browser", name))) {
    const blocks = block === "1" ? "single weights" : `blocks of ${block}`;
    const name = `${values.shape} ${(100 * sparsity).toFixed(0)} % ${blocks}`;
    const network = prunedNetwork(values.shape, sparsity, block);
    yield { name, network: values.int8 ? inBytes(network) : network, esp: undefined };
  }
}

/** The same with every linear layer of the encoder in 8 bits. */
function inBytes(network) {
  return withQuantized(network, new Map(linearModules(network.config.layers).map((name) => [name, {}])));
}

/** The library's own bundle for pages, with the WebAssembly that it asks for. */
function transformersFiles() {
  const main = createRequire(import.meta.url).resolve("@huggingface/transformers");
  const wasm = dirname(createRequire(main).resolve("onnxruntime-web"));
  const names = ["ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"];
  return {
    "/transformers.js": join(dirname(main), "transformers.min.js"),
    ...Object.fromEntries(names.map((name) => [`/${name}`, join(wasm, name)])),
  };
}

/** Files of a network below a folder, by the addresses that a page asks for. */
async function writeFiles(folder, network, esp) {
  const exact = inFloat(values.rival === undefined ? network : (await loadModel(values.rival)).network);
  const place = (name) => join(folder, name);
  await mkdir(folder, { recursive: true });
  if (esp === undefined)
    await writeFile(
      place("model.esp"),
      await encodeEsp(network, { values: values.int8 ? "int8" : "float32" }),
    );
  await writeFile(place("model.onnx"), exportOnnx(exact));
  await writeFile(place("quantized.onnx"), exportOnnx(exact, { weights: "int8" }));
  await writeFile(place("config.json"), JSON.stringify(configJson(exact.config, exact.head)));
  await writeFile(place("blank.html"), "<!doctype html><title>bench</title>");
  return {
    model: esp ?? place("model.esp"),
    more: {
      "/blank.html": place("blank.html"),
      "/model.onnx": place("model.onnx"),
      "/models/m/config.json": place("config.json"),
      "/models/m/onnx/model_quantized.onnx": place("quantized.onnx"),
      ...(against.includes("transformers.js") ? transformersFiles() : {}),
    },
  };
}

const folder = await mkdtemp(join(tmpdir(), "espalier-bench-"));
const browser = await startChromium();
const results = [];
try {
  for await (const { name, network, esp } of networks()) {
    const { vocab } = network.vocabulary;
    const words = [...vocab.entries()].filter(([, piece]) => /^[a-z][a-z0-9]*$/.test(piece));
    const special = { cls: vocab.indexOf("[CLS]"), sep: vocab.indexOf("[SEP]") };
    const pooling = poolingOf(network.head);
    const server = await serve(await writeFiles(join(folder, String(results.length)), network, esp));
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`${server.url}blank.html`);
    const { rows, kernels } = await page.evaluate(compare, {
      T,
      batches,
      turns,
      against,
      words,
      special,
      pooling,
    });
    await page.close();
    await server.close();
    results.push({ name, kernels, rows });
    if (values.json) continue;
    for (const { batch, contenders } of rows) {
      const [{ ms: own }, ...others] = contenders;
      const told = others.map(
        ({ name: other, ms, ratio, difference }) =>
          `${other} ${ms.toFixed(1)} ms (${ratio.toFixed(2)}x, answers within ${difference.toExponential(0)})`,
      );
      console.log(
        `${name}, batch ${batch}: sparse ${own.toFixed(1)} ms, ${told.join(", ")}, ${JSON.stringify(kernels)}`,
      );
    }
  }
  if (values.json) console.log(JSON.stringify({ browser: browser.version(), tokens: T, results }));
  else console.log(`Chromium ${browser.version()}`);
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
