/** `espalier bench`: parameters, bytes and latency of several models, side by side on this machine. */

import { countParameters } from "../network/network.ts";
import type { BenchModel, BenchResult } from "./answers.ts";
import { resolveOptions } from "./fields.ts";
import { measureLatency } from "./latency.ts";
import { describeMachine } from "./machine.ts";
import { type LoadedModel, loadModel, measureModel } from "./models.ts";
import { BENCH, type BenchOptions } from "./options.ts";
import type { RunContext } from "./progress.ts";

/**
 * Compares models; the first is the reference. Each runs as the ONNX model that `export` writes.
 *
 * @throws {ConfigError} for options that do not fit
 * @throws {InputError} `inference/length` for a length that a model cannot take; for a model that cannot be read
 * @example await bench({ models: ["runs/sst2", "runs/half"], batchSizes: [1, 32] });
 */
export async function bench(options: BenchOptions, context: RunContext = {}): Promise<BenchResult> {
  const { models, device, ...plan } = resolveOptions(BENCH, options);
  const loaded: LoadedModel[] = [];
  for (const ref of models) loaded.push(await loadModel(ref, context));
  context.report?.({ kind: "phase", name: "measuring" });
  const latencies = await measureLatency(
    loaded.map(({ network }) => network),
    { ...plan, device, signal: context.signal },
  );
  const rows: BenchModel[] = [];
  for (const [i, { network, path }] of loaded.entries()) {
    const { total, nonzero, embeddings } = countParameters(network);
    rows.push({
      name: models[i] ?? path,
      parameters: { total, nonzero, embeddings },
      bytes: await measureModel(path),
      latency: latencies[i] ?? [],
    });
  }
  return { machine: describeMachine(plan.threads), models: rows };
}
