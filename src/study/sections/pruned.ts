/** Which share of each component and layer is pruned: the paper's Figure 3, and ours, row by row. */

import { requireItem, requireLast } from "../../base/present.ts";
import { counted } from "../../base/quantity.ts";
import { mean } from "../../base/statistics.ts";
import { ACROSS, type Line, lineChart, UPWARDS } from "../../report/draw/charts.ts";
import { linearScale, type Scale } from "../../report/draw/scale.ts";
import type { Component } from "../../topology/structure.ts";
import { type DrawnRow, FIGURE_3 } from "../figure3.ts";
import { groupBy, isControl, type StudyRun, sparsitiesOf, sparsityText } from "../groups.ts";
import { componentsIn, densityOf } from "../measures.ts";
import { drawPicture, type Panel, type Picture } from "../picture.ts";
import { listed, meanText, present, type StudySection, shareText, slimTable } from "./section.ts";

const SUBJECT = "adapting-by-pruning";
/** The paper's five bars, as far as they have a counterpart. */
const BARS = ["embeddings", "query", "key", "value", "attention output"] as const;

/** The section; absent where no run says what it was to prune. */
export function prunedSection(runs: readonly StudyRun[]): StudySection | undefined {
  const own = runs.filter((run) => !isControl(run) && run.sparsity !== null);
  const sparsities = sparsitiesOf(own).filter((sparsity) => sparsity !== null);
  if (sparsities.length === 0) return undefined;
  return {
    heading: headingOf(own),
    paragraphs: [
      sparsities.some(isDrawn)
        ? "Gao, Colombo & Wang (2021) draw in Figure 3 which share of each component and of each layer is pruned. Their numbers, read off the vector graphics, are BERT-base's (12 layers × 768, embeddings 22 % of its weights); ours are means over tasks and seeds. Their *output* is one bar of which the text does not say what it counts; ours is the attention's, with the feed-forward part beside it."
        : "Means over tasks and seeds. Gao, Colombo & Wang (2021) draw the same in Figure 3 at 20 % and 99 %, sparsities of which no run is here.",
      ...embeddingLines(own),
    ],
    pictures: picturesOf(own.filter(({ method }) => method in TONES)),
    tables: [componentTable(own, sparsities), layerTable(own, sparsities)],
  };
}

/** Whether the paper's figure has it. */
function isDrawn(sparsity: number): boolean {
  return FIGURE_3.some((row) => row.sparsity === sparsity);
}

function prunedOf(run: StudyRun, name: string): number | null {
  const share = run.measures[name];
  return share === null || share === undefined ? null : 1 - share;
}

interface Cut {
  readonly sparsity: number | null;
  readonly runs: number;
  readonly embeddings: number;
  readonly encoder: number;
}

/** What the runs of a method cut of the embeddings and of the encoder, by sparsity. */
function cutsOf(runs: readonly StudyRun[]): Cut[] {
  return sparsitiesOf(runs).map((sparsity) => {
    const same = runs.filter((run) => run.sparsity === sparsity);
    const meanOf = (name: string): number => mean(present(same.map((run) => prunedOf(run, name))));
    return {
      sparsity,
      runs: same.length,
      embeddings: meanOf(densityOf("embeddings")),
      encoder: meanOf("density.encoder"),
    };
  });
}

/** Shares that differ by less than this part of what is pruned in all are alike: 2 points of 20. The paper's differ by 17. */
const ALIKE = 0.1;
/** Nearly all is cut from this share on, and when what stays is at most half of what stays of the encoder. */
const NEARLY_ALL = 0.99;

function headingOf(runs: readonly StudyRun[]): string {
  const subjects = groupBy(
    runs.filter(({ method }) => method === SUBJECT),
    ({ variant }) => variant,
  );
  const said = [...subjects].flatMap(([variant, own]) => {
    const cuts = cutsOf(own);
    const parts = [cuts.find(isAt(0.2)), cuts.find(isAt(0.99))].flatMap((cut) =>
      cut === undefined ? [] : [cut.sparsity === 0.2 ? lowText(cut) : highText(cut)],
    );
    return parts.length === 0 ? [] : [`${variant} ${parts.join(", and ")}`];
  });
  return said.length > 0 ? said.join("; ") : extremesText(runs);
}

function isAt(sparsity: number) {
  return (cut: Cut): boolean => cut.sparsity === sparsity;
}

/** Ours, the number of runs, and the paper's. */
function againstText(cut: Cut): string {
  return `(${cutText(cut)} in ${counted(cut.runs, "run")}; in the paper ${cutText(drawnCut(cut.sparsity))})`;
}

function cutText({ embeddings, encoder }: Pick<Cut, "embeddings" | "encoder">): string {
  return `${shareText(embeddings)} against ${shareText(encoder)}`;
}

/** The paper's: a mean over its tasks, and of the encoder over its layers. */
function drawnCut(sparsity: number | null): Pick<Cut, "embeddings" | "encoder"> {
  const rows = FIGURE_3.filter((row) => row.method === SUBJECT && row.sparsity === sparsity);
  return {
    embeddings: mean(rows.map(({ components: [embeddings] }) => embeddings)),
    encoder: mean(rows.map(({ layers }) => mean(layers))),
  };
}

function lowText(cut: Cut): string {
  const difference = cut.embeddings - cut.encoder;
  const isAlike = Math.abs(difference) < ALIKE * (cut.sparsity ?? 0);
  const amount = isAlike
    ? "as much of the embeddings as"
    : difference < 0
      ? "less of the embeddings than"
      : "more of the embeddings than";
  return `cuts ${amount} of the encoder at 20 % ${againstText(cut)}`;
}

function highText(cut: Cut): string {
  const isAll = cut.embeddings >= NEARLY_ALL && 1 - cut.embeddings <= (1 - cut.encoder) / 2;
  return `${isAll ? "cuts" : "does not cut"} nearly all of the embeddings at 99 % ${againstText(cut)}`;
}

/** Of every method, where the paper draws none of the sparsities. */
function extremesText(runs: readonly StudyRun[]): string {
  const ranked = [...groupBy(runs, ({ variant }) => variant)]
    .flatMap(([variant, own]) => cutsOf(own).map((cut) => ({ variant, ...cut })))
    .sort((a, b) => b.embeddings - b.encoder - (a.embeddings - a.encoder));
  const saidOf = ({ variant, ...cut }: Cut & { readonly variant: string }): string =>
    `${variant} at ${sparsityText(cut.sparsity)} (${cutText(cut)})`;
  const [most, least] = [requireItem(ranked, 0, "cuts"), requireLast(ranked, "cuts")];
  return most === least
    ? `Cut of the embeddings, against the encoder: ${saidOf(most)}`
    : `Most of the embeddings, beside the encoder, is cut by ${saidOf(most)}, least by ${saidOf(least)}`;
}

/** The same for every method, with the number of runs behind it. */
function embeddingLines(runs: readonly StudyRun[]): string[] {
  return [...groupBy(runs, ({ variant }) => variant)].map(([variant, own]) => {
    const cuts = cutsOf(own).map(
      ({ sparsity, runs, embeddings, encoder }) =>
        `${sparsityText(sparsity)}: embeddings ${shareText(embeddings)}, encoder ${shareText(encoder)} (${counted(runs, "run")})`,
    );
    return `- ${variant}: ${cuts.join("; ")}`;
  });
}

/** Methods that the paper draws too: the picture has these alone. The tone is the method's. */
const TONES: Readonly<Record<string, number>> = { [SUBJECT]: 0, magnitude: 1, lottery: 2 };
/** For variants of a method beyond its first; grey is the paper's. */
const MORE_TONES = [3, 4, 5];
const GREY = 6;

/** The tone of every variant: the first of a method has the method's, which the paper's line of it has too. */
function tonesOf(runs: readonly StudyRun[]): Map<string, number> {
  const tones = new Map<string, number>();
  const [seen, free] = [new Set<string>(), [...MORE_TONES]];
  for (const { variant, method } of runs) {
    if (tones.has(variant)) continue;
    tones.set(variant, (seen.has(method) ? free.shift() : TONES[method]) ?? GREY);
    seen.add(method);
  }
  return tones;
}

function layersOf(same: readonly StudyRun[]): number {
  return requireItem(same, 0, "runs").layers;
}

function picturesOf(runs: readonly StudyRun[]): Picture[] {
  const sparsities = sparsitiesOf(runs).filter((sparsity) => sparsity !== null);
  if (sparsities.length === 0) return [];
  const tones = tonesOf(runs);
  const drawn = sparsities.some(isDrawn);
  const panels = sparsities.flatMap((sparsity): Panel[] => {
    const own = runs.filter((run) => run.sparsity === sparsity);
    const theirs = FIGURE_3.filter((row) => row.sparsity === sparsity && row.task === "mnli");
    return [
      { title: `Pruned by component, ${sparsityText(sparsity)}`, chart: componentChart(own, theirs, tones) },
      { title: `Pruned by layer, ${sparsityText(sparsity)}`, chart: layerChart(own, theirs, tones) },
    ];
  });
  const picture = drawPicture("pruned", {
    label: `Share pruned by component and by layer at ${listed(sparsities.map(sparsityText))}${drawn ? ": ours, and the paper's for MNLI, dashed" : ""}. The numbers are in the tables.`,
    panels,
    legend: [
      ...[...tones].map(([name, tone]) => ({ tone, name })),
      ...(drawn ? [{ tone: GREY, name: "dashed: the paper, BERT-base, MNLI", faint: true }] : []),
    ],
  });
  return [picture];
}

type Tones = ReadonlyMap<string, number>;

function componentChart(own: readonly StudyRun[], theirs: readonly DrawnRow[], tones: Tones) {
  const lines = [
    ...linesOf(own, tones, (same) => BARS.map((bar, i) => [i, meanPruned(same, densityOf(bar))] as const)),
    ...theirs.map((row) =>
      paperLine(
        row,
        row.components.map((share, i) => [i, share] as const),
      ),
    ),
  ];
  const x: Scale = Object.assign(
    (i: number) => ACROSS[0] + ((i + 0.5) / BARS.length) * (ACROSS[1] - ACROSS[0]),
    {
      ticks: BARS.map((_, i) => i),
    },
  );
  const names = ["embedd.", "query", "key", "value", "output"];
  return lineChart(
    {
      label: "Share pruned by component",
      x: { name: "component", show: (i) => names[i] ?? "" },
      y: { name: "pruned", show: shareText },
      scales: { x, y: upwards(lines) },
    },
    lines,
  );
}

function layerChart(own: readonly StudyRun[], theirs: readonly DrawnRow[], tones: Tones) {
  const depth = (layer: number, layers: number): number => (layer + 0.5) / layers;
  const lines = [
    ...linesOf(own, tones, (same) =>
      Array.from({ length: layersOf(same) }, (_, layer) => {
        return [depth(layer, layersOf(same)), meanPruned(same, densityOf(layer))] as const;
      }),
    ),
    ...theirs.map((row) =>
      paperLine(
        row,
        row.layers.map((share, l) => [depth(l, row.layers.length), share] as const),
      ),
    ),
  ];
  return lineChart(
    {
      label: "Share pruned by layer",
      x: { name: "depth, from the first layer to the last", show: (value) => shareText(value) },
      y: { name: "pruned", show: shareText },
      scales: { x: linearScale([0, 1], ACROSS, 4), y: upwards(lines) },
    },
    lines,
  );
}

function upwards(lines: readonly Line[]): Scale {
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y));
  return linearScale([Math.min(...values), Math.max(...values)], UPWARDS, 4);
}

function linesOf(
  own: readonly StudyRun[],
  tones: Tones,
  pointsOf: (same: readonly StudyRun[]) => readonly (readonly [number, number])[],
): Line[] {
  return [...groupBy(own, ({ variant }) => variant)].map(([name, same]) => ({
    name,
    tone: tones.get(name) ?? GREY,
    dotted: true,
    points: pointsOf(same).filter(([, y]) => Number.isFinite(y)),
  }));
}

function paperLine({ method }: DrawnRow, points: Line["points"]): Line {
  return { name: `the paper's ${method}`, tone: TONES[method] ?? GREY, faint: true, points };
}

function meanPruned(runs: readonly StudyRun[], name: string): number {
  return mean(present(runs.map((run) => prunedOf(run, name))));
}

function componentTable(runs: readonly StudyRun[], sparsities: readonly number[]): string {
  // The paper's bars come first, and its output beside our attention's.
  const rest = componentsIn(runs).slice(BARS.length);
  const header = [
    "pruned",
    "task",
    "method",
    "embeddings",
    "query",
    "key",
    "value",
    "output",
    ...rest.map(nameOf),
  ];
  const rows = sparsities.flatMap((sparsity) => [
    ...FIGURE_3.filter((row) => row.sparsity === sparsity).map((row) => [
      sparsityText(sparsity),
      row.task,
      `${row.method}, paper`,
      ...row.components.map(shareText),
      ...rest.map(() => ""),
    ]),
    ...cellsOf(runs, sparsity).map((same) => [
      ...namesOf(same),
      ...[...BARS, ...rest].map((part) => meanText(same.map((run) => prunedOf(run, densityOf(part))))),
    ]),
  ]);
  return slimTable(header, rows, [1, 2]);
}

function nameOf(component: Component): string {
  return component === "output" ? "feed-forward output" : component;
}

function layerTable(runs: readonly StudyRun[], sparsities: readonly number[]): string {
  const theirs = FIGURE_3.filter(({ sparsity }) => sparsities.includes(sparsity));
  const most = Math.max(...runs.map(({ layers }) => layers), ...theirs.map(({ layers }) => layers.length));
  const header = ["pruned", "task", "method", ...Array.from({ length: most }, (_, layer) => String(layer))];
  const rows = sparsities.flatMap((sparsity) => [
    ...FIGURE_3.filter((row) => row.sparsity === sparsity).map((row) => [
      sparsityText(sparsity),
      row.task,
      `${row.method}, paper`,
      ...row.layers.map(shareText),
    ]),
    ...cellsOf(runs, sparsity).map((same) => [
      ...namesOf(same),
      ...Array.from({ length: layersOf(same) }, (_, layer) =>
        meanText(same.map((run) => prunedOf(run, densityOf(layer)))),
      ),
    ]),
  ]);
  return slimTable(header, rows, [1, 2]);
}

/** Runs of one sparsity and method. */
function cellsOf(runs: readonly StudyRun[], sparsity: number): StudyRun[][] {
  const own = runs.filter((run) => run.sparsity === sparsity);
  return [...groupBy(own, (run) => run.variant).values()];
}

function namesOf(same: readonly StudyRun[]): string[] {
  const { sparsity, variant } = requireItem(same, 0, "runs");
  const tasks = [...new Set(same.map(({ task }) => task))].sort();
  return [sparsityText(sparsity), tasks.join(", "), `${variant} (${same.length})`];
}
