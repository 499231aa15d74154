/**
 * How the dense path is opened, where ONNX Runtime is installed; undefined where it is not.
 *
 * The package that is the runtime alone puts an undefined one in the place of this file (build/bundles.mjs).
 */

import { hasEngine } from "../engine/presence.ts";
import type { Host } from "./host.ts";

/** See Host.openDense. */
export const openDense: Host["openDense"] = hasEngine()
  ? async (take, threads) => {
      const dense = await import("./dense.ts");
      return dense.openDense(take, threads);
    }
  : undefined;
