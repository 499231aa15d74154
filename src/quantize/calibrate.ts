/**
 * Calibration: what each linear layer of an encoder reads while a float32 network reads some texts.
 *
 * Texts are read one by one, so no padding is counted. Of each different input are kept a histogram, the means of every
 * feature before and after a token is rounded, and their mean squares: enough for ranges, for levels and for what rounding
 * adds to a bias on the average.
 */

import { randomUUID } from "node:crypto";
import { TOKEN_STEPS } from "../base/levels.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import type { Tensor } from "../base/tensor.ts";
import { answersTexts } from "../bert/config.ts";
import { batchInputs, contextOf, encode } from "../bert/forward.ts";
import { asksFirstAlone, classify } from "../bert/head-layers.ts";
import { layerStem, parameters } from "../bert/names.ts";
import { type Encoded, type EncodedSet, evalBatches } from "../data/batches.ts";
import type { Engine } from "../engine/engine.ts";
import { program } from "../graph/program.ts";
import type { Value } from "../graph/value.ts";
import type { Network } from "../network/network.ts";
import { Histogram } from "./histogram.ts";

/** What a layer read. */
export interface InputFacts {
  readonly seen: Histogram;
  /** [features] */
  readonly means: Float64Array;
  /** The same of tokens rounded to 8 bits, [features]. */
  readonly roundedMeans: Float64Array;
  /** Mean squares, [features]. */
  readonly squares: Float64Array;
}

/** By module; modules that read the same values share what is known of them. */
export type Calibration = ReadonlyMap<string, InputFacts>;

/** What is added up over tokens. */
class Reading {
  readonly seen = new Histogram();
  readonly sums: Float64Array;
  readonly roundedSums: Float64Array;
  readonly squares: Float64Array;
  tokens = 0;

  constructor(readonly features: number) {
    this.sums = new Float64Array(features);
    this.roundedSums = new Float64Array(features);
    this.squares = new Float64Array(features);
  }

  add(x: Float32Array): void {
    this.seen.count(x);
    for (let start = 0; start < x.length; start += this.features) {
      this.addToken(x.subarray(start, start + this.features));
    }
  }

  private addToken(x: Float32Array): void {
    let [least, most] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      least = Math.min(least, x[i] ?? 0);
      most = Math.max(most, x[i] ?? 0);
    }
    const step = (most - least) / TOKEN_STEPS;
    for (let i = 0; i < x.length; i++) {
      const number = x[i] ?? 0;
      this.sums[i] = (this.sums[i] ?? 0) + number;
      this.squares[i] = (this.squares[i] ?? 0) + number * number;
      this.roundedSums[i] = (this.roundedSums[i] ?? 0) + (step === 0 ? 0 : Math.round(number / step) * step);
    }
    this.tokens++;
  }

  facts(): InputFacts {
    const mean = (sums: Float64Array): Float64Array => sums.map((sum) => sum / Math.max(1, this.tokens));
    return {
      seen: this.seen,
      means: mean(this.sums),
      roundedMeans: mean(this.roundedSums),
      squares: mean(this.squares),
    };
  }
}

/**
 * Reads texts with a network in float32.
 * @throws the reason of the signal, before the next text
 */
export async function calibrate(
  engine: Engine,
  network: Network,
  texts: EncodedSet,
  signal?: AbortSignal,
): Promise<Calibration> {
  const { outputs, shared } = probes(network);
  // A network has no name, and its weights are inside.
  const session = await engine.session(`calibration ${randomUUID()}`, () =>
    program(outputs, { portable: true, initializers: new Map<string, Tensor>(network.tensors) }),
  );
  const readings = new Map<string, Reading>();
  const keysOf = readersOf(shared);
  for (const batch of evalBatches(texts, 1)) {
    signal?.throwIfAborted();
    const shape = [1, batch.length];
    const feeds: Record<string, Tensor> = {
      input_ids: { dtype: "int32", shape, data: batch.ids },
      token_type_ids: { dtype: "int32", shape, data: batch.types },
      mask: { dtype: "float32", shape, data: batch.mask },
    };
    const read = Object.entries(feeds).filter(([name]) => session.program.inputs.has(name));
    const results = requireItem(
      await engine.run([{ session, feeds: Object.fromEntries(read) }]),
      0,
      "results",
    );
    for (const [name, { shape: of, data }] of Object.entries(results)) {
      if (!(data instanceof Float32Array)) continue;
      for (const key of requireEntry(keysOf, name, "input")) {
        const reading = readings.get(key) ?? new Reading(of[1] ?? 0);
        readings.set(key, reading);
        reading.add(data);
      }
    }
  }
  const facts = new Map([...readings].map(([name, reading]) => [name, reading.facts()]));
  return new Map([...shared].map(([module, names]) => [module, requireEntry(facts, keyOf(names), "input")]));
}

/** Of modules that read these values, all of them. */
function keyOf(names: readonly string[]): string {
  return names.join();
}

/** Of each value, the keys of the modules that read it. */
function readersOf(shared: ReadonlyMap<string, readonly string[]>): Map<string, Set<string>> {
  const readers = new Map<string, Set<string>>();
  for (const names of shared.values())
    for (const name of names) readers.set(name, (readers.get(name) ?? new Set()).add(keyOf(names)));
  return readers;
}

/** The different inputs of a network's linear layers, and which of them each reads: those of every layer that has it. */
function probes({ config, head }: Network): {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly shared: ReadonlyMap<string, readonly string[]>;
} {
  // The last layer is built twice, for all tokens and for the first alone: the graph has what answers are made of.
  const reads = new Map<string, Value[]>();
  const context = contextOf(config, parameters(config, head), {
    input: (module, x) => {
      reads.set(module, [...(reads.get(module) ?? []), x]);
      return x;
    },
  });
  const encoding = encode(context, batchInputs());
  if (answersTexts(head)) classify(context, encoding);
  const isFirst = asksFirstAlone(head, config);
  const names = new Map<Value, string>();
  const shared = new Map<string, readonly string[]>();
  const last = layerStem(config.layers.at(-1)?.sharing ?? config.layers.length - 1);
  for (const [module, values] of reads) {
    const unread = module.startsWith(`${last}.`) ? values.length - (isFirst ? 1 : 2) : undefined;
    const own = values.filter((_, i) => i !== unread);
    for (const x of own) names.set(x, names.get(x) ?? `read_${names.size}`);
    shared.set(module, [...new Set(own.map((x) => requireEntry(names, x, "input")))]);
  }
  return { outputs: Object.fromEntries([...names].map(([x, name]) => [name, x])), shared };
}

/** Some of a set's examples, without their labels. */
export function calibrationTexts({ examples, ...rest }: EncodedSet, chosen: readonly number[]): EncodedSet {
  const taken = chosen.flatMap((i): Encoded[] => {
    const example = examples[i];
    return example === undefined ? [] : [{ ...example, labels: [] }];
  });
  return { ...rest, examples: taken };
}
