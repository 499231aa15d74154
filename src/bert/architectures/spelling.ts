/**
 * Names of tensors, as a checkpoint spells them and as they are inside: a two-way table for each architecture.
 *
 * Inside all are BERT's (names.ts). `#` in a rule stands for a number. A rule holds for a module and all below it; the
 * first that fits decides. What no rule names keeps its name, with the encoder's own prefix changed for `bert`.
 *
 *   fused   some checkpoints store several matrices as one, row upon row. Such a tensor is called `….fused` as long as it
 *           is whole, and is split on reading and joined on writing
 *
 * Older spellings are understood on reading and never written. Not here: numbers (network/folder-tensors.ts).
 */

import type { HeadKind } from "../facts.ts";

/** A module's name inside, in the file, and the heads for which it is written so where that is not all of them. */
export type Rule = readonly [inside: string, stored: string, heads?: readonly HeadKind[]];

/** How an architecture spells names. */
export interface Spelling {
  /** What the encoder's names begin with, before a dot. */
  readonly base: string;
  readonly rules: readonly Rule[];
  /** What the names of heads that are not read here begin with. */
  readonly foreign: readonly string[];
}

/** The heads that answer texts: some have layers of their own. */
export const TEXTS: readonly HeadKind[] = ["classification", "regression", "multi-label"];

/** Modules that are stored as one, by what that is called inside; in their order. */
const FUSED: Readonly<Record<string, readonly string[]>> = {
  "attention.self.fused": ["attention.self.query", "attention.self.key", "attention.self.value"],
  "intermediate.fused": ["intermediate.dense", "intermediate.gate"],
};

/** What some programs put before every name of a model that they wrap: PyTorch's DataParallel and compiler. */
const WRAPPERS = /^(?:module\.|_orig_mod\.)+/;

const INSIDE = "bert";

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A rule's side as a pattern for whole modules at the front of a name. */
function patternOf(side: string): RegExp {
  return new RegExp(`^${escaped(side).replaceAll("#", "(\\d+)")}(?=\\.|$)`);
}

/** The name by the first rule that fits; undefined where none does. */
function translate(
  name: string,
  rules: readonly (readonly [from: string, to: string])[],
): string | undefined {
  for (const [from, to] of rules) {
    const found = patternOf(from).exec(name);
    if (found) return to.replace("#", () => found[1] ?? "") + name.slice(found[0].length);
  }
  return undefined;
}

/** First parts of encoder names after the base. */
function rootsOf({ base, rules }: Spelling): Set<string> {
  const own = rules.filter(([, stored]) => stored.startsWith(`${base}.`));
  return new Set(["embeddings", "encoder", "pooler", ...own.map(([, stored]) => stored.split(".")[1] ?? "")]);
}

/**
 * The name a tensor of a file has inside: without a wrapper's prefix, with the encoder's base once and not at all or
 * several times, `weight` and `bias` for `gamma` and `beta`.
 */
export function nameInside(stored: string, spelling: Spelling): string {
  const { base, rules } = spelling;
  const repeated = new RegExp(`^(?:${escaped(base)}\\.)+`);
  const bare = stored.replace(WRAPPERS, "").replace(repeated, "");
  const isEncoder =
    repeated.test(stored.replace(WRAPPERS, "")) || rootsOf(spelling).has(bare.split(".")[0] ?? "");
  const name = (isEncoder ? `${base}.${bare}` : bare)
    .replace(/(?<=(?:LayerNorm|norm)\.)gamma$/, "weight")
    .replace(/(?<=(?:LayerNorm|norm)\.)beta$/, "bias");
  const turned: readonly (readonly [string, string])[] = rules.map(([inside, to]) => [to, inside]);
  return translate(name, [...turned, [base, INSIDE]]) ?? name;
}

/** The name that a tensor is written under, for a network with such a head. */
export function nameStored(inside: string, spelling: Spelling, head: { readonly kind: HeadKind }): string {
  const own = spelling.rules.filter(([, , heads]) => heads === undefined || heads.includes(head.kind));
  const rules = own.map(([name, stored]) => [name, stored] as const);
  return translate(inside, [...rules, [INSIDE, spelling.base]]) ?? inside;
}

/** The tensors that a fused one holds, by name and in the order of their rows; undefined of one that holds itself. */
export function partsOf(inside: string): readonly string[] | undefined {
  for (const [fused, parts] of Object.entries(FUSED)) {
    const at = inside.indexOf(`.${fused}.`);
    if (at < 0) continue;
    const [before, after] = [inside.slice(0, at + 1), inside.slice(at + 1 + fused.length)];
    return parts.map((part) => before + part + after);
  }
  return undefined;
}

/** The fused tensor of which one is a part in this spelling, by its name inside; undefined of one that is stored alone. */
export function fusedOf(inside: string, { rules }: Spelling): string | undefined {
  for (const [fused, parts] of Object.entries(FUSED)) {
    if (!rules.some(([name]) => name.endsWith(`.${fused}`))) continue;
    const part = parts.find((each) => inside.includes(`.${each}.`));
    if (part !== undefined) return inside.replace(`.${part}.`, `.${fused}.`);
  }
  return undefined;
}
