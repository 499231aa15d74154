/** The task's head as a method wants it: the stock pooler, or a learned mixture of all layers' first tokens. */

import { fold, type Key } from "../base/random.ts";
import { answersTexts, type Reader } from "../bert/config.ts";
import { type Network, withHead } from "../network/network.ts";
import { checkChoice } from "./checks.ts";

/** pooler: of the last layer, as in the checkpoint. mixture: Gao et al. 2021, §4, after Peters et al. 2019. */
const READERS: readonly Reader[] = ["pooler", "mixture"];

/** The network under a fresh head of another kind; itself when it has that kind. @throws {ConfigError} `ID/head` */
export function withReader(id: string, network: Network, reader: Reader, key: Key): Network {
  checkChoice(id, "head", reader, READERS);
  const { head } = network;
  if (!answersTexts(head)) return network;
  const { reader: now = "pooler", ...plain } = head;
  if (now === reader) return network;
  return withHead(network, reader === "mixture" ? { ...plain, reader } : plain, fold(key, "head"));
}

/** Whether a tensor belongs to the head: everything that is neither embedding nor layer. */
export function isHead(name: string): boolean {
  return !/^bert\.(embeddings|encoder)\./.test(name);
}
