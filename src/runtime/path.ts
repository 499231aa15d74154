/**
 * Which of two ways a model goes: the sparse kernels, or ONNX Runtime where that is there and may be faster.
 *
 * Both are tried where it is not certain which is faster. Browser-safe. Not here: opening ONNX Runtime (dense.ts).
 */

import type { Rates } from "../sparse/linear.ts";
import type { Host, Path } from "./host.ts";
import type { KernelReport, Opened } from "./protocol.ts";
import type { OpenFile, RuntimeSession } from "./session.ts";

/** What was found out while loading. Where no sparse kernel was needed there are no rates, no kernels and no memory. */
export interface RuntimeReport extends Omit<KernelReport, "rates"> {
  readonly rates: Rates | null;
  readonly path: "sparse" | "dense";
  readonly threads: number;
  /** Milliseconds of both paths for one text of 128 tokens, where both were tried. */
  readonly tried: { readonly sparse: number; readonly dense: number } | null;
}

/** Below this share of weights left no dense path was ever faster, so none is tried; 90 % zeros, rounded either way, lie below. */
const ALWAYS_SPARSE = 0.12;
/** Above this share, and with so many weights that a text takes milliseconds, no sparse path was ever faster. */
const ALWAYS_DENSE = 0.5;
const MANY_WEIGHTS = 2 ** 21;

/** What ONNX Runtime reads is one message of protocol buffers, below 2 GiB. */
const MOST_BYTES = 2 ** 31 - 1;
/** For what it holds besides numbers: operators, names, labels. */
const BESIDE = 2 ** 24;

/** Whether a network of so many numbers fits into ONNX Runtime's file, in float32. */
export function fitsDense({ numbers }: Pick<Opened, "numbers">): boolean {
  return 4 * numbers + BESIDE <= MOST_BYTES;
}

/** What is asked of the choice. */
interface PathOptions {
  readonly path?: "sparse" | "dense";
  readonly rates?: Rates | null;
}

interface Choice {
  readonly path: Path;
  readonly report: RuntimeReport;
}

/**
 * Places a model where it answers soonest. What is too large for ONNX Runtime is only taken there when that was asked for.
 *
 * @param openDense  as of a `Host`
 * @throws {FormatError} `onnx/too-large` for such a model; {RunError} `runtime/…`, `arena/memory`
 */
export async function choosePath(
  file: OpenFile,
  threads: number,
  { path: asked, rates }: PathOptions,
  openDense: Host["openDense"],
): Promise<Choice> {
  const { density, weights, config } = file.opened;
  // ONNX Runtime has no kernels for this arithmetic: its graph rounds and multiplies float32, which is always slower.
  const isInBytes = config.quantized !== undefined;
  const certain = density > ALWAYS_DENSE && weights > MANY_WEIGHTS;
  let canBeDense = openDense !== undefined && !isInBytes && fitsDense(file.opened);
  const openHere = async (): Promise<Path | undefined> => {
    let isTaken = false;
    const take = (): ReturnType<OpenFile["network"]> => {
      isTaken = true;
      return file.network();
    };
    return openDense?.(take, threads).catch((error: unknown) => {
      if (asked === "dense" || isTaken) throw error;
      return undefined; // a binary for another system's libraries: the sparse kernels need none
    });
  };
  if (asked === "dense" || (asked === undefined && canBeDense && certain)) {
    const path = await openHere();
    if (path !== undefined) {
      await file.close();
      const unused = { rates: null, kernels: {}, fused: false, wide: null, memory: 0 };
      return { path, report: { ...unused, density, path: "dense", threads, tried: null } };
    }
    canBeDense = false;
  }
  const session = await file.place({ threads, rates });
  const { report } = session.opened;
  if (asked === "sparse" || !canBeDense || density <= ALWAYS_SPARSE)
    return { path: session, report: { ...report, path: "sparse", threads, tried: null } };
  const dense = await openHere();
  if (dense === undefined)
    return { path: session, report: { ...report, path: "sparse", threads, tried: null } };
  try {
    const tried = await timesOf(session, dense);
    const path = tried.sparse <= tried.dense ? "sparse" : "dense";
    await (path === "sparse" ? dense : session).close();
    return { path: path === "sparse" ? session : dense, report: { ...report, path, threads, tried } };
  } catch (error) {
    await dense.close();
    throw error;
  }
}

/** The least of some runs of each, in turn, on one text of up to 128 tokens. */
async function timesOf(session: RuntimeSession, dense: Path): Promise<{ sparse: number; dense: number }> {
  const tokens = Math.min(128, session.opened.config.maxPositions);
  const text = { ids: new Uint32Array(tokens), types: new Uint32Array(tokens) };
  const least = { sparse: Number.POSITIVE_INFINITY, dense: Number.POSITIVE_INFINITY };
  for (let i = 0; i < TRIALS; i++) {
    least.sparse = Math.min(least.sparse, await timeOf(() => session.logits([text])));
    least.dense = Math.min(least.dense, await timeOf(() => dense.logits([text])));
  }
  return least;
}

const TRIALS = 5;

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
