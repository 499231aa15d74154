/** Runs of pruned models as they lie on disk, for whatever looks at what is left. */

import { mkdir, writeFile } from "node:fs/promises";
import type { RunResult } from "../../src/measure/result.ts";
import { writeFolder } from "../../src/network/folder.ts";
import type { Network } from "../../src/network/network.ts";
import { runPaths } from "../../src/runs/folder.ts";
import { makeRecipe } from "../../src/runs/recipe.ts";
import { newFolder } from "./tiny-model.ts";

/** The network with every weight of its matrices gone but those at places that `keeps` says. */
export function pruned(network: Network, keeps: (place: number) => boolean): Network {
  const names = [...network.tensors.keys()].filter((name) => /layer\.\d+\..*(?<!Norm)\.weight$/.test(name));
  const masks = new Map<string, { dtype: "uint8"; shape: readonly number[]; data: Uint8Array }>();
  const tensors = new Map(network.tensors);
  for (const name of names) {
    const tensor = network.tensors.get(name);
    if (tensor === undefined) throw new Error(name);
    const data = Uint8Array.from(tensor.data, (_, i) => Number(keeps(i)));
    masks.set(name, { dtype: "uint8", shape: tensor.shape, data });
    tensors.set(name, { ...tensor, data: tensor.data.map((w, i) => (data[i] === 1 ? w || 1 : 0)) });
  }
  return { ...network, tensors, masks };
}

/** A run's folder as `compress` leaves it, without what is not asked for here. */
export async function prunedRun(
  network: Network,
  task: string,
  root?: string,
  asked: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const run = root ?? (await newFolder());
  await mkdir(run, { recursive: true });
  const settings = { method: "magnitude", task, threads: 1, ...asked };
  const recipe = await makeRecipe({ command: "compress", settings, model: [], data: [] });
  await writeFile(runPaths(run).recipe, JSON.stringify(recipe));
  await writeFolder(runPaths(run).model, network);
  return run;
}

/** What a finished run has beside its model. */
export function prunedResult(task: string): RunResult {
  return {
    version: 1,
    command: "compress",
    code: "0.1.0",
    task,
    method: "magnitude",
    metric: { name: "accuracy", better: "higher", before: 0.9, after: 0.8, examples: 100 },
    models: [
      {
        stage: "compressed",
        metrics: { accuracy: 0.8 },
        parameters: { total: 4, nonzero: 2, embeddings: 1 },
        bytes: { raw: 16, compressed: 10 },
        multiplyAccumulates: 1,
        latency: [],
      },
    ],
    length: 8,
    seeds: [0],
    wallSeconds: 1,
    peakBytes: 1,
    machine: { cpu: "any", cores: 1, threads: 1, node: "v20.20.2", platform: "linux-x64" },
    verdict: { smaller: false, faster: false, text: "" },
  };
}
