/**
 * How long networks take, side by side: the median and the 95th percentile of one forward pass of a whole batch.
 *
 * Promise: all are timed in one session and take turns within it, so that whatever else the machine does falls on each of
 * them alike; what is timed goes from ids to logits. A turn begins with a pass that does not count: it finds the caches
 * full of another network's weights, which is nobody's daily life (6 x 256 model, 16 tokens: 1.6 ms instead of 1.1).
 *
 * `measureLatency` times networks as exported models in this process, which is what a run reports; `timeContenders` times
 * anything that can take a turn, also in a process of its own (contender.ts). Not here: whether a difference is more than
 * noise (verdict.ts).
 */

import { keyOf, randint } from "../base/random.ts";
import { quantile } from "../base/statistics.ts";
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
  /** About so long each contender is timed in each case, at most; fewer repetitions are then made, but six at least. */
  readonly seconds?: number;
  /** Aborted when the caller wants to stop; what was measured so far is then lost. */
  readonly signal?: AbortSignal | undefined;
}

/** Where a plan's networks run. */
export interface LatencySettings extends LatencyPlan {
  /** Threads of the engine. */
  readonly threads: number;
  /** Default `cpu`. */
  readonly device?: Provider;
}

/** A model to time, and what its random tokens may be. */
export interface TimedModel {
  readonly inference: Pick<Inference, "logits">;
  readonly vocabSize: number;
}

/** One batch size and length. */
export type Case = Pick<Latency, "batchSize" | "length">;

/** Something that is timed in turns with others. */
export interface Contender {
  /** Runs a batch of the case `before` times, then `timed` times; returns the milliseconds of the latter. */
  turn(at: Case, passes: { readonly before: number; readonly timed: number }): Promise<readonly number[]>;
}

/** Timed passes of one turn. */
const TURN = 3;
/** Passes of each case before the first that counts: sessions allocate, processors raise their clocks. */
const WARM_UP = 3;
/** Passes that are timed however long they take. */
const LEAST = 6;

/**
 * Latencies of each network and then of `more`, in the order of the plan: lengths within batch sizes.
 * @throws {InputError} `inference/length` for a length that one of the networks cannot take
 */
export async function measureLatency(
  networks: readonly Network[],
  plan: LatencySettings,
  more: readonly TimedModel[] = [],
): Promise<Latency[][]> {
  const { threads, device = "cpu" } = plan;
  const engine = new Engine({ threads, provider: device, maxSessions: networks.length });
  try {
    const models: TimedModel[] = [];
    for (const network of networks) {
      const { vocabSize } = network.config;
      models.push({ inference: await openNetwork(engine, network), vocabSize });
    }
    return await timeModels([...models, ...more], plan);
  } finally {
    await engine.close();
  }
}

/** As `measureLatency`, for models that are open already. */
export function timeModels(models: readonly TimedModel[], plan: LatencyPlan): Promise<Latency[][]> {
  const contenders = models.map(({ inference, vocabSize }) =>
    contenderOf((batch) => () => inference.logits(batch), vocabSize),
  );
  return timeContenders(contenders, plan);
}

/** A contender in this process. `prepare` is called once for a case; what it returns is timed. */
export function contenderOf(
  prepare: (batch: InputBatch) => () => Promise<unknown>,
  vocabSize: number,
): Contender {
  let prepared: { readonly at: Case; readonly pass: () => Promise<unknown> } | undefined;
  return {
    turn: async ({ batchSize, length }, { before, timed }) => {
      if (prepared?.at.batchSize !== batchSize || prepared.at.length !== length) {
        prepared = { at: { batchSize, length }, pass: prepare(randomBatch(batchSize, length, vocabSize)) };
      }
      const times: number[] = [];
      for (let i = 0; i < before; i++) await prepared.pass();
      for (let i = 0; i < timed; i++) times.push(await timeOf(prepared.pass));
      return times;
    },
  };
}

/**
 * Latencies of each contender, in the order of the plan: lengths within batch sizes.
 *
 * @param begin  told of each case before its first pass
 */
export async function timeContenders(
  contenders: readonly Contender[],
  plan: LatencyPlan,
  begin: (at: Case) => void = () => undefined,
): Promise<Latency[][]> {
  const latencies = contenders.map((): Latency[] => []);
  for (const batchSize of plan.batchSizes) {
    for (const length of plan.lengths) {
      begin({ batchSize, length });
      const times = await timeCase(contenders, { batchSize, length }, plan);
      times.forEach((each, i) => {
        latencies[i]?.push({ batchSize, length, ...summary(each) });
      });
    }
  }
  return latencies;
}

async function timeCase(
  contenders: readonly Contender[],
  at: Case,
  { repetitions, seconds = Number.POSITIVE_INFINITY, signal }: LatencyPlan,
): Promise<number[][]> {
  const times = contenders.map((): number[] => []);
  let slowest = 0;
  for (const contender of contenders) {
    signal?.throwIfAborted();
    const warm = await contender.turn(at, { before: 0, timed: WARM_UP });
    slowest = Math.max(slowest, Math.min(...warm));
  }
  const affordable = Math.max(LEAST, Math.floor((1000 * seconds) / slowest));
  const wanted = Math.min(repetitions, affordable);
  for (let done = 0; done < wanted; done += TURN) {
    for (const [i, contender] of contenders.entries()) {
      signal?.throwIfAborted();
      const timed = Math.min(TURN, wanted - done);
      times[i]?.push(...(await contender.turn(at, { before: 1, timed })));
    }
  }
  return times;
}

/** Milliseconds until `work` is done. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Random pieces without padding: a model's time does not depend on which. */
export function randomBatch(size: number, length: number, vocabSize: number): InputBatch {
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
