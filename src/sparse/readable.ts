/** Which encoders the sparse runtime computes. Browser-safe. */

import { ConfigError } from "../base/errors.ts";
import { type BertConfig, factsOf } from "../bert/config.ts";

/** @throws {ConfigError} `sparse/architecture` for an encoder that forward.ts has no arithmetic for */
export function requireReadable(config: Pick<BertConfig, "facts">): void {
  if (config.facts === undefined) return;
  const message = `model: expected a BERT, got ${factsOf(config).type}, which is not read by the sparse runtime`;
  throw new ConfigError("sparse/architecture", message);
}
