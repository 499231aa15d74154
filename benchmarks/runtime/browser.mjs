/**
 * The sparse runtime against onnxruntime-web in a real browser, whole models, in turn, one thread each.
 *
 *   npm run build && node benchmarks/runtime/browser.mjs [--shape 12x768 | 6x256] [--sparsity 0.95] [--blocks 1,4x1] [--tokens 128] [--batches 1,8]
 *       [--turns 9] [--json]
 *
 * Both are loaded in one page of Chromium (CHROMIUM_PATH, or /usr/bin/chromium): ours from a packed file, onnxruntime-web's
 * WebAssembly backend from the .onnx file of the very same network, dense float32. Medians. Weights and places are made up.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { exportOnnx } from "../../dist/network/onnx.js";
import { checkBlock } from "../../dist/parts/checks.js";
import { encodeEsp } from "../../dist/sparse/esp/model.js";
import { serve } from "../../examples/browser/serve.mjs";
import { prunedNetwork } from "./pruned.mjs";

/** @param {string} value */
const text = (value) => ({ type: /** @type {const} */ ("string"), default: value });
const { values } = parseArgs({
  options: {
    shape: text("12x768"),
    sparsity: text("0.95"),
    blocks: text("1,4x1"),
    tokens: text("128"),
    batches: text("1,8"),
    turns: text("9"),
    json: { type: "boolean", default: false },
  },
});
const numbers = (list) => list.split(",").map(Number);
const [T, turns, sparsity] = [values.tokens, values.turns, values.sparsity].map(Number);
const batches = numbers(values.batches);
const shapes = String(values.blocks)
  .split(",")
  .map((name) => checkBlock("browser", name));

/** Runs in the page. Texts of T pieces are words w5 to w30000, one piece each. */
async function compare({ T, batches, turns }) {
  // Addresses of the page, not files.
  const [runtime, onnx] = ["/runtime.js", "/ort.mjs"];
  const { load } = await import(runtime);
  const ort = await import(onnx);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = "/";
  const bytes = await (await fetch("/model.onnx")).arrayBuffer();
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const model = await load("/model.esp", { threads: 1 });
  const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
  const rows = [];
  for (const size of batches) {
    const ids = Array.from({ length: size * T }, (_, i) =>
      i % T === 0 ? 2 : i % T === T - 1 ? 3 : 5 + ((i * 7919) % 30_000),
    );
    const texts = Array.from({ length: size }, (_, b) =>
      ids
        .slice(b * T + 1, b * T + T - 1)
        .map((id) => `w${id}`)
        .join(" "),
    );
    const long = (data) => new ort.Tensor("int64", BigInt64Array.from(data, BigInt), [size, T]);
    const feeds = {
      input_ids: long(ids),
      attention_mask: long(ids.map(() => 1)),
      token_type_ids: long(ids.map(() => 0)),
    };
    const ours = () => model.classify(texts);
    const theirs = () => session.run(feeds);
    const scores = (await ours()).map(({ scores }) => scores[1]);
    const logits = (await theirs()).logits.data;
    const difference = Math.max(
      ...scores.map((score, b) => Math.abs(score - 1 / (1 + Math.exp(logits[2 * b] - logits[2 * b + 1])))),
    );
    for (let i = 0; i < 3; i++) await ours();
    const times = { sparse: [], web: [] };
    for (let turn = 0; turn < turns; turn++) {
      const start = performance.now();
      await ours();
      const between = performance.now();
      await theirs();
      times.sparse.push(between - start);
      times.web.push(performance.now() - between);
    }
    const [sparse, dense] = [median(times.sparse), median(times.web)];
    rows.push({ batch: size, sparse, web: dense, ratio: dense / sparse, difference });
  }
  const { kernels } = model.report;
  await model.close();
  return { rows, kernels };
}

const folder = await mkdtemp(join(tmpdir(), "espalier-bench-"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const results = [];
try {
  for (const block of shapes) {
    const network = prunedNetwork(values.shape, sparsity, block);
    const [esp, onnx, blank] = ["model.esp", "model.onnx", "blank.html"].map((name) => join(folder, name));
    await writeFile(esp, await encodeEsp(network, { values: "float32" }));
    await writeFile(onnx, exportOnnx(network));
    await writeFile(blank, "<!doctype html><title>bench</title>");
    // onnxruntime-web and the .onnx file beside the model are served as the example page has them.
    const server = await serve({ model: esp, more: { "/blank.html": blank } });
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`${server.url}blank.html`);
    const { rows, kernels } = await page.evaluate(compare, { T, batches, turns });
    await page.close();
    await server.close();
    results.push({ block, kernels, rows });
    if (values.json) continue;
    for (const { batch, sparse, web: dense, ratio, difference } of rows) {
      const blocks = block === "1" ? "single weights" : `blocks of ${block}`;
      console.log(
        `${values.shape} ${(100 * sparsity).toFixed(0)} % ${blocks.padEnd(16)} batch ${batch}: sparse ${sparse.toFixed(1)} ms, onnxruntime-web ${dense.toFixed(1)} ms (${ratio.toFixed(2)}x), probabilities within ${difference.toExponential(0)}, ${JSON.stringify(kernels)}`,
      );
    }
  }
  if (values.json)
    console.log(
      JSON.stringify({ browser: browser.version(), shape: values.shape, tokens: T, sparsity, results }),
    );
  else console.log(`Chromium ${browser.version()}`);
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
