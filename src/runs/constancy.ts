/**
 * Watches for a model that says the same of everything, tells the two ways to get there apart, and says what helps.
 *
 * No metric shows it plainly on unbalanced data. It may happen early on, so the first time is a note. It is an error at
 * the end when it is so twice running or answers have never varied, and at once when what had been learnt has collapsed.
 *
 *   flat        the loss has stayed at that of guessing: nothing was learnt, the steps are few or the rate is too low
 *   collapsed   the loss fell or rose and the answers do not depend on the text any more: the rate is too high
 *   behind      what is trained reads the text, the product that is judged does not yet: modules that were swapped in or
 *               pruned matrices need more steps
 *
 * Where the steps are few and answers have never varied, more of them are always among what is advised: so early, one may
 * look like the other.
 *
 * A head that has learnt nothing still hears the encoder: logits differ from text to text, though hardly enough to change
 * the class of a few. In a collapsed encoder all texts are one.
 */

import { RunError } from "../base/errors.ts";
import { requireItem } from "../base/present.ts";
import type { TaskKind } from "../data/dataset.ts";
import { predict, type Truth } from "../data/judging/judge.ts";
import { ENOUGH_TO_FINETUNE } from "./epochs.ts";

/** Steps whose losses are averaged: single batches are too noisy to say whether a loss moved. */
const WINDOW = 10;
/** A loss that begins so many times above guessing is not the labels' alone. */
const FAR = 3;
/** A mean loss below or above guessing by this share has moved. */
const MOVED = 0.1;
/** Logits that differ less than this from text to text do not depend on it. */
const SPREAD = 1e-3;

/** Predicted values within this share of the labels' deviation are alike. */
const ALIKE = 0.02;

/** What the watch compares with and what it names. */
export interface WatchFacts {
  readonly task: TaskKind;
  /** Of the judging set. */
  readonly truth: Truth;
  readonly steps: number;
  readonly learningRate: number;
  readonly epochs: number;
  /** A compression: what is taken away may be too much. */
  readonly removes: boolean;
}

/** An eye on one training phase. */
export interface ConstancyWatch {
  /** Hears the training loss of every step. */
  readonly hear: (loss: number) => void;
  /**
   * Looks at what the model says after `step` steps. Returns what the user should know.
   * @throws {RunError} `train/constant`
   */
  readonly look: (logits: Float32Array, step: number) => string | undefined;
  /** To be called when training is over. @throws {RunError} `train/constant` */
  readonly end: () => void;
}

/** Begins to watch. @param varied  whether an earlier part of the run has seen answers that differ */
export function watchConstancy(facts: WatchFacts, varied = false): ConstancyWatch {
  const losses: number[] = [];
  let seen: Seen | undefined;
  let [hasVaried, running] = [varied, 0];
  const diagnosis = (logits: Float32Array): Diagnosis =>
    diagnose(facts, losses, logits, { before: varied, ever: hasVaried });
  const refuse = (last: Seen): never => {
    const { state, advice } = diagnosis(last.logits);
    const found = `got the same for all ${facts.truth.labels.length / widthOf(facts)} after step ${last.step}`;
    throw new RunError(
      "train/constant",
      `training: expected predictions that differ between examples, ${found}. ${state}: ${advice}.`,
    );
  };
  return {
    hear: (loss) => {
      losses.push(loss);
    },
    look: (logits, step) => {
      const constant = isConstant(logits, facts);
      running = constant ? running + 1 : 0;
      hasVaried ||= !constant;
      seen = { logits, step };
      if (hasVaried && running > 1 && diagnosis(logits).isLost) refuse(seen);
      if (running !== 1 || step >= facts.steps) return undefined;
      const { state, advice } = diagnosis(logits);
      const same = facts.task === "regression" ? "nearly the same" : "the same";
      const all = `${facts.truth.labels.length / widthOf(facts)} ${facts.task === "tokens" ? "words" : "examples"}`;
      const what = `after step ${step} of ${facts.steps} the model says ${same} of all ${all}`;
      const early = step < EARLY * facts.steps ? " so far, as many do early on" : "";
      return `${what}${early}. ${state}; if it stays so, ${advice}`;
    },
    end: () => {
      if (seen !== undefined && (!hasVaried || running > 1)) refuse(seen);
    },
  };
}

/** Share of the steps in which it is nothing to worry about. */
const EARLY = 0.5;

interface Seen {
  readonly logits: Float32Array;
  readonly step: number;
}

/** Whether every example, or word, is answered alike. One cannot be, and vectors are not looked at. */
export function isConstant(
  logits: Float32Array,
  { truth, task }: Pick<WatchFacts, "truth" | "task">,
): boolean {
  const width = widthOf({ truth });
  if (task === "embedding" || truth.labels.length < 2 * width) return false;
  const said = predict({ task }, logits, truth);
  // Values that hardly differ where the labels do are one answer.
  const nearness = task === "regression" ? ALIKE * deviationOf(Array.from(truth.labels)) : 0;
  for (let i = width; i < said.length; i++) {
    if (Math.abs(requireItem(said, i, "answers") - requireItem(said, i % width, "answers")) > nearness)
      return false;
  }
  return true;
}

/** Labels of one example. */
function widthOf({ truth }: Pick<WatchFacts, "truth">): number {
  return truth.width ?? 1;
}

/** Numbers of one answer: logits of classes, one value, one logit for each label. */
function numbersOf(logits: Float32Array, facts: WatchFacts): number {
  return (logits.length / facts.truth.labels.length) * widthOf(facts);
}

interface Diagnosis {
  readonly state: string;
  readonly advice: string;
  /** More steps will not mend it. */
  readonly isLost: boolean;
}

/** Whether answers have varied in a part of the run before this one, and whether they ever have. */
interface Varied {
  readonly before: boolean;
  readonly ever: boolean;
}

function diagnose(
  facts: WatchFacts,
  losses: readonly number[],
  logits: Float32Array,
  varied: Varied,
): Diagnosis {
  const rate = facts.learningRate.toExponential().replace("e+0", "");
  const means = windowMeans(losses);
  const [guess, most] = guessingLosses(facts, numbersOf(logits, facts));
  const now = means.at(-1);
  const [first] = means;
  // A distance to a teacher's states is no cross-entropy, and is held to itself.
  const isOwn = first !== undefined && first > FAR * most;
  const beside = isOwn ? `at first ${first.toFixed(3)}` : `of guessing ${guess.toFixed(3)}`;
  const loss = now === undefined ? "" : ` (loss ${now.toFixed(3)}, ${beside})`;
  const count = facts.steps === 1 ? "1 step is" : `${facts.steps} steps are`;
  const few = facts.steps < ENOUGH_TO_FINETUNE.steps;
  const moved = means.some((mean) => mean < guess * (1 - MOVED) || mean > most * (1 + MOVED));
  // Untrained answers lie about a border, and a few may cross it: that is nothing learnt. Losses before are not known.
  if (!varied.before && !moved && spreadOf(logits, facts) > SPREAD) {
    return {
      state: `It has learnt nothing yet${loss}`,
      advice: few
        ? `try more epochs than ${facts.epochs} (${count} few), or a higher learning rate than ${rate}`
        : `try a higher learning rate than ${rate}, or more epochs than ${facts.epochs}`,
      isLost: false,
    };
  }
  if (
    !varied.ever &&
    now !== undefined &&
    now < Math.min(isOwn ? Number.POSITIVE_INFINITY : guess, first ?? now) * (1 - MOVED)
  ) {
    return {
      state: `What is trained does learn${loss}, and the product that is judged is behind it`,
      advice: `try more epochs than ${facts.epochs}`,
      isLost: false,
    };
  }
  const less = facts.removes ? "to remove less (--sparsity, --set), " : "";
  return {
    state: `It has collapsed${loss}`,
    advice:
      few && !varied.ever
        ? `try ${less}a lower learning rate than ${rate}, a longer warm-up, or more epochs than ${facts.epochs} (${count} few)`
        : `try ${less}a lower learning rate than ${rate}, or a longer warm-up`,
    isLost: true,
  };
}

/** Means of so many losses at a time; the last has the rest too. */
function windowMeans(losses: readonly number[]): number[] {
  if (losses.length === 0) return [];
  const count = Math.max(1, Math.floor(losses.length / WINDOW));
  return Array.from({ length: count }, (_, i) =>
    mean(losses.slice(i * WINDOW, i === count - 1 ? losses.length : (i + 1) * WINDOW)),
  );
}

/**
 * Losses of answers that do not read the text. The least: the entropy of the labels, or the variance of values. The most: that
 * of equal probabilities, or of the answer 0.
 */
function guessingLosses({ truth, task }: WatchFacts, classes: number): [number, number] {
  const labels = Array.from(truth.labels);
  if (task === "multi-label") {
    const shares = Array.from({ length: classes }, (_, c) =>
      mean(labels.filter((_label, i) => i % classes === c)),
    );
    return [mean(shares.map((p) => entropyOf([p, 1 - p]))), Math.LN2];
  }
  if (task === "regression") {
    const middle = mean(labels);
    return [mean(labels.map((y) => (y - middle) ** 2)), mean(labels.map((y) => y ** 2))];
  }
  const shares = Array.from({ length: classes }, (_, c) => mean(labels.map((label) => Number(label === c))));
  return [entropyOf(shares), Math.log(classes)];
}

function entropyOf(shares: readonly number[]): number {
  return shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

/** The largest standard deviation over the examples of a logit, of classes less its row's mean, or of a value. */
function spreadOf(logits: Float32Array, facts: WatchFacts): number {
  const width = numbersOf(logits, facts);
  const isShared = facts.task === "classification" || facts.task === "tokens";
  const columns = Array.from({ length: width }, (_, c) =>
    Array.from({ length: logits.length / width }, (_row, i) => {
      const row = [...logits.subarray(i * width, (i + 1) * width)];
      return requireItem(row, c, "logits") - (isShared ? mean(row) : 0);
    }),
  );
  return Math.max(
    ...columns.map((column) => {
      const middle = mean(column);
      return Math.sqrt(mean(column.map((x) => (x - middle) ** 2)));
    }),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
