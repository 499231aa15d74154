/**
 * How far an exported model is from the network it was made of: both run, on the same random batches with padding.
 *
 * The network runs as it does in training: weights fed into the graph, ONNX Runtime's fused operators. The export runs
 * from the bytes of its file.
 */

import { randomUUID } from "node:crypto";
import { FormatError, RunError } from "../base/errors.ts";
import { requireFloats, requireItem } from "../base/present.ts";
import { fold, keyOf, randint } from "../base/random.ts";
import { largestGap, type Tensor } from "../base/tensor.ts";
import { type Pooling, poolingOf } from "../bert/config.ts";
import { Engine } from "../engine/engine.ts";
import type { Program } from "../graph/program.ts";
import { type Inference, type InputBatch, openNetwork, openProgram } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { onnxOutput, referenceProgram } from "../network/onnx.ts";
import { poolBatch } from "../network/pooling.ts";

/** Batch size and length; the second has no padding, the third only padding after the first tokens. */
const CASES = [
  [3, 11],
  [1, 24],
  [2, 2],
] as const;

/**
 * Largest difference of an output between a network and a model with the inputs of `exportOnnx`.
 * @throws {RunError} `export/finite` when an output is not a number
 */
export function differenceOfOnnx(network: Network, exported: Program): Promise<number> {
  return largest(network, (engine) => openProgram(engine, exported, network));
}

/**
 * Largest difference of an answer between two networks of one head: of a logit, or of a number of a text's vector.
 * @throws as `differenceOfOnnx` does
 *
 * @param pieces  for each word piece of `other` its number in `network`, where `other` has fewer; they are compared on
 *   texts of these pieces, and masked language models by what they say of these
 */
export function differenceOfNetworks(
  network: Network,
  other: Network,
  pieces?: readonly number[],
): Promise<number> {
  const pooling = poolingOf(network.head);
  return largest(network, (engine) => openNetwork(engine, other), { pieces, pooling });
}

/**
 * What a comparison finds; null, with a note, where ONNX Runtime takes no network that large, for what was written is whole.
 * @throws as the comparison does otherwise
 */
export async function unlessTooLarge(
  comparison: Promise<number>,
  note: (text: string) => void,
): Promise<number | null> {
  try {
    return await comparison;
  } catch (error) {
    if (!(error instanceof FormatError && error.code === "onnx/too-large")) throw error;
    note(
      "what was written is not compared with its model: ONNX Runtime takes networks below 2 GiB in float32",
    );
    return null;
  }
}

interface Comparison {
  readonly pieces?: readonly number[] | undefined;
  /** Compares vectors in place of states. */
  readonly pooling?: Pooling | undefined;
}

async function largest(
  network: Network,
  open: (engine: Engine) => Promise<Inference>,
  { pieces, pooling }: Comparison = {},
): Promise<number> {
  const engine = new Engine({ threads: 1 });
  const { config, head } = network;
  const drawn = pieces === undefined ? network : { config: { ...config, vocabSize: pieces.length } };
  const ownIds = (ids: Int32Array): Int32Array =>
    pieces ? ids.map((id) => requireItem(pieces, id, "pieces")) : ids;
  const columns = head.kind === "mlm" ? pieces : undefined;
  try {
    const [reference, exported] = [await openReference(engine, network), await open(engine)];
    let found = 0;
    for (const [size, length] of CASES) {
      const batch = randomBatch(size, Math.min(length, config.maxPositions), drawn);
      const whole = await reference.logits({ ...batch, ids: ownIds(batch.ids) });
      const [a, b] = [columnsOf(whole, config.vocabSize, columns), await exported.logits(batch)];
      const answer = (rows: Float32Array) => (pooling ? poolBatch(rows, batch, pooling) : rows);
      found = Math.max(found, largestGap(answer(a), answer(b)));
    }
    if (Number.isFinite(found)) return found;
    throw new RunError("export/finite", `export: expected finite outputs, got a difference of ${found}`);
  } finally {
    await engine.close();
  }
}

/** The network as training runs it. */
export async function openReference(engine: Engine, network: Network): Promise<Inference> {
  const session = await engine.session(`reference ${randomUUID()}`, () => referenceProgram(network)); // a network has no name
  const { inputs } = session.program;
  const weights = Object.fromEntries([...network.tensors].filter(([name]) => inputs.has(name)));
  return {
    logits: async ({ size, length, ids, types, mask }) => {
      const shape = [size, length];
      const feeds: Record<string, Tensor> = {
        ...weights,
        input_ids: { dtype: "int32", shape, data: ids },
        token_type_ids: { dtype: "int32", shape, data: types },
        mask: { dtype: "float32", shape, data: mask },
      };
      const [results] = await engine.run([{ session, feeds }]);
      return requireFloats(results?.[onnxOutput(network)]?.data, "logits");
    },
  };
}

/** Some columns of logits [N, V]; all of them without a list. */
function columnsOf(logits: Float32Array, width: number, columns?: readonly number[]): Float32Array {
  if (columns === undefined) return logits;
  const rows = Array.from({ length: logits.length / width }, (_, row) => row * width);
  return Float32Array.from(
    rows.flatMap((first) => columns.map((column) => requireItem(logits, first + column, "logits"))),
  );
}

/** Random pieces and types; row i has i · T / B tokens of padding at its end. */
function randomBatch(size: number, length: number, { config }: Pick<Network, "config">): InputBatch {
  const [key, n] = [keyOf(1), size * length];
  const draw = (name: string, below: number): Int32Array =>
    Int32Array.from({ length: n }, (_, i) => randint(fold(key, name), below, i));
  const mask = Float32Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / length);
    return i % length < length - Math.floor((row * length) / size) ? 1 : 0;
  });
  return {
    size,
    length,
    ids: draw("ids", config.vocabSize),
    types: draw("types", Math.max(1, config.typeVocab)),
    mask,
  };
}
