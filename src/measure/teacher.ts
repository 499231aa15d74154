/** Vectors of a sentence encoder as what another is held to: the labels of a set of texts that has none. */

import type { Encoded, EncodedSet } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { openAnswers } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { logitsOf } from "./logits.ts";

/** What trains and what judges, each text with the vector that `teacher` makes of it. */
export async function withVectors<Set extends EncodedSet>(
  teacher: Network,
  { threads, device }: { readonly threads: number; readonly device: Provider },
  { train, dev }: { readonly train: Set; readonly dev: Set },
  signal?: AbortSignal,
): Promise<{ readonly train: Set; readonly dev: Set }> {
  const engine = new Engine({ threads, provider: device });
  try {
    const inference = await openAnswers(engine, teacher);
    const taught = async (set: Set): Promise<Set> => {
      const vectors = await logitsOf(inference, set, undefined, signal);
      const width = vectors.length / set.examples.length;
      const examples = set.examples.map((example, i): Encoded => {
        return { ...example, labels: vectors.subarray(i * width, (i + 1) * width) };
      });
      return { ...set, examples };
    };
    return { train: await taught(train), dev: await taught(dev) };
  } finally {
    await engine.close();
  }
}
