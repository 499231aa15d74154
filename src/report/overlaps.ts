/**
 * Which weights several runs have in common: Jaccard's share of every two masks, beside what their densities explain.
 *
 * Only pruned models of one shape have weights that can be compared; the others are named with the reason.
 */

import { counted, percent } from "../base/quantity.ts";
import { compareMasks } from "../topology/overlap.ts";
import { cellMap, type MapCell, shadeKey } from "./draw/cells.ts";
import { dataText, type Html, html, type Part } from "./draw/html.ts";
import { type Cell, figureOf, type TableParts } from "./draw/table.ts";
import { absence, gridOf, type Section } from "./frame.ts";
import type { Product, RunSource } from "./source.ts";

/** A run whose weights can be compared. */
interface Masked {
  readonly run: RunSource;
  readonly number: number;
  readonly product: Product;
}

interface Common {
  readonly jaccard: number | null;
  /** What the density of every matrix explains. */
  readonly chance: number | null;
}

/** The section. */
export function overlapSection(runs: readonly RunSource[]): Section {
  const [id, topic] = ["overlap", "Common weights"];
  const masked = runs.flatMap((run, i): Masked[] =>
    run.product?.isPruned ? [{ run, number: i + 1, product: run.product }] : [],
  );
  const shapes = shapesOf(masked);
  const notes = [...leftOut(runs), ...shapeNotes(shapes)].map(absence);
  const groups = shapes.filter((group) => group.length > 1);
  if (groups.length === 0) {
    const body = html`${notes}${absence("Masks can be compared where two runs or more have pruned models of the same shape.")}`;
    return { id, topic, finding: "There are no two masks to compare", body };
  }
  const found = groups.map((group) => ({ group, table: overlapsOf(group) }));
  const figures = found.map(({ group, table }) => overlapFigure(group, table));
  return { id, topic, finding: findingOf(found), body: html`${gridOf(figures)}${notes}` };
}

/** Runs of one shape together. */
function shapesOf(masked: readonly Masked[]): Masked[][] {
  const groups = new Map<string, Masked[]>();
  for (const each of masked) {
    const { matrices } = each.product.structure;
    const key = JSON.stringify(matrices.map(({ name, bits }) => [name, bits.rows, bits.columns]));
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()];
}

function leftOut(runs: readonly RunSource[]): string[] {
  const names = (some: readonly RunSource[]): string => some.map(({ name }) => name).join(", ");
  const dense = runs.filter(({ product }) => product?.isPruned === false);
  const gone = runs.filter(({ product }) => product === undefined);
  return [
    ...(dense.length > 0 ? [`Dense, so every weight would be common: ${names(dense)}.`] : []),
    ...(gone.length > 0 ? [`Without a model to look into: ${names(gone)}.`] : []),
  ];
}

function shapeNotes(shapes: readonly (readonly Masked[])[]): string[] {
  if (shapes.length < 2) return [];
  const alone = shapes.filter((group) => group.length === 1).map(([each]) => each?.run.name ?? "");
  const others = alone.length > 0 ? ` No other has the shape of ${alone.join(", ")}.` : "";
  return [
    `These models have ${shapes.length} different shapes, and weights are compared within one shape alone.${others}`,
  ];
}

/** [run][run], symmetric. */
function overlapsOf(group: readonly Masked[]): Common[][] {
  const table: Common[][] = group.map(() => []);
  for (const [a, first] of group.entries()) {
    for (const [b, second] of group.entries()) {
      if (b > a) continue;
      const { total } = compareMasks(first.product.structure, second.product.structure);
      const common = { jaccard: total.jaccard, chance: total.chance.byMatrix };
      for (const [row, column] of [
        [a, b],
        [b, a],
      ] as const) {
        const cells = table[row];
        if (cells) cells[column] = common;
      }
    }
  }
  return table;
}

function pairsOf(group: readonly Masked[], table: readonly (readonly Common[])[]) {
  return group.flatMap((first, a) =>
    group.slice(a + 1).flatMap((second, i) => {
      const common = table[a]?.[a + 1 + i];
      return common === undefined ? [] : [{ first, second, ...common }];
    }),
  );
}

function findingOf(
  found: readonly { group: readonly Masked[]; table: readonly (readonly Common[])[] }[],
): Html {
  const pairs = found.flatMap(({ group, table }) => pairsOf(group, table));
  const beyond = (pair: (typeof pairs)[number]): number => (pair.jaccard ?? 0) - (pair.chance ?? 0);
  const most = pairs.toSorted((a, b) => beyond(b) - beyond(a))[0];
  if (most === undefined) return html`There are no two masks to compare`;
  const { first, second, jaccard, chance } = most;
  return html`Most in common: ${dataText(first.run.name, 40)} and ${dataText(second.run.name, 40)} share ${percent(jaccard ?? 0)} of their weights, where their densities alone explain ${percent(chance ?? 0)}`;
}

function overlapFigure(group: readonly Masked[], table: readonly (readonly Common[])[]): Html {
  const rows = group.map(({ run, number }, a) => ({
    name: `${number} ${run.name}`,
    cells: group.map(({ run: other }, b): MapCell => {
      const { jaccard = null, chance = null } = table[a]?.[b] ?? { jaccard: null, chance: null };
      const shown = jaccard === null ? "–" : percent(jaccard);
      const explained = a === b ? "" : `, explained by density ${chance === null ? "–" : percent(chance)}`;
      return {
        share: jaccard,
        show: shown.replace(" %", ""),
        title: `${run.name} and ${other.name}: ${shown}${explained}`,
      };
    }),
  }));
  const chart = cellMap({
    label: "Share of common weights of every two runs",
    columns: group.map(({ number }) => `${number}`),
    rows,
    left: 92,
  });
  const caption = html`Of the weights that either run keeps, the share that both keep (Jaccard), in percent, for ${counted(group.length, "run")} of one shape. ${shadeKey("none", "all")}`;
  return figureOf(chart, caption, overlapTable(group, table));
}

function overlapTable(group: readonly Masked[], table: readonly (readonly Common[])[]): TableParts {
  const share = (value: number | null): Cell =>
    value === null ? "–" : { show: percent(value, { decimals: 1 }), sort: value };
  const rows = pairsOf(group, table).map(({ first, second, jaccard, chance }): Cell[] => {
    const names: Part = html`${dataText(first.run.name, 60)} and ${dataText(second.run.name, 60)}`;
    return [
      names,
      share(jaccard),
      share(chance),
      share(jaccard === null || chance === null ? null : jaccard - chance),
    ];
  });
  const columns = [
    { name: "Runs", kind: "text" as const },
    { name: "In common" },
    { name: "Explained by density" },
    { name: "Beyond it" },
  ];
  return { label: "Weights in common", columns, rows };
}
