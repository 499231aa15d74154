/**
 * AdamW over a table of word embeddings of which a batch reads few rows: row by row (src/train/row-adamw.ts) against
 * the dense step of the engine over the same table (src/train/flat-adamw.ts).
 *
 *   node bench/optimizer.mjs [--rows 30522 --columns 256 --tokens 416 --steps 60 --threads 2]
 *
 * Rows are drawn from a Zipf law, as words are. Medians in milliseconds of the steps after the tenth, in turn.
 */

import { parseArgs } from "node:util";
import { fold, keyOf, uniform } from "../dist/base/random.js";
import { builtUrl } from "../dist/engine/built-url.js";
import { Engine } from "../dist/engine/engine.js";
import { ADAMW, adamwProgram } from "../dist/train/adamw.js";
import { optimizerCalls } from "../dist/train/flat-adamw.js";
import { median } from "./shapes.mjs";

const DEFAULTS = { rows: "30522", columns: "256", tokens: "416", steps: "60", threads: "2" };
const { values } = parseArgs({
  options: Object.fromEntries(Object.entries(DEFAULTS).map(([name, text]) => [name, { type: "string", default: text }])),
});
const [rows, columns, tokens, steps, threads] = Object.keys(DEFAULTS).map((name) => Number(values[name]));
const ROWS = builtUrl("../dist/train/row-adamw.js", import.meta.url);
const engine = new Engine({ threads });
const size = rows * columns;
for (const name of ["table", "table.m", "table.v", "w", "m", "v", "g"]) await engine.allocate(name, size);
await engine.allocate("looked-up", tokens * columns);
await engine.host(ROWS, "openTable", { name: "table", rows, columns, adamw: ADAMW, rates: [] });
const gradients = { buffer: "looked-up", offset: 0, shape: [tokens, columns] };
await engine.write(gradients, new Float32Array(tokens * columns).fill(1e-3));
const session = await engine.session("adamw", () => adamwProgram(ADAMW));

/** Row numbers with a probability proportional to 1/(1 + row). */
function idsOf(step) {
  const key = fold(keyOf(1), step);
  return Int32Array.from({ length: tokens }, (_, i) => Math.min(rows - 1, Math.floor((rows + 1) ** uniform(key, i) - 1)));
}

async function byRows(t) {
  const ids = idsOf(t);
  await engine.host(ROWS, "prepareRows", { name: "table", ids, t: t - 1 });
  await engine.host(ROWS, "addRowGradients", { name: "table", ids, gradients });
  await engine.host(ROWS, "stepRows", { name: "table", t, rate: 1e-4, clip: 1 });
}

const whole = { views: new Map(), differentiated: [], decayed: size, total: size, measured: size, table: undefined };
const dense = (t) => engine.run(optimizerCalls(session, whole, { adamw: ADAMW, rate: 1e-4, t, clip: 1 }));

const times = { rows: [], dense: [] };
for (let t = 1; t <= steps; t++) {
  for (const [name, step] of Object.entries({ rows: byRows, dense })) {
    const start = performance.now();
    await step(t);
    times[name].push(performance.now() - start);
  }
}
await engine.close();
const [a, b] = [median(times.rows.slice(10)), median(times.dense.slice(10))];
console.log(`${rows} x ${columns}, ${tokens} tokens a step: by rows ${a.toFixed(2)} ms, dense ${b.toFixed(2)} ms`);
