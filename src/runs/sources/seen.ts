/**
 * Whether a model may have trained on what is to judge it now: its run has drawn what judges from the same data in another
 * way, by a fold or by a file of its own.
 *
 * Not here: examples that stand in both splits of one run (data/split.ts).
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { runPaths } from "../folder.ts";
import type { ModelPlace } from "../models.ts";
import { readRecipe, settingsHere } from "../recipe.ts";

/** What decides which examples of the data judge. */
export interface Judging {
  readonly data?: string | undefined;
  readonly validation?: string | undefined;
  readonly folds?: number | undefined;
  readonly fold?: number | undefined;
  readonly seed: number;
}

/** A sentence on a model whose training examples may be among those that judge; none of a model without a run. */
export async function seenNotes({ run, name }: ModelPlace, now: Judging): Promise<string[]> {
  if (run === undefined || !existsSync(runPaths(run).recipe)) return [];
  const settings = settingsHere(await readRecipe(runPaths(run).recipe));
  const isSame = (a: unknown, b: unknown): boolean =>
    typeof a === "string" && typeof b === "string" ? resolve(a) === resolve(b) : a === b;
  if (!isSame(settings.data, now.data)) return [];
  const { fold, folds, seed } = settings;
  if (fold !== undefined) {
    if (isSame(fold, now.fold) && isSame(folds, now.folds) && isSame(seed, now.seed)) return [];
    return [flattering(`${name} is of fold ${fold} of ${folds}, drawn by seed ${seed}`)];
  }
  if (isSame(settings.validation, now.validation) && now.folds === undefined) return [];
  return [flattering(`${name} was judged by other examples when it was made`)];
}

function flattering(why: string): string {
  return `${why}: examples that judge here may have trained it, and what is measured then flatters`;
}
