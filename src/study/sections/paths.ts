/** Which survivors are on no path from an input to an output, and so do nothing? */

import { requireItem, requireValue } from "../../base/present.ts";
import { mean } from "../../base/statistics.ts";
import { barChart } from "../../report/draw/charts.ts";
import type { Component } from "../../topology/structure.ts";
import { groupBy, isControl, type StudyRun, sparsitiesOf, sparsityText } from "../groups.ts";
import { componentsIn } from "../measures.ts";
import { drawPicture, type Panel } from "../picture.ts";
import { meanText, present, type StudySection, shareText, slimTable } from "./section.ts";

/** Below it nobody would miss them. */
const FEW = 0.005;

/** Runs of one method at one sparsity. */
interface Cell {
  readonly variant: string;
  readonly sparsity: number | null;
  readonly runs: readonly StudyRun[];
}

/** The section. */
export function pathSection(runs: readonly StudyRun[]): StudySection {
  const plain = runs.filter((run) => !isControl(run));
  const cells = [...groupBy(plain, (run) => JSON.stringify([run.variant, run.sparsity])).values()].map(
    (same): Cell => {
      const { variant, sparsity } = requireItem(same, 0, "runs");
      return { variant, sparsity, runs: same };
    },
  );
  if (cells.length === 0) {
    const heading = "Paths are counted of masks as they were found, and all runs are controls";
    return { heading, paragraphs: [], pictures: [], tables: [] };
  }
  return {
    heading: headingOf(cells),
    paragraphs: [
      "A kept weight does nothing when no signal reaches it or no output is reached from it. With the residual stream a hidden unit is reached in every layer. That is how the network computes, and how Vysogorets and Kempe (2023), whose measure it is, count: their public code follows the skips of ResNets. Without it each layer has to hand on by itself, which tells more of the mask and less of the network. By chance: a random mask with the density of each matrix, without the residual stream.",
    ],
    pictures: [
      drawPicture("paths", {
        label:
          "Share of the kept weights that lie on a path without the residual stream, by method and sparsity. The numbers are in the table.",
        panels: panelsOf(cells),
      }),
    ],
    tables: [pathTable(cells), componentTable(cells)],
  };
}

function offOf(run: StudyRun, name: string): number | null {
  const share = run.measures[name];
  return share === null || share === undefined ? null : 1 - share;
}

function meanOff({ runs }: Cell, name: string): number {
  const known = present(runs.map((run) => offOf(run, name)));
  return known.length === 0 ? 0 : mean(known);
}

/** The worst with the residual stream, by which the network computes, and beside it the worst without. */
function headingOf(cells: readonly Cell[]): string {
  const [carried, alone] = [worstBy(cells, "path"), worstBy(cells, "alone.path")];
  const component = componentsIn(alone.cell.runs).toSorted(
    (a, b) => meanOff(alone.cell, `alone.path.${b}`) - meanOff(alone.cell, `alone.path.${a}`),
  )[0];
  const isUneven =
    component !== undefined && meanOff(alone.cell, `alone.path.${component}`) > alone.off + 0.01;
  const where = !isUneven ? "" : `, most of all of ${wordOf(component)}`;
  const inside =
    carried.off < FEW
      ? `Nearly every survivor lies on a path: at most ${shareText(carried.off)} do not${carried.off === 0 ? "" : ` (${nameOf(carried.cell)})`}`
      : `Up to ${shareText(carried.off)} of the survivors lie on no path (${nameOf(carried.cell)})`;
  if (alone.off < FEW) return `${inside}, without the residual stream ${shareText(alone.off)}`;
  return `${inside}. Without the residual stream it would be up to ${shareText(alone.off)} (${nameOf(alone.cell)}${where})`;
}

/** The cell of which most survivors are on no path. */
function worstBy(cells: readonly Cell[], name: string): { readonly cell: Cell; readonly off: number } {
  const [cell] = cells.toSorted((a, b) => meanOff(b, name) - meanOff(a, name));
  const worst = requireValue(cell, "cells");
  return { cell: worst, off: meanOff(worst, name) };
}

function nameOf({ variant, sparsity }: Cell): string {
  return `${variant}, ${sparsityText(sparsity)}`;
}

function wordOf(component: Component): string {
  return component === "embeddings" ? "the embeddings" : `the ${component} matrices`;
}

function panelsOf(cells: readonly Cell[]): Panel[] {
  const sparsities = sparsitiesOf(cells.flatMap(({ runs }) => runs));
  return sparsities.map((sparsity) => ({
    title: `On a path without the residual stream, ${sparsityText(sparsity)} pruned`,
    chart: barChart(
      "Survivors on a path",
      cells
        .filter((cell) => cell.sparsity === sparsity)
        .map((cell) => {
          const on = 1 - meanOff(cell, "alone.path");
          return { name: cell.variant, value: 1, full: on, show: shareText(on), tone: 0 };
        }),
      130,
    ),
  }));
}

function pathTable(cells: readonly Cell[]): string {
  const header = [
    "method",
    "pruned",
    "runs",
    "on no path, with residual",
    "without",
    "by chance",
    "neurons on a path",
    "dead neurons",
    "dead heads",
  ];
  const rows = cells.map(({ variant, sparsity, runs }) => {
    const shares = (of: (run: StudyRun) => number | null | undefined): string => meanText(runs.map(of));
    const byChance = (run: StudyRun): number | null => {
      const [off, beyond] = [offOf(run, "alone.path"), run.measures["alone.beyond"]];
      return off === null || beyond === null || beyond === undefined ? null : off + beyond;
    };
    return [
      variant,
      sparsityText(sparsity),
      String(runs.length),
      shares((run) => offOf(run, "path")),
      shares((run) => offOf(run, "alone.path")),
      shares(byChance),
      shares(({ measures }) => measures["alone.neurons"]),
      shares(({ measures }) => measures["neurons.dead"]),
      shares(({ measures }) => measures["heads.dead"]),
    ];
  });
  return slimTable(header, rows, [1]);
}

/** Of the survivors of each component. */
function componentTable(cells: readonly Cell[]): string {
  const components = componentsIn(cells.flatMap(({ runs }) => runs));
  const rows = cells.map(({ variant, sparsity, runs }) => [
    variant,
    sparsityText(sparsity),
    ...components.map((component) => meanText(runs.map((run) => offOf(run, `alone.path.${component}`)))),
  ]);
  return slimTable(["on no path without it", "pruned", ...components], rows, [1]);
}
