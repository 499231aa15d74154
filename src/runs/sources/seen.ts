/**
 * Whether a model may have trained on what is to judge it now: its run has drawn what judges from the same data in another
 * way, by a fold or by a file of its own, or from a file that has other rows by now. Files are known by what is in them.
 *
 * Not here: examples that stand in both splits of one run (data/split.ts).
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { digestOf } from "../../measure/machine.ts";
import { runPaths } from "../folder.ts";
import type { ModelPlace } from "../models.ts";
import { type Recipe, readRecipe, settingsHere } from "../recipe.ts";

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
  const recipe = await readRecipe(runPaths(run).recipe);
  const data = await fateOf("data", recipe, now);
  if (data === "other") return [];
  const isSameFile = (await fateOf("validation", recipe, now)) === "same";
  const { fold, folds, seed, validation } = recipe.settings;
  if (data === "changed") {
    // A file of its own never trained, whatever has become of the one that did.
    if (validation !== undefined && isSameFile) return [];
    return [flattering(`${now.data} has changed since ${name} was trained on it`)];
  }
  if (fold !== undefined) {
    if (fold === now.fold && folds === now.folds && seed === now.seed) return [];
    return [flattering(`${name} is of fold ${fold} of ${folds}, drawn by seed ${seed}`)];
  }
  if (isSameFile && now.folds === undefined) return [];
  return [flattering(`${name} was judged by other examples when it was made`)];
}

/** What has become of a file that a setting names: it is the same, another one, or has other content in the same place. */
async function fateOf(
  setting: "data" | "validation",
  recipe: Recipe,
  { [setting]: now }: Judging,
): Promise<"same" | "changed" | "other"> {
  const [typed, here] = [recipe.settings[setting], settingsHere(recipe)[setting]];
  if (typeof here !== "string" || now === undefined) return here === now ? "same" : "other";
  const [then, found] = [recipe.data.find(({ path }) => path === typed)?.sha256, await digestOf(now)];
  if (then !== undefined && then === found) return "same";
  if (resolve(here) !== resolve(now)) return "other";
  // A folder, or a data set of the hub, is known by its name.
  return then === undefined || found === undefined ? "same" : "changed";
}

function flattering(why: string): string {
  return `${why}: examples that judge here may have trained it, and what is measured then flatters`;
}
