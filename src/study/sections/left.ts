/** What is left of the metric: the runs behind the page, before any of their masks is looked at. */

import { requireItem } from "../../base/present.ts";
import { mean } from "../../base/statistics.ts";
import { groupBy, isControl, isFrozen, type StudyRun, sparsitiesOf, sparsityText } from "../groups.ts";
import { densityOf } from "../measures.ts";
import { keptMetric } from "../record.ts";
import {
  floorText,
  leadText,
  listed,
  present,
  type StudySection,
  sharesText,
  shareText,
  slimTable,
} from "./section.ts";

/** The section. */
export function leftSection(runs: readonly StudyRun[]): StudySection {
  const plain = runs.filter((run) => !isControl(run));
  const tasks = tasksOf(plain);
  const cells = [...groupBy(plain, (run) => JSON.stringify([run.variant, run.sparsity])).values()];
  const rows = cells.map((same) => {
    const { variant, sparsity } = requireItem(same, 0, "runs");
    const byTask = tasks.map((task) => {
      const own = same.filter((run) => run.task === task);
      return own.length === 0 ? "–" : `${sharesText(own.map(keptMetric))} (${own.length})`;
    });
    return [variant, sparsityText(sparsity), ...kindOf(same), ...byTask];
  });
  const header = ["method", "pruned", "of", "weights", ...tasks];
  return {
    heading: headingOf(plain),
    paragraphs: [
      floorText(plain),
      "Means and deviations over seeds, with their number. Rows of one sparsity are not all alike. *Of*: the share pruned is of all weights, or of the encoder alone with whole embeddings. *Weights*: those under the mask are frozen, and the head alone is trained, or they are trained too.",
    ],
    pictures: [],
    tables: cells.length === 0 ? [] : [slimTable(header, rows, [1, 2, 3])],
  };
}

/** What the share pruned is of, and what becomes of the weights that stay. */
function kindOf(runs: readonly StudyRun[]): [of: string, weights: string] {
  const hasWholeTables = runs.every(({ measures }) => measures[densityOf("embeddings")] === 1);
  return [hasWholeTables ? "encoder" : "all", runs.every(isFrozen) ? "frozen" : "trained"];
}

function tasksOf(runs: readonly StudyRun[]): string[] {
  return [...new Set(runs.map(({ task }) => task))].sort();
}

/** Methods at the sparsity that most of them have, by the mean over the tasks that all of these have, each task once. */
function headingOf(runs: readonly StudyRun[]): string {
  const judged = runs.filter((run) => run.sparsity !== null && keptMetric(run) !== null);
  const variantsAt = (sparsity: number | null): Map<string, StudyRun[]> =>
    groupBy(
      judged.filter((run) => run.sparsity === sparsity),
      ({ variant }) => variant,
    );
  const [most] = sparsitiesOf(judged).toSorted(
    (a, b) => variantsAt(b).size - variantsAt(a).size || (b ?? 0) - (a ?? 0),
  );
  if (most === undefined) return "No run has a dense model with a metric above 0 to be held against";
  const methods = [...variantsAt(most)];
  const tasks = tasksOf(judged).filter((task) =>
    methods.every(([, own]) => own.some((run) => run.task === task)),
  );
  if (tasks.length === 0) return `At ${sparsityText(most)} no task has runs of every method`;
  const kinds = new Set(methods.map(([, own]) => kindOf(own).join()));
  const nameOf = (variant: string, own: readonly StudyRun[]): string => {
    const [of, weights] = kindOf(own);
    if (kinds.size < 2) return variant;
    return `${variant} (${of === "all" ? "all weights" : "encoder alone"}, ${weights})`;
  };
  const [best, next] = methods
    .map(([variant, own]) => ({
      name: nameOf(variant, own),
      kept: mean(tasks.map((task) => keptOn(task, own))),
    }))
    .sort((a, b) => b.kept - a.kept);
  const one = `At ${sparsityText(most)} ${best?.name} keeps ${shareText(best?.kept)} of ${leadText(judged)}`;
  const other = next === undefined ? "" : `, ${next.name} ${shareText(next.kept)}`;
  return `${one}${other} (mean of ${listed(tasks)})`;
}

/** On one task, the mean over its seeds. */
function keptOn(task: string, runs: readonly StudyRun[]): number {
  return mean(present(runs.filter((run) => run.task === task).map(keptMetric)));
}
