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
 * Guessing is held to the loss that is trained with (train/guessing.ts). To one with a part of a method's own, such as a
 * teacher's or a penalty, nothing of guessing is said: it is held to where it began, and no run ends early by it.
 *
 * Where the steps are few and answers have never varied, more of them are always among what is advised: so early, one may
 * look like the other.
 *
 * Where one class is nearly all there is, a model that has learnt may say it of everything: its loss is then well below that
 * of guessing, and it is kept. Examples that are all labelled alike cannot tell at all.
 *
 * A head that has learnt nothing still hears the encoder: logits differ from text to text, though hardly enough to change
 * the class of a few. In a collapsed encoder all texts are one.
 */

import { RunError } from "../base/errors.ts";
import { mean } from "../base/statistics.ts";
import type { Objective } from "../bert/objective.ts";
import type { TaskKind } from "../data/dataset.ts";
import type { Truth } from "../data/judging/judge.ts";
import {
  beatsGuessing,
  countOf,
  countRight,
  isAlike,
  numbersOf,
  spreadOf,
  thingsOf,
} from "../measure/alike.ts";
import { guessingLoss } from "../train/guessing.ts";
import { ENOUGH_TO_FINETUNE } from "./epochs.ts";

/** Steps whose losses are averaged: single batches are too noisy to say whether a loss moved. */
const WINDOW = 10;
/** A mean loss below or above guessing by this share has moved. */
const MOVED = 0.1;
/** Logits that differ less than this from text to text do not depend on it. */
const SPREAD = 1e-3;

/** One answer that is right for this share of the examples is what a model that has learnt may say of all of them. */
const COMMON = 0.9;
/** A class that is so many times as frequent as the rarest outweighs it. */
const UNEVEN = 3;

/** What the watch compares with and what it names. */
export interface WatchFacts {
  readonly task: TaskKind;
  /** What the task's loss is told; default nothing. */
  readonly objective?: Objective | undefined;
  /** Whether a method has a part in the loss, of which guessing is not known. */
  readonly ownLoss?: boolean;
  /** Of the judging set. */
  readonly truth: Truth;
  /** Of the training set, whose losses are heard; default the judging set's. */
  readonly learnt?: Truth;
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
  let [hasVaried, isTold, running] = [varied, false, 0];
  const diagnosis = (logits: Float32Array): Diagnosis => {
    const found = diagnose(facts, losses, logits, { before: varied, ever: hasVaried });
    return { ...found, advice: found.advice + balanceAdvice(facts) };
  };
  const refuse = (last: Seen): never => {
    const { state, advice } = diagnosis(last.logits);
    const found = `got the same for all ${countOf(facts.truth)} after step ${last.step}`;
    throw new RunError(
      "train/constant",
      `training: expected predictions that differ between examples, ${found}. ${state}: ${advice}; --allow-constant keeps such a model.`,
    );
  };
  return {
    hear: (loss) => {
      losses.push(loss);
    },
    look: (logits, step) => {
      const isSame = isAlike(logits, facts);
      const isEmpty = isSame && !hasLearnt(facts, losses, logits);
      running = isEmpty ? running + 1 : 0;
      hasVaried ||= !isEmpty;
      seen = { logits, step };
      const all = `${countOf(facts.truth)} ${thingsOf(facts.task)}`;
      if (isSame && !isEmpty && !isTold) {
        isTold = true;
        return `after step ${step} of ${facts.steps} the model says the same of all ${all}, which is right for ${countRight(logits, facts)}; its loss is well below that of guessing, so it does read the text${balanceAdvice(facts)}`;
      }
      if (hasVaried && running > 1 && diagnosis(logits).isLost) refuse(seen);
      if (running !== 1 || step >= facts.steps) return undefined;
      const { state, advice } = diagnosis(logits);
      const same = facts.task === "regression" ? "nearly the same" : "the same";
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

/**
 * Whether answers that are alike are no failure: they cost less than guessing, or what is trained does, reads the text and says
 * of all what nearly all are. What a method changes may be behind what is trained, and has to show it by itself.
 */
function hasLearnt(facts: WatchFacts, losses: readonly number[], logits: Float32Array): boolean {
  if (beatsGuessing(logits, facts)) return true;
  if (facts.removes || facts.ownLoss || countRight(logits, facts) < COMMON * countOf(facts.truth))
    return false;
  return courseOf(facts, losses, numbersOf(logits, facts.truth)).isBelow && spreadOf(logits, facts) > SPREAD;
}

/** What helps where one class outweighs another; empty where none does or classes are weighed already. */
function balanceAdvice({ task, objective, learnt, truth }: WatchFacts): string {
  if (task === "regression" || task === "embedding" || objective?.weights) return "";
  const counts = new Map<number, number>();
  for (const label of Array.from((learnt ?? truth).labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [rarest, commonest] = [Math.min(...counts.values()), Math.max(...counts.values())];
  if (commonest < UNEVEN * rarest) return "";
  return "; --class-weights balanced makes rare classes count as much as the commonest";
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
  const { loss, hasMoved, hasFallen, isBelow } = courseOf(facts, losses, numbersOf(logits, facts.truth));
  const count = facts.steps === 1 ? "1 step is" : `${facts.steps} steps are`;
  const few = facts.steps < ENOUGH_TO_FINETUNE.steps;
  const reads = spreadOf(logits, facts) > SPREAD;
  // Untrained answers lie about a border, and a few may cross it: that is nothing learnt. Losses before are not known.
  if (!varied.before && !hasMoved && reads) {
    return {
      state: `It has learnt nothing yet${loss}`,
      advice: few
        ? `try more epochs than ${facts.epochs} (${count} few), or a higher learning rate than ${rate}`
        : `try a higher learning rate than ${rate}, or more epochs than ${facts.epochs}`,
      isLost: false,
    };
  }
  if (!varied.ever && (hasFallen || isBelow)) {
    return {
      state: `What is trained does learn${loss}, and the product that is judged is behind it`,
      advice: `try more epochs than ${facts.epochs}`,
      isLost: false,
    };
  }
  const less = facts.removes ? "to remove less (--sparsity, --set), " : "";
  if (facts.ownLoss && reads) {
    return {
      state: `Its loss has a part of the method's and does not say why${loss}`,
      advice: `try ${less}another learning rate than ${rate}, or more epochs than ${facts.epochs}`,
      isLost: false,
    };
  }
  return {
    state: `It has collapsed${loss}`,
    advice:
      few && !varied.ever
        ? `try ${less}a lower learning rate than ${rate}, a longer warm-up, or more epochs than ${facts.epochs} (${count} few)`
        : `try ${less}a lower learning rate than ${rate}, or a longer warm-up`,
    isLost: true,
  };
}

/** How a loss has run: in words, and whether it left that of guessing, or where it began, and fell below it. */
interface Course {
  readonly loss: string;
  readonly hasMoved: boolean;
  readonly hasFallen: boolean;
  /** Whether it is well below that of guessing now, wherever it began. */
  readonly isBelow: boolean;
}

function courseOf(facts: WatchFacts, losses: readonly number[], classes: number): Course {
  const means = windowMeans(losses);
  const [first, now] = [means[0], means.at(-1)];
  if (first === undefined || now === undefined)
    return { loss: "", hasMoved: false, hasFallen: false, isBelow: false };
  const { task, truth, learnt = truth, objective } = facts;
  const { least, most } = facts.ownLoss
    ? { least: first, most: first }
    : guessingLoss(task, Array.from(learnt.labels), classes, objective);
  const beside = facts.ownLoss ? "at first" : "of guessing";
  return {
    loss: ` (loss ${now.toFixed(3)}, ${beside} ${least.toFixed(3)})`,
    hasMoved: means.some((each) => each < least * (1 - MOVED) || each > most * (1 + MOVED)),
    hasFallen: now < Math.min(least, first) * (1 - MOVED),
    isBelow: now < least * (1 - MOVED),
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
