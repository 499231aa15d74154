/**
 * recipe.json: everything needed to repeat a run, written before its first step.
 *
 * Every setting after defaults, the code's version, the machine, the working folder that relative paths begin at, and the
 * hashes of the models' and the data's files, so that a run which goes on later can tell whether it still has the same ones.
 */

import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { ConfigError, type EspalierError, InputError } from "../base/errors.ts";
import { shown } from "../base/shown.ts";
import { jsonText } from "../formats/json.ts";
import {
  aCount,
  aNumber,
  anything,
  aSetting,
  aText,
  ifThere,
  type JsonShape,
  listOf,
  mapOf,
  oneOfValues,
  orNull,
  parseShape,
  record,
} from "../formats/json-shape.ts";
import { codeVersion, describeMachine, type HashedFile, hashFiles } from "../measure/machine.ts";
import { MACHINE, type Machine, RUN_COMMAND, type RunCommand } from "../measure/result.ts";
import type { Fields } from "../options/schema.ts";
import { COMPRESS, DEMO, FINETUNE, PRETRAIN } from "../options/training.ts";

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
  /** Working folder: where relative paths among the settings begin. */
  readonly folder?: string;
  readonly model: readonly HashedFile[];
  /** Of the fine-tuned model that was given, where one was. */
  readonly finetuned?: readonly HashedFile[];
  readonly data: readonly HashedFile[];
  /** Absent where the method is built in, or there is none. */
  readonly method?: OwnMethod;
  /** Aims that chose the method, for its end to say whether they are reached; absent where it was named. */
  readonly wanted?: Readonly<Record<string, number>>;
  readonly machine: Machine;
}

const HASHED: JsonShape<HashedFile> = record<HashedFile>({ path: aText, bytes: aCount, sha256: aText });

const OWN_METHOD: JsonShape<OwnMethod> = record<OwnMethod>({
  id: aText,
  settings: mapOf(aSetting),
  path: orNull(aText),
  sha256: aText,
});

const RECIPE: JsonShape<Recipe> = record<Recipe>({
  version: oneOfValues(1),
  command: RUN_COMMAND,
  code: aText,
  settings: mapOf(anything),
  folder: ifThere(aText),
  model: listOf(HASHED),
  finetuned: ifThere(listOf(HASHED)),
  data: listOf(HASHED),
  method: ifThere(OWN_METHOD),
  wanted: ifThere(mapOf(aNumber)),
  machine: MACHINE,
});

/** What a recipe is made of: the settings, and where the files are that the run depends on. */
export interface RecipeSource {
  readonly command: RunCommand;
  readonly settings: Readonly<Record<string, unknown>> & { readonly threads: number };
  /** Local files or folders; a model from the hub where it was cached. */
  readonly model: readonly string[];
  readonly finetuned?: string | undefined;
  readonly data: readonly string[];
  readonly method?: OwnMethod | undefined;
  readonly wanted?: Readonly<Record<string, number>> | undefined;
}

/** Hashes the files and writes everything down. @throws {InputError} `input/missing` when a path leads nowhere. */
export async function makeRecipe({
  command,
  settings,
  model,
  finetuned,
  data,
  method,
  wanted,
}: RecipeSource): Promise<Recipe> {
  return {
    version: 1,
    command,
    code: await codeVersion(),
    settings: { ...settings },
    folder: process.cwd(),
    model: (await Promise.all(model.map(hashFiles))).flat(),
    ...(finetuned === undefined ? {} : { finetuned: await hashFiles(finetuned) }),
    data: (await Promise.all(data.map(hashFiles))).flat(),
    ...(method ? { method } : {}),
    ...(wanted ? { wanted } : {}),
    machine: describeMachine(settings.threads),
  };
}

/** By these a recipe is known to be Espalier's, whatever else of it is damaged or of another version. */
const SIGNS = record<Pick<Recipe, "command" | "code" | "settings">>({
  command: RUN_COMMAND,
  code: aText,
  settings: mapOf(anything),
});

/** How every recipe begins. */
const BEGINNING = jsonText({ version: 1, command: "" }).slice(0, -4);

/**
 * What a file called recipe.json is: a recipe, the beginning of one, as a full disk or a crash of the machine may leave it, or
 * another program's file.
 */
export async function recipeKind(path: string): Promise<"ours" | "torn" | "foreign"> {
  if (!(await stat(path)).isFile()) return "foreign";
  const text = await readFile(path, "utf8");
  try {
    return SIGNS.problem(JSON.parse(text), "") === undefined ? "ours" : "foreign";
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  // Some file systems leave zeros where nothing was written.
  const there = text.replaceAll("\0", "");
  return there.startsWith(BEGINNING) || BEGINNING.startsWith(there) ? "torn" : "foreign";
}

/** Reads and checks a recipe. @throws {FormatError} `recipe/format` naming the field that is wrong. */
export async function readRecipe(path: string): Promise<Recipe> {
  return parseShape(RECIPE, await readFile(path, "utf8"), path, "recipe/format");
}

/** The settings that name files. A model of the hub or of the package is no file. */
const PATHS = ["model", "finetuned", "data", "validation", "augmented", "corpus"];

/** Whether a setting of a run names a file: `method` does where it is a module's, and a built-in one's id does not. */
function isPath(name: string, { method }: Recipe): boolean {
  return PATHS.includes(name) || (name === "method" && typeof method?.path === "string");
}

/** The settings of a run that name files, as they were given. A file URL is the path that it stands for. */
function pathsOf(recipe: Recipe): [name: string, path: string][] {
  return Object.entries(recipe.settings).flatMap(([name, value]): [string, string][] => {
    if (typeof value !== "string" || !isPath(name, recipe)) return [];
    return [[name, name === "method" && value.startsWith("file:") ? fileURLToPath(value) : value]];
  });
}

/** The files and folders that a run reads, absolute, whether they are there or not. */
export function inputPaths(recipe: Recipe): string[] {
  const { folder = process.cwd() } = recipe;
  return pathsOf(recipe).map(([, path]) => resolve(folder, path));
}

/** The settings as they are understood in this working folder: paths lead to where they led when the run began. */
export function settingsHere(recipe: Recipe): Record<string, unknown> {
  const { settings, folder } = recipe;
  const here = { ...settings };
  if (folder === undefined || resolve(folder) === process.cwd()) return here;
  for (const [name, path] of pathsOf(recipe)) {
    if (isAbsolute(path)) continue;
    const then = resolve(folder, path);
    // A project that was moved as a whole has its files under the same names elsewhere.
    if (existsSync(then)) here[name] = then;
  }
  return here;
}

/** Settings that change where and how fast a run works, and nothing that it learns. */
const INCIDENTAL = new Set([
  "out",
  "force",
  "threads",
  "device",
  "latency",
  "keepCheckpoints",
  "export",
  "report",
  "floor",
]);

/** The options of each command that leaves a run. */
const FIELDS: Readonly<Record<RunCommand, Fields>> = {
  finetune: FINETUNE.fields,
  compress: COMPRESS.fields,
  pretrain: PRETRAIN.fields,
  demo: DEMO.fields,
};

/** A setting of a run. One that an older recipe lacks is at its default: the option has come later. */
function settingOf({ command, settings }: Recipe, name: string): unknown {
  return settings[name] ?? FIELDS[command][name]?.fallback;
}

/** The first setting that differs between two runs and counts; undefined for the same run. Files are not compared. */
export function differingSetting(then: Recipe, now: Recipe): string | undefined {
  const ignored = (name: string) => INCIDENTAL.has(name) || (isPath(name, then) && isPath(name, now));
  const names = new Set([...Object.keys(then.settings), ...Object.keys(now.settings)]);
  return [...names].find(
    (name) => !ignored(name) && !isDeepStrictEqual(settingOf(then, name), settingOf(now, name)),
  );
}

/** How the settings of a run differ from those that it is resumed with, in words; undefined when they do not. */
function describeDifference(then: Recipe, now: Recipe): string | undefined {
  if (then.command !== now.command) return `run: expected one of ${now.command}, got one of ${then.command}`;
  const name = differingSetting(then, now);
  if (name === undefined) return undefined;
  const [had, given] = [then, now].map((recipe) => settingOf(recipe, name));
  const word = (value: unknown): string => (value === undefined ? "none" : shown(value));
  return `${name}: expected ${word(had)}, which the run began with, got ${word(given)}`;
}

/** What has become of the files of a run, to follow "got"; undefined when they are the same. Exports are no part of a model. */
export function describeChange(then: Recipe, now: Recipe): string | undefined {
  const own = (files: readonly HashedFile[] = []): HashedFile[] =>
    files.filter(({ path }) => !isExport(path));
  return (
    changeOf(own(then.model), own(now.model)) ??
    changeOf(own(then.finetuned), own(now.finetuned)) ??
    changeOf(then.data, now.data) ??
    changeOfMethod(then, now)
  );
}

/** Whether a file of a model's folder is where `export` writes, and is not read back. */
function isExport(path: string): boolean {
  return /^(onnx|safetensors)[\\/]|^model\.(esp|onnx)$/.test(path);
}

function changeOfMethod({ method: then }: Recipe, { method: now }: Recipe): string | undefined {
  if (then?.sha256 === now?.sha256) return undefined;
  return `another ${then?.path ?? now?.path ?? `method ${then?.id ?? now?.id}`}`;
}

/** Files of a folder are known by their names, single ones by their place: they may be named from another folder now. */
function changeOf(then: readonly HashedFile[], now: readonly HashedFile[]): string | undefined {
  const isInPlace =
    then.length === now.length &&
    then.every(({ path }, i) => basename(path) === basename(now[i]?.path ?? ""));
  if (isInPlace) {
    const changed = now.find(({ sha256 }, i) => sha256 !== then[i]?.sha256);
    return changed && `another ${changed.path}`;
  }
  const [old, found] = [then, now].map((files) => new Map(files.map(({ path, sha256 }) => [path, sha256])));
  const added = now.find(({ path }) => !old?.has(path));
  if (added) return `${added.path}, which was not there`;
  const gone = then.find(({ path }) => !found?.has(path));
  return gone && `no ${gone.path}`;
}

/** Why a stopped run is not the one that is asked for now: `run/changed` for its files, `run/settings` for its settings. */
export function resumeProblem(then: Recipe, now: Recipe, out: string): EspalierError | undefined {
  const change = describeChange(then, now);
  if (change !== undefined)
    return new InputError("run/changed", `run: expected the files it began with, got ${change} (${out})`);
  const difference = describeDifference(then, now);
  return difference === undefined ? undefined : new ConfigError("run/settings", `${difference} (${out})`);
}
