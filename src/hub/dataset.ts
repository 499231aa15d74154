/**
 * Data sets from the Hugging Face hub: `hf:owner/name` becomes Parquet files on this machine, a split at a time.
 *
 * Read are the Parquet files of the repository where their paths tell a split to train on or to judge by, else those that the
 * hub itself made of it, on the revision `refs/convert/parquet`. A data set's own program is never run. As with models, what is here is used
 * without touching the network, and what comes is checked against size and digest.
 */

import { join } from "node:path";
import { InputError } from "../base/errors.ts";
import { readJsonIfPresent, writeFileAtomic } from "../formats/files.ts";
import {
  aCount,
  aText,
  type JsonShape,
  listOf,
  oneOfValues,
  readShape,
  record,
} from "../formats/json-shape.ts";
import { defaultCache, hasSize, isCommit, knownCommit, rememberCommit, snapshotFolder } from "./cache.ts";
import { type HubFile, listCommit, resolveCommit } from "./listing.ts";
import { type DatasetName, type HubName, parseDatasetName } from "./name.ts";
import { addressOf, fetchFile, type HubOptions } from "./repository.ts";
import {
  type ChosenSplit,
  type Configurations,
  chooseConfig,
  hasRoles,
  type SplitFiles,
  type SplitRole,
  splitFor,
  splitsOf,
} from "./splits.ts";

/** Where the hub puts its own conversion. */
const CONVERTED = "refs/convert/parquet";

/** A data set whose files are known. */
export interface HubDataset {
  /** `owner/name`, and the configuration where there are several. */
  readonly name: string;
  readonly splits: readonly SplitFiles[];
  /**
   * The split to train on, fetched when it is not here yet.
   * @throws as `transfer` does; {InputError} `hub/offline`; `hub/no-split` when there is none
   */
  training(): Promise<FetchedSplit>;
  /** Likewise the split to judge by: for validation, else for testing, which is said; undefined when there is neither. */
  judging(): Promise<FetchedSplit | undefined>;
}

/** A split on this machine. */
export interface FetchedSplit {
  /** The data set's name and the split's. */
  readonly name: string;
  readonly role: SplitRole;
  readonly files: readonly string[];
  /** What the user should know. */
  readonly notes: readonly string[];
}

/** The Parquet files of one commit. */
interface Listed {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

/** What asking needs. */
interface Asking {
  readonly root: string;
  readonly options: HubOptions;
}

/**
 * Finds out which splits a data set has.
 *
 * @param text  `hf:owner/name`, `hf:owner/name/configuration`, each perhaps with `@revision`
 * @throws {InputError} `hub/name`, `hub/token`, `hub/offline`, `hub/not-found`, `hub/denied`, `hub/no-parquet`, `hub/config`,
 *   `hub/no-shard`, `hub/two-shards`
 * @throws {RunError} `hub/network`, `hub/server`, `hub/answer`; {InterruptedError} `hub/stopped`
 */
export async function openDataset(text: string, options: HubOptions = {}): Promise<HubDataset> {
  const asked = parseDatasetName(text);
  const root = join(options.cache ?? defaultCache(), "@datasets");
  const { commit, all } = await findFiles(asked, { root, options });
  const config = chooseConfig(all, asked.config, asked.repo);
  const splits = all.get(config) ?? [];
  const name = all.size > 1 ? `${asked.repo}/${config}` : asked.repo;
  const fetchSplit = async (role: SplitRole): Promise<FetchedSplit | undefined> => {
    const chosen = splitFor(splits, role);
    if (chosen === undefined) return undefined;
    const folder = snapshotFolder(root, asked.repo, commit);
    for (const file of chosen.files) await bring(asked.repo, commit, file, { root, options });
    return {
      name: `${name}/${chosen.name}`,
      role,
      files: chosen.files.map(({ path }) => join(folder, path)),
      notes: splitNotes(name, chosen),
    };
  };
  return {
    name,
    splits,
    training: async () => {
      const found = await fetchSplit("train");
      if (found !== undefined) return found;
      const names = splits.map((split) => split.name).join(", ");
      throw new InputError("hub/no-split", `hub: expected a split train in ${name}, got ${names}`);
    },
    judging: async () => (await fetchSplit("validation")) ?? (await fetchSplit("test")),
  };
}

async function findFiles(
  { repo, revision }: DatasetName,
  asking: Asking,
): Promise<{ readonly commit: string; readonly all: Configurations }> {
  const own = await list({ repo, revision: revision ?? "main" }, asking);
  const all = splitsOf(own.files, repo);
  if (hasRoles(all)) return { commit: own.commit, all };
  const converted = revision === undefined ? await listConverted(repo, asking) : undefined;
  const made = converted && splitsOf(converted.files, repo);
  if (converted && made && made.size > 0) return { commit: converted.commit, all: made };
  if (all.size > 0) return { commit: own.commit, all };
  const names = own.files.slice(0, 3).map(({ path }) => path);
  const got = names.length === 0 ? "no Parquet file" : `${names.join(", ")}, which say no split`;
  const message = `hub: expected Parquet files of a split, or the hub's conversion to them, in ${repo}, got ${got}`;
  throw new InputError("hub/no-parquet", message);
}

/** Undefined where the hub has made nothing of a data set. */
async function listConverted(repo: string, asking: Asking): Promise<Listed | undefined> {
  try {
    return await list({ repo, revision: CONVERTED }, asking);
  } catch (error) {
    if (error instanceof InputError && ["hub/not-found", "hub/denied"].includes(error.code)) return undefined;
    throw error;
  }
}

async function list(name: HubName, { root, options }: Asking): Promise<Listed> {
  const known = await knownCommit(root, name);
  const here = known === undefined ? undefined : await readListing(root, name.repo, known);
  if (here !== undefined && (options.offline || !options.refresh)) return here;
  if (options.offline) throw offlineError(`hf:${name.repo}@${name.revision}`, root);
  const address = addressOf(options);
  const commit = isCommit(name.revision) ? name.revision : await resolveCommit("dataset", name, address);
  const listed = (await readListing(root, name.repo, commit)) ?? {
    commit,
    files: plainParquet([
      ...(await listCommit({ kind: "dataset", repo: name.repo }, commit, address)).values(),
    ]),
  };
  await writeFileAtomic(listingPath(root, name.repo, commit), JSON.stringify(listed.files));
  await rememberCommit(root, name, commit);
  return listed;
}

/**
 * The Parquet files. Only names that are the same on every system become paths here, and a split without some of its files
 * is no split.
 * @throws {InputError} `hub/file-name`
 */
function plainParquet(files: readonly HubFile[]): HubFile[] {
  const found = files.filter(({ path }) => path.endsWith(".parquet"));
  const odd = found.find(({ path }) => !path.split("/").every((part) => /^\w[\w.+=-]{0,200}$/.test(part)));
  if (odd === undefined) return found;
  const message = `data: expected Parquet files of plain names, letters, digits and . _ + = -, got ${JSON.stringify(odd.path)}; download the files that you need and name them yourself`;
  throw new InputError("hub/file-name", message);
}

function listingPath(root: string, repo: string, commit: string): string {
  return join(snapshotFolder(root, repo, commit), ".parquet.json");
}

const LISTING: JsonShape<readonly HubFile[]> = listOf(
  record<HubFile>({
    path: aText,
    size: aCount,
    digest: record<HubFile["digest"]>({ kind: oneOfValues("sha256", "git"), hex: aText }),
  }),
);

/** What was listed of a commit before. @throws {FormatError} `hub/listing` for a damaged list */
async function readListing(root: string, repo: string, commit: string): Promise<Listed | undefined> {
  const path = listingPath(root, repo, commit);
  const json = await readJsonIfPresent(path);
  return json === undefined ? undefined : { commit, files: readShape(LISTING, json, path, "hub/listing") };
}

async function bring(repo: string, commit: string, file: HubFile, { root, options }: Asking): Promise<void> {
  if (await hasSize(join(snapshotFolder(root, repo, commit), file.path), file.size)) return;
  if (options.offline) throw offlineError(`${file.path} of hf:${repo}`, root);
  const address = addressOf(options);
  await fetchFile({ kind: "dataset", root, repo, commit, address, options }, file);
}

function offlineError(what: string, root: string): InputError {
  return new InputError(
    "hub/offline",
    `hub: expected ${what} in the cache, got no complete copy (${root}, offline)`,
  );
}

function splitNotes(name: string, { name: split, others, isPartial }: ChosenSplit): string[] {
  return [
    ...(others.length > 0 ? [`${name}: the split ${split} is read, and not ${others.join(", ")}`] : []),
    ...(isPartial ? [`${name}: the hub has converted only the beginning of the split ${split}`] : []),
  ];
}
