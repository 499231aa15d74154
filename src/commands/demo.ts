/** `espalier demo`: the main job on what comes with the package, in a few minutes and without a network. */

import type { RunResult } from "../measure/result.ts";
import { resolveOptions } from "../options/schema.ts";
import { SENTIMENT } from "../options/shared.ts";
import { DEMO, type DemoOptions } from "../options/training.ts";
import { EMBEDDED } from "../runs/embedded.ts";
import type { RunContext } from "../runs/progress.ts";
import { compress } from "./compress.ts";

/**
 * Fine-tunes the embedded model on the embedded reviews and halves it with BERT-of-Theseus.
 *
 * The run it leaves is that of `espalier compress` with the options below, and goes on like one when it was stopped.
 *
 * @throws as `compress` does
 */
export async function demo(options: DemoOptions = {}, context: RunContext = {}): Promise<RunResult> {
  const settings = resolveOptions(DEMO, options);
  return compress(
    {
      ...settings,
      model: EMBEDDED,
      data: SENTIMENT,
      method: "theseus",
      set: { layers: "2" },
      maxLength: 64,
      epochs: 8,
      learningRate: 3e-4,
    },
    context,
  );
}
