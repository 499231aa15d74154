/**
 * `espalier pretrain`: plain text in, a small masked-language model out, with the vocabulary it learnt.
 *
 *   Objective   masked-language model alone (Devlin et al. 2019, §3.1; no next sentence)
 *   Start       word embeddings from co-occurrence counts (text/ppmi.ts), positions as sinusoids of the same norm,
 *               output biases as log frequencies; all else as BERT
 *   Lengths     most steps on short sequences, every few a step on full ones, from the beginning
 *
 * Departure from the paper: it trains on full sequences in the last tenth of the steps (§A.2). In a short run these
 * steps are too few, and at rates that are too small, for the positions that only they have.
 *
 * Dropout is off while pre-training: a model this small sees each text about once, there is nothing to overfit. The
 * configuration it is written with asks for 0.1, for fine-tuning. What was measured to decide this is in
 * results/notes/pretraining.md.
 */

import { join } from "node:path";
import { RunError } from "../base/errors.ts";
import { requireValue } from "../base/present.ts";
import { fold, type Key, keyOf } from "../base/random.ts";
import { linearRate } from "../base/schedule.ts";
import { floatTensor } from "../base/tensor.ts";
import type { BertConfig } from "../bert/config.ts";
import { EMBEDDINGS, MLM } from "../bert/names.ts";
import { bind } from "../contract/method.ts";
import { Engine } from "../engine/engine.ts";
import { WEIGHTS_FILE } from "../formats/weights.ts";
import { figuresOf } from "../measure/figures.ts";
import { codeVersion, describeMachine, measureFile, peakMemory } from "../measure/machine.ts";
import type { Metric, RunResult } from "../measure/result.ts";
import { trainingVerdict } from "../measure/verdict.ts";
import { FINETUNE as METHOD } from "../methods/finetune.ts";
import { writeFolder } from "../network/folder.ts";
import { initialNetwork, type Network } from "../network/network.ts";
import { resolveOptions } from "../options/schema.ts";
import { PRETRAIN, type PretrainOptions, type PretrainSettings } from "../options/training.ts";
import { leaveReport } from "../report/write.ts";
import { follow } from "../runs/checkpointing.ts";
import { type OpenRun, openRun } from "../runs/open-run.ts";
import { performRun } from "../runs/perform.ts";
import type { RunContext } from "../runs/progress.ts";
import { makeRecipe } from "../runs/recipe.ts";
import { meanRowNorm, ppmiEmbedding, sinusoidPositions, type TokenStream } from "../text/ppmi.ts";
import { specialIds } from "../text/rules.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";
import { ADAMW } from "../train/adamw.ts";
import { type Checkpoint, loadLatestCheckpoint } from "../train/checkpoint.ts";
import type { TrainBatch } from "../train/feeds.ts";
import type { Best, Evaluation, LoopPlan } from "../train/loop.ts";
import { Trainer } from "../train/trainer.ts";
import { type MlmPlan, planBatches, readCorpus } from "./pretrain-data.ts";

/** A network whose training is over, and what the best evaluation found. */
interface Pretrained {
  readonly network: Network;
  readonly best: Best;
  /** Held-out pieces that were predicted. */
  readonly predictions: number;
}

/**
 * Pre-trains an encoder on plain text and leaves a run folder with a model for fine-tuning.
 *
 * @throws {ConfigError} for options that do not fit each other or the text; {InputError} for a text that cannot be
 *   read or is too short (`pretrain/short`)
 * @throws {RunError} `train/diverged`
 * @throws {InterruptedError} when asked to stop; `context.resume` goes on
 * @example await pretrain({ corpus: "wikipedia.txt", out: "runs/small", steps: 10_000 });
 */
export async function pretrain(options: PretrainOptions, context: RunContext = {}): Promise<RunResult> {
  const settings = resolveOptions(PRETRAIN, options);
  return performRun(settings.out, context, () => pretrainWith(settings, context));
}

async function pretrainWith(settings: PretrainSettings, context: RunContext): Promise<RunResult> {
  const started = performance.now();
  const recipe = await makeRecipe({ command: "pretrain", settings, model: [], data: [settings.corpus] });
  const title = `pre-training on ${settings.corpus}`;
  await using run = await openRun(recipe, settings, { title, started }, context);
  const saved = await loadLatestCheckpoint(run.paths.checkpoints);
  const tell = (name: string): void => run.record({ kind: "phase", name });
  const corpus = await readCorpus(settings, tell);
  const plan = planBatches(corpus, settings);
  const random = randomNetwork(corpus.vocabulary, settings);
  // A checkpoint has every weight: it needs no start.
  const counts = settings.ppmi && !saved;
  if (counts) tell("counting neighbours");
  const network = counts ? startFromCounts(random, corpus.train, fold(keyOf(settings.seed), "ppmi")) : random;
  tell("training");
  const pretrained = await trainNetwork(network, plan, settings, run, saved);
  return await finish(pretrained, settings, run);
}

/** Deviation of word embeddings made from counts: larger than of the other matrices, for they are the output's too. */
const WORD_DEVIATION = 0.05;

/** A random network of the asked shape. */
function randomNetwork(vocabulary: TokenizerFiles, settings: PretrainSettings): Network {
  const { hidden, layers, heads, ffn, maxLength, seed } = settings;
  const config: BertConfig = {
    vocabSize: vocabulary.vocab.length,
    hiddenSize: hidden,
    layers: Array.from({ length: layers }, () => ({ heads, headSize: hidden / heads, ffn })),
    maxPositions: maxLength,
    typeVocab: 2,
    activation: "gelu",
    layerNormEps: 1e-12,
    hiddenDropout: 0.1,
    attentionDropout: 0.1,
    initializerRange: 0.02,
    padTokenId: specialIds(vocabulary).pad,
  };
  return initialNetwork(config, { kind: "mlm" }, vocabulary, fold(keyOf(seed), "network"));
}

/**
 * What counting gives before any step: output biases are the pieces' log frequencies, word embeddings come from the
 * words' neighbours, position embeddings are sinusoids of the same mean norm.
 */
export function startFromCounts(network: Network, stream: TokenStream, key: Key): Network {
  const { vocabSize, hiddenSize, maxPositions } = network.config;
  const dimension = hiddenSize;
  const words = ppmiEmbedding(stream, { vocabSize, dimension, deviation: WORD_DEVIATION, key });
  const positions = sinusoidPositions(maxPositions, dimension, meanRowNorm(words, dimension));
  const tensors = new Map(network.tensors)
    .set(EMBEDDINGS.words, floatTensor([vocabSize, dimension], words))
    .set(EMBEDDINGS.positions, floatTensor([maxPositions, dimension], positions))
    .set(MLM.bias, floatTensor([vocabSize], logFrequencies(stream.tokens, vocabSize)));
  return { ...network, tensors };
}

/** log(share) of each piece, half an occurrence added: what a model that sees no context should answer. */
function logFrequencies(tokens: Int32Array, vocabSize: number): Float32Array {
  const counts = new Float32Array(vocabSize).fill(0.5);
  for (const token of tokens) counts[token] = (counts[token] ?? 0) + 1;
  return counts.map((count) => Math.log(count / (tokens.length + vocabSize / 2)));
}

/** Trains to the end of the plan, from the start or from a checkpoint. */
async function trainNetwork(
  network: Network,
  batches: MlmPlan,
  settings: PretrainSettings,
  run: OpenRun,
  saved: Checkpoint | undefined,
): Promise<Pretrained> {
  const { threads, device, steps, seed, weightDecay, clip, learningRate: peak, warmup } = settings;
  const engine = new Engine({ threads, provider: device });
  try {
    const method = bind(METHOD, network, {}, { steps, key: fold(keyOf(seed), "method") });
    const adamw = { ...ADAMW, decay: weightDecay };
    const limit = clip === 0 ? Number.POSITIVE_INFINITY : clip;
    const trainer = await Trainer.open(engine, { method, adamw, clip: limit }, saved?.trainer);
    const plan: LoopPlan = {
      steps,
      rate: (step) => linearRate({ peak, steps, warmup }, step),
      batches: (step) => [batches.at(step)],
      evaluateEvery: settings.evalEvery,
      evaluate: (model) => heldOutLoss(model, batches.heldOut),
    };
    const { best } = await follow(trainer, plan, run, batches.epochs, saved?.loop);
    if (best === undefined) throw new RunError("train/none", "training: expected an evaluation, got none");
    return {
      network: { ...network, tensors: best.tensors },
      best,
      predictions: predictions(batches.heldOut),
    };
  } finally {
    await engine.close();
  }
}

function predictions(batches: readonly TrainBatch[]): number {
  return batches.reduce((n, { labels }) => n + labels.length, 0);
}

/** Mean loss over all held-out predictions. */
async function heldOutLoss(
  model: Pick<Trainer, "loss">,
  batches: readonly TrainBatch[],
): Promise<Evaluation> {
  let sum = 0;
  for (const batch of batches) sum += (await model.loss(batch)) * batch.labels.length;
  const loss = sum / predictions(batches);
  return { metrics: { loss }, primary: -loss, loss };
}

/** Writes the model and the result. */
async function finish(
  { network, best, predictions: examples }: Pretrained,
  settings: PretrainSettings,
  run: OpenRun,
): Promise<RunResult> {
  const { storage, maxLength: length, seed, threads } = settings;
  await writeFolder(run.paths.model, network, { storage });
  const bytes = await measureFile(join(run.paths.model, WEIGHTS_FILE));
  const after = requireValue(best.metrics.loss, "loss");
  const metric: Metric = { name: "loss", better: "lower", before: null, after, examples };
  const result: RunResult = {
    version: 1,
    command: "pretrain",
    code: await codeVersion(),
    task: null,
    method: null,
    metric,
    models: [figuresOf("original", network, { metrics: best.metrics, bytes, latency: [], length })],
    length,
    seeds: [seed],
    wallSeconds: run.seconds(),
    peakBytes: peakMemory(),
    machine: describeMachine(threads),
    verdict: trainingVerdict(metric),
  };
  await leaveReport(run, settings, { result, network });
  await run.finish(result, settings.keepCheckpoints);
  return result;
}
