/**
 * What is left of a pruned model: maps of density by layer and component, of heads and of neurons, and each matrix by itself.
 *
 * A cell of the first map leads to its matrix. The matrices are in the page; the style shows the one that the address
 * names, so this needs no script. Numbers come from topology/, with what chance gives at that density beside them.
 */

import { counted, percent } from "../base/quantity.ts";
import { capital } from "../base/units.ts";
import { columnCounts, rowCounts } from "../topology/bits.ts";
import { type Density, measureDensity } from "../topology/density.ts";
import { componentsOf, type Matrix, SHORT_NAMES } from "../topology/structure.ts";
import { surveyUnits, type Tally, type Units } from "../topology/units.ts";
import { cellMap, type MapCell, shadeKey, shadeMap } from "./draw/cells.ts";
import { type Html, html, type Part } from "./draw/html.ts";
import { type Cell, figureOf, numberCell, shareCell, type TableParts } from "./draw/table.ts";
import { absence, factsOf, gridOf, type Section } from "./frame.ts";
import { pictureOf } from "./picture.ts";
import type { Product, RunSource } from "./source.ts";

/** How much is shown: all, with every matrix, or the map alone where a page has many runs. */
export type Detail = "whole" | "brief";

/** Columns of the map of neurons, at most. */
const BINS = 60;

/** The section. */
export function insideSection(run: RunSource, detail: Detail): Section {
  const [id, topic] = [`${run.id}-inside`, "What is left"];
  const { product } = run;
  if (product === undefined) {
    return {
      id,
      topic,
      finding: "What is inside cannot be shown",
      body: absence("There is no model in the run's folder to look into."),
    };
  }
  if (!product.isPruned) {
    const { layers } = product.config;
    const finding = `Nothing is pruned inside: all weights of ${counted(layers.length, "layer")} are there`;
    const body = absence(
      "This model is dense: it has no mask and no zeros, so there is no map of densities, heads or neurons to draw.",
    );
    return { id, topic, finding, body };
  }
  const density = measureDensity(product.structure);
  const units = surveyUnits(product.structure);
  const maps = [densityFigure(run.id, density, detail)];
  if (detail === "whole") maps.push(headsFigure(units), neuronsFigure(units));
  const body = html`${gridOf(maps)}${detail === "whole" && matrixPanels(run.id, product, density)}`;
  return { id, topic, finding: findingOf(density), body };
}

function findingOf({ total, components }: Density): string {
  const known = components.flatMap(({ component, share }) => (share === null ? [] : [{ component, share }]));
  const sorted = known.toSorted((a, b) => a.share - b.share);
  const [least, most] = [sorted[0], sorted.at(-1)];
  const all = `${percent(total.share ?? 0)} of the weights are left`;
  if (least === undefined || most === undefined || percent(least.share) === percent(most.share))
    return `${all}, of every component alike`;
  const inLayers = known
    .filter(({ component }) => component !== "embeddings")
    .map(({ share }) => percent(share));
  if (new Set(inLayers).size === 1 && most.component === "embeddings")
    return `${all}: ${percent(most.share)} of the embeddings, ${percent(least.share)} of every other matrix`;
  return `${all}: ${percent(most.share)} of ${theComponent(most.component)}, ${percent(least.share)} of ${theComponent(least.component)}`;
}

function theComponent(component: string): string {
  return component === "embeddings" ? "the embeddings" : `${component}`;
}

function anchorOf(id: string, name: string): string {
  return `${id}-m-${name.replaceAll(/[^\w-]+/g, "-")}`;
}

/** Layers × components; embeddings are one wide row above. */
function densityFigure(id: string, density: Density, detail: Detail): Html {
  const components = componentsOf(density.matrices).filter((component) => component !== "embeddings");
  const layers = density.layers.flatMap(({ layer }) => (layer === null ? [] : [layer]));
  const rows = layers.map((layer) => ({
    name: `layer ${layer}`,
    cells: components.map((component): MapCell => {
      const found = density.matrices.find((each) => each.layer === layer && each.component === component);
      return cellOf(
        found?.share ?? null,
        `layer ${layer}, ${component}`,
        detail === "whole" && found ? anchorOf(id, found.name) : undefined,
      );
    }),
  }));
  const chart = cellMap({
    label: "Share of weights left, by layer and component",
    columns: components.map((component) => SHORT_NAMES[component]),
    rows,
  });
  const tables = density.matrices.filter(({ layer }) => layer === null);
  const embedded = tables.map(({ name, share }) => {
    const word = tableWord(name);
    const shown = `${word} ${share === null ? "–" : percent(share)}`;
    return detail === "whole" ? html`<a href="#${anchorOf(id, name)}">${shown}</a>` : html`${shown}`;
  });
  const hint = detail === "whole" ? " Choose a cell to see its matrix." : "";
  const caption = html`Share of weights left, by layer and component.${hint} Embeddings: ${embedded.flatMap((each, i): Part[] => (i === 0 ? [each] : [", ", each]))}. ${shadeKey("none", "all")}`;
  return figureOf(chart, caption, densityTable(density));
}

function tableWord(name: string): string {
  return /(\w+)_embeddings/.exec(name)?.[1]?.replace("token_type", "types") ?? name;
}

function cellOf(share: number | null, what: string, to: string | undefined): MapCell {
  const shown = share === null ? "–" : percent(share);
  return {
    share,
    show: share === null ? "–" : shown.replace(" %", ""),
    title: `${what}: ${shown}${share === null ? "" : " left"}`,
    ...(to ? { to } : {}),
  };
}

function densityTable({ cells, layers, total }: Density): TableParts {
  const components = componentsOf(cells);
  const columns = [
    { name: "Layer", kind: "text" as const },
    { name: "All" },
    ...components.map((name) => ({ name: capital(name) })),
  ];
  const rows = layers.map(({ layer, share }): Cell[] => [
    layer === null ? "embeddings" : { show: `layer ${layer}`, sort: layer },
    shareCell(share),
    ...components.map((component) =>
      shareCell(cells.find((each) => each.layer === layer && each.component === component)?.share),
    ),
  ]);
  return {
    label: "Share of weights left",
    columns,
    rows: [...rows, ["all", shareCell(total.share), ...components.map(() => "")]],
  };
}

/** Layers × heads. */
function headsFigure({ layers, heads }: Units): Html {
  const widest = Math.max(0, ...layers.map((layer) => layer.heads.each.length));
  const rows = layers.map(({ layer, heads: { each } }) => ({
    name: `layer ${layer}`,
    cells: Array.from({ length: widest }, (_, h): MapCell => {
      const head = each[h];
      if (head === undefined) return { share: null, show: "", title: `layer ${layer} has no head ${h}` };
      const cell = cellOf(head.all, `layer ${layer}, head ${h}`, undefined);
      return {
        ...cell,
        show: head.state === "dead" ? "×" : cell.show,
        title: `${cell.title}, ${head.state}`,
      };
    }),
  }));
  const chart = cellMap({
    label: "Share of weights left, by head",
    columns: Array.from({ length: widest }, (_, h) => `${h}`),
    rows,
  });
  const chance = Math.round(heads.dead.chance * 10) / 10;
  const caption = `Heads: ${heads.dead.found} of ${heads.units} are dead (×) and ${heads.nearlyDead.found} nearly so; masks shuffled inside their matrices would leave ${chance} dead. A cell is the share left of a head's four matrices.`;
  return figureOf(chart, caption, {
    label: "Heads by layer",
    columns: [...tallyColumns("Heads"), { name: "Left, on average" }],
    rows: layers.map(({ layer, heads: each }) => [...tallyCells(layer, each), shareCell(each.baseline.all)]),
  });
}

/** What a table says of the units of a layer, heads or neurons. */
function tallyColumns(units: string): TableParts["columns"] {
  const names = [units, "Dead", "Dead by chance", "Nearly dead", "Full"];
  return [{ name: "Layer", kind: "text" }, ...names.map((name) => ({ name }))];
}

function tallyCells(layer: number, { units, dead, nearlyDead, full }: Tally): Cell[] {
  return [
    { show: `layer ${layer}`, sort: layer },
    numberCell(units, String),
    numberCell(dead.found, String),
    numberCell(dead.chance, (n) => n.toFixed(1)),
    numberCell(nearlyDead.found, String),
    numberCell(full.found, String),
  ];
}

/** Layers × neurons, the fullest first. */
function neuronsFigure({ layers, neurons }: Units): Html {
  const bins = Math.min(BINS, Math.max(1, ...layers.map((layer) => layer.neurons.units)));
  const shares = new Float32Array(layers.length * bins);
  for (const [row, { neurons: each }] of layers.entries()) {
    const all = each.reads
      .map((reads, n) => (reads + (each.readBy[n] ?? reads)) / (2 * each.of))
      .sort((a, b) => b - a);
    for (let bin = 0; bin < bins; bin++) {
      const part = all.slice(
        Math.floor((bin * all.length) / bins),
        Math.floor(((bin + 1) * all.length) / bins),
      );
      shares[row * bins + bin] =
        part.length === 0 ? 0 : part.reduce((sum, share) => sum + share, 0) / part.length;
    }
  }
  const names = layers.map(({ layer }) => `layer ${layer}`);
  const chart = shadeMap({
    label: "Share of weights left, by neuron, in each layer from the fullest to the emptiest",
    shares,
    rows: layers.length,
    columns: bins,
    names,
    rowHeight: 16,
  });
  const [dead, nearly] = [neurons.dead.found, neurons.nearlyDead.found].map((n) => n.toLocaleString("en"));
  const caption = html`Neurons, in each layer from the fullest to the emptiest: ${dead} of ${neurons.units.toLocaleString("en")} are dead and ${nearly} nearly so; shuffled masks would leave ${Math.round(neurons.dead.chance).toLocaleString("en")} dead. ${shadeKey("none", "all")}`;
  return figureOf(chart, caption, {
    label: "Neurons by layer",
    columns: [...tallyColumns("Neurons"), { name: "Read, on average" }, { name: "Read by, on average" }],
    rows: layers.map(({ layer, neurons: each }) => [
      ...tallyCells(layer, each),
      shareCell(each.meanReads === null ? null : each.meanReads / each.of),
      shareCell(each.meanReadBy === null ? null : each.meanReadBy / each.of),
    ]),
  });
}

/** Every matrix; the one that the address names is shown. */
function matrixPanels(id: string, { structure }: Product, density: Density): Html {
  const panels = structure.matrices.map((matrix, i) => {
    const share = density.matrices[i]?.share ?? null;
    const [before, after] = [structure.matrices[i - 1], structure.matrices[i + 1]];
    const link = (to: Matrix | undefined, word: string): Part =>
      to && html`<a href="#${anchorOf(id, to.name)}">${word}: ${titleOf(to)}</a>`;
    return html`<article class="matrix" id="${anchorOf(id, matrix.name)}" aria-label="${titleOf(matrix)}"><p class="panel-name">${titleOf(matrix)}</p><div class="panel"><div class="picture">${pictureFigure(matrix)}</div>${matrixFacts(matrix, share)}</div><p class="ways">${link(before, "Before")}${link(after, "Next")}<a href="#${id}-inside">Back to the map</a></p></article>`;
  });
  return html`<div class="matrices">${panels}</div>`;
}

function titleOf({ name, component, layer }: Matrix): string {
  return layer === null ? `${capital(tableWord(name))} embeddings` : `Layer ${layer}, ${component}`;
}

function pictureFigure(matrix: Matrix): Html {
  const { rows, columns, shares } = pictureOf(matrix.bits);
  return shadeMap({
    label: `${titleOf(matrix)}: share left in ${rows} × ${columns} fields`,
    shares,
    rows,
    columns,
    rowHeight: 360 / Math.max(rows, columns),
  });
}

function matrixFacts({ name, bits }: Matrix, share: number | null): Html {
  const { rows, columns } = bits;
  const [read, readBy] = [rowCounts(bits), columnCounts(bits)];
  const empty = (counts: Uint32Array): string =>
    counts.reduce((n, count) => n + Number(count === 0), 0).toLocaleString("en");
  const full = (counts: Uint32Array, of: number): string =>
    counts.reduce((n, count) => n + Number(count === of), 0).toLocaleString("en");
  const kept = read.reduce((sum, count) => sum + count, 0);
  return factsOf([
    ["Tensor", html`<code>${name}</code>`],
    ["Size", `${rows.toLocaleString("en")} outputs × ${columns.toLocaleString("en")} inputs`],
    [
      "Left",
      `${kept.toLocaleString("en")} weights, ${share === null ? "–" : percent(share, { decimals: 1 })}`,
    ],
    ["Rows", `${empty(read)} empty, ${full(read, columns)} full`],
    ["Columns", `${empty(readBy)} empty, ${full(readBy, rows)} full`],
  ]);
}
