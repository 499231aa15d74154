/**
 * Names on the Hugging Face hub: `hf:owner/name` or `hf:owner/name@revision`; of a data set also
 * `hf:owner/name/configuration`.
 */

import { InputError } from "../base/errors.ts";

/** A model on the hub. */
export interface HubName {
  /** `owner/name`, or the bare name of one of the oldest models. */
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

const PREFIX = "hf:";
/** The hub's rule for each part: letters, digits, `-`, `_`, `.`, beginning and ending with none of the last two. */
const PART = /^[A-Za-z0-9_](?:[\w.-]{0,94}\w)?$/;
/** Branches such as `refs/pr/1` included; nothing that could leave a folder. */
const REVISION = /^\w[\w./-]{0,200}$/;

/** True for text that means a model on the hub, well-formed or not; anything else is a folder. */
export function isHubName(text: string): boolean {
  return text.startsWith(PREFIX);
}

/**
 * @throws {InputError} `hub/name`
 * @example parseHubName("hf:google/bert_uncased_L-2_H-128_A-2@main").repo; // "google/bert_uncased_L-2_H-128_A-2"
 */
export function parseHubName(text: string): HubName {
  const [repo = "", revision = "main", ...rest] = text.slice(PREFIX.length).split("@");
  const parts = repo.split("/");
  const sound =
    isHubName(text) &&
    rest.length === 0 &&
    parts.length <= 2 &&
    parts.every((part) => PART.test(part)) &&
    REVISION.test(revision) &&
    !/--|\.\./.test(repo) &&
    !/\.\.|\/\/|\/$/.test(revision);
  if (sound) return { repo, revision };
  throw new InputError("hub/name", `model: expected hf:owner/name or hf:owner/name@revision, got "${text}"`);
}

/** A data set on the hub. */
export interface DatasetName {
  readonly repo: string;
  /** Absent: the only one there is, or the one called `default`. */
  readonly config?: string;
  /** Absent: the branch `main`, or what the hub made of it. */
  readonly revision?: string;
}

/** Letters and digits, and between them what names of languages, dates and sizes have. */
const CONFIG = /^\w(?:[\w.+=-]{0,94}[\w+])?$/;

/**
 * @throws {InputError} `hub/name`
 * @example parseDatasetName("hf:nyu-mll/glue/sst2"); // { repo: "nyu-mll/glue", config: "sst2" }
 */
export function parseDatasetName(text: string): DatasetName {
  const [path = "", ...revision] = text.slice(PREFIX.length).split("@");
  const [owner = "", name, ...configs] = path.split("/");
  const repo = name === undefined ? owner : `${owner}/${name}`;
  const at = revision.length === 0 ? "" : `@${revision.join("@")}`;
  const isSound = configs.length <= 1 && configs.every((each) => CONFIG.test(each) && !each.includes(".."));
  if (!isHubName(text) || !isSound || !isSoundHubName(`${PREFIX}${repo}${at}`)) {
    const expected = "hf:owner/name or hf:owner/name/configuration, perhaps with @revision";
    throw new InputError("hub/name", `data: expected ${expected}, got "${text}"`);
  }
  const [config] = configs;
  return {
    repo,
    ...(config === undefined ? {} : { config }),
    ...(at === "" ? {} : { revision: at.slice(1) }),
  };
}

/** True for a name that `parseHubName` reads. */
export function isSoundHubName(text: string): boolean {
  try {
    return parseHubName(text).repo !== "";
  } catch {
    return false;
  }
}
