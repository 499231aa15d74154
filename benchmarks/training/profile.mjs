/**
 * Where a training step's time goes: the graph by operator (ONNX Runtime's own profiler), and what is left of a whole
 * step for the optimizer, batches and copies.
 *
 *   npm run bench:profile -- [--layers 6 --hidden 384 --heads 12 --ffn 1536 --batch 32 --tokens 64 --threads 2 --steps 8 --dropout 0]
 *
 * The whole step is timed first, without a profiler, and in it what is not the graph; the kernels that are asked for
 * after the graph are told one by one, each from the end of the one before. Then the same graph alone, with the
 * profiler. Medians of the steps after the second.
 */

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { keyOf } from "../../dist/base/random.js";
import { bind } from "../../dist/contract/method.js";
import { Engine } from "../../dist/engine/engine.js";
import { SEAL } from "../../dist/graph/program.js";
import { evaluate } from "../../dist/graph/shape.js";
import { FINETUNE } from "../../dist/methods/finetune.js";
import { ADAMW } from "../../dist/train/adamw.js";
import { trainProgram } from "../../dist/train/step.js";
import { Trainer } from "../../dist/train/trainer.js";
import { batchOf, median, networkOf, SHAPE, shapeOf } from "../shapes.mjs";

const { values } = parseArgs({
  options: Object.fromEntries([...Object.keys(SHAPE), "dropout"].map((name) => [name, { type: "string" }])),
});
const dropout = Number(values.dropout ?? 0);
const shape = shapeOf(values);
const network = networkOf(shape, dropout);
const { config, head, tensors } = network;

async function wholeStep() {
  const engine = new Engine({ threads: shape.threads });
  const method = bind(FINETUNE, network, {}, { steps: shape.steps, key: keyOf(3) });
  const key = dropout > 0 ? { key: keyOf(4) } : {};
  const trainer = await Trainer.open(engine, { method, adamw: ADAMW, clip: 1, ...key });
  const batch = batchOf(shape);
  const run = engine.run.bind(engine);
  let inGraph = 0;
  // A step asks for one run, of the graph; all else is host work.
  engine.run = async (requests) => {
    const start = performance.now();
    const results = await run(requests);
    last = performance.now();
    inGraph += last - start;
    return results;
  };
  const kernels = new Map();
  const host = engine.host.bind(engine);
  let last = 0;
  // Requests are served in order: a kernel's time runs from the answer before its own.
  engine.host = async (module, name, argument) => {
    const asked = performance.now();
    const result = await host(module, name, argument);
    const now = performance.now();
    kernels.set(name, [...(kernels.get(name) ?? []), now - Math.max(asked, last)]);
    last = now;
    return result;
  };
  const times = [];
  for (let i = 0; i < shape.steps; i++) {
    inGraph = 0;
    const start = performance.now();
    await trainer.step([batch], 1e-4);
    await trainer.settled();
    const whole = performance.now() - start;
    times.push({ whole, host: whole - inGraph });
  }
  await engine.close();
  const later = times.slice(2);
  for (const [name, ms] of kernels)
    if (ms.length > 2) console.log(`  ${name.padEnd(18)} ${median(ms.slice(2)).toFixed(2)} ms`);
  return { whole: median(later.map(({ whole }) => whole)), host: median(later.map(({ host }) => host)) };
}

/** Feeds for a program: the network's tensors, ones for the rest. */
function feedsOf(program, sizes) {
  const feeds = {};
  for (const [name, { dtype, shape: symbolic }] of program.inputs) {
    const dims = evaluate(symbolic, sizes);
    const n = dims.reduce((a, b) => a * b, 1);
    const known = tensors.get(name)?.data;
    if (known) feeds[name] = new ort.Tensor("float32", known, dims);
    else if (dtype === "int64")
      feeds[name] = new ort.Tensor("int64", new BigInt64Array(n).fill(12345n), dims);
    else if (dtype === "int32") feeds[name] = new ort.Tensor("int32", new Int32Array(n), dims);
    else feeds[name] = new ort.Tensor("float32", new Float32Array(n).fill(1), dims);
  }
  return feeds;
}

async function graphAlone() {
  const shapes = new Map([...tensors].map(([name, tensor]) => [name, tensor.shape]));
  const trained = [...shapes.keys()].filter((name) => !name.includes("word_embeddings"));
  const plan = { config, head, shapes, answers: () => ({}), teacher: undefined, noise: dropout > 0 };
  const program = trainProgram(plan, trained, { rows: true, accumulate: false });
  const prefix = join(tmpdir(), `espalier-profile-${process.pid}`);
  const session = await ort.InferenceSession.create(program.bytes, {
    intraOpNumThreads: shape.threads,
    interOpNumThreads: 1,
    enableProfiling: true,
    profileFilePrefix: prefix,
    logSeverityLevel: 3,
  });
  const sizes = { B: shape.batch, T: shape.tokens };
  const fetches = { [SEAL]: null };
  for (const [name, type] of program.outputs) {
    const dims = evaluate(type.shape, sizes);
    fetches[name] = new ort.Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);
  }
  const feeds = feedsOf(program, sizes);
  for (let i = 0; i < shape.steps; i++) {
    await session.run(feeds, fetches).catch((error) => {
      if (!error.message.startsWith("Non tensor type")) throw error; // the seal: see src/graph/program.ts
    });
  }
  session.endProfiling();
  await session.release();
  return prefix;
}

/** Milliseconds per step by operator, from the profiler's file. */
async function byOperator(prefix) {
  const { readdirSync } = await import("node:fs");
  const [file] = readdirSync(tmpdir()).filter((name) => join(tmpdir(), name).startsWith(prefix));
  const path = join(tmpdir(), file);
  const events = JSON.parse(readFileSync(path, "utf8"));
  rmSync(path);
  const runs = events.filter(({ name }) => name === "model_run").sort((a, b) => a.ts - b.ts);
  const from = runs[2].ts;
  const counted = runs.length - 2;
  const times = new Map();
  for (const event of events) {
    if (event.cat !== "Node" || !event.name.endsWith("_kernel_time") || event.ts < from) continue;
    const name = event.args.op_name;
    times.set(name, (times.get(name) ?? 0) + event.dur / 1000 / counted);
  }
  const graph = median(runs.slice(2).map(({ dur }) => dur / 1000));
  return { graph, times: [...times].sort((a, b) => b[1] - a[1]) };
}

const { whole, host } = await wholeStep();
const { graph, times } = await byOperator(await graphAlone());
console.log(
  `step ${whole.toFixed(1)} ms, of which outside the graph ${host.toFixed(1)} ms, ${((100 * host) / whole).toFixed(1)} %`,
);
console.log(`graph alone ${graph.toFixed(1)} ms:`);
for (const [name, ms] of times.slice(0, 16))
  console.log(`${name.padEnd(22)} ${ms.toFixed(2).padStart(8)} ms  ${((100 * ms) / whole).toFixed(1)} %`);
