/**
 * A part of a data set that is kept back to judge by, drawn so that it is like the whole.
 *
 * Drawn at random, 60 rows of a file with 52 % of one class had 62 %: a constant answer then looks ten points better than
 * it is. So every class gives its share, and of a regression every stretch of its sorted values gives one. A rare class
 * gives a row even where its share rounds to none: what was never judged cannot be told from what was never learnt.
 */

import { apportion } from "../base/apportion.ts";
import { ConfigError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { counted } from "../base/quantity.ts";
import { type Key, permutation } from "../base/random.ts";
import { classOf, type Dataset, type Example, labelsOf } from "./dataset.ts";

/** Two parts of one data set, both in its order. */
export interface Split {
  readonly train: Dataset;
  readonly dev: Dataset;
}

/** Keeps `count` examples back. Which ones is a function of the key. */
export function holdOut(all: Dataset, count: number, key: Key): Split {
  const order = permutation(key, all.examples.length);
  const held = new Set(strata(all, order, count).flatMap(({ members, share }) => members.slice(0, share)));
  return partedBy(all, held);
}

/**
 * The part of a set that is fold `number` of `count`, from 1, and the rest. Every example is in one fold, and the folds are
 * alike: classes in turn, of a regression neighbours in value.
 *
 * @throws {ConfigError} `data/folds` for fewer examples than folds, or texts that are judged in pairs
 */
export function foldSplit(all: Dataset, number: number, count: number, key: Key): Split {
  const n = all.examples.length;
  if (all.task === "embedding") {
    throw new ConfigError(
      "data/folds",
      `folds: expected data with labels, got texts for vectors (${all.name})`,
    );
  }
  if (n < count) {
    throw new ConfigError(
      "data/folds",
      `folds: expected at most ${n}, for so many examples, got ${count} (${all.name})`,
    );
  }
  const order = [...permutation(key, n)];
  const isSorted = all.task === "classification" || all.task === "regression";
  const labelAt = (i: number): number => classOf(requireItem(all.examples, i, "examples"));
  if (isSorted) order.sort((a, b) => labelAt(a) - labelAt(b));
  const held = new Set(order.filter((_, place) => place % count === number - 1));
  return partedBy(all, held);
}

function partedBy(all: Dataset, held: ReadonlySet<number>): Split {
  return {
    train: { ...all, examples: all.examples.filter((_, i) => !held.has(i)) },
    dev: { ...all, examples: all.examples.filter((_, i) => held.has(i)) },
  };
}

/** Some examples of each class, in the set's order. */
export interface Few {
  readonly few: Dataset;
  /** Names of the classes of which there are fewer than asked for, with how many. */
  readonly short: readonly (readonly [name: string, examples: number])[];
}

/**
 * Draws `count` examples of each class, or all where there are fewer. Where an example has several labels it counts for each
 * of them, so that of a frequent one there may be more; those without a label are a class too. With one label a larger
 * count keeps what a smaller one of the same key drew.
 *
 * @throws {ConfigError} `data/few-shot` for data without classes
 */
export function drawEach(all: Dataset, count: number, key: Key): Few {
  if (all.labels.length === 0) {
    const message = `fewShot: expected data with classes, got ${all.task} (${all.name}); limit takes the first examples`;
    throw new ConfigError("data/few-shot", message);
  }
  const [there, taken] = [new Map<number, number>(), new Map<number, number>()];
  const drawn = new Set<number>();
  for (const i of permutation(key, all.examples.length)) {
    const labels = new Set(labelsOf(requireItem(all.examples, i, "examples")));
    const counted = labels.size === 0 ? [NO_LABEL] : [...labels];
    const isWanted = counted.some((label) => (taken.get(label) ?? 0) < count);
    if (isWanted) drawn.add(i);
    for (const label of counted) {
      there.set(label, (there.get(label) ?? 0) + 1);
      if (isWanted) taken.set(label, (taken.get(label) ?? 0) + 1);
    }
  }
  return {
    few: { ...all, examples: all.examples.filter((_, i) => drawn.has(i)) },
    short: all.labels.flatMap((name, c) => {
      const n = there.get(c) ?? 0;
      return n < count ? [[name, n] as const] : [];
    }),
  };
}

/** Stands for having no label. */
const NO_LABEL = -1;

/** What was drawn, and of which classes there was less than asked for. */
export function fewNotes(all: Dataset, count: number, { few, short }: Few): string[] {
  const [some, whole, each] = [few.examples.length, all.examples.length, count].map((n) =>
    n.toLocaleString("en"),
  );
  const said = `training on ${some} of ${whole} examples, ${each} of each class, drawn by the seed`;
  const rare = short
    .slice(0, SHOWN)
    .map(([name, n]) => `${JSON.stringify(name)} has ${n.toLocaleString("en")}`);
  const more = short.length > SHOWN ? ` and ${short.length - SHOWN} more classes fewer than asked for` : "";
  return [
    said,
    ...(short.length > 0 ? [`fewer than ${each} examples of a class: ${rare.join(", ")}${more}`] : []),
  ];
}

/** One standard error of a metric on so many examples, at its largest, in words. */
export function standardErrorText({ task }: Pick<Dataset, "task">, examples: number): string {
  const rows = `on ${counted(examples, "row")}`;
  if (task === "regression") {
    // Two points always lie on a line.
    if (examples < 3) return `a correlation ${rows} says nothing`;
    return `one standard error of a correlation ${rows} is up to ${(1 / Math.sqrt(examples - 1)).toFixed(2)}`;
  }
  const points = 50 / Math.sqrt(examples);
  return `one standard error of accuracy ${rows} is up to ${points.toPrecision(points < 1 ? 1 : 2).replace(/\.0$/, "")} points`;
}

/** Equal for examples of the same text, or of the same two. */
export function textOf({ text, pair }: Example): string {
  return JSON.stringify([text, pair]);
}

/** What is said where the examples that judge are among those that train: they tell nothing of new ones. */
export function sharedNotes({ train, dev }: Split): string[] {
  const known = new Set(train.examples.map(textOf));
  const shared = dev.examples.filter((each) => known.has(textOf(each))).length;
  if (shared === 0) return [];
  const [some, all] = [shared, dev.examples.length].map((n) => n.toLocaleString("en"));
  return [
    `${some} of the ${all} examples that judge are among those that train too: what is measured flatters`,
  ];
}

/** What is said of classes that a model can hardly learn: they have one example to train on, or none. */
export function rareNotes({ train, dev }: Split): string[] {
  if (train.task === "regression") return [];
  const [learnt, judging] = [train, dev].map(({ examples }) => {
    const counts = new Map<number, number>();
    for (const each of examples)
      for (const label of new Set(labelsOf(each))) counts.set(label, (counts.get(label) ?? 0) + 1);
    return counts;
  });
  const classes = train.labels.map((name, label) => ({
    name,
    learnt: learnt?.get(label) ?? 0,
    judges: judging?.get(label) ?? 0,
  }));
  const named = (said: string, found: typeof classes): string[] => {
    if (found.length === 0) return [];
    const names = found.slice(0, SHOWN).map(({ name }) => JSON.stringify(name));
    const more = found.length > SHOWN ? ` and ${found.length - SHOWN} more` : "";
    return [`${said}: ${found.length === 1 ? "class" : "classes"} ${names.join(", ")}${more}`];
  };
  return [
    ...named(
      "no example to train on or to judge by",
      classes.filter((c) => c.learnt === 0 && c.judges === 0),
    ),
    ...named(
      "no example to train on, though some judge",
      classes.filter((c) => c.learnt === 0 && c.judges > 0),
    ),
    ...named(
      "one example alone to train on",
      classes.filter((c) => c.learnt === 1),
    ),
  ];
}

/** Names of classes in one note, at most. */
const SHOWN = 5;

/** Examples that are alike, in the drawn order, and how many of them are kept back. */
interface Stratum {
  readonly members: readonly number[];
  readonly share: number;
}

function strata(all: Dataset, order: Int32Array, count: number): Stratum[] {
  // Several labels have no one class to be drawn by.
  if (all.task !== "regression" && all.task !== "classification")
    return [{ members: [...order], share: count }];
  const labelAt = (i: number): number => classOf(requireItem(all.examples, i, "examples"));
  if (all.task === "regression") {
    const rank = new Map([...order].map((i, place) => [i, place]));
    const place = (i: number): number => requireEntry(rank, i, "rank of");
    const sorted = [...order].sort((a, b) => labelAt(a) - labelAt(b));
    const border = (s: number): number => Math.floor((s * sorted.length) / count);
    return Array.from({ length: count }, (_, s) => ({
      members: sorted.slice(border(s), border(s + 1)).sort((a, b) => place(a) - place(b)),
      share: 1,
    }));
  }
  const classes: number[][] = all.labels.map(() => []);
  for (const i of order) requireItem(classes, labelAt(i), "classes").push(i);
  const shares = sharesOf(
    classes.map(({ length }) => length),
    count,
  );
  return classes.map((members, c) => ({ members, share: requireItem(shares, c, "shares") }));
}

/**
 * Shares in proportion, but where `count` allows it at least 1 of every class that can spare one: it is taken from the largest
 * share, which lacks it least.
 */
function sharesOf(sizes: readonly number[], count: number): number[] {
  const shares = apportion(sizes, count);
  for (const [c, size] of sizes.entries()) {
    const most = Math.max(...shares);
    if (size < 2 || shares[c] !== 0 || most < 2) continue;
    shares[shares.indexOf(most)] = most - 1;
    shares[c] = 1;
  }
  return shares;
}
