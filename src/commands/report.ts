/** `espalier report`: one run or several as a page, or the model card of one. */

import { resolve } from "node:path";
import { requireItem } from "../base/present.ts";
import { REPORT, type ReportOptions, type ReportSettings } from "../options/reporting.ts";
import { resolveOptions } from "../options/schema.ts";
import { readRuns } from "../report/source.ts";
import { cardPath, cardSource, writeCard, writePage } from "../report/write.ts";
import { runPaths } from "../runs/folder.ts";
import { perform } from "../runs/perform.ts";
import { requireFile } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import type { ReportResult } from "./answers.ts";

/**
 * Writes what is in the folders of runs as one HTML file that needs nothing else.
 *
 * @throws {InputError} `report/missing`, `report/foreign` for what is no run; `report/unfinished` for the card of a run
 *   that has not ended
 * @throws {ConfigError} `report/foreign-file` where another file lies, unless `force`; `place/kind`, `place/name`
 * @example await report({ runs: ["runs/full", "runs/half"], out: "report.html" });
 */
export async function report(options: ReportOptions, context: RunContext = {}): Promise<ReportResult> {
  const settings = resolveOptions(REPORT, options);
  return perform("report", context, () => writeReport(settings, context), { engine: false });
}

async function writeReport(
  { runs: folders, out, card, force }: ReportSettings,
  { signal }: RunContext,
): Promise<ReportResult> {
  if (out !== undefined) requireFile(out);
  const runs = await readRuns(folders, signal);
  const only = requireItem(runs, 0, "runs");
  const shared = {
    runs: runs.map(({ name }) => name),
    missing: runs.flatMap(({ name, missing }) => missing.map((text) => `${name}: ${text}`)),
  };
  if (card) {
    const path = cardPath(only.root);
    return { path, bytes: await writeCard(cardSource(only), path, force), ...shared };
  }
  const path = resolve(out ?? (runs.length === 1 ? runPaths(only.root).report : "report.html"));
  return { path, bytes: await writePage(runs, path, force), ...shared };
}
