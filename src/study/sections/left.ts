/** What is left of the metric: the runs behind the page, before any of their masks is looked at. */

import { requireItem } from "../../base/present.ts";
import { counted } from "../../base/quantity.ts";
import { mean } from "../../base/statistics.ts";
import { groupBy, isControl, type StudyRun, sparsitiesOf, sparsityText } from "../groups.ts";
import { keptMetric } from "../record.ts";
import { present, type StudySection, sharesText, shareText, slimTable } from "./section.ts";

/** The section. */
export function leftSection(runs: readonly StudyRun[]): StudySection {
  const plain = runs.filter((run) => !isControl(run));
  const tasks = [...new Set(plain.map(({ task }) => task))].sort();
  const cells = [...groupBy(plain, (run) => JSON.stringify([run.variant, run.sparsity])).values()];
  const rows = cells.map((same) => {
    const { variant, sparsity } = requireItem(same, 0, "runs");
    const byTask = tasks.map((task) => {
      const own = same.filter((run) => run.task === task);
      return own.length === 0 ? "–" : `${sharesText(own.map(keptMetric))} (${own.length})`;
    });
    return [variant, sparsityText(sparsity), ...byTask];
  });
  return {
    heading: headingOf(plain),
    paragraphs: [
      "Share of the dense model's metric that is left: mean and deviation over seeds, with their number. It is not corrected for what an answer that is always the same would score.",
    ],
    pictures: [],
    tables: cells.length === 0 ? [] : [slimTable(["method", "pruned", ...tasks], rows, [1])],
  };
}

function headingOf(runs: readonly StudyRun[]): string {
  const most = sparsitiesOf(runs).findLast((sparsity) => sparsity !== null);
  const own = runs.filter((run) => run.sparsity === most && keptMetric(run) !== null);
  const ranked = [...groupBy(own, ({ variant }) => variant)]
    .map(([variant, same]) => ({ variant, runs: same.length, kept: mean(present(same.map(keptMetric))) }))
    .sort((a, b) => b.kept - a.kept);
  const [best, next] = ranked;
  if (most === undefined || best === undefined)
    return "No run has a dense model with a metric above 0 to be held against";
  const one = `At ${sparsityText(most)} ${best.variant} keeps ${shareText(best.kept)} of the dense metric (${counted(best.runs, "run")})`;
  return next === undefined ? one : `${one}, ${next.variant} ${shareText(next.kept)} (${next.runs})`;
}
