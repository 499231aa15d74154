/** Vectors of a sentence encoder as what another is held to: the labels of a set of texts that has none. */

import type { Encoded, EncodedSet } from "../data/batches.ts";
import { Engine } from "../engine/engine.ts";
import type { Provider } from "../engine/protocol.ts";
import { openAnswers } from "../network/inference.ts";
import type { Network } from "../network/network.ts";
import { type Answering, logitsOf } from "./logits.ts";

/** How a teacher is run, and who hears how far it is. */
export interface TeacherRun {
  readonly threads: number;
  readonly device: Provider;
  readonly signal?: AbortSignal | undefined;
  /** Called for every tenth of the texts. */
  readonly tell: (done: number, all: number) => void;
}

/** What trains and what judges, each text with the vector that `teacher` makes of it. @throws the reason of the signal */
export async function withVectors<Set extends EncodedSet>(
  teacher: Network,
  { train, dev }: { readonly train: Set; readonly dev: Set },
  { threads, device, signal, tell }: TeacherRun,
): Promise<{ readonly train: Set; readonly dev: Set }> {
  const engine = new Engine({ threads, provider: device });
  try {
    const inference = await openAnswers(engine, teacher);
    const all = train.examples.length + dev.examples.length;
    let [done, told] = [0, 0];
    const counted: Answering = {
      logits: async (batch) => {
        const vectors = await inference.logits(batch);
        done += batch.size;
        if (done - told >= all / 10) tell(done, all);
        if (done - told >= all / 10) told = done;
        return vectors;
      },
    };
    const taught = async (set: Set): Promise<Set> => {
      const vectors = await logitsOf(counted, set, undefined, signal);
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
