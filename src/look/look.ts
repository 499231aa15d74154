/**
 * A look at data before anything is trained on it: what is there, and what is wrong with it, worst first.
 *
 * Not here: reading files and running a model (commands/inspect.ts), the page in words (cli/look-text.ts).
 */

import { counted, named, percent } from "../base/quantity.ts";
import type { Dataset, TaskKind } from "../data/dataset.ts";
import { rareNotes, sharedNotes, textOf } from "../data/split.ts";
import { countLabels, FEW, type LabelCount, type Values, valuesOf } from "./labels.ts";
import type { ModelLook } from "./opinion.ts";
import {
  blankRows,
  type Lengths,
  nearRepeats,
  plainLengths,
  type Repeats,
  repeatsIn,
  type Shared,
  type Spread,
  sharedBetween,
} from "./texts.ts";

/** The columns that were read. */
export interface LookedColumns {
  readonly text: string;
  readonly textPair: string | null;
  readonly label: string;
}

/** One split of the data. */
export interface SetLook {
  readonly name: string;
  /** Rows with a label. */
  readonly rows: number;
  /** Rows without, which are not looked at. */
  readonly unlabelled: number;
  /** Rows with a blank text, and the place of the first. */
  readonly blank: { readonly rows: number; readonly first: string | null };
  readonly lengths: Lengths;
  /** Of a regression. */
  readonly values: Values | null;
  readonly repeats: Repeats;
  /** Texts that differ in case, spaces or punctuation alone. */
  readonly near: Repeats;
}

/** What is to be known of labelled data. */
export interface DataInspection {
  readonly data: string;
  readonly task: TaskKind;
  /** Null for a task or a generated set, which know their own. */
  readonly columns: LookedColumns | null;
  readonly train: SetLook;
  /** Null where the data has no split to judge by and no file was given. */
  readonly validation: SetLook | null;
  /** In the data's order; empty for a regression. */
  readonly labels: readonly LabelCount[];
  readonly shared: Shared | null;
  readonly model: ModelLook | null;
  /** What to look after, worst first; empty for data without a fault. */
  readonly findings: readonly string[];
}

/** What counting tokens found, where a model was given. */
export interface CountedTokens {
  readonly spread: Spread;
  readonly cut: NonNullable<Lengths["cut"]>;
}

/** Looks at one split. */
function lookAtSet(set: Dataset, tokens: CountedTokens | undefined): SetLook {
  const blank = blankRows(set.examples);
  return {
    name: set.name,
    rows: set.examples.length,
    unlabelled: set.unlabelled ?? 0,
    blank: { rows: blank.length, first: blank[0]?.where ?? null },
    lengths: {
      ...plainLengths(set.examples),
      tokens: tokens?.spread ?? null,
      cut: tokens?.cut ?? null,
    },
    values: valuesOf(set),
    repeats: repeatsIn(set, textOf),
    near: nearRepeats(set),
  };
}

/** What is looked at. */
export interface LookedAt {
  readonly train: Dataset;
  readonly dev: Dataset | undefined;
  readonly columns: LookedColumns | null;
}

/** Puts a look together. */
export function lookAt(
  { train, dev, columns }: LookedAt,
  {
    tokens,
    model,
  }: { readonly tokens: (set: Dataset) => CountedTokens | undefined; readonly model: ModelLook | null },
): DataInspection {
  const look = {
    data: train.name,
    task: train.task,
    columns,
    train: lookAtSet(train, tokens(train)),
    validation: dev === undefined ? null : lookAtSet(dev, tokens(dev)),
    labels: countLabels(train, dev),
    shared: dev === undefined ? null : sharedBetween(train, dev),
    model,
  };
  const split = { train, dev: dev ?? { ...train, examples: [] } };
  return { ...look, findings: findingsIn(look, sharedNotes(split), rareNotes(split)) };
}

/** A class that so many rows have makes accuracy a poor judge. */
const LOPSIDED = 0.8;
/** More cut texts than this are worth a longer cut. */
const MANY_CUT = 0.05;

/** `known` is what training says of texts in both splits, `rare` of classes with an example or none. */
function findingsIn(
  { train, validation, shared, labels, task }: Omit<DataInspection, "findings">,
  known: readonly string[],
  rare: readonly string[],
): string[] {
  const sets = validation === null ? [train] : [train, validation];
  return [
    ...sets.flatMap(conflictFinding),
    ...known,
    ...(shared && validation ? sharedFindings(shared, validation.name, train.name) : []),
    ...sets.flatMap(repeatFinding),
    ...sets.flatMap(emptyFindings),
    ...(task === "classification" ? balanceFindings(labels, train.rows) : []),
    ...rare,
    ...fewFindings(labels),
    ...sets.flatMap(cutFinding),
  ];
}

function sharedFindings({ near, conflicting }: Shared, dev: string, train: string): string[] {
  const is = near === 1 ? "is" : "are";
  return [
    ...(near > 0 ? [`${counted(near, "row")} of ${dev} ${is} nearly one of ${train}: ${NEARLY}`] : []),
    ...(conflicting > 0
      ? [
          `${counted(conflicting, "row")} of ${dev} ${have(conflicting)} another label than the same text, or nearly the same, in ${train}`,
        ]
      : []),
  ];
}

/** What may differ between two texts that are nearly the same. */
const NEARLY = "only case, spaces or punctuation differ";

function conflictFinding({ name, repeats, near }: SetLook): string[] {
  const said = ({ conflicting, some: [first] }: Repeats, when: string): string[] => {
    const places = first === undefined ? "" : `, as at ${first.where.slice(0, 2).join(" and ")}`;
    const what = `${counted(conflicting, "text")} of ${name} ${have(conflicting)} different labels`;
    return conflicting > 0 ? [`${what}${when}${places}`] : [];
  };
  return [...said(repeats, ""), ...said(near, " where case, spaces or punctuation differ")];
}

function repeatFinding({ name, repeats, near }: SetLook): string[] {
  const repeat = repeats.rows === 1 ? "repeats" : "repeat";
  const are = near.rows === 1 ? "is" : "are";
  return [
    ...(repeats.rows > 0 ? [`${counted(repeats.rows, "row")} of ${name} ${repeat} the text of another`] : []),
    ...(near.rows > 0
      ? [`${counted(near.rows, "text")} of ${name} ${are} nearly one before: ${NEARLY}`]
      : []),
  ];
}

function emptyFindings({ name, blank, unlabelled, rows }: SetLook): string[] {
  const all = (rows + unlabelled).toLocaleString("en");
  return [
    ...(blank.rows > 0
      ? [
          `${counted(blank.rows, "row")} of ${name} ${have(blank.rows)} a blank text, the first at ${blank.first}`,
        ]
      : []),
    ...(unlabelled > 0
      ? [
          `${counted(unlabelled, "row")} of ${all} in ${name} ${have(unlabelled)} no label: training asks for --skip-unlabelled`,
        ]
      : []),
  ];
}

function balanceFindings(labels: readonly LabelCount[], rows: number): string[] {
  const largest = labels.reduce((best, each) => (each.train > best.train ? each : best));
  const share = largest.train / rows;
  if (share < LOPSIDED) return [];
  return [
    `${percent(share)} of the rows are ${named(largest.label)}: whoever always says so is right as often, so accuracy tells little`,
  ];
}

/** Those with one example or none are named by `rareNotes`. */
function fewFindings(labels: readonly LabelCount[]): string[] {
  const few = labels.filter(({ train }) => train > 1 && train < FEW);
  if (few.length === 0) return [];
  const names = few.slice(0, 5).map(({ label, train }) => `${named(label)} (${train})`);
  const more = few.length > 5 ? ` and ${few.length - 5} more` : "";
  return [`fewer than ${FEW} examples to train on, too few to learn from: ${names.join(", ")}${more}`];
}

function cutFinding({ name, rows, lengths: { cut } }: SetLook): string[] {
  if (cut === null || cut.rows <= MANY_CUT * rows) return [];
  return [
    `${percent(cut.rows / rows)} of the texts of ${name} are longer than ${cut.at} tokens and would be cut; --max-length sets another length`,
  ];
}

function have(n: number): string {
  return n === 1 ? "has" : "have";
}
