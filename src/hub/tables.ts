/** Which files are the table that trains and the one that judges: those that were named, or splits of a data set of the hub. */

import { type HubDataset, openDataset } from "./dataset.ts";
import { isHubName } from "./name.ts";
import type { HubOptions } from "./repository.ts";

/** Files that are one table. */
export interface Table {
  readonly files: readonly string[];
  /** What it is called, if not as its file. */
  readonly name?: string;
  readonly notes: readonly string[];
  /** It stands in for a split that there is not, and may have no labels. */
  readonly isSubstitute?: boolean;
}

/** A file that is here, or what a data set of the hub has for the purpose. */
export async function tableOf(data: string, purpose: "train" | "judge", options: HubOptions): Promise<Table> {
  if (!isHubName(data)) return { files: [data], notes: [] };
  const set = await openDataset(data, options);
  const judge = purpose === "judge" ? await judgingSplit(set) : undefined;
  return judge ?? set.training();
}

/** What trains, and what judges where that is known. */
export async function tablesOf(
  { data, validation }: { readonly data: string; readonly validation?: string | undefined },
  options: HubOptions,
): Promise<{ readonly train: Table; readonly judge?: Table | undefined }> {
  const judge = validation === undefined ? undefined : await tableOf(validation, "judge", options);
  if (!isHubName(data)) return { train: await tableOf(data, "train", options), judge };
  const set = await openDataset(data, options);
  return { train: await set.training(), judge: judge ?? (await judgingSplit(set)) };
}

async function judgingSplit(set: HubDataset): Promise<Table | undefined> {
  const split = await set.judging();
  if (split === undefined || split.role === "validation") return split;
  const text = `${set.name} has no validation split: ${split.name} judges in its place`;
  return { ...split, notes: [...split.notes, text], isSubstitute: true };
}
