/**
 * A masked language model ready to answer, on an engine: logits of all pieces at chosen places of a batch.
 *
 * The model of `inference.ts` answers at every place, which costs the output matrix (for 6 x 256 and 30,522 pieces 7.8
 * million multiplications a place, the layers 4.7) and a copy of the logits each time. Weights are inside, as there.
 */

import { randomUUID } from "node:crypto";
import { ConfigError, RunError } from "../base/errors.ts";
import type { Tensor } from "../base/tensor.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { predictPieces } from "../bert/head-layers.ts";
import { parameters } from "../bert/names.ts";
import type { Engine } from "../engine/engine.ts";
import { type Program, program } from "../graph/program.ts";
import { input } from "../graph/value.ts";
import { checkLength, type InputBatch } from "./inference.ts";
import type { Network } from "./network.ts";

const [POSITIONS, LOGITS] = ["positions", "logits"];

/** A masked language model on an engine. Its memory is the engine's, and is free when that is closed. */
export interface MaskedModel {
  /**
   * Logits [M, V] at M places of a batch, each a flat index into [B · T].
   *
   * @throws {InputError} `inference/length` for a batch longer than the network has positions
   */
  logits(batch: InputBatch, positions: Int32Array): Promise<Float32Array>;
}

/**
 * Loads a masked language model.
 * @throws {ConfigError} `masked/head` for a network with another head
 * @throws {FormatError} `onnx/too-large` for a network of 2 GiB or more
 */
export async function openMasked(engine: Engine, network: Network): Promise<MaskedModel> {
  if (network.head.kind !== "mlm") {
    const got = network.head.kind === "none" ? "an encoder without a head" : `one for ${network.head.kind}`;
    throw new ConfigError("masked/head", `model: expected a masked language model, got ${got}`);
  }
  const session = await engine.session(`masked ${randomUUID()}`, () => maskingProgram(network));
  const longest = network.config.maxPositions;
  return {
    logits: async (batch, positions) => {
      checkLength(batch.length, longest);
      const [results] = await engine.run([{ session, feeds: feedsOf(batch, positions) }]);
      const data = results?.[LOGITS]?.data;
      if (data instanceof Float32Array) return data;
      throw new RunError("inference/output", "model: expected float logits, got none");
    },
  };
}

function maskingProgram({ config, head, tensors }: Network): Program {
  const context = contextOf(config, parameters(config, head));
  const { last } = encode(context, batchInputs());
  const logits = predictPieces(context, last, input(POSITIONS, "int32", ["M"]));
  return program({ [LOGITS]: logits }, { portable: true, initializers: new Map<string, Tensor>(tensors) });
}

function feedsOf(batch: InputBatch, positions: Int32Array): Record<string, Tensor> {
  const shape = [batch.size, batch.length];
  return {
    input_ids: { dtype: "int32", shape, data: batch.ids },
    token_type_ids: { dtype: "int32", shape, data: batch.types },
    mask: { dtype: "float32", shape, data: batch.mask },
    [POSITIONS]: { dtype: "int32", shape: [positions.length], data: positions },
  };
}
