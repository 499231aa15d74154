/**
 * AdamW over a table of word embeddings of which a batch reads few rows: row by row (src/train/row-adamw.ts) against
 * the dense kernel over the same table (src/train/kernels.ts), and against the same formula as a graph of the engine.
 *
 *   node benchmarks/training/optimizer.mjs [--rows 30522 --columns 256 --tokens 416 --steps 60 --threads 2]
 *
 * Rows are drawn from a Zipf law, as words are. Medians in milliseconds of the steps after the tenth, in turn.
 */

import { parseArgs } from "node:util";
import { builtUrl } from "../../dist/base/built-url.js";
import { fold, keyOf, uniform } from "../../dist/base/random.js";
import { Engine } from "../../dist/engine/engine.js";
import { add, div, mul, sqrt, sub } from "../../dist/graph/ops/elementwise.js";
import { program } from "../../dist/graph/program.js";
import { input, scalar } from "../../dist/graph/value.js";
import { ADAMW, stepFactors } from "../../dist/train/adamw.js";
import { median } from "../shapes.mjs";

const DEFAULTS = { rows: "30522", columns: "256", tokens: "416", steps: "60", threads: "2" };
const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, text]) => [name, { type: "string", default: text }]),
  ),
});
const [rows, columns, tokens, steps, threads] = Object.keys(DEFAULTS).map((name) => Number(values[name]));
const ROWS = builtUrl("../../dist/train/row-adamw.js", import.meta.url);
const KERNELS = builtUrl("../../dist/train/kernels.js", import.meta.url);
const engine = new Engine({ threads });
const size = rows * columns;
await engine.allocateTogether({ table: size, "table.m": size, "table.v": size, "table.g": columns });
await engine.allocateTogether({ w: size, m: size, v: size, g: size });
await engine.allocate("looked-up", tokens * columns);
await engine.host(ROWS, "openTable", { name: "table", rows, columns, adamw: ADAMW, rates: [] });
const gradients = { buffer: "looked-up", offset: 0, shape: [tokens, columns] };
await engine.write(gradients, new Float32Array(tokens * columns).fill(1e-3));

/** Row numbers with a probability proportional to 1/(1 + row). */
function idsOf(step) {
  const key = fold(keyOf(1), step);
  return Int32Array.from({ length: tokens }, (_, i) =>
    Math.min(rows - 1, Math.floor((rows + 1) ** uniform(key, i) - 1)),
  );
}

async function byRows(t) {
  const ids = idsOf(t);
  await engine.host(ROWS, "prepareRows", { name: "table", ids, t: t - 1 });
  await engine.host(ROWS, "addRowGradients", { name: "table", ids, gradients });
  await engine.host(ROWS, "stepRows", { name: "table", t, rate: 1e-4, clip: 1 });
}

const buffers = { weights: "w", gradients: "g", mean: "m", square: "v" };
const dense = (t) => {
  const factors = stepFactors(ADAMW, 1e-4, t, 1);
  const ranges = [{ start: 0, end: size, kind: "adamw", factors, keepZeros: false }];
  return engine.host(KERNELS, "stepRanges", { buffers, ranges });
};

/** The formula as a graph, over pieces that stay in the cache with their temporaries. */
const PIECE = 262_144;
const vector = (name) => input(name, "float32", ["n"]);
const factor = (name) => input(name, "float32", []);
const session = await engine.session("adamw", () => {
  const [w, m, v, g] = ["w", "m", "v", "g"].map(vector);
  const scaled = mul(g, factor("root"));
  const mean = add(mul(m, scalar(ADAMW.beta1)), mul(g, factor("gradient")));
  const square = add(mul(v, scalar(ADAMW.beta2)), mul(scaled, scaled));
  const step = mul(div(mean, add(sqrt(square), factor("epsilon"))), factor("rate"));
  return program({ "m'": mean, "v'": square, "w'": sub(mul(w, factor("keep")), step) });
});
const graph = (t) => {
  const factors = Object.entries(stepFactors(ADAMW, 1e-4, t, 1)).filter(([name]) => !name.startsWith("beta"));
  const numbers = factors.map(([name, x]) => [
    name,
    { dtype: "float32", shape: [], data: Float32Array.of(x) },
  ]);
  const calls = [];
  for (let offset = 0; offset < size; offset += PIECE) {
    const shape = [Math.min(PIECE, size - offset)];
    const at = (buffer) => ({ buffer, offset, shape });
    const feeds = { w: at("w"), m: at("m"), v: at("v"), g: at("g"), ...Object.fromEntries(numbers) };
    calls.push({ session, feeds, into: { "w'": at("w"), "m'": at("m"), "v'": at("v") } });
  }
  return engine.run(calls);
};

const times = { rows: [], dense: [], graph: [] };
for (let t = 1; t <= steps; t++) {
  for (const [name, step] of Object.entries({ rows: byRows, dense, graph })) {
    const start = performance.now();
    await step(t);
    times[name].push(performance.now() - start);
  }
}
await engine.close();
const ms = (name) => median(times[name].slice(10)).toFixed(2);
console.log(
  `${rows} x ${columns}, ${tokens} tokens a step, ms: by rows ${ms("rows")}, kernel ${ms("dense")}, graph ${ms("graph")}`,
);
