/** What a run's recipe says against the way its model is used now: one text where there were two, the data it learnt from. */

import { existsSync } from "node:fs";
import { GLUE, glueTask } from "../data/glue.ts";
import { digestOf } from "../measure/machine.ts";
import { runPaths } from "./folder.ts";
import type { LoadedModel } from "./models.ts";
import { type Recipe, readRecipe } from "./recipe.ts";

/** How a model is used. */
export interface Usage {
  readonly task?: string | undefined;
  /** File of labelled examples that the model is judged on. */
  readonly data?: string | undefined;
  readonly isPair: boolean;
}

/** Whether the options ask for two texts of an example. */
export function asksForPairs({
  task,
  textPair,
}: {
  readonly task?: string | undefined;
  readonly textPair?: string | undefined;
}): boolean {
  return task === undefined ? textPair !== undefined : GLUE[glueTask(task)].pair !== undefined;
}

/** What to tell the user; nothing of a model that is no run. */
export async function usageNotes(
  { run, name }: Pick<LoadedModel, "run" | "name">,
  now: Usage,
): Promise<string[]> {
  if (run === undefined || !existsSync(runPaths(run).recipe)) return [];
  const recipe = await readRecipe(runPaths(run).recipe);
  const notes = pairNotes(name, recipe, now);
  const { data } = now;
  const digest = data && (await digestOf(data));
  const learnt = recipe.data.filter(({ path }) => path !== recipe.settings.validation);
  if (!learnt.some(({ sha256 }) => sha256 === digest)) return notes;
  return [
    ...notes,
    `${name} was trained on this very file, so it does better on it than on anything new (${data})`,
  ];
}

function pairNotes(name: string, { command, settings }: Recipe, { isPair }: Usage): string[] {
  if (command !== "finetune" && command !== "compress") return [];
  const { task, textPair, embedding } = settings;
  // Each text gets a vector of its own: the pairs that have scores judge, and nothing reads two texts at once.
  if (embedding === true) return [];
  const [first, second] = [task, textPair].map((value) => (typeof value === "string" ? value : undefined));
  const wasPair = asksForPairs({ task: first, textPair: second });
  if (wasPair === isPair) return [];
  const column = second === undefined ? "" : ` (--text-pair ${second})`;
  return [
    wasPair
      ? `${name} was trained on pairs of texts${column} and is given single ones here: its answers mean little`
      : `${name} was trained on single texts and is given pairs here: its answers mean little`,
  ];
}
