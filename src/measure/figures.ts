/** What is measured on one model of a run: parameters, bytes, operations. Latency is measured for all at once. */

import { join } from "node:path";
import { encodeSafetensors } from "../formats/safetensors.ts";
import { WEIGHTS_FILE } from "../formats/weights.ts";
import { writeFolder } from "../network/folder.ts";
import { countParameters, macs, type Network } from "../network/network.ts";
import { measureBytes, measureFile } from "./machine.ts";
import type { FileBytes, Latency, ModelFigures, Stage } from "./result.ts";

/** Writes a model's folder and measures its tensor file. */
export async function writeMeasured(folder: string, network: Network): Promise<FileBytes> {
  await writeFolder(folder, network);
  return measureFile(join(folder, WEIGHTS_FILE));
}

/** The tensor file a model would have in float32, as all of a run's models do, whatever its own file stores. */
export function measureNetwork({ tensors }: Network): Promise<FileBytes> {
  return measureBytes(encodeSafetensors(tensors));
}

/** The figures of a model whose files are already measured. */
export function figuresOf(
  stage: Stage,
  network: Network,
  measured: {
    readonly metrics: Readonly<Record<string, number>>;
    readonly bytes: FileBytes;
    readonly latency: readonly Latency[];
    /** Tokens of the sequence that operations are counted for. */
    readonly length: number;
  },
): ModelFigures {
  const { total, nonzero, embeddings } = countParameters(network);
  const { length, ...rest } = measured;
  return {
    stage,
    ...rest,
    parameters: { total, nonzero, embeddings },
    multiplyAccumulates: macs(network.config, network.head, length),
  };
}
