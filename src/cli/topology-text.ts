/** What `topology` found, as tables and bars of at most 80 columns. Every number has its chance beside it. */

import { fixed, percent } from "../base/quantity.ts";
import { meanOfKnown } from "../base/statistics.ts";
import { wrap } from "../base/units.ts";
import type { ModelTopology, TopologyComparison, TopologyResult } from "../commands/answers.ts";
import { metricText } from "../measure/metric-text.ts";
import type { JudgedTopology } from "../study/judged.ts";
import type { StudyAnswer } from "../study/study.ts";
import type { Counted } from "../topology/chance.ts";
import { CONTROLS } from "../topology/controls.ts";
import { isDense } from "../topology/density.ts";
import type { WeightSpectrum } from "../topology/spectra.ts";
import { componentsOf, SHORT_NAMES } from "../topology/structure.ts";
import { renderTable, WIDTH } from "./table.ts";

const NONE = "–";
/** Characters of a model's name in a table of pairs. */
const LONGEST_NAME = 19;

/** The whole answer. */
export function topologyText({ models, comparisons, judged, study, notes }: TopologyResult): string {
  return [
    ...(study ? [studyText(study)] : []),
    ...models.map(modelText),
    ...(comparisons.length === 0 ? [] : [comparisonsText(comparisons), ...importanceTexts(comparisons)]),
    ...(judged ? judgedTexts(judged) : []),
    ...notes.map((note) => wrap(`note: ${note}`, WIDTH)),
  ].join("\n\n");
}

/** The answers of a study, and where they are drawn. */
function studyText({ answers, runs, pairs, page }: StudyAnswer): string {
  const lines = answers.map((answer) => wrap(`- ${answer}`, WIDTH));
  return [...lines, wrap(`${runs} runs and ${pairs} pairs, in ${page}`, WIDTH)].join("\n");
}

function modelText(model: ModelTopology): string {
  const { name, task, method, metric } = model;
  const about = [
    ...(task === null ? [] : [task]),
    ...(method === null ? [] : [method]),
    ...(metric === null ? [] : [`${metric.name} ${metricText(metric.name, metric.after)}`]),
  ].join(", ");
  const heading = about === "" ? name : `${name} (${about})`;
  // Of a dense model there is nothing to be seen; a note says so.
  const spectra = model.spectra ? [spectraText(model.spectra)] : [];
  if (isDense(model.density)) return [`${heading}: nothing is pruned`, ...spectra].join("\n\n");
  return [heading, densityTable(model), unitsTable(model), ...spectra].join("\n\n");
}

/** Means over the encoder's matrices; of masks alone there is no more than the graph, and no chance. */
function spectraText({ note, matrices }: NonNullable<ModelTopology["spectra"]>): string {
  const whole = matrices.flatMap((matrix) => ("weights" in matrix ? [matrix] : []));
  const row = (label: string, of: (spectrum: WeightSpectrum) => number | null): string[] => [
    label,
    meanText(
      whole.map(({ weights }) => of(weights)),
      1,
    ),
    meanText(
      whole.map(({ weightsByChance }) => of(weightsByChance)),
      1,
    ),
  ];
  const applying = matrices.filter(({ mask }) => mask.applies).length;
  const table = renderTable(
    ["mean of a matrix", "found", "by chance"],
    [
      row("stable rank", ({ stableRank }) => stableRank),
      row("effective rank", ({ effectiveRank }) => effectiveRank),
      // Below a mean degree of 3 there is no bound, so its gap says nothing.
      [
        "Ramanujan gap of the mask",
        meanText(
          matrices.map(({ mask }) => (mask.applies ? mask.gap : null)),
          1,
        ),
        meanText(
          whole.map(({ maskByChance }) => (maskByChance.applies ? maskByChance.gap : null)),
          1,
        ),
      ],
      ["matrices with its degrees", `${wholeText(applying)} of ${wholeText(matrices.length)}`, ""],
    ],
    [1],
  );
  return `${table}\n${wrap(note, WIDTH)}`;
}

/** Kept weights by layer and part, each with a bar of eight heights. */
function densityTable({ density }: ModelTopology): string {
  const parts = componentsOf(density.cells).filter((component) => component !== "embeddings");
  const rows = density.layers.map(({ layer, share }) => {
    const cells = parts.map((component) => {
      const found = density.cells.find((cell) => cell.layer === layer && cell.component === component);
      return found === undefined ? "" : shareCell(found.share);
    });
    return [layer === null ? "embeddings" : `layer ${layer}`, ...cells, shareCell(share)];
  });
  const totals = parts.map((component) => {
    return shareCell(density.components.find((each) => each.component === component)?.share ?? null);
  });
  const header = ["kept", ...parts.map((component) => SHORT_NAMES[component]), "all"];
  return renderTable(header, [...rows, ["all", ...totals, shareCell(density.total.share)]]);
}

const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

function shareCell(share: number | null): string {
  if (share === null) return NONE;
  const height = Math.min(BARS.length - 1, Math.floor(share * BARS.length));
  return `${shareText(share)} ${BARS[height]}`;
}

/** One decimal below a tenth, where whole points say little. */
function shareText(share: number): string {
  return percent(share, { decimals: share < 0.0995 ? 1 : 0 });
}

function unitsTable({ units, paths, degrees, junctions, recovery }: ModelTopology): string {
  const tally = (found: Counted, of: number): string[] => [
    `${wholeText(found.found)} of ${wholeText(of)}`,
    numberText(found.chance),
  ];
  const { withResidual, withoutResidual } = paths;
  const onPath = (record: typeof withResidual): string[] => {
    const { size, kept, onPath, onPathByChance } = record.total;
    return [
      `${shareText(kept === 0 ? 0 : onPath / kept)} of the kept, ${shareText(onPath / Math.max(1, size))} of all`,
      shareText(kept === 0 ? 0 : onPathByChance / kept),
    ];
  };
  const neurons = withoutResidual.units.find(({ kind }) => kind === "neuron");
  const logs = (value: number | null): string =>
    value === null ? "none" : `10^${fixed(value / Math.LN10, 1)}`;
  return renderTable(
    ["", "found", "by chance"],
    [
      ["heads that do nothing", ...tally(units.heads.dead, units.heads.units)],
      ["heads that hardly do anything", ...tally(units.heads.nearlyDead, units.heads.units)],
      ["neurons that do nothing", ...tally(units.neurons.dead, units.neurons.units)],
      ["neurons that hardly do anything", ...tally(units.neurons.nearlyDead, units.neurons.units)],
      ["weights on a path", ...onPath(withResidual)],
      ["… without the residual stream", ...onPath(withoutResidual)],
      [
        "neurons on a path without it",
        neurons === undefined ? NONE : `${wholeText(neurons.effective)} of ${wholeText(neurons.units)}`,
        neurons === undefined ? NONE : numberText(neurons.effectiveByChance),
      ],
      ["paths without it", logs(withoutResidual.logPaths), logs(withoutResidual.logPathsByChance)],
      ["spread of fan-in / its mean", ...variationOf(degrees, "fanIn")],
      ["spread of fan-out / its mean", ...variationOf(degrees, "fanOut")],
      ["hubs by fan-in", ...hubsOf(degrees, "fanIn")],
      ["hubs by fan-out", ...hubsOf(degrees, "fanOut")],
      ["neurons that are written and read", ...neuronJunctions(junctions)],
      ...recoveryRow(recovery),
    ],
    [1],
  );
}

/** Of the run's last mask: what an earlier one had pruned. */
function recoveryRow(looks: ModelTopology["recovery"]): string[][] {
  const last = looks?.at(-1);
  if (last === undefined) return [];
  const { kept, recovered, recoveredByChance } = last;
  return [
    [
      "weights that came back",
      `${wholeText(recovered)} of ${wholeText(kept)}`,
      numberText(recoveredByChance),
    ],
  ];
}

/** Of the encoder's matrices, the mean: rows of the tables are word pieces, which are no units. */
function variationOf({ matrices }: ModelTopology["degrees"], side: "fanIn" | "fanOut"): string[] {
  const sides = matrices.filter(({ layer }) => layer !== null).map((matrix) => matrix[side]);
  return [
    meanText(
      sides.map(({ variation }) => variation),
      2,
    ),
    meanText(
      sides.map(({ chanceVariation }) => chanceVariation),
      2,
    ),
  ];
}

function hubsOf({ matrices }: ModelTopology["degrees"], side: "fanIn" | "fanOut"): string[] {
  const sides = matrices.filter(({ layer }) => layer !== null).map((matrix) => matrix[side]);
  const sum = (of: (hubs: Counted) => number): number => sides.reduce((n, { hubs }) => n + of(hubs), 0);
  const units = sides.reduce((n, each) => n + each.units, 0);
  return [
    `${wholeText(sum(({ found }) => found))} of ${wholeText(units)}`,
    numberText(sum(({ chance }) => chance)),
  ];
}

function neuronJunctions({ junctions }: ModelTopology["junctions"]): string[] {
  const own = junctions.filter(({ name }) => name === "intermediate → output"); // a gate writes the same neurons again
  const [units, both, chance] = [
    own.reduce((n, each) => n + each.units, 0),
    own.reduce((n, each) => n + each.both.found, 0),
    own.reduce((n, each) => n + each.both.chance, 0),
  ];
  return [`${wholeText(both)} of ${wholeText(units)}`, numberText(chance)];
}

/** The mean of the values that are there. */
function meanText(values: readonly (number | null)[], decimals: number): string {
  const mean = meanOfKnown(values);
  return mean === null ? NONE : fixed(mean, decimals);
}

/** A number that chance gives: whole where it is large. */
function numberText(value: number): string {
  return value >= 10 ? wholeText(Math.round(value)) : fixed(value, 1);
}

function wholeText(value: number): string {
  return value.toLocaleString("en");
}

function comparisonsText(comparisons: readonly TopologyComparison[]): string {
  const rows = comparisons.map(({ first, second, overlap, hubs }) => {
    const name = `${shorten(first)} / ${shorten(second)}`;
    if (overlap === null || hubs === null) return [name, "shapes differ", "", "", "", ""];
    const { jaccard, chance, excess } = overlap.total;
    const { fanIn } = hubs;
    return [
      name,
      ...[jaccard, chance.jaccard, chance.byMatrix].map((share) =>
        share === null ? NONE : shareText(share),
      ),
      excess === null ? NONE : `${excess >= 0 ? "+" : "−"}${percent(Math.abs(excess), { decimals: 1 })}`,
      fanIn.jaccard === null ? NONE : `${shareText(fanIn.jaccard)}`,
    ];
  });
  const header = [
    "weights that both keep, of those of either",
    "found",
    "chance",
    "density",
    "beyond",
    "hubs",
  ];
  const legend =
    "chance: masks of these densities anywhere; density: of these densities in every matrix; beyond: found less density; hubs: of the encoder's units with most inputs, those of both masks";
  const isCompared = comparisons.some(({ overlap }) => overlap !== null);
  if (!isCompared) return renderTable(["pair", "", "", "", "", ""], rows);
  return `${renderTable(["pair", ...header.slice(1)], rows)}\n${wrap(`${header[0]}. ${legend}`, WIDTH)}`;
}

/** Whether sizes rank alike, of the pairs whose weights are there. */
function importanceTexts(comparisons: readonly TopologyComparison[]): string[] {
  const rows = comparisons.flatMap(({ first, second, importance }) => {
    if (importance === null || importance === undefined) return [];
    const { rank, chanceRank, chanceDeviation, top } = importance.total;
    const shareOr = (share: number | null): string => (share === null ? NONE : shareText(share));
    const cells = [
      rank === null ? NONE : fixed(rank, 3),
      chanceRank === null || chanceDeviation === null
        ? NONE
        : `${fixed(chanceRank, 3)} ± ${fixed(chanceDeviation, 3)}`,
    ];
    return [[`${shorten(first)} / ${shorten(second)}`, ...cells, shareOr(top.overlap), shareOr(top.chance)]];
  });
  if (rows.length === 0) return [];
  return [
    `${renderTable(["pair", "rank", "chance", "top", "chance"], rows)}\n${wrap(IMPORTANCE_TOLD, WIDTH)}`,
  ];
}

const IMPORTANCE_TOLD =
  "rank: Spearman's correlation of the sizes of the encoder's weights, 0 where they are pruned; top: of the largest of one, a tenth of what is kept, those of the other's; chance: the weights of each matrix in a random order of their own";

/** Metrics of the controls, and what lies between two models. */
function judgedTexts({ examples, metric, models, pairs }: JudgedTopology): string[] {
  const on = `${metric} on ${wholeText(examples)} examples`;
  const controls = renderTable(
    ["", "as it is", ...CONTROLS],
    models.map((model) => [
      shorten(model.name),
      metricText(metric, model.value),
      ...CONTROLS.map((control) => {
        const value = model.controls?.[control];
        return value === undefined ? NONE : metricText(metric, value);
      }),
    ]),
  );
  const between = pairs.map(({ first, second, states, line }) => {
    const last = states?.layers.at(-1);
    return [
      `${shorten(first)} / ${shorten(second)}`,
      ...[last?.cka, last?.permuted].map((share) => (share == null ? NONE : fixed(share, 2))),
      ...[line?.barrier, line?.byChance.barrier].map((loss) => (loss === undefined ? NONE : fixed(loss, 3))),
    ];
  });
  const notes = [...models, ...pairs].flatMap(({ note }) =>
    note === null ? [] : [wrap(`note: ${note}`, WIDTH)],
  );
  return [
    `${controls}\n${wrap(`${on}. ${CONTROLS_TOLD}`, WIDTH)}`,
    ...(between.length === 0
      ? []
      : [
          `${renderTable(["pair", "states", "chance", "barrier", "chance"], between)}\n${wrap(PAIRS_TOLD, WIDTH)}`,
        ]),
    ...notes,
  ];
}

const CONTROLS_TOLD =
  "shuffle: the mask elsewhere in each matrix; invert: the other weights; redraw: new weights under the mask; jitter: each weight a percent off. No head is trained anew.";
const PAIRS_TOLD =
  "states: linear CKA of the last layer's, easily fooled, beside that of permuted tokens; barrier: loss above the straight line between the two, beside that with heads and neurons reordered";

function shorten(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}
