/**
 * Which Parquet files of a data set are which split of which configuration, told from their paths alone.
 *
 *   Source   https://huggingface.co/docs/hub/datasets-file-names-and-splits (train, validation, test and what counts as
 *            these; `data/train-00000-of-00002.parquet`), https://huggingface.co/docs/dataset-viewer/parquet
 *            (`CONFIG/SPLIT/0000.parquet` of the hub's own conversion, `partial-SPLIT` where it stopped at 5 GB)
 *
 * A path that says no split is passed over. Files of a split that miss one of their number, or have one twice, are refused:
 * a part would be taken for the whole.
 */

import { InputError } from "../base/errors.ts";
import type { HubFile } from "./listing.ts";

/** What a split is for. */
export type SplitRole = "train" | "validation" | "test";

/** One split: what it is called, and its files in order. */
export interface SplitFiles {
  readonly name: string;
  readonly files: readonly HubFile[];
  /** The hub converted its beginning alone. */
  readonly isPartial: boolean;
}

/** Splits by configuration. */
export type Configurations = ReadonlyMap<string, readonly SplitFiles[]>;

/** Of a data set whose files lie in no folder of their own. */
const DEFAULT = "default";

/** What each role is called; the first name is the usual one. */
const CALLED: Readonly<Record<SplitRole, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};
const KEYWORDS = Object.values(CALLED).flat();

interface Placed {
  readonly file: HubFile;
  readonly config: string;
  readonly split: string;
  readonly isPartial: boolean;
  /** Place and number of a file among those of its split, where its name says both. */
  readonly part?: { readonly index: number; readonly of: number };
}

/** Files by configuration and split. @throws {InputError} `hub/no-shard`, `hub/two-shards` */
export function splitsOf(files: Iterable<HubFile>, repo: string): Configurations {
  const found = new Map<string, Map<string, Placed[]>>();
  for (const file of files) {
    const placed = placeOf(file);
    if (placed === undefined) continue;
    const splits = found.get(placed.config) ?? new Map<string, Placed[]>();
    found.set(placed.config, splits);
    splits.set(placed.split, [...(splits.get(placed.split) ?? []), placed]);
  }
  return new Map(
    [...found].map(([config, splits]) => [
      config,
      [...splits].map(([name, placed]) => ({
        name,
        files: inOrder(placed, `split ${name} of ${config} in ${repo}`),
        isPartial: placed.some(({ isPartial }) => isPartial),
      })),
    ]),
  );
}

function placeOf(file: HubFile): Placed | undefined {
  const folders = file.path.split("/");
  const stem = folders.pop()?.match(/^(.+)\.parquet$/)?.[1];
  if (stem === undefined) return undefined;
  const [, whole = stem, index, of] = stem.match(/^(.+?)-(\d{5})-of-(\d{5})(?:-[0-9a-f]{16})?$/) ?? [];
  const part = of === undefined ? {} : { part: { index: Number(index), of: Number(of) } };
  const [, partial, folder] = folders.at(-1)?.match(/^(partial-)?(.+)$/) ?? [];
  const own = of !== undefined && /^\w+$/.test(whole) ? whole : keywordIn(whole);
  // `train/0000.parquet` and `train/part-1.parquet`; `sst2/train.parquet` is of the configuration sst2.
  const isNumbered = folders.length > 0 && /^\d{4,5}$/.test(stem);
  const isInSplit = isNumbered || (folder !== undefined && (own ?? keywordIn(folder)) === folder);
  const split = isInSplit ? folder : own;
  if (split === undefined) return undefined;
  const config = (isInSplit ? folders.slice(0, -1) : folders).filter((name) => name !== "data").join("/");
  return { file, config: config || DEFAULT, split, isPartial: isInSplit && partial !== undefined, ...part };
}

/** The one word of a name that means a split. */
function keywordIn(name: string): string | undefined {
  const words = name.split(/[^A-Za-z]+/).filter((word) => KEYWORDS.includes(word));
  return words.length === 1 ? words[0] : undefined;
}

function inOrder(placed: readonly Placed[], where: string): HubFile[] {
  const numbered = placed.flatMap(({ part }) => (part === undefined ? [] : [part]));
  const [first] = numbered;
  if (first !== undefined) {
    const places = new Set(numbered.map(({ index }) => index));
    const isOne = numbered.length === placed.length && numbered.every(({ of }) => of === first.of);
    if (!isOne || places.size < placed.length) {
      const names = placed.map(({ file }) => file.path).slice(0, 3);
      const message = `hub: expected the files of one ${where}, got those of several: ${names.join(", ")}`;
      throw new InputError("hub/two-shards", message);
    }
    if (places.size < first.of || [...places].some((index) => index >= first.of)) {
      const message = `hub: expected ${first.of} files of the ${where}, got ${places.size}`;
      throw new InputError("hub/no-shard", message);
    }
  }
  return placed.map(({ file }) => file).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * The configuration that is meant: the one that was named, the only one, or the one called `default`.
 * @throws {InputError} `hub/config`, listing those there are
 */
export function chooseConfig(all: Configurations, asked: string | undefined, repo: string): string {
  const names = [...all.keys()];
  const meant = asked ?? (names.length === 1 ? names[0] : DEFAULT);
  if (meant !== undefined && all.has(meant)) return meant;
  const some = `${names.slice(0, 12).join(", ")}${names.length > 12 ? `, … (${names.length})` : ""}`;
  const expected = asked === undefined ? `hf:${repo}/CONFIGURATION` : "a configuration";
  const got = asked === undefined ? "none of them" : JSON.stringify(asked);
  throw new InputError("hub/config", `hub: expected ${expected}, one of ${some}, got ${got}`);
}

/** A split for a role, and the others that would have done. */
export interface ChosenSplit extends SplitFiles {
  readonly others: readonly string[];
}

/** The split that is called as the role is; else the first that is called so with something behind, as `validation_matched`. */
export function splitFor(splits: readonly SplitFiles[], role: SplitRole): ChosenSplit | undefined {
  const exact = CALLED[role].flatMap((name) => splits.find((split) => split.name === name) ?? []);
  const behind = splits
    .filter(({ name }) => CALLED[role].some((called) => name.startsWith(`${called}_`)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const [chosen] = [...exact, ...behind];
  if (chosen === undefined) return undefined;
  const others = exact.length > 0 ? [] : behind.slice(1).map(({ name }) => name);
  return { ...chosen, others };
}

/**
 * Whether some split is there to train on or to judge by. `data/0000.parquet` and `part-00000-of-00002.parquet` say their
 * numbers as such files do, and `data` and `part` mean none.
 */
export function hasRoles(all: Configurations): boolean {
  const roles: readonly SplitRole[] = ["train", "validation", "test"];
  return [...all.values()].some((splits) => roles.some((role) => splitFor(splits, role) !== undefined));
}
