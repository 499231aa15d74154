/**
 * What the study keeps of each masked run, and of each pair that it compares: one line of JSON each.
 *
 * The page is a function of these lines, so it can be made again without the masks, which are a hundred times as large.
 * Numbers have six digits, on the page that is made with the lines too: else it would not be the one that they give. Not here: what is measured (measures.ts), the page (page.ts).
 */

import { FormatError } from "../base/errors.ts";
import {
  aCount,
  aNumber,
  aSetting,
  aText,
  ifThere,
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
  /** What an answer that is always the same scores; absent where it is not known, as in records of earlier versions. */
  readonly constant?: number | undefined;
  /** First digits of the digest of the model's weights before anything was trained; absent as `constant` is. */
  readonly model?: string | undefined;
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
  constant: ifThere(aNumber),
  model: ifThere(aText),
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

/**
 * Share that is left of what the dense model has more than an answer that is always the same; where that is not known, of its
 * whole metric. Below 0 the run is worse than that answer. Null where the dense model is no better than it.
 */
export function keptMetric({
  score,
  dense,
  constant = 0,
}: Pick<RunRecord, "score" | "dense" | "constant">): number | null {
  return dense === null || dense <= constant ? null : (score - constant) / (dense - constant);
}

/** Whether a run is known to be no better than an answer that is always the same: there is nothing that it could lose. */
export function isAtFloor({ score, constant }: Pick<RunRecord, "score" | "constant">): boolean {
  return constant !== undefined && score <= constant;
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

/** Records as they are when they are read again. At least one run. */
export function asWritten(records: StudyRecords): StudyRecords {
  return parseRecords(recordsText(records), "records");
}

/**
 * Records of several sources, each as it was written: what comes later replaces what has the same name. A pair goes with the
 * mask that it was made of, so where a run comes again with another one, its earlier pairs are lost.
 */
export function joinRecords(all: readonly StudyRecords[]): StudyRecords & { readonly lost: number } {
  const runs = new Map<string, RunRecord>();
  const pairs = new Map<string, PairRecord>();
  const lost = new Set<string>();
  for (const each of all) {
    const anew = each.runs.filter((run) => hasOtherMask(runs.get(run.id), run)).map(({ id }) => id);
    for (const [name, { first, second }] of pairs) {
      if (!anew.includes(first) && !anew.includes(second)) continue;
      pairs.delete(name);
      lost.add(name);
    }
    for (const run of each.runs) runs.set(run.id, run);
    for (const pair of each.pairs) {
      pairs.set(pairName(pair), pair);
      lost.delete(pairName(pair));
    }
  }
  return {
    runs: [...runs.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    pairs: [...pairs.values()].sort((a, b) => (pairName(a) < pairName(b) ? -1 : 1)),
    lost: lost.size,
  };
}

/** Whether two records of one name differ in a measure that both have. */
function hasOtherMask(before: RunRecord | undefined, { measures }: RunRecord): boolean {
  return Object.entries(before?.measures ?? {}).some(
    ([name, value]) => measures[name] !== undefined && measures[name] !== value,
  );
}

/** The same for both orders. */
export function pairName({ first, second }: Pick<PairRecord, "first" | "second">): string {
  return [first, second].sort().join(" | ");
}
