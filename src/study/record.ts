/**
 * What the study keeps of each masked run, and of each pair that it compares: one line of JSON each.
 *
 * The page is a function of these lines, so it can be made again without the masks, which are a hundred times as large.
 * Numbers have six digits. Not here: what is measured (measures.ts), the page (page.ts).
 */

import { FormatError } from "../base/errors.ts";
import {
  aCount,
  aNumber,
  aSetting,
  aText,
  type JsonShape,
  mapOf,
  oneOfValues,
  orNull,
  parseShape,
  record,
} from "../formats/json-shape.ts";

/** A masked run. */
export interface RunRecord {
  readonly kind: "run";
  /** The name of its folder. */
  readonly id: string;
  readonly task: string;
  readonly method: string;
  /** Settings of the method that were asked for. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** That was asked for; null where nothing was. */
  readonly sparsity: number | null;
  readonly seed: number;
  readonly metric: string;
  readonly score: number;
  /** Of the model it is compared with; null where there is none, or where less is better, of which no share is kept. */
  readonly dense: number | null;
  readonly layers: number;
  readonly hidden: number;
  /** By the names of measures.ts; null where there is nothing to measure, absent where it was not asked for. */
  readonly measures: Readonly<Record<string, number | null>>;
}

/** How much two masks share: of all weights, and of the encoder's without its tables. */
export interface PairRecord {
  readonly kind: "pair";
  readonly first: string;
  readonly second: string;
  readonly jaccard: number | null;
  /** What masks of these densities share when each lies anywhere. */
  readonly chance: number | null;
  /** What the density of every matrix explains. */
  readonly byMatrix: number | null;
  readonly encoderJaccard: number | null;
  readonly encoderByMatrix: number | null;
}

/** All that the page is made of. */
export interface StudyRecords {
  readonly runs: readonly RunRecord[];
  readonly pairs: readonly PairRecord[];
}

const RUN: JsonShape<RunRecord> = record<RunRecord>({
  kind: oneOfValues("run"),
  id: aText,
  task: aText,
  method: aText,
  settings: mapOf(aSetting),
  sparsity: orNull(aNumber),
  seed: aCount,
  metric: aText,
  score: aNumber,
  dense: orNull(aNumber),
  layers: aCount,
  hidden: aCount,
  measures: mapOf(orNull(aNumber)),
});

const PAIR: JsonShape<PairRecord> = record<PairRecord>({
  kind: oneOfValues("pair"),
  first: aText,
  second: aText,
  jaccard: orNull(aNumber),
  chance: orNull(aNumber),
  byMatrix: orNull(aNumber),
  encoderJaccard: orNull(aNumber),
  encoderByMatrix: orNull(aNumber),
});

/** Share of the dense model's metric that is left; null where that has none above 0. */
export function keptMetric({ score, dense }: Pick<RunRecord, "score" | "dense">): number | null {
  return dense === null || dense <= 0 ? null : score / dense;
}

/** Lines of JSON, the runs first. */
export function recordsText({ runs, pairs }: StudyRecords): string {
  const short = (_: string, value: unknown): unknown =>
    typeof value === "number" ? Number(value.toPrecision(6)) : value;
  return [...runs, ...pairs].map((line) => `${JSON.stringify(line, short)}\n`).join("");
}

/** @throws {FormatError} `study/records` naming the line and the field */
export function parseRecords(text: string, path: string): StudyRecords {
  const lines = text.split("\n").map((line, i) => ({ line, where: `${path}, line ${i + 1}` }));
  const runs: RunRecord[] = [];
  const pairs: PairRecord[] = [];
  for (const { line, where } of lines.filter(({ line }) => line.trim() !== "")) {
    if (line.startsWith('{"kind":"pair"')) pairs.push(parseShape(PAIR, line, where, "study/records"));
    else runs.push(parseShape(RUN, line, where, "study/records"));
  }
  if (runs.length > 0) return { runs, pairs };
  throw new FormatError("study/records", `records: expected lines about runs, got none (${path})`);
}

/** Records of several sources: what comes later replaces what has the same name. */
export function joinRecords(all: readonly StudyRecords[]): StudyRecords {
  const runs = new Map(all.flatMap((each) => each.runs).map((run) => [run.id, run]));
  const pairs = new Map(all.flatMap((each) => each.pairs).map((pair) => [pairName(pair), pair]));
  return {
    runs: [...runs.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    pairs: [...pairs.values()].sort((a, b) => (pairName(a) < pairName(b) ? -1 : 1)),
  };
}

/** The same for both orders. */
export function pairName({ first, second }: Pick<PairRecord, "first" | "second">): string {
  return [first, second].sort().join(" | ");
}
