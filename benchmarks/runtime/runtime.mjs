/**
 * The sparse runtime against ONNX Runtime, whole models, in turn.
 *
 *   npm run build && node benchmarks/runtime/runtime.mjs [--shape 12x768 | 6x256] [--sparsities 0.8,0.9,0.95] [--blocks 1,1x4,4x4] [--tokens 128]
 *       [--batches 1,8] [--seconds 6] [--threads 2] [--json]
 *
 * For each sparsity of the encoder and each shape of blocks: the medians of ours in float32 and in 8 bits, of ONNX
 * Runtime's dense float32 and of its dynamic int8 for the very same network, one thread each; and what `load` chooses by
 * itself in float32. At the last sparsity also where our time goes in 8 bits, in this thread, and with --threads the throughput
 * of so many threads against one. Run it with another node binary to see that one's. Weights and their places are made up: time does not
 * depend on them.
 */

import { parseArgs } from "node:util";
import { linearModules } from "../../dist/bert/quantized.js";
import { Engine } from "../../dist/engine/engine.js";
import { openProgram } from "../../dist/network/inference.js";
import { onnxProgram } from "../../dist/network/onnx.js";
import { withQuantized } from "../../dist/network/quantized.js";
import { checkBlock } from "../../dist/parts/checks.js";
import { load } from "../../dist/runtime/load.js";
import { compileKernels } from "../../dist/runtime/module.js";
import { openSession } from "../../dist/runtime/session.js";
import { Arena } from "../../dist/sparse/arena.js";
import { writeBatch } from "../../dist/sparse/batch.js";
import { decodeEsp, encodeEsp } from "../../dist/sparse/esp/model.js";
import { forward } from "../../dist/sparse/forward.js";
import { kernelsOf } from "../../dist/sparse/kernels.js";
import { placeModel } from "../../dist/sparse/model.js";
import { median } from "../shapes.mjs";
import { draw, PIECES, prunedNetwork } from "./pruned.mjs";

/** @param {string} value */
const text = (value) => ({ type: /** @type {const} */ ("string"), default: value });
const { values } = parseArgs({
  options: {
    shape: text("12x768"),
    sparsities: text("0.8,0.9,0.95"),
    blocks: text("1,1x4,4x4"),
    tokens: text("128"),
    batches: text("1,8"),
    seconds: text("6"),
    threads: text("1"),
    json: { type: "boolean", default: false },
  },
});
const numbers = (list) => (list === "" ? [] : list.split(",").map(Number));
const [T, seconds, threads] = [values.tokens, values.seconds, values.threads].map(Number);
const batches = numbers(values.batches);
const sparsities = numbers(values.sparsities);
const last = sparsities.at(-1);
const shapes = String(values.blocks)
  .split(",")
  .map((name) => checkBlock("runtime", name));
const cases = sparsities.flatMap((s) => shapes.map((block) => [s, block]));

function batchOf(size) {
  const ids = Int32Array.from({ length: size * T }, () => Math.floor(draw() * PIECES));
  const texts = Array.from({ length: size }, (_, b) => ({
    ids: ids.slice(b * T, (b + 1) * T),
    types: new Int32Array(T),
  }));
  return {
    texts,
    batch: {
      size,
      length: T,
      ids,
      types: new Int32Array(size * T),
      mask: new Float32Array(size * T).fill(1),
    },
  };
}

/** Medians of contenders in turn, for about `seconds` each, six turns at least. */
async function inTurn(contenders) {
  const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (const work of Object.values(contenders)) for (let i = 0; i < 3; i++) await work();
  const end = performance.now() + 1000 * seconds * Object.keys(contenders).length;
  for (let turn = 0; turn < 6 || (performance.now() < end && turn < 100); turn++) {
    for (const [name, work] of Object.entries(contenders)) {
      const start = performance.now();
      await work();
      times[name].push(performance.now() - start);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, median(each)]));
}

async function measure(sparsity, block) {
  const network = prunedNetwork(values.shape, sparsity, block);
  const file = await encodeEsp(network, { values: "float32" });
  const session = await openSession(file.slice(), { threads: 1, where: "bench" });
  const inBytes = withQuantized(
    network,
    new Map(linearModules(network.config.layers).map((name) => [name, {}])),
  );
  const byteFile = await encodeEsp(inBytes, { values: "int8" });
  const bytes = await openSession(byteFile.slice(), { threads: 1, where: "bench" });
  const { wide, fused } = session.opened.report;
  const kernels = { ...session.opened.report.kernels, ...bytes.opened.report.kernels };
  const engine = new Engine({ threads: 1 });
  const dense = await openProgram(engine, onnxProgram(network), network);
  const int8 = await openProgram(engine, onnxProgram(network, { weights: "int8" }), network);
  const chosen = await load(file.slice(), { threads: 1 });
  const rows = [];
  for (const size of batches) {
    const { texts, batch } = batchOf(size);
    const times = await inTurn({
      sparse: () => session.logits(texts),
      bytes: () => bytes.logits(texts),
      onnx: () => dense.logits(batch),
      int8: () => int8.logits(batch),
    });
    const [a, b] = [await session.logits(texts), await dense.logits(batch)];
    const difference = a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
    rows.push({
      sparsity,
      block,
      batch: size,
      ...times,
      ratios: {
        sparse: [times.onnx / times.sparse, times.int8 / times.sparse],
        bytes: [times.onnx / times.bytes, times.int8 / times.bytes],
      },
      difference,
    });
  }
  const { path, tried } = chosen.report;
  await Promise.all([session.close(), bytes.close(), chosen.close(), engine.close()]);
  return { rows, kernels, wide, fused, path, tried, file: byteFile };
}

/** Milliseconds of a pass by kind of kernel, and the rest. */
async function parts(file, size) {
  const compiled = await compileKernels(false);
  const arena = new Arena(false);
  const raw = kernelsOf(compiled, arena.memory);
  const rates = await openedRates(file);
  const model = placeModel(arena, await decodeEsp(file.slice(), "bench"), { rates, threads: 1 });
  const kind = (name) =>
    /spmm|gemm/.test(name)
      ? "linear"
      : /gelu|relu|tanh/.test(name)
        ? "GELU"
        : name === "layer_norm"
          ? "LayerNorm"
          : name === "quantize"
            ? "to bytes"
            : name === "attention"
              ? "attention"
              : "other";
  let spent = {};
  /** @type {any} Every kernel of `raw` by its name. */
  const kernels = Object.fromEntries(
    Object.entries(raw).map(([name, run]) => [
      name,
      (...given) => {
        const start = performance.now();
        run(...given);
        spent[kind(name)] = (spent[kind(name)] ?? 0) + performance.now() - start;
      },
    ]),
  );
  const { texts } = batchOf(size);
  const all = [];
  for (let i = 0; i < 14; i++) {
    spent = {};
    const start = performance.now();
    writeBatch(arena.memory, model, texts);
    forward({ kernels, memory: arena.memory, model, thread: 0, threads: 1, meet: () => {} });
    const whole = performance.now() - start;
    const known = Object.values(spent).reduce((sum, ms) => sum + ms, 0);
    all.push({ ...spent, other: (spent.other ?? 0) + whole - known });
  }
  return Object.fromEntries(
    Object.keys(all[0]).map((name) => [name, median(all.slice(4).map((each) => each[name]))]),
  );
}

async function openedRates(file) {
  const session = await openSession(file.slice(), { threads: 1, where: "bench" });
  await session.close();
  return session.opened.report.rates;
}

async function scaling(file) {
  const open = (count, rates) => openSession(file.slice(), { threads: count, where: "bench", rates });
  const one = await open(1);
  const many = await open(threads, one.opened.report.rates);
  const { texts } = batchOf(8);
  const times = await inTurn({ one: () => one.logits(texts), many: () => many.logits(texts) });
  const alone = await inTurn({
    one: () => one.logits(texts.slice(0, 1)),
    many: () => many.logits(texts.slice(0, 1)),
  });
  await Promise.all([one.close(), many.close()]);
  return { threads, batch8: times.one / times.many, batch1: alone.one / alone.many };
}

const results = [];
for (const [sparsity, block] of cases) {
  const { file, ...found } = await measure(sparsity, block);
  const isLast = sparsity === last;
  const byBatch = (isLast ? batches : []).map(async (size) => [size, await parts(file, size)]);
  const result = {
    ...found,
    parts: isLast ? Object.fromEntries(await Promise.all(byBatch)) : undefined,
    scaling: isLast && block === shapes.at(-1) && threads > 1 ? await scaling(file) : undefined,
  };
  results.push(result);
  if (!values.json) print(result);
}
if (values.json)
  console.log(JSON.stringify({ node: process.version, shape: values.shape, tokens: T, results }));

function print({ rows, kernels, wide, fused, path, tried, parts: byKind, scaling: scaled }) {
  for (const { sparsity, block, batch, sparse, bytes, onnx, int8, ratios, difference } of rows) {
    const blocks = block === "1" ? "single weights" : `blocks of ${block}`;
    const ms = (value) => `${value.toFixed(1)} ms`;
    const times = ([float, byte]) => `${float.toFixed(2)}x, ${byte.toFixed(2)}x`;
    console.log(
      `${process.version} ${values.shape} ${(100 * sparsity).toFixed(0)} % ${blocks.padEnd(16)} batch ${batch}: ONNX Runtime ${ms(onnx)}, int8 ${ms(int8)}; ours ${ms(sparse)} (${times(ratios.sparse)}), in 8 bits ${ms(bytes)} (${times(ratios.bytes)}); float32 logits within ${difference.toExponential(0)}`,
    );
  }
  const measured = tried ? ` (${tried.sparse.toFixed(1)} against ${tried.dense.toFixed(1)} ms)` : "";
  console.log(
    `  ${JSON.stringify(kernels)}, wide ${wide}, fused ${fused}; load takes the ${path} path${measured}`,
  );
  for (const [size, kinds] of Object.entries(byKind ?? {})) {
    const total = Object.values(kinds).reduce((sum, ms) => sum + ms, 0);
    const shares = Object.entries(kinds).map(
      ([name, ms]) => `${name} ${ms.toFixed(1)} ms (${((100 * ms) / total).toFixed(0)} %)`,
    );
    console.log(`  where the time goes, batch ${size}: ${shares.join(", ")}`);
  }
  if (scaled)
    console.log(
      `  ${scaled.threads} threads against one: ${scaled.batch8.toFixed(2)}x at batch 8, ${scaled.batch1.toFixed(2)}x at batch 1`,
    );
}
