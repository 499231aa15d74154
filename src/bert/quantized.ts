/**
 * Which linear layers of an encoder compute in 8 bits, as `config.json` says it under `espalier.quantized`:
 *
 *   { "bert.encoder.layer.0.attention.self.query": { "input": [-3.1, 4.2] }, "bert.encoder.layer.0.output.dense": {} }
 *
 * Such a layer computes y = Ŵ·x̂ + b. The rows of Ŵ are on levels (base/levels.ts), and each token x is rounded by itself,
 * to 7 bits: x̂ = s·round(x/s), s = (max(0, max x) - min(0, min x)) / 126. `input` is the range of all x that calibration
 * found; only formats with one fixed range for all texts read it, so it may be missing. Stock `transformers` does not look
 * here and computes Ŵ·x + b in float32.
 *
 * Not here: whether the weights are on levels (network/quantized.ts), the arithmetic (forward.ts).
 */

import { type JsonObject, own } from "../formats/json.ts";
import { bad, record } from "./config-values.ts";

/** The least and the largest number of a layer's input; 0 is within. */
export interface InputRange {
  readonly low: number;
  readonly high: number;
}

/** What is known of a layer in 8 bits. */
export interface QuantizedLayer {
  readonly input?: InputRange;
}

/** By module name, such as `bert.encoder.layer.0.attention.self.query`; in the order of the forward pass. */
export type QuantizedLayers = ReadonlyMap<string, QuantizedLayer>;

/** What says which modules a layer has, and under which number. */
interface Sizes {
  readonly heads: number;
  readonly ffn: number;
  readonly gated?: true;
  readonly sharing?: number;
}

/** Linear modules of a layer, by what decides whether they are there. */
const MODULES = [
  ["attention.self.query", "heads"],
  ["attention.self.key", "heads"],
  ["attention.self.value", "heads"],
  ["attention.output.dense", "heads"],
  ["intermediate.dense", "ffn"],
  ["intermediate.gate", "ffn"],
  ["output.dense", "ffn"],
] as const;

/**
 * The modules that can compute in 8 bits: all linear ones of an encoder that have a weight left, in the order they run; one
 * that several layers share, once.
 */
export function linearModules(layers: readonly Sizes[]): string[] {
  const modules = layers.flatMap((sizes, i) =>
    MODULES.filter(([name, unit]) => sizes[unit] > 0 && (name !== "intermediate.gate" || sizes.gated)).map(
      ([module]) => `bert.encoder.layer.${sizes.sharing ?? i}.${module}`,
    ),
  );
  return [...new Set(modules)];
}

/**
 * Reads `quantized` of the key `espalier`; undefined where there is none.
 * @throws {ConfigError} `config/quantized`
 */
export function parseQuantized(
  espalier: unknown,
  layers: readonly Sizes[],
  where: string,
): QuantizedLayers | undefined {
  const json = espalier === undefined ? undefined : own(record(espalier, "espalier", where), "quantized");
  if (json === undefined) return undefined;
  const given = record(json, "espalier.quantized", where);
  const known = linearModules(layers);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw bad("quantized", "espalier.quantized", "linear modules of the encoder's layers", unknown, where);
  }
  if (Object.keys(given).length === 0) {
    throw bad("quantized", "espalier.quantized", "absent, or to name a module", given, where);
  }
  return new Map(
    known.flatMap((name): [string, QuantizedLayer][] => {
      const layer = own(given, name);
      return layer === undefined ? [] : [[name, parseLayer(layer, `espalier.quantized["${name}"]`, where)]];
    }),
  );
}

function parseLayer(json: unknown, key: string, where: string): QuantizedLayer {
  const fields = record(json, key, where);
  const extra = Object.keys(fields).find((name) => name !== "input");
  if (extra !== undefined) throw bad("quantized", key, "an object of input alone", extra, where);
  const input = own(fields, "input");
  if (input === undefined) return {};
  const [low, high, ...more]: readonly unknown[] = Array.isArray(input) ? input : [];
  if (!isFloat(low) || !isFloat(high) || low > 0 || high < 0 || more.length > 0) {
    throw bad("quantized", `${key}.input`, "two float32 numbers around 0, the lower first", input, where);
  }
  return { input: { low, high } };
}

function isFloat(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(Math.fround(value));
}

/** The content of `espalier.quantized`. */
export function quantizedJson(quantized: QuantizedLayers): JsonObject {
  return Object.fromEntries(
    [...quantized].map(([name, { input }]) => [
      name,
      input === undefined ? {} : { input: [input.low, input.high] },
    ]),
  );
}
