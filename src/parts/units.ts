/**
 * Units of an encoder that a structured method ranks and drops: heads, attention modules, feed-forward modules.
 *
 * Here they are numbers and text: what there is, which go, and what is left as a string for a run's progress and a
 * graph's structure. Not here: units in a graph (gates.ts), and how tensors are cut (network/shrink.ts).
 */

import { ConfigError, RunError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import type { FloatTensor } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import type { Progress } from "../contract/method.ts";
import type { Network } from "../network/network.ts";
import { type Kept, keepUnits, type LayerUnits } from "../network/shrink.ts";

/** One unit and the weights it has in the encoder's matrices, biases not counted. */
export interface Unit {
  readonly kind: "head" | "attention" | "ffn";
  readonly layer: number;
  /** Number of the head in its layer; 0 for a module. */
  readonly place: number;
  readonly weights: number;
}

/**
 * All units of some kinds, layer by layer: a head's are a row of each of q, k, v and a column of o per feature.
 * @throws {ConfigError} `units/shared` for layers that share their tensors: none could lose a unit for itself
 */
export function unitsOf({ layers, hiddenSize: D }: BertConfig, kinds: readonly Unit["kind"][]): Unit[] {
  if (layers.some(({ sharing }) => sharing !== undefined)) {
    const message =
      "model: expected layers with heads and neurons of their own, got layers that share their tensors";
    throw new ConfigError("units/shared", message);
  }
  return layers.flatMap(({ heads, headSize, ffn, gated }, layer) => {
    const head = 4 * D * headSize;
    const all: Unit[] = [
      ...Array.from({ length: heads }, (_, place): Unit => ({ kind: "head", layer, place, weights: head })),
      { kind: "attention", layer, place: 0, weights: heads * head },
      { kind: "ffn", layer, place: 0, weights: (gated === true ? 3 : 2) * D * ffn },
    ];
    return all.filter(({ kind, weights }) => kinds.includes(kind) && weights > 0);
  });
}

/** Weights of units together. */
export function weightsOf(units: readonly Unit[]): number {
  return units.reduce((n, { weights }) => n + weights, 0);
}

/** Numbers 0, 1, … in the order of their scores, lowest first; the earlier first where scores are equal. */
export function ascending(scores: ArrayLike<number>): number[] {
  const order = Array.from({ length: scores.length }, (_, i) => i);
  return order.sort((a, b) => requireItem(scores, a, "scores") - requireItem(scores, b, "scores"));
}

/** The lowest units whose weights together are nearest to `target`: within half a unit of it. */
export function lowestUnits(
  units: readonly Unit[],
  scores: ArrayLike<number>,
  target: number,
): ReadonlySet<Unit> {
  const dropped = new Set<Unit>();
  let removed = 0;
  for (const i of ascending(scores)) {
    const unit = units[i];
    if (unit === undefined || removed + unit.weights / 2 > target) break;
    dropped.add(unit);
    removed += unit.weights;
  }
  return dropped;
}

/**
 * What stays of each layer without `dropped`. An attention module whose last head goes is left with its bias, unless
 * `emptied` says that an emptied module goes altogether.
 */
export function withoutThe(
  { layers }: BertConfig,
  dropped: ReadonlySet<Unit>,
  emptied: "bias" | "none",
): LayerUnits[] {
  return layers.map((layer, i) => {
    const here = [...dropped].filter((unit) => unit.layer === i);
    const gone = new Set(here.filter(({ kind }) => kind === "head").map(({ place }) => place));
    const kept = Array.from({ length: layer.heads }, (_, head) => !gone.has(head));
    const whole = (kind: Unit["kind"]): boolean => here.some((unit) => unit.kind === kind);
    const isEmpty = gone.size === layer.heads && layer.heads > 0 && emptied === "none";
    const some: Kept = gone.size === 0 ? "all" : kept;
    return {
      heads: whole("attention") || isEmpty ? "none" : some,
      neurons: whole("ffn") ? "none" : "all",
    };
  });
}

const WORDS: Readonly<Record<string, Kept>> = { all: "all", none: "none" };

function told(kept: Kept): string {
  return typeof kept === "string" ? kept : kept.map(Number).join("");
}

/** Units as text, such as `101/all,none/all`: heads and neurons of each layer. */
export function unitsText(units: readonly LayerUnits[]): string {
  return units.map(({ heads, neurons }) => `${told(heads)}/${told(neurons)}`).join(",");
}

/** The units of a text that `unitsText` made. */
export function parseUnits(text: string): LayerUnits[] {
  const read = (part = "all"): Kept => WORDS[part] ?? [...part].map((bit) => bit === "1");
  return text.split(",").map((layer) => {
    const [heads, neurons] = layer.split("/");
    return { heads: read(heads), neurons: read(neurons) };
  });
}

/** All heads of an encoder, and how many of them a ratio takes. @throws {ConfigError} `ID/heads` for none or all of them */
export function headsToDrop(
  id: string,
  config: BertConfig,
  ratio: number,
): { readonly heads: Unit[]; readonly count: number } {
  const heads = unitsOf(config, ["head"]);
  const count = Math.round(ratio * heads.length);
  if (count > 0 && count < heads.length) return { heads, count };
  const got = `${count} for ratio=${ratio}`;
  throw new ConfigError(
    `${id}/heads`,
    `${id}: expected to remove 1 to ${heads.length - 1} heads, got ${got}`,
  );
}

/** The error of a product that lost more or less than was asked. */
export function unreachedRatio(id: string, asked: string, reached: string): RunError {
  return new RunError(
    "method/unreached",
    `${id}: expected ${asked} to be removed, got ${reached} at the end`,
  );
}

/**
 * The network without the heads that a run has dropped.
 *
 * @throws {RunError} `method/unreached` unless exactly `count` of its heads are gone
 */
export function finishWithout(
  id: string,
  network: Network,
  tensors: ReadonlyMap<string, FloatTensor>,
  {
    units,
    count,
    of,
  }: { readonly units: Progress[string] | undefined; readonly count: number; readonly of: number },
): Network {
  const own = new Map([...tensors].filter(([name]) => network.tensors.has(name)));
  const whole = { ...network, tensors: own };
  const product = typeof units === "string" ? keepUnits(whole, parseUnits(units)) : whole;
  const left = unitsOf(product.config, ["head"]).length;
  if (of - left === count) return product;
  throw unreachedRatio(id, `${count} of ${of} heads`, String(of - left));
}
