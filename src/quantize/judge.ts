/**
 * What a quantization is judged and calibrated by: labelled text under its task's metric, or of a bare encoder texts alone,
 * whose vectors are held to those of float32.
 */

import { ConfigError, InputError } from "../base/errors.ts";
import { fold, keyOf, permutation } from "../base/random.ts";
import { type EncodedSet, encodeDataset, unlabelled } from "../data/batches.ts";
import { truthOf } from "../data/judging/judge.ts";
import { growsWithQuality, primaryOf } from "../data/judging/metrics.ts";
import { classColumns, reorderColumns } from "../measure/class-columns.ts";
import { judgeLogits } from "../measure/logits.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import type { QuantizeSettings } from "../options/models.ts";
import { readCorpus, readData } from "../runs/data.ts";
import { labellingOf } from "../runs/head.ts";
import type { RunContext } from "../runs/progress.ts";
import { meanCosine } from "./answers.ts";
import { calibrationTexts } from "./calibrate.ts";

/** Texts that judge a bare encoder: the mean of so many cosines is off by less than 0.001. */
const JUDGING = 512;
/** What judges a model, and what calibrates it. */
export interface Judge {
  readonly metric: string;
  readonly calibration: EncodedSet;
  readonly set: EncodedSet;
  /** From 0 to 1, or a correlation. The first answers are those of float32, to which cosines are held. */
  readonly score: (answers: Float32Array) => number;
}

/** @throws {ConfigError} `quantize/data`, `quantize/metric`, `quantize/judging`; {InputError} `quantize/texts`; as `readData` does */
export async function readJudge(
  settings: QuantizeSettings,
  network: Network,
  context: RunContext,
): Promise<Judge> {
  return network.head.kind === "none"
    ? readTexts(settings, network, context)
    : readLabelled(settings, network, context);
}

/** @throws {ConfigError} `quantize/data` without labelled text */
async function readLabelled(
  { data: path, ...settings }: QuantizeSettings,
  network: Network,
  context: RunContext,
): Promise<Judge> {
  if (path === undefined) {
    const message = "data: expected labelled text to judge by, got none";
    throw new ConfigError("quantize/data", message);
  }
  const { train, dev, measure, notes } = await readData(
    { ...settings, data: path },
    labellingOf(network.head),
    context,
  );
  for (const text of notes) context.report?.({ kind: "note", text });
  if (!growsWithQuality(measure.primary)) {
    const message = `metric: expected one of which more is better, since a drop is to be held, got ${measure.primary}`;
    throw new ConfigError("quantize/metric", message);
  }
  const columns = classColumns(network.head, dev);
  const [tokenizer, length] = [tokenizerOf(network), lengthFor(network, settings.maxLength)];
  const encode = (set: typeof dev): EncodedSet => encodeDataset(set, tokenizer, length);
  const set = encode(dev);
  const chosen = draw(train.examples.length, settings.seed).slice(0, settings.calibration);
  const calibration = calibrationTexts(encode(train), chosen);
  const truth = truthOf(set);
  return {
    metric: measure.primary,
    calibration,
    set,
    score: (answers) => {
      const { metrics } = judgeLogits(measure, reorderColumns(answers, columns), truth);
      return primaryOf(measure, metrics);
    },
  };
}

/** @throws {InputError} `quantize/texts` for fewer than two texts */
async function readTexts(settings: QuantizeSettings, network: Network, context: RunContext): Promise<Judge> {
  const { texts, data = "", ...rest } = settings;
  const other = (["validation", "folds", "metric"] as const).find((key) => settings[key] !== undefined);
  if (other !== undefined) {
    const message = `${other}: expected none for an encoder without a head, of whose texts half judge, got ${settings[other]}`;
    throw new ConfigError("quantize/judging", message);
  }
  const corpus = {
    ...rest,
    ...(texts === undefined ? {} : { task: undefined }),
    data: texts ?? data,
  };
  const all = await readCorpus(corpus, context);
  const lines = [...new Set(all)].filter((text) => text.trim() !== "");
  if (lines.length < 2) {
    const message = `texts: expected two different ones or more, got ${lines.length} (${texts ?? data})`;
    throw new InputError("quantize/texts", message);
  }
  const [tokenizer, length] = [tokenizerOf(network), lengthFor(network, settings.maxLength)];
  const order = draw(lines.length, settings.seed);
  // Of few texts half judge: what was calibrated on does not.
  const count = Math.min(settings.calibration, Math.floor(lines.length / 2));
  const encode = (places: readonly number[]): EncodedSet =>
    unlabelled(
      places.map((i) => tokenizer.encode(lines[i] ?? "", undefined, length)),
      tokenizer.special.pad,
    );
  const set = encode(order.slice(count, count + JUDGING));
  let exact: Float32Array | undefined;
  return {
    metric: "cosine",
    calibration: encode(order.slice(0, count)),
    set,
    score: (answers) => {
      exact ??= answers;
      return meanCosine(exact, answers, set.examples.length);
    },
  };
}

function draw(count: number, seed: number): number[] {
  return [...permutation(fold(keyOf(seed), "calibration"), count)];
}
