/** Does shuffling a mask inside its matrices, or drawing the weights anew, keep the accuracy? */

import { requireItem } from "../../base/present.ts";
import { counted } from "../../base/quantity.ts";
import { mean } from "../../base/statistics.ts";
import { type Bar, barChart } from "../../report/draw/charts.ts";
import { groupBy, isControl, type StudyRun, sparsityText } from "../groups.ts";
import { drawPicture } from "../picture.ts";
import { isAtFloor, keptMetric } from "../record.ts";
import { leadText, listed, type StudySection, sharesText, shareText, slimTable } from "./section.ts";

/** A control and the run it is made from, of which both kept something of the dense metric. */
export interface ControlPair {
  readonly control: string;
  readonly run: StudyRun;
  readonly own: number;
  readonly controlled: number;
}

/** What the settings of the methods call them, in sentences. */
const DEEDS: Readonly<Record<string, string>> = {
  shuffle: "Shuffled inside its matrices, a mask",
  reinit: "Over weights times N(1, 0.01), a mask",
  redraw: "Over weights drawn anew, a mask",
};

/** Every control beside the run of the same model, method, settings, sparsity, task and seed. */
export function pairControls(runs: readonly StudyRun[]): ControlPair[] {
  const without = ({ base, method, settings, sparsity, task, seed }: StudyRun): string => {
    const { control: _, ...rest } = settings;
    return JSON.stringify([base, method, Object.entries(rest).sort(), sparsity, task, seed]);
  };
  const plain = new Map(runs.filter((run) => !isControl(run)).map((run) => [without(run), run]));
  return runs.filter(isControl).flatMap((run) => {
    const found = plain.get(without(run));
    if (found === undefined) return [];
    const constant = found.constant ?? run.constant; // the examples are the same
    const [own, controlled] = [keptMetric({ ...found, constant }), keptMetric({ ...run, constant })];
    if (own === null || controlled === null) return [];
    return [{ control: String(run.settings.control), run: { ...found, constant }, own, controlled }];
  });
}

/** The section; absent where there are no controls. */
export function controlSection(runs: readonly StudyRun[]): StudySection | undefined {
  if (!runs.some(isControl)) return undefined;
  const pairs = pairControls(runs);
  if (pairs.length === 0) {
    const heading =
      "The controls cannot be judged yet: none has its run beside it, both with a dense metric above 0";
    return { heading, paragraphs: [], pictures: [], tables: [] };
  }
  const cells = [
    ...groupBy(pairs, ({ control, run }) =>
      JSON.stringify([control, run.variant, run.sparsity, run.task]),
    ).values(),
  ];
  const kinds = [...groupBy(pairs, ({ control }) => control).values()];
  return {
    heading: kinds.map((same, i) => verdictOf(same, i === 0)).join(". "),
    paragraphs: [
      "The controls of the paper's Tables 3 and 4: the mask in another order inside each matrix, or the same mask over changed weights. Then a new head is trained, for as long as the run that found the mask. So a control has trained a head once more than the run beside it: what loses accuracy loses it in spite of that, what keeps it may owe it to that. A new head over the mask as it was found would tell; that run is missing. Shares are those of the first table.",
      ...flooredText(pairs),
      ...(pairs.some(({ control }) => control === "reinit") ? [REINIT] : []),
    ],
    pictures: [
      drawPicture("controls", {
        label: `Share of ${leadText(runs)} that masks and their controls keep. The numbers are in the table.`,
        panels: [...groupBy(pairs, nameOf)].map(([name, same]) => ({
          title: `Left of the dense metric: ${name}`,
          chart: barChart(`Controls of ${name}`, barsOf(same)),
        })),
      }),
    ],
    tables: [tableOf(cells)],
  };
}

const REINIT =
  "For weights times N(1, 0.01) the paper prints 49.1 on SST-2, which is chance. We read 0.01 as the deviation of a factor: each weight changes by about a percent. Where that keeps the accuracy, we read the paper wrongly (it may draw the weights from N(1, 0.01), which are all alike), or we find the opposite.";

/** The difference from which on something is lost. */
const LOST = 0.02;

/** A mask that is no better than a constant answer has nothing to lose, so its pairs say nothing. */
function canLose({ run }: ControlPair): boolean {
  return !isAtFloor(run);
}

function flooredText(pairs: readonly ControlPair[]): string[] {
  const floored = pairs.filter((pair) => !canLose(pair));
  if (floored.length === 0) return [];
  const tasks = [...new Set(floored.map(({ run }) => run.task))].sort();
  return [
    `${counted(floored.length, "pair")} (${listed(tasks)}) ${floored.length === 1 ? "is" : "are"} in the table and no part of the heading: the mask as it was found is no better than a constant answer, so it has nothing to lose.`,
  ];
}

/** @param isFirst  says what the shares are of */
function verdictOf(all: readonly ControlPair[], isFirst: boolean): string {
  const { control } = requireItem(all, 0, "pairs");
  const deed = DEEDS[control] ?? `Under the control ${control}, a mask`;
  const pairs = all.filter(canLose);
  if (pairs.length === 0) return `${deed} had nothing to lose in any pair`;
  const [own, controlled] = [mean(pairs.map((pair) => pair.own)), mean(pairs.map((pair) => pair.controlled))];
  const lower = pairs.filter((pair) => pair.controlled < pair.own).length;
  const [isLower, isMostly] = [own - controlled > LOST, lower >= 0.75 * pairs.length];
  const often = isMostly ? "loses accuracy" : "loses accuracy in some runs and not in others";
  const verb = isLower ? often : "keeps the accuracy";
  const of = isFirst ? ` of ${leadText(pairs.map(({ run }) => run))}` : "";
  return `${deed} ${verb}: ${shareText(controlled)}${of}, ${shareText(own)} as it was found (lower in ${lower} of ${counted(pairs.length, "pair")})`;
}

function nameOf({ run }: ControlPair): string {
  return `${run.variant}, ${sparsityText(run.sparsity)}`;
}

/** On every task the mask as it was found, and below it its controls. */
function barsOf(pairs: readonly ControlPair[]): Bar[] {
  const bar = (name: string, shares: readonly number[], tone: number): Bar => {
    const value = mean(shares);
    return { name, value: Math.max(0, value), show: shareText(value), tone };
  };
  const found = groupBy(pairs, ({ run }) => run.task);
  return [...found].flatMap(([task, same]) => [
    bar(
      `${task}, as found`,
      same.map(({ own }) => own),
      0,
    ),
    ...[...groupBy(same, ({ control }) => control)].map(([control, own]) =>
      bar(
        control,
        own.map(({ controlled }) => controlled),
        1,
      ),
    ),
  ]);
}

function tableOf(cells: readonly ControlPair[][]): string {
  const rows = cells.map((pairs) => {
    const { control, run } = requireItem(pairs, 0, "pairs");
    return [
      run.variant,
      control,
      sparsityText(run.sparsity),
      run.task,
      pairs.every(canLose)
        ? String(pairs.length)
        : `${pairs.length}, of which ${pairs.filter(canLose).length} count`,
      sharesText(pairs.map(({ own }) => own)),
      sharesText(pairs.map(({ controlled }) => controlled)),
    ];
  });
  return slimTable(
    ["method", "control", "pruned", "task", "pairs", "as found", "controlled"],
    rows,
    [1, 2, 3],
  );
}
