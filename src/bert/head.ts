/**
 * The head of a model folder: from its `config.json` and, where that says nothing or something else, from the names of
 * its tensors.
 *
 * Stock `transformers` does not look at `architectures` either: the class that is asked for takes the tensors that it
 * knows and warns of the rest. So here a head is what the file holds the tensors of. The architecture decides when both
 * fit, and a head that is not read here (questions, next sentence) leaves the encoder below it.
 *
 * Promise: whatever was not plainly said is told in a note. Not here: shapes (names.ts), writing (config-json.ts).
 */

import { type JsonObject, own } from "../formats/json.ts";
import type { Claim } from "./architectures/architecture.ts";
import { architectureOf, classesOf } from "./architectures/table.ts";
import { type Head, POOLING_MODES, type Pooling } from "./config.ts";
import { bad, record, size } from "./config-values.ts";
import { CLASSIFIER, HIDDEN, MLM, mixtureIn, POOLER, weightOf } from "./names.ts";

/** Most labels of a classification. */
const MAX_LABELS = 65_536;

const NO_HEAD: Claim = { kind: "none" };

/** A head, and what the user should know of how it was found. */
export interface FoundHead {
  readonly head: Head;
  readonly notes: readonly string[];
}

/**
 * The head of a folder whose tensors have these names (as `normaliseName` gives them).
 *
 * @throws {ConfigError} `config/…` as `parseHead` does, `config/architecture` for `architectures` of another kind
 */
export function findHead(json: unknown, names: ReadonlySet<string>, where: string): FoundHead {
  const c = record(json, "the file", where);
  const listed = listedArchitectures(c, where);
  const known = classesOf(architectureOf(c, where));
  const name = listed.find((each) => known.has(each));
  const said = name === undefined ? undefined : known.get(name);
  if (said?.foreign !== undefined) {
    const note = `config.json says ${name}: its head for ${said.foreign} is left out, the encoder is read`;
    return { head: headOf(c, said, where), notes: [note] };
  }
  const held = heldBy(names);
  if (said !== undefined && (isHeld(said, names) || held.kind === said.kind)) {
    return { head: headOf(c, said, where), notes: [] };
  }
  const claim = listed.length === 0 ? "has no architectures" : `says ${listed.join(", ")}`;
  const note = `config.json ${claim}; by its tensors this is ${inWords(held)}`;
  return { head: headOf(c, held, where), notes: [note] };
}

/**
 * Reads the head of a parsed `config.json` alone: from its architecture, its labels and its problem type. Without an
 * architecture there is no head.
 *
 * One label is a regression, as in `transformers`.
 *
 * @throws {ConfigError} `config/…` for an architecture, a problem type or a list of labels that is not read here
 */
export function parseHead(json: unknown, where: string): Head {
  const c = record(json, "the file", where);
  const [name] = listedArchitectures(c, where);
  const classes = classesOf(architectureOf(c, where));
  const found = name === undefined ? NO_HEAD : classes.get(name);
  if (found !== undefined && found.foreign === undefined) return headOf(c, found, where);
  const known = [...classes]
    .flatMap(([name, { foreign }]) => (foreign === undefined ? [name] : []))
    .join(", ");
  throw bad("architecture", "architectures", `one of ${known}`, own(c, "architectures"), where);
}

/** Names under `architectures`; none where the key is absent, null or an empty list. */
function listedArchitectures(c: JsonObject, where: string): string[] {
  const value = own(c, "architectures") ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const names = list.filter((name) => typeof name === "string");
  if (names.length === list.length) return names;
  throw bad("architecture", "architectures", "a list of names", value, where);
}

/** A hidden layer with a norm stands before pieces too: all that a masked language model without biases has of its own. */
const HIDDEN_NORM = weightOf(HIDDEN.norm);

/** Whether tensors of the head itself are there; an encoder alone has none. */
function isHeld({ kind, reader }: Claim, names: ReadonlySet<string>): boolean {
  if (kind === "mlm") return [...names].some((name) => name.startsWith(MLM.stem) || name === HIDDEN_NORM);
  if (kind === "none") return false;
  if (kind === "tokens") return names.has(weightOf(CLASSIFIER));
  return names.has(weightOf(CLASSIFIER)) && reader === mixtureIn(names);
}

/**
 * The head that is whole. A classifier without what it reads labels tokens. Of two whole heads it is the
 * classifier, because a fine-tuned model may keep what it was pre-trained with, and never the other way round.
 */
function heldBy(names: ReadonlySet<string>): Claim {
  if (names.has(weightOf(CLASSIFIER))) {
    const reader = mixtureIn(names);
    if (reader !== undefined) return { kind: "classification", reader };
    return { kind: names.has(weightOf(POOLER)) ? "classification" : "tokens" };
  }
  return { kind: names.has(weightOf(MLM.transform)) || names.has(HIDDEN_NORM) ? "mlm" : "none" };
}

function inWords({ kind }: Claim): string {
  if (kind === "classification") return "a classification or regression";
  if (kind === "tokens") return "a classification of tokens";
  return kind === "mlm" ? "a masked language model" : "an encoder without a head that is read here";
}

function headOf(c: JsonObject, { kind, reader }: Claim, where: string): Head {
  if (kind === "mlm" && own(c, "tie_word_embeddings") === false) {
    throw bad("untied", "tie_word_embeddings", "true", false, where);
  }
  if (kind === "mlm") return { kind };
  if (kind === "none") return { kind, ...parsePooling(c, where) };
  const labels = parseLabels(c, where);
  if (kind === "tokens") return { kind, labels };
  const reading = reader === undefined ? {} : { reader };
  const problem = own(c, "problem_type") ?? null;
  const isOne = labels.length === 1;
  if (isOne && (problem === null || problem === "regression")) return { kind: "regression", ...reading };
  if (problem === "multi_label_classification") return { kind: "multi-label", labels, ...reading };
  if (isOne || (problem !== null && problem !== "single_label_classification")) {
    const several = "single_label_classification or multi_label_classification";
    const expected = `${isOne ? "regression or multi_label_classification" : several} for ${labels.length} labels`;
    throw bad("problem", "problem_type", expected, problem, where);
  }
  return { kind, labels, ...reading };
}

/** How the encoder makes vectors, where `espalier.pooling` says it. @throws {ConfigError} `config/pooling` */
function parsePooling(c: JsonObject, where: string): { readonly pooling?: Pooling | null } {
  const value = own(record(own(c, "espalier") ?? {}, "espalier", where), "pooling");
  if (value === undefined) return {};
  if (value === null) return { pooling: null };
  const given = record(value, "espalier.pooling", where);
  const mode = POOLING_MODES.find((known) => known === own(given, "mode"));
  const normalize = own(given, "normalize");
  if (mode !== undefined && typeof normalize === "boolean") return { pooling: { mode, normalize } };
  const expected = `a mode (${POOLING_MODES.join(", ")}) and normalize (true or false)`;
  throw bad("pooling", "espalier.pooling", expected, value, where);
}

/** Labels in the order of their class numbers: `id2label`, else `num_labels` names `LABEL_i`, else the two of the default. */
function parseLabels(c: JsonObject, where: string): string[] {
  const named = own(c, "id2label") ?? null;
  if (named === null) return Array.from({ length: countLabels(c, 2, where) }, (_, i) => `LABEL_${i}`);
  const table = record(named, "id2label", where);
  const labels = Object.keys(table).map((_, i) => {
    const label = own(table, String(i));
    if (typeof label !== "string") throw bad("labels", `id2label["${i}"]`, "a string", label, where);
    return label;
  });
  const count = countLabels(c, labels.length, where);
  if (count !== labels.length) {
    throw bad("labels", "num_labels", `${labels.length}, the size of id2label`, count, where);
  }
  return labels;
}

/** `num_labels`; null is as good as none. */
function countLabels(c: JsonObject, fallback: number, where: string): number {
  const isGiven = (own(c, "num_labels") ?? null) !== null;
  return isGiven ? size(c, "num_labels", where, undefined, 1, MAX_LABELS) : fallback;
}
