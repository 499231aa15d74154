/**
 * `resume`: which command a stopped run is, and with which settings. A recipe holds every setting, so resuming is the
 * same command with the folder where the run lies now.
 */

import { ConfigError } from "../base/errors.ts";
import type { ResumeSettings } from "../options/training.ts";
import { stoppedRecipe } from "../runs/folder.ts";
import { settingsHere } from "../runs/recipe.ts";

/** A command by name, and the settings to run it with. */
export interface StoppedCommand {
  readonly command: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * The command that a stopped run is resumed by, to be run with `resume: true`.
 *
 * @throws {ConfigError} `run/method` when a program passed the method, which no recipe holds; else as `stoppedRecipe`
 */
export async function readStoppedCommand({ run, threads, device }: ResumeSettings): Promise<StoppedCommand> {
  const recipe = await stoppedRecipe(run);
  if (recipe.method?.path === null) throw passedMethod(run, recipe.method.id);
  const settings = {
    ...settingsHere(recipe),
    out: run,
    // Resuming must never replace anything, whatever the run was once told.
    force: false,
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
  };
  return { command: recipe.command, settings };
}

function passedMethod(run: string, id: string): ConfigError {
  return new ConfigError(
    "run/method",
    `run: expected a method that has a file, got "${id}", which a program passed; resume from there, with compress({ method, … }, { resume: true }) (${run})`,
  );
}
