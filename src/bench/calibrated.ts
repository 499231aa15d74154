/**
 * A network for ONNX Runtime's static int8: a model of `quantize` as it is, any other with all layers in 8 bits.
 *
 * The ranges of the latter are those of a few texts of random pieces. Its time is that of any other calibration; its answers
 * are right for such texts, which is what bench compares, and say nothing of accuracy: `quantize` does.
 */

import { linearModules } from "../bert/quantized.ts";
import { unlabelled } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import { randomBatch } from "../measure/latency.ts";
import { textsOf } from "../measure/packed.ts";
import type { Network } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";
import { calibrate } from "../quantize/calibrate.ts";
import { fitLayers, withLayersIn8Bits } from "../quantize/post-training.ts";

/** Texts that are read, and their tokens. */
const [TEXTS, TOKENS] = [8, 32];

/** The network with ranges of all layers that it has in 8 bits, and with such layers. */
export async function calibrated(network: Network): Promise<Network> {
  const { config } = network;
  const layers = [...(config.quantized?.values() ?? [])];
  if (layers.length > 0 && layers.every(({ input }) => input !== undefined)) return network;
  const batch = randomBatch(TEXTS, Math.min(TOKENS, config.maxPositions), config.vocabSize);
  const engine = new Engine({ threads: 1 });
  try {
    const exact = inFloat(network);
    const calibration = await calibrate(engine, exact, unlabelled(textsOf(batch), config.padTokenId));
    const fitted = fitLayers(exact, calibration, { ranges: "minmax", biasCorrection: true });
    return withLayersIn8Bits(exact, fitted, linearModules(config.layers));
  } finally {
    await engine.close();
  }
}
