/** The task's head as a method wants it: the stock pooler, or a learned mixture of all layers. */

import { fold } from "../base/random.ts";
import { answersTexts } from "../bert/config.ts";
import type { Reader } from "../bert/facts.ts";
import { isEncoder } from "../bert/names.ts";
import type { RunFacts } from "../contract/method.ts";
import { type Network, withHead } from "../network/network.ts";
import { checkChoice } from "./checks.ts";

/**
 * pooler: of the last layer, as in the checkpoint. mixture: of all layers, Gao et al. 2021, §4, after Peters et al. 2019:
 * of their first tokens, or of their means where those are what the pre-trained encoder makes vectors of. firsts and means
 * say which.
 */
export const HEADS = ["pooler", "mixture", "firsts", "means"] as const;
export type HeadSetting = (typeof HEADS)[number];

/** What the setting is, for a method's help. */
export const HEAD_HELP =
  "pooler, or mixture: a learned average of all layers' first tokens, or of their means where the encoder's vectors are means; firsts or means say which";

/** The network under a fresh head of another kind; itself when it has that kind. @throws {ConfigError} `ID/head` */
export function withReader(
  id: string,
  network: Network,
  setting: HeadSetting,
  { key, pretrained }: Pick<RunFacts, "key" | "pretrained">,
): Network {
  checkChoice(id, "head", setting, HEADS);
  const { head } = network;
  if (!answersTexts(head)) return network;
  const reader = readerFor(setting, pretrained);
  const { reader: now = "pooler", ...plain } = head;
  if (now === reader) return network;
  return withHead(network, reader === "pooler" ? plain : { ...plain, reader }, fold(key, "head"));
}

function readerFor(setting: HeadSetting, pretrained: Network | undefined): Reader {
  if (setting === "firsts") return "mixture";
  if (setting !== "mixture") return setting;
  const head = pretrained?.head;
  // An encoder that says nothing of vectors was not trained to make any.
  const mode = head?.kind === "none" ? head.pooling?.mode : undefined;
  return mode === "mean" || mode === "mean_sqrt_len_tokens" ? "means" : "mixture";
}

/** Whether a tensor belongs to the head: everything that is neither embedding nor layer. */
export function isHead(name: string): boolean {
  return !isEncoder(name);
}

/** Whether a tensor is of the head that frozen weights get: a pooler that is pruned is frozen with them. */
export function isFreeHead(name: string, pruned: readonly string[]): boolean {
  return isHead(name) && !pruned.includes(name);
}
