/**
 * The network that a run pruned, as it was before: what the controls of topology/controls.ts are made of.
 *
 * Most methods prune the pre-trained model of the run, some the one that is fine-tuned on the task. One that was itself
 * pruned by another run leads on to what that run pruned. Not here: the controls.
 */

import { existsSync } from "node:fs";
import { EspalierError, InterruptedError } from "../base/errors.ts";
import { METHODS } from "../methods/registry.ts";
import type { Network } from "../network/network.ts";
import { runPaths } from "../runs/folder.ts";
import { type LoadedModel, loadModel } from "../runs/models.ts";
import type { RunContext } from "../runs/progress.ts";
import { type Recipe, readRecipe, settingsHere } from "../runs/recipe.ts";

/** The network, or why there is none. */
export type Dense = { readonly network: Network } | { readonly missing: string };

/** Finds and reads it. @throws the reason of the signal; what no model is refused with */
export async function denseOf({ run }: Pick<LoadedModel, "run">, context: RunContext = {}): Promise<Dense> {
  if (run === undefined || !existsSync(runPaths(run).recipe)) return { missing: "it is no run" };
  const recipe = await readRecipe(runPaths(run).recipe);
  const settings = settingsHere(recipe);
  const origin = originOf(recipe);
  if (origin === undefined) return { missing: "its method does not say which it prunes" };
  const own = runPaths(run).finetuned;
  const finetuned = existsSync(own) ? own : settings.finetuned;
  const ref = origin === "fine-tuned" ? finetuned : settings.model;
  if (typeof ref !== "string") return { missing: "it is not at hand" };
  try {
    const found = await loadModel(ref, context);
    return found.network.masks === undefined ? { network: found.network } : await denseOf(found, context);
  } catch (error) {
    if (!(error instanceof EspalierError) || error instanceof InterruptedError) throw error;
    return { missing: error.message };
  }
}

/** Which of its two models a run prunes; undefined for a method from outside. */
function originOf({ command, settings }: Recipe): "pre-trained" | "fine-tuned" | undefined {
  if (command !== "compress") return "pre-trained";
  const method = Object.values(METHODS).find(({ id }) => id === settings.method);
  if (method === undefined) return undefined;
  const { set } = settings;
  const isSet = typeof set === "object" && set !== null && "init" in set;
  const init = isSet ? set.init : method.fields.init?.default;
  return init === "fine-tuned" ? init : method.from;
}
