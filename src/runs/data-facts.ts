/** What a run says of its data before it trains: rows, shares of the classes, texts that are cut, what a floor makes of it. */

import { requireItem } from "../base/present.ts";
import type { CutSet } from "../data/batches.ts";
import { classOf, type Dataset, labelCounts } from "../data/dataset.ts";
import { type MeasuredFloor, measureFloors } from "../floor/measure.ts";
import { hasFloor } from "../floor/model.ts";
import type { Network } from "../network/network.ts";
import type { FinetuneSettings } from "../options/training.ts";
import type { LabelledData } from "./data.ts";
import type { Sets } from "./encoded.ts";
import type { OpenRun } from "./open-run.ts";
import type { DataEvent, Recorder } from "./progress.ts";

/** Reports what was noticed while the data was read, then its sizes and shares. */
export function reportData(
  record: Recorder,
  { train, dev, notes }: Pick<LabelledData, "train" | "dev" | "notes">,
  encoded: Sets<CutSet>,
): void {
  for (const text of notes) record({ kind: "note", text });
  const cut = encoded.train.cut + encoded.dev.cut;
  const sizes = { train: train.examples.length, dev: dev.examples.length };
  record({
    kind: "data",
    ...sizes,
    ...spread(train),
    cut: cut / (sizes.train + sizes.dev),
    maxLength: encoded.train.length,
    ...windowsOf(encoded),
  });
}

/** How many windows texts are read in, where they are. */
function windowsOf({ train, dev }: Sets<CutSet>): Pick<DataEvent, "windows"> {
  return train.starts ? { windows: train.examples.length + dev.examples.length } : {};
}

/** Of the training examples, or of their words: each label's share, or the least and the largest value. */
function spread({ task, labels, examples }: Dataset): Pick<DataEvent, "shares" | "range"> {
  if (task === "regression") {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of examples.map(classOf)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    return { shares: {}, range: [low, high] };
  }
  const counts = labelCounts({ labels, examples });
  const all = task === "tokens" ? counts.reduce((a, b) => a + b, 0) : examples.length;
  const shares = labels.map((label, i) => [label, requireItem(counts, i, "counts") / all]);
  return { shares: Object.fromEntries(shares), range: null };
}

/** What the data gives without a Transformer, told before hours are spent on one; left in the run's folder. */
export function floorsFor(
  data: LabelledData,
  settings: Pick<FinetuneSettings, "floor" | "threads" | "device" | "calibrate" | "threshold">,
  network: Network,
  { paths, record, context: { signal } }: Pick<OpenRun, "paths" | "record" | "context">,
): Promise<MeasuredFloor[]> {
  const { floor: asked, threads, device, calibrate, threshold } = settings;
  const from = { network, threads, device };
  const settling = { calibrate, threshold };
  const tell = (text: string): void => record({ kind: "note", text });
  const { task } = data.train;
  if (asked?.some((kind) => kind !== "none") && !hasFloor(task))
    tell(`floor: there is none for ${task}; it needs labels or values of whole texts`);
  const floor = asked ?? ["tf-idf"];
  return measureFloors(data, { floor, folder: paths.floor, from, signal, settling, tell });
}
