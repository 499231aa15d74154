/** How many threads a run gets of those that were asked for. */

import { availableParallelism } from "node:os";
import type { RunContext } from "./progress.ts";

/** More threads than cores only wait for each other: as many as there are, with a note. */
export function withinCores(asked: number, { report }: RunContext): number {
  const cores = availableParallelism();
  if (asked <= cores) return asked;
  report?.({ kind: "note", text: `threads: ${asked} were asked for, ${cores} are used, one for each core` });
  return cores;
}
