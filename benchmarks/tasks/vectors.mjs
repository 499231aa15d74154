/**
 * A sentence encoder and what it was compressed to, one text at a time on one thread, in turn: the original in ONNX Runtime
 * in float32, and .esp files in the runtime.
 *
 *   node benchmarks/tasks/vectors.mjs MODEL FILE.esp...
 */

import { readFileSync } from "node:fs";
import { measureLatency } from "../../dist/measure/latency.js";
import { openPacked, packNetwork } from "../../dist/measure/packed.js";
import { loadModel } from "../../dist/runs/models.js";

const [model = "", ...paths] = process.argv.slice(2);
const { network } = await loadModel(model, {});
const files = [await packNetwork(network), ...paths.map((path) => readFileSync(path))];
const names = ["ONNX Runtime, float32", "the same as .esp", ...paths];
const opened = [];
for (const file of files) {
  opened.push({ inference: await openPacked(file, 1, "model.esp"), vocabSize: network.config.vocabSize });
}
const plan = { batchSizes: [1], lengths: [16, 64, 128], repetitions: 45, seconds: 6, threads: 1 };
const latencies = await measureLatency([network], plan, opened);
for (const [i, each] of latencies.entries()) {
  const cells = each.map(({ length, p50 }, k) => {
    const first = latencies[0]?.[k]?.p50 ?? Number.NaN;
    return `${length} tokens: ${p50.toFixed(2)} ms, × ${(first / p50).toFixed(2)}`;
  });
  const bytes = i === 0 ? "" : ` (${((files[i - 1]?.length ?? 0) / 1e6).toFixed(1)} MB)`;
  console.log(`${names[i]}${bytes}: ${cells.join("; ")}`);
}
for (const { inference } of opened) await inference.close();
