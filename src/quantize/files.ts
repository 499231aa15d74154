/** What a quantized model ships as: scored by what runs it, timed in turns with the model before, and written. */

import { join } from "node:path";
import { requireItem } from "../base/present.ts";
import { type Pooling, poolingOf } from "../bert/config.ts";
import type { EncodedSet } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { writeFileAtomic } from "../formats/files.ts";
import type { Program } from "../graph/program.ts";
import { type TimedModel, timeModels } from "../measure/latency.ts";
import { codeVersion, measureBytes } from "../measure/machine.ts";
import { openPacked, packNetwork } from "../measure/packed.ts";
import type { FileBytes, Latency } from "../measure/result.ts";
import { writeFolder } from "../network/folder.ts";
import { type Inference, openNetwork, openProgram } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { onnxProgram } from "../network/onnx.ts";
import { answersBy } from "./answers.ts";

/** A file of a quantized model; `float32` is the model before, as an ONNX file that is not written. */
export type FileForm = "float32" | "onnx-qdq" | "esp";

/** Names inside of the folder; the place of the ONNX file is where transformers.js looks for it. */
export const FILES = { "onnx-qdq": join("onnx", "model_quantized.onnx"), esp: "model.esp" } as const;

/** One file, measured. */
export interface ShippedFile {
  readonly form: FileForm;
  readonly file: string | null;
  readonly bytes: FileBytes;
  readonly score: number;
  readonly latency: readonly Latency[];
}

/** How files are judged. */
export interface Shipping {
  readonly threads: number;
  readonly device: Provider;
  /** The texts that judge, and what answers to them are worth. */
  readonly set: EncodedSet;
  readonly score: (answers: Float32Array) => number;
  /** The float32 model's, known from before. */
  readonly before: number;
  /** Tokens of the sequence that is timed; undefined where nothing is. */
  readonly timed: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The bytes of both files. */
export interface PackedFiles {
  readonly onnx: Program;
  readonly esp: Uint8Array;
}

/** The files of a quantized network, which are not written yet. */
export async function packQuantized(network: Network): Promise<PackedFiles> {
  const onnx = onnxProgram(network, { producerVersion: await codeVersion(), weights: "qdq" });
  // Layers that stay in float32 are more exact than int8.
  const esp = await packNetwork(network, { values: "float16", tables: "int8" });
  return { onnx, esp };
}

/** Writes the folder of a quantized network with its files. */
export async function writeQuantized(
  folder: string,
  network: Network,
  { onnx, esp }: PackedFiles,
): Promise<void> {
  await writeFolder(folder, network);
  await writeFileAtomic(join(folder, FILES["onnx-qdq"]), [onnx.bytes]);
  await writeFileAtomic(join(folder, FILES.esp), [esp]);
}

/**
 * Scores and times the files of a network beside `exact`, the model in float32.
 * @throws {FormatError} `esp/…`, `onnx/too-large`; as `openPacked` does; the reason of the signal
 */
export async function measureFiles(
  exact: Network,
  { onnx, esp }: PackedFiles,
  shipping: Shipping,
): Promise<ShippedFile[]> {
  const { threads, device } = shipping;
  const engine = new Engine({ threads, provider: device });
  try {
    const packed = await openPacked(esp, threads, FILES.esp);
    try {
      return await measureOpen(exact, { onnx, esp }, { engine, packed }, shipping);
    } finally {
      await packed.close();
    }
  } finally {
    await engine.close();
  }
}

async function measureOpen(
  exact: Network,
  { onnx, esp }: PackedFiles,
  { engine, packed }: { readonly engine: Engine; readonly packed: Inference },
  shipping: Shipping,
): Promise<ShippedFile[]> {
  const { set, score, before, signal } = shipping;
  const qdq = await openProgram(engine, onnx, exact);
  const scoreOf = async (model: Inference, pooling?: Pooling): Promise<number> =>
    score(await answersBy(model, pooling, set, signal));
  // The runtime pools by itself.
  const [qdqScore, espScore] = [await scoreOf(qdq, poolingOf(exact.head)), await scoreOf(packed)];
  const float = await openNetwork(engine, exact);
  const models = [float, qdq, packed];
  const times = await timesOf(models, exact.config.vocabSize, shipping);
  const bytes = async (of: Uint8Array): Promise<FileBytes> => measureBytes([of]);
  const files: Omit<ShippedFile, "latency">[] = [
    { form: "float32", file: null, bytes: await bytes(onnxProgram(exact).bytes), score: before },
    { form: "onnx-qdq", file: FILES["onnx-qdq"], bytes: await bytes(onnx.bytes), score: qdqScore },
    { form: "esp", file: FILES.esp, bytes: await bytes(esp), score: espScore },
  ];
  return files.map((each, i) => ({ ...each, latency: requireItem(times, i, "timings") }));
}

/** Of a batch of one and of eight. */
async function timesOf(
  models: readonly TimedModel["inference"][],
  vocabSize: number,
  { timed, signal }: Shipping,
): Promise<Latency[][]> {
  if (timed === undefined) return models.map(() => []);
  const plan = { batchSizes: [1, 8], lengths: [timed], repetitions: 15, seconds: 4, signal };
  return timeModels(
    models.map((inference) => ({ inference, vocabSize })),
    plan,
  );
}
