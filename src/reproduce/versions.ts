/**
 * Versions of what decides a run's numbers: of training, which all runs share, and of each method.
 *
 * A version is raised by hand when the same settings begin to give other numbers. A ledger's line says which versions
 * its run had, so an old number never passes for one of the code as it is. That nobody forgets is held by
 * test/house/versions.test.ts: it knows a digest of each one's sources, and fails when one changes under its version.
 */

import type { MethodId } from "../methods/registry.ts";

/** See the header. */
export const VERSIONS: Readonly<Record<MethodId | "training", number>> = {
  training: 1,
  "adapting-by-pruning": 2,
  distil: 1,
  distilbert: 1,
  features: 2,
  finetune: 1,
  "head-gates": 1,
  "head-importance": 1,
  l0: 2,
  layerdrop: 1,
  lottery: 3,
  magnitude: 2,
  movement: 2,
  pkd: 1,
  "quantization-aware": 1,
  random: 2,
  snip: 2,
  sparsebert: 2,
  theseus: 1,
  tinybert: 1,
  truncate: 1,
};

/** Versions by name, as a ledger's line has them. */
export type RunVersions = Readonly<Record<string, number>>;

/** Of a run with that method, which need not be a built-in one; fine-tuning has none. */
export function versionsOf(method?: unknown): RunVersions {
  const own = Object.entries(VERSIONS).find(([name]) => name === method);
  return { training: VERSIONS.training, ...(own ? Object.fromEntries([own]) : {}) };
}

/** The first in which a run differs from the code as it is; undefined when there is none. */
export function olderVersion(then: RunVersions, now: RunVersions): string | undefined {
  const name = Object.keys(now).find((each) => then[each] !== now[each]);
  return name === undefined ? undefined : `version ${now[name]} of ${name}, got ${then[name] ?? "none"}`;
}
