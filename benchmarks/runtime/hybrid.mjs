/**
 * Would a hybrid pay: attention in ONNX Runtime, around sparse matrices in WebAssembly?
 *
 *   npm run build && node benchmarks/runtime/hybrid.mjs [--tokens 128 --batch 1 --heads 12 --size 64 --runs 41]
 *
 * One layer's attention, in turn: our kernel; ONNX Runtime from and to the panels that our matrices read and write, written
 * in place without a copy of the output; and a run of ONNX Runtime that computes next to nothing, which is the price of
 * crossing. All on one thread, medians in milliseconds. A layer crosses once each way; the queries, keys and values of all
 * texts go over in one run.
 */

import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { reshape } from "../../dist/graph/ops/broadcast.js";
import { add } from "../../dist/graph/ops/elementwise.js";
import { matmul, transpose } from "../../dist/graph/ops/linear.js";
import { softmax } from "../../dist/graph/ops/normal.js";
import { program } from "../../dist/graph/program.js";
import { input } from "../../dist/graph/value.js";
import { compileKernels } from "../../dist/runtime/module.js";
import { Arena } from "../../dist/sparse/arena.js";
import { ALL_TOKENS, kernelsOf } from "../../dist/sparse/kernels.js";
import { PANEL, panelBytes } from "../../dist/sparse/panels.js";
import { median } from "../shapes.mjs";

/** @param {string} value */
const text = (value) => ({ type: /** @type {const} */ ("string"), default: value });
const { values } = parseArgs({
  options: { tokens: text("128"), batch: text("1"), heads: text("12"), size: text("64"), runs: text("41") },
});
const [T, B, H, A, runs] = ["tokens", "batch", "heads", "size", "runs"].map((name) => Number(values[name]));
const P = T / PANEL; // panels of a text
const D = H * A;

const compiled = await compileKernels(false);
const arena = new Arena(false);
const kernels = kernelsOf(compiled, arena.memory);
const stride = panelBytes(D);
const places = Array.from({ length: 4 }, () => arena.allocate(B * P * stride));
const scratch = arena.allocate((T + 8) * PANEL * 4);
const [q, k, v, out] = places;
for (const place of [q, k, v]) {
  arena.floats(place, (B * P * stride) / 4).forEach((_, i, floats) => {
    floats[i] = Math.sin(i * 12.9898 + place) / 8;
  });
}

/** [B·P, H·A, 16] to [B, H, T, A] */
function heads(name) {
  const panels = reshape(input(name, "float32", [B * P, D, PANEL]), [B, P, H, A, PANEL]);
  return reshape(transpose(panels, [0, 2, 1, 4, 3]), [B, H, T, A]);
}

const weights = softmax(matmul(heads("q"), heads("k"), { transposeB: true }));
const mixed = reshape(matmul(weights, heads("v")), [B, H, P, PANEL, A]);
const y = reshape(transpose(mixed, [0, 2, 1, 4, 3]), [B * P, D, PANEL]);
const one = input("one", "float32", [1]);
const open = (outputs) =>
  ort.InferenceSession.create(program(outputs).bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
const [whole, nothing] = [await open({ y }), await open({ y: add(one, one) })];

const tensor = (place) =>
  new ort.Tensor("float32", arena.floats(place, (B * P * stride) / 4), [B * P, D, PANEL]);
const target = new Float32Array((B * P * stride) / 4);
const feeds = { q: tensor(q), k: tensor(k), v: tensor(v) };

/** The seal stops the copy of outputs with an error after all is computed: src/graph/program.ts. */
async function run(session, given, fetches) {
  await session.run(given, fetches).catch((error) => {
    if (!error.message.startsWith("Non tensor type")) throw error;
  });
}

const contenders = {
  kernel: () => {
    for (let b = 0; b < B; b++) {
      const at = b * P * stride;
      kernels.attention(
        q + at,
        k + at,
        v + at,
        out + at,
        stride,
        stride,
        P,
        T,
        H,
        A,
        scratch,
        0,
        ALL_TOKENS,
        0,
        0,
      );
    }
  },
  "ONNX Runtime, from and to panels": () =>
    run(whole, feeds, { y: new ort.Tensor("float32", target, [B * P, D, PANEL]) }),
  "a run of next to nothing": () =>
    run(
      nothing,
      { one: new ort.Tensor("float32", new Float32Array(1), [1]) },
      { y: new ort.Tensor("float32", new Float32Array(1), [1]) },
    ),
};

const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let i = 0; i < runs; i++) {
  for (const [name, work] of Object.entries(contenders)) {
    const start = performance.now();
    await work();
    times[name].push(performance.now() - start);
  }
}
const difference = arena
  .floats(out, target.length)
  .reduce((most, value, i) => Math.max(most, Math.abs(value - target[i])), 0);
console.log(
  `node ${process.version}, ${B} x ${T} tokens, ${H} heads of ${A}, one layer; results differ by ${difference.toExponential(1)}`,
);
for (const [name, each] of Object.entries(times))
  console.log(`${name.padEnd(34)} ${median(each).toFixed(3)} ms`);
