/**
 * What a job's model comes to in 8 bits: its own folder through `espalier quantize` with that command's defaults, judged and
 * calibrated by the job's data, as a user would do it after the run.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { RunError } from "../base/errors.ts";
import { quantize } from "../commands/quantize.ts";
import { readFolder } from "../network/folder.ts";
import type { QuantizeOptions } from "../options/models.ts";
import { FILES } from "../quantize/files.ts";
import type { RunPaths } from "../runs/folder.ts";
import type { RunContext } from "../runs/progress.ts";
import type { JobOptions } from "./identity.ts";
import type { InEightBits } from "./packed.ts";

/** A model in 8 bits beside the same in float32. */
export interface EightFacts {
  /** Of its .esp file. */
  readonly bytes: number;
  /** By the job's metric, as the file ships; from 0 to 1. */
  readonly after: number;
  /** Layers that compute in 8 bits, of all. */
  readonly layers: number;
  readonly of: number;
  /** Times as fast as the fine-tuned model in ONNX Runtime, one text at a time: the packed file, and the QDQ file there too. */
  readonly faster?: number;
  readonly fasterInOnnx?: number;
}

/** The facts that need no clock, and the files; undefined where no choice of layers loses little enough. */
export async function inEightBits(
  { task, data, limit, maxLength, seed, threads, device }: JobOptions,
  { model, quantized }: Pick<RunPaths, "model" | "quantized">,
  { signal }: RunContext,
): Promise<({ readonly facts: EightFacts } & InEightBits) | undefined> {
  const options: QuantizeOptions = {
    ...{ model, out: quantized, force: true, latency: false },
    ...{ task, data, limit, maxLength, seed, threads, device },
  };
  try {
    const { files, layers } = await quantize(options, signal ? { signal } : {});
    const packed = files.find(({ form }) => form === "esp");
    if (packed === undefined) throw new RangeError("a quantized model has a packed file");
    const inBytes = layers.filter(({ bits }) => bits === 8).length;
    const facts = { bytes: packed.bytes.raw, after: packed.score, layers: inBytes, of: layers.length };
    return { facts, file: await readFile(join(quantized, FILES.esp)), network: await readFolder(quantized) };
  } catch (error) {
    if (error instanceof RunError && error.code === "quantize/drop") return undefined;
    throw error;
  }
}
