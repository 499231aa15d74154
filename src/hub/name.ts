/** Names of models on the Hugging Face hub: `hf:owner/name` or `hf:owner/name@revision`. */

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

/** True for a name that `parseHubName` reads. */
export function isSoundHubName(text: string): boolean {
  try {
    return parseHubName(text).repo !== "";
  } catch {
    return false;
  }
}
