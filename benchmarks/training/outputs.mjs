/**
 * What the seal of internal programs saves (src/graph/program.ts): writing outputs in place, with and without it.
 *
 *   node benchmarks/training/outputs.mjs [--elements 12000000 --runs 21]
 *
 * The two run in turn on the same graph (x + x); medians in milliseconds.
 */

import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { add } from "../../dist/graph/ops/elementwise.js";
import { program, SEAL } from "../../dist/graph/program.js";
import { input } from "../../dist/graph/value.js";
import { median } from "../shapes.mjs";

const { values } = parseArgs({
  options: { elements: { type: "string", default: "12000000" }, runs: { type: "string", default: "21" } },
});
const n = Number(values.elements);
const x = input("x", "float32", ["n"]);
const y = add(x, x);
const open = (options) =>
  ort.InferenceSession.create(program({ y }, options).bytes, { intraOpNumThreads: 2, logSeverityLevel: 3 });
const [sealed, plain] = [await open({}), await open({ portable: true })];
const feeds = { x: new ort.Tensor("float32", new Float32Array(n).fill(1), [n]) };
const target = new ort.Tensor("float32", new Float32Array(n), [n]);

async function timed(session, fetches) {
  const start = performance.now();
  await session.run(feeds, fetches).catch((error) => {
    if (!error.message.startsWith("Non tensor type")) throw error;
  });
  return performance.now() - start;
}

const times = { sealed: [], plain: [] };
for (let i = 0; i < Number(values.runs); i++) {
  times.sealed.push(await timed(sealed, { [SEAL]: null, y: target }));
  times.plain.push(await timed(plain, { y: target }));
}
const [a, b] = [median(times.sealed), median(times.plain)];
console.log(
  `${((4 * n) / 1e6).toFixed(0)} MB in place: sealed ${a.toFixed(1)} ms, with the library's copy ${b.toFixed(1)} ms`,
);
