/** Learning-rate schedules: pure functions of the step. */

import { ConfigError } from "./errors.ts";

/** Share of the steps that warm up where nothing is said. */
export const USUAL_WARMUP = 0.1;

/** Linear warm-up to `peak`, then linear decay to 0 (Devlin et al. 2019, §A.2). */
export interface LinearSchedule {
  readonly peak: number;
  /** Optimizer steps of the run. */
  readonly steps: number;
  /** Share of the steps that warm up, in [0, 1). */
  readonly warmup: number;
}

/**
 * The rate of step `step`, counted from 0. Step 0 already moves: min((step + 1)/w, (steps − step)/(steps − w)) · peak,
 * with w = max(1, ⌊warmup·steps⌋), so that a run shorter than its warm-up still reaches its peak.
 *
 * @throws {ConfigError} `schedule/warmup` outside [0, 1)
 */
export function linearRate({ peak, steps, warmup }: LinearSchedule, step: number): number {
  if (!(warmup >= 0 && warmup < 1)) {
    throw new ConfigError("schedule/warmup", `warmup: expected a share in [0, 1), got ${warmup}`);
  }
  const warm = Math.max(1, Math.floor(warmup * steps));
  return peak * Math.min((step + 1) / warm, Math.max(0, (steps - step) / Math.max(1, steps - warm)));
}
