/** Small networks, made-up batches and short runs: what the tests of training, methods and checkpoints share. */

import { fold, type Key, keyOf, randint } from "../../src/base/random.ts";
import { linearRate } from "../../src/base/schedule.ts";
import type { FloatTensor } from "../../src/base/tensor.ts";
import type { Head } from "../../src/bert/config.ts";
import type { BoundMethod } from "../../src/contract/method.ts";
import { Engine } from "../../src/engine/engine.ts";
import { initialNetwork, type Network } from "../../src/network/network.ts";
import { ADAMW } from "../../src/train/adamw.ts";
import { loadLatestCheckpoint, saveCheckpoint } from "../../src/train/checkpoint.ts";
import type { TrainBatch } from "../../src/train/feeds.ts";
import { type LoopEvent, type LoopPlan, type LoopState, train } from "../../src/train/loop.ts";
import { Trainer, type TrainerSettings, type TrainerState } from "../../src/train/trainer.ts";
import { configOf } from "./configs.ts";

const VOCABULARY = 60;
export const CLASSES: Head = { kind: "classification", labels: ["a", "b", "c"] };

/** A network of 12 features with random weights, large enough that every gradient is far from 0. */
export function smallNetwork(head: Head, layers: number, dropout = 0.1, seed = 9): Network {
  const layer = { heads: 2, headSize: 6, ffn: 20 };
  const config = configOf({
    vocabSize: VOCABULARY,
    hiddenSize: 12,
    layers: Array.from({ length: layers }, () => layer),
    maxPositions: 8,
    hiddenDropout: dropout,
    attentionDropout: dropout,
    initializerRange: 0.3,
  });
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const vocab = Array.from({ length: VOCABULARY }, (_, i) => special[i] ?? `piece${i}`);
  const files = { vocab, lowercase: true, stripAccents: null, tokenizeChineseChars: true, maxLength: 8 };
  return initialNetwork(config, head, files, keyOf(seed));
}

/** Batch `number`: `size` texts of 3 to 8 pieces out of a part of the vocabulary, so that few rows are read at once. */
export function madeUpBatch(head: Head, number: number, size = 4): TrainBatch {
  const key = fold(keyOf(4), number);
  const length = 8;
  const ids = new Int32Array(size * length);
  const types = new Int32Array(size * length);
  const mask = new Float32Array(size * length);
  for (let row = 0; row < size; row++) {
    const pieces = row === 0 ? length : randint(fold(key, row), 6, 99) + 3;
    for (let i = 0; i < pieces; i++) {
      ids[row * length + i] = 5 + ((11 * number + randint(fold(key, row), 20, i)) % (VOCABULARY - 5));
      types[row * length + i] = Number(2 * i >= pieces);
      mask[row * length + i] = 1;
    }
  }
  const batch = { size, length, ids, types, mask };
  if (head.kind === "mlm") return { ...batch, ...masked(ids, mask, key) };
  const labels = Array.from({ length: size }, (_, i) => randint(fold(key, "labels"), 3, i));
  return {
    ...batch,
    labels: head.kind === "regression" ? Float32Array.from(labels) : Int32Array.from(labels),
  };
}

/** Every third piece is to be predicted. */
function masked(ids: Int32Array, mask: Float32Array, key: Key): Pick<TrainBatch, "labels" | "positions"> {
  const positions = Int32Array.from([...ids.keys()].filter((i) => mask[i] === 1 && (i + key[0]) % 3 === 0));
  return { positions, labels: Int32Array.from(positions, (i) => ids[i] ?? 0) };
}

/** Rows `from` to `to` of a batch; for texts, not for masked pieces. */
export function rowsOf(batch: TrainBatch, from: number, to: number): TrainBatch {
  const { length, ids, types, mask, labels } = batch;
  const cut = [from * length, to * length] as const;
  return {
    size: to - from,
    length,
    ids: ids.slice(...cut),
    types: types.slice(...cut),
    mask: mask.slice(...cut),
    labels: labels.slice(from, to),
  };
}

/** Settings of a small run; the seed decides dropout. */
export function settingsOf(method: BoundMethod, seed: number | undefined): TrainerSettings {
  return {
    method,
    adamw: { ...ADAMW, decay: 0.1 },
    clip: 1,
    ...(seed === undefined ? {} : { key: fold(keyOf(seed), "dropout") }),
  };
}

/** Opens a trainer on an engine of its own, uses it, closes the engine. */
export async function withTrainer<T>(
  settings: TrainerSettings,
  use: (trainer: Trainer, engine: Engine) => Promise<T>,
  state?: TrainerState,
): Promise<T> {
  const engine = new Engine({ threads: 1 });
  try {
    return await use(await Trainer.open(engine, settings, state), engine);
  } finally {
    await engine.close();
  }
}

/** `steps` steps of two parts each, an evaluation every second step. */
export function smallPlan(head: Head, steps: number): LoopPlan {
  return {
    steps,
    rate: (step) => linearRate({ peak: 1e-2, steps, warmup: 0.2 }, step),
    batches: (step) => [madeUpBatch(head, 2 * step), madeUpBatch(head, 2 * step + 1, 3)],
    evaluateEvery: 2,
    evaluate: async (trainer) => {
      const loss = await trainer.loss(madeUpBatch(head, 1000));
      return { metrics: { loss }, primary: -loss };
    },
  };
}

/** What a run leaves: everything that has to be equal for two runs to be the same. */
export interface Outcome {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  readonly state: TrainerState;
  readonly loop: LoopState;
  readonly events: readonly LoopEvent[];
}

/** Runs a plan to its end. */
export function runPlan(settings: TrainerSettings, plan: LoopPlan): Promise<Outcome> {
  return withTrainer(settings, (trainer) => follow(trainer, plan, { stale: 0 }, Number.POSITIVE_INFINITY));
}

/** Goes on to the end of the plan, or to the end of its next `limit` steps and evaluations. */
async function follow(trainer: Trainer, plan: LoopPlan, from: LoopState, limit: number): Promise<Outcome> {
  const events: LoopEvent[] = [];
  let loop = from;
  for await (const event of train(trainer, plan, loop)) {
    events.push(event);
    if (event.kind === "evaluation") loop = event.state;
    if (events.length >= limit) break;
  }
  return { tensors: await trainer.tensors(), state: await trainer.state(), loop, events };
}

/** Times a run in pieces goes on in the engine it was stopped in before it gets a new one, which takes longer. */
const PIECES_PER_ENGINE = 3;

/**
 * The same run, stopped after every single step and evaluation, saved in `folder`, and gone on with from there by
 * another trainer, every few times in a new engine.
 */
export async function runInPieces(
  settings: TrainerSettings,
  plan: LoopPlan,
  folder: string,
): Promise<Outcome> {
  const events: LoopEvent[] = [];
  for (;;) {
    const engine = new Engine({ threads: 1 });
    try {
      for (let piece = 0; piece < PIECES_PER_ENGINE; piece++) {
        const from = await loadLatestCheckpoint(folder);
        const trainer = await Trainer.open(engine, settings, from?.trainer);
        const outcome = await follow(trainer, plan, from?.loop ?? { stale: 0 }, 1);
        if (outcome.events.length === 0) return { ...outcome, events };
        events.push(...outcome.events);
        await saveCheckpoint(folder, { trainer: outcome.state, loop: outcome.loop, extra: {} });
      }
    } finally {
      await engine.close();
    }
  }
}
