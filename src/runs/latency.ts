/**
 * How long networks take, side by side: the median and the 95th percentile of one forward pass of a whole batch.
 *
 * Promise: all networks are timed in one session and take turns within it, so that whatever else the machine does
 * falls on each of them alike; what is timed is the exported model in ONNX Runtime, from ids to logits. A turn
 * begins with a pass that does not count: it finds the caches full of another network's weights, which is nobody's
 * daily life (6 x 256 model, 16 tokens: 1.6 ms instead of 1.1).
 *
 * Not here: whether a difference is more than noise (verdict.ts).
 */

import { keyOf, randint } from "../base/random.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { type Inference, type InputBatch, openNetwork } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import type { Latency } from "./result.ts";

/** What is measured: every batch size with every length. */
export interface LatencyPlan {
  readonly batchSizes: readonly number[];
  /** Tokens. */
  readonly lengths: readonly number[];
  /** Timed passes of each case and network. */
  readonly repetitions: number;
  /** Threads of the engine. */
  readonly threads: number;
  /** Default `cpu`. */
  readonly device?: Provider;
  /** Aborted when the caller wants to stop; what was measured so far is then lost. */
  readonly signal?: AbortSignal | undefined;
}

/** A model to time, and what its random tokens may be. */
export interface TimedModel {
  readonly inference: Inference;
  readonly vocabSize: number;
}

/** Timed passes of one turn. */
const TURN = 3;
/** Passes of each case before the first that counts: sessions allocate, processors raise their clocks. */
const WARM_UP = 3;

/**
 * Latencies of each network, in the order of the plan: lengths within batch sizes.
 * @throws {InputError} `inference/length` for a length that one of the networks cannot take
 */
export async function measureLatency(networks: readonly Network[], plan: LatencyPlan): Promise<Latency[][]> {
  const { threads, device = "cpu" } = plan;
  const engine = new Engine({ threads, provider: device, maxSessions: networks.length });
  try {
    const models: TimedModel[] = [];
    for (const network of networks) {
      const { vocabSize } = network.config;
      models.push({ inference: await openNetwork(engine, network), vocabSize });
    }
    return await timeModels(models, plan);
  } finally {
    await engine.close();
  }
}

/** As `measureLatency`, for models that are open already. */
export async function timeModels(models: readonly TimedModel[], plan: LatencyPlan): Promise<Latency[][]> {
  const latencies = models.map((): Latency[] => []);
  for (const batchSize of plan.batchSizes) {
    for (const length of plan.lengths) {
      const times = await timeCase(models, { batchSize, length }, plan);
      times.forEach((each, i) => {
        latencies[i]?.push({ batchSize, length, ...summary(each) });
      });
    }
  }
  return latencies;
}

async function timeCase(
  models: readonly TimedModel[],
  { batchSize, length }: Pick<Latency, "batchSize" | "length">,
  { repetitions, signal }: LatencyPlan,
): Promise<number[][]> {
  const contenders = models.map(({ inference, vocabSize }) => ({
    inference,
    batch: randomBatch(batchSize, length, vocabSize),
    times: [] as number[],
  }));
  for (const { inference, batch } of contenders) {
    for (let i = 0; i < WARM_UP; i++) await inference.logits(batch);
  }
  for (let done = 0; done < repetitions; done += TURN) {
    for (const { inference, batch, times } of contenders) {
      signal?.throwIfAborted();
      await inference.logits(batch);
      const turn = Math.min(TURN, repetitions - done);
      for (let i = 0; i < turn; i++) times.push(await timeOf(() => inference.logits(batch)));
    }
  }
  return contenders.map(({ times }) => times);
}

/** Milliseconds until `work` is done. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Random pieces without padding: a dense model's time does not depend on which. */
function randomBatch(size: number, length: number, vocabSize: number): InputBatch {
  const n = size * length;
  const key = keyOf(0);
  return {
    size,
    length,
    ids: Int32Array.from({ length: n }, (_, i) => randint(key, vocabSize, i)),
    types: new Int32Array(n),
    mask: new Float32Array(n).fill(1),
  };
}

function summary(times: readonly number[]): Pick<Latency, "p50" | "p95" | "repetitions"> {
  const sorted = [...times].sort((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), repetitions: times.length };
}

/** By linear interpolation between the two nearest of the sorted values, as NumPy does. */
export function quantile(sorted: readonly number[], q: number): number {
  const place = q * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const high = sorted[Math.ceil(place)] ?? Number.NaN;
  return low + (high - low) * (place - Math.floor(place));
}
