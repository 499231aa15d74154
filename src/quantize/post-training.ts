/**
 * Post-training quantization: a float32 network's layers in 8 bits, without training.
 *
 *   weights   at levels of their rows (levels.ts)
 *   inputs    one range for formats that need it (ranges.ts); what 8 bits compute here rounds each token by itself
 *   biases    b + E[W·x] - E[Ŵ·x̂], over the calibration texts: what rounding adds to every text is taken away again
 *             (Nagel, van Baalen, Blankevoort & Welling, ICCV 2019 · https://arxiv.org/abs/1906.04721, §4.2). All is linear, so
 *             means of the inputs are enough
 *
 * Each layer is corrected for its own rounding alone, not for that of the layers below it.
 */

import { requireEntry } from "../base/present.ts";
import { type FloatTensor, floatTensor } from "../base/tensor.ts";
import { biasOf, weightOf } from "../bert/names.ts";
import type { QuantizedLayer } from "../bert/quantized.ts";
import { withTrueMasks } from "../network/masks.ts";
import type { Network } from "../network/network.ts";
import { withQuantized } from "../network/quantized.ts";
import type { Calibration, InputFacts } from "./calibrate.ts";
import { fitLevels } from "./levels.ts";
import { type RangeRule, rangeBy } from "./ranges.ts";

/** How a network is quantized. */
export interface PostTraining {
  readonly ranges: RangeRule;
  readonly biasCorrection: boolean;
}

/** One layer in 8 bits: what replaces it. */
export interface FittedLayer {
  readonly layer: Required<QuantizedLayer>;
  readonly weight: FloatTensor;
  /** Absent where the layer has none: then nothing can be taken from what rounding adds on the average. */
  readonly bias?: FloatTensor;
}

/**
 * Every layer that was calibrated, in 8 bits. Layers in which the network computes in 8 bits already keep their levels and
 * biases, and only get ranges.
 */
export function fitLayers(
  { config, tensors }: Network,
  calibration: Calibration,
  { ranges, biasCorrection }: PostTraining,
): Map<string, FittedLayer> {
  return new Map(
    [...calibration].map(([module, facts]) => {
      const layer = { input: rangeBy(ranges, facts.seen) };
      const weight = requireEntry(tensors, weightOf(module), "tensor");
      const bias = tensors.get(biasOf(module));
      const given = bias ? { bias } : {};
      if (config.quantized?.has(module)) return [module, { layer, weight, ...given }];
      const fitted = fitLevels(weight, facts.squares);
      if (bias === undefined || !biasCorrection) return [module, { layer, weight: fitted, ...given }];
      return [module, { layer, weight: fitted, bias: correctBias(bias, weight, fitted, facts) }];
    }),
  );
}

/** The network with the chosen of its layers in 8 bits, the others as they were. */
export function withLayersIn8Bits(
  network: Network,
  fitted: ReadonlyMap<string, FittedLayer>,
  chosen: Iterable<string>,
): Network {
  const tensors = new Map(network.tensors);
  const record = new Map<string, QuantizedLayer>();
  for (const module of chosen) {
    const { layer, weight, bias } = requireEntry(fitted, module, "layer");
    record.set(module, layer);
    tensors.set(weightOf(module), weight);
    if (bias) tensors.set(biasOf(module), bias);
  }
  return withQuantized(withTrueMasks({ ...network, tensors }), record);
}

function correctBias(
  bias: FloatTensor,
  weight: FloatTensor,
  fitted: FloatTensor,
  { means, roundedMeans }: InputFacts,
): FloatTensor {
  const columns = means.length;
  return floatTensor(
    bias.shape,
    bias.data.map((b, row) => {
      let sum = 0;
      for (let j = 0; j < columns; j++) {
        const place = row * columns + j;
        sum +=
          (weight.data[place] ?? 0) * (means[j] ?? 0) - (fitted.data[place] ?? 0) * (roundedMeans[j] ?? 0);
      }
      return b + sum;
    }),
  );
}
