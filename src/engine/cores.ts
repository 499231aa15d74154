/** How many threads an engine gets of those that were asked for. */

import { availableParallelism } from "node:os";

/** Who is told that there are fewer. */
interface Told {
  readonly report?: (note: { readonly kind: "note"; readonly text: string }) => void;
}

/** More threads than cores only wait for each other: as many as there are, with a note. */
export function withinCores(asked: number, { report }: Told): number {
  const cores = availableParallelism();
  if (asked <= cores) return asked;
  report?.({ kind: "note", text: `threads: ${asked} were asked for, ${cores} are used, one for each core` });
  return cores;
}
