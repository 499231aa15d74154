/**
 * recipe.json: everything needed to repeat a run, written before its first step.
 *
 * Every setting after defaults, the code's version, the machine, and the hashes of the model's and the data's files,
 * so that a run which goes on later can tell whether it still has the same ones.
 */

import { readFile } from "node:fs/promises";
import {
  aCount,
  anything,
  aSetting,
  aText,
  ifThere,
  listOf,
  mapOf,
  oneOfValues,
  orNull,
  parseShape,
  record,
  type Shape,
} from "../formats/json-shape.ts";
import { codeVersion, describeMachine, type HashedFile, hashFiles } from "../measure/machine.ts";
import { MACHINE, type Machine, RUN_COMMAND, type RunCommand } from "../measure/result.ts";

/** A compression method that is not built in. */
export interface OwnMethod {
  readonly id: string;
  /** Every setting resolved, defaults included. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Of its module, as it was given; null for a value that a program passed. */
  readonly path: string | null;
  /** Digest of the module's file, or of the text of the value's functions. */
  readonly sha256: string;
}

/** The content of recipe.json. */
export interface Recipe {
  readonly version: 1;
  readonly command: RunCommand;
  /** Version of Espalier. */
  readonly code: string;
  /** The command's settings after defaults. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly model: readonly HashedFile[];
  readonly data: readonly HashedFile[];
  /** Absent where the method is built in, or there is none. */
  readonly method?: OwnMethod;
  readonly machine: Machine;
}

const HASHED: Shape<HashedFile> = record<HashedFile>({ path: aText, bytes: aCount, sha256: aText });

const OWN_METHOD: Shape<OwnMethod> = record<OwnMethod>({
  id: aText,
  settings: mapOf(aSetting),
  path: orNull(aText),
  sha256: aText,
});

const RECIPE: Shape<Recipe> = record<Recipe>({
  version: oneOfValues(1),
  command: RUN_COMMAND,
  code: aText,
  settings: mapOf(anything),
  model: listOf(HASHED),
  data: listOf(HASHED),
  method: ifThere(OWN_METHOD),
  machine: MACHINE,
});

/** What a recipe is made of: the settings, and where the files are that the run depends on. */
export interface RecipeSource {
  readonly command: RunCommand;
  readonly settings: Readonly<Record<string, unknown>> & { readonly threads: number };
  /** Local files or folders; a model from the hub where it was cached. */
  readonly model: readonly string[];
  readonly data: readonly string[];
  readonly method?: OwnMethod | undefined;
}

/** Hashes the files and writes everything down. @throws {InputError} `input/missing` when a path leads nowhere. */
export async function makeRecipe({ command, settings, model, data, method }: RecipeSource): Promise<Recipe> {
  return {
    version: 1,
    command,
    code: await codeVersion(),
    settings: { ...settings },
    model: (await Promise.all(model.map(hashFiles))).flat(),
    data: (await Promise.all(data.map(hashFiles))).flat(),
    ...(method ? { method } : {}),
    machine: describeMachine(settings.threads),
  };
}

/** Reads and checks a recipe. @throws {FormatError} `recipe/format` naming the field that is wrong. */
export async function readRecipe(path: string): Promise<Recipe> {
  return parseShape(RECIPE, await readFile(path, "utf8"), path, "recipe/format");
}

/** The first file that differs between two recipes, or undefined when model, data and method are the same. */
export function changedFile(then: Recipe, now: Recipe): string | undefined {
  return (
    firstDifference(then.model, now.model) ?? firstDifference(then.data, now.data) ?? changedMethod(then, now)
  );
}

function changedMethod({ method: then }: Recipe, { method: now }: Recipe): string | undefined {
  return then?.sha256 === now?.sha256
    ? undefined
    : (then?.path ?? now?.path ?? `method ${then?.id ?? now?.id}`);
}

function firstDifference(then: readonly HashedFile[], now: readonly HashedFile[]): string | undefined {
  const hashes = new Map(now.map(({ path, sha256 }) => [path, sha256]));
  const changed = then.find(({ path, sha256 }) => hashes.get(path) !== sha256);
  return changed?.path ?? (now.length > then.length ? now[then.length]?.path : undefined);
}
