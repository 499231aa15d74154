/**
 * What pre-training learns from: a text file as a vocabulary, a stream of pieces and batches by step.
 *
 * Everything is a function of the file and the settings, so a stopped run makes it again instead of storing it. The
 * end of the text is held out: no step sees it, every evaluation does.
 *
 * Not here: the masking itself (data/corpus.ts), the network, the loop.
 */

import { InputError } from "../base/errors.ts";
import { fold, keyOf } from "../base/random.ts";
import {
  type Blocks,
  cutBlocks,
  type MlmBatch,
  type MlmBatches,
  mlmBatches,
  readArticles,
  textLines,
  tokenizeArticles,
} from "../data/corpus.ts";
import type { PretrainSettings } from "../options/training.ts";
import type { TokenStream } from "../text/ppmi.ts";
import type { SpecialIds } from "../text/rules.ts";
import { createTokenizer, type TokenizerFiles } from "../text/tokenizer.ts";
import { countWords, trainWordPiece } from "../text/wordpiece-trainer.ts";
import type { TrainBatch } from "../train/feeds.ts";

/** A corpus, read. */
export interface Corpus {
  readonly vocabulary: TokenizerFiles;
  readonly special: SpecialIds;
  readonly train: TokenStream;
  readonly heldOut: TokenStream;
}

/** Share of the pieces held out, and the most that are: an evaluation should cost little beside the steps. */
const HELD_OUT = 0.005;
const MOST_HELD_OUT = 75_000;
/** Rows of an evaluation batch. */
const EVAL_ROWS = 32;
const FLAGS = { lowercase: true, stripAccents: null, tokenizeChineseChars: true } as const;

/**
 * Learns the vocabulary and reads the text with it. `tell` is called as each part begins.
 *
 * @throws {InputError} `table/missing`, `table/utf8`, `table/encoding`, `table/gzip`, `wordpiece/no-words`, `corpus/empty`, `pretrain/short`
 */
export async function readCorpus(
  { corpus, limit, vocabSize, maxLength }: PretrainSettings,
  tell: (part: string) => void,
): Promise<Corpus> {
  const lines = (): AsyncGenerator<string> => textLines(corpus, limit);
  tell("learning the vocabulary");
  const vocab = trainWordPiece(await countWords(lines(), FLAGS), { size: vocabSize });
  const vocabulary: TokenizerFiles = { ...FLAGS, vocab, maxLength };
  const tokenizer = createTokenizer(vocabulary);
  tell("reading the text");
  const stream = await tokenizeArticles(readArticles(lines()), tokenizer);
  return { vocabulary, special: tokenizer.special, ...splitStream(stream, maxLength) };
}

/**
 * The last pieces of a stream apart; an article at the border is divided.
 *
 * @throws {InputError} `pretrain/short` when there is not a block of `length` for either part
 */
export function splitStream(
  { tokens, starts }: TokenStream,
  length: number,
): { readonly train: TokenStream; readonly heldOut: TokenStream } {
  const held = Math.max(length, Math.min(MOST_HELD_OUT, Math.floor(HELD_OUT * tokens.length)));
  const border = tokens.length - held;
  if (border < length) {
    throw new InputError(
      "pretrain/short",
      `corpus: expected at least ${2 * length} pieces for sequences of ${length}, got ${tokens.length}`,
    );
  }
  const before = starts.filter((start) => start < border);
  const after = starts.filter((start) => start > border).map((start) => start - border);
  // Lists: as arguments of a call the articles of a large corpus would overflow the stack.
  return {
    train: { tokens: tokens.subarray(0, border), starts: Int32Array.from([...before, border]) },
    heldOut: { tokens: tokens.subarray(border), starts: Int32Array.from([0, ...after]) },
  };
}

/** The batch of each step: short sequences, and full ones between them from the beginning. */
export interface MlmPlan {
  at(step: number): TrainBatch;
  /** Passes over the text after `steps` steps. */
  epochs(steps: number): number;
  /** Held-out batches at full length, always masked alike. */
  readonly heldOut: readonly TrainBatch[];
}

/** How many of the first `steps` steps have sequences of `length`. */
interface Part {
  readonly length: number;
  before(steps: number): number;
}

/**
 * The lengths a run trains on. A step is a full one when it brings the number of full ones up to their share of the
 * steps so far: they are spread evenly, and both numbers are known for any step without the ones before it.
 */
function partsOf({ maxLength, shortLength, longShare }: PretrainSettings): Part[] {
  const share = shortLength < maxLength ? longShare : 1;
  const full = (steps: number): number => Math.floor(share * steps);
  return [
    { length: shortLength, before: (steps) => steps - full(steps) },
    { length: maxLength, before: full },
  ];
}

/**
 * Plans the batches of a run.
 *
 * @throws {ConfigError} `mlm/batch` when the text has fewer blocks than a batch has rows; `corpus/length`
 */
export function planBatches(
  { vocabulary, train, heldOut, special }: Corpus,
  settings: PretrainSettings,
): MlmPlan {
  const { maxLength, batchTokens, steps, maskRate, seed } = settings;
  // A short text can have fewer pieces than were asked for.
  const vocabSize = vocabulary.vocab.length;
  const key = fold(keyOf(seed), "batches");
  const of = (blocks: Blocks, batchSize: number, purpose: string): MlmBatches =>
    mlmBatches(blocks, { batchSize, key: fold(key, purpose), special, vocabSize, maskRate });
  const parts = partsOf(settings)
    .filter(({ before }) => before(steps) > 0)
    .map(({ length, before }) => {
      const rows = Math.max(1, Math.floor(batchTokens / length));
      return { before, batches: of(cutBlocks(train, length), rows, `length ${length}`) };
    });
  const held = cutBlocks(heldOut, maxLength);
  const evaluation = of(held, Math.min(EVAL_ROWS, held.counts.length), "held out");
  return {
    at: (step) => {
      const now = step < steps ? parts.find(({ before }) => before(step + 1) > before(step)) : undefined;
      if (now === undefined) throw new RangeError(`step: expected one below ${steps}, got ${step}`);
      return withoutFillers(now.batches.at(now.before(step)));
    },
    epochs: (done) =>
      parts.reduce((sum, { before, batches }) => sum + before(done) / batches.stepsPerEpoch, 0),
    heldOut: Array.from({ length: evaluation.stepsPerEpoch }, (_, i) => withoutFillers(evaluation.at(i))),
  };
}

/** A batch for the trainer. Places of weight 0 fill up short rows; the graph takes any number of places instead. */
export function withoutFillers({ positions, targets, weights, ...batch }: MlmBatch): TrainBatch {
  const counts = (_: number, i: number): boolean => weights[i] !== 0;
  return { ...batch, positions: positions.filter(counts), labels: targets.filter(counts) };
}
