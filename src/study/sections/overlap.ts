/** Do methods, seeds and tasks find the same sub-network, beyond what chance and the density of each matrix explain? */

import { mean } from "../../base/statistics.ts";
import { markdownTable } from "../../formats/markdown.ts";
import { cellMap, type MapCell } from "../../report/draw/cells.ts";
import { groupBy, type Relation, type StudyPair, sparsitiesOf, sparsityText } from "../groups.ts";
import { drawPicture, type Panel, type Picture } from "../picture.ts";
import { counted, listed, present, type StudySection, sharesText, shareText } from "./section.ts";

/** Below it two masks do not agree in any way that matters. */
const SLIGHT = 0.01;

const SUBJECTS: Readonly<Record<Relation, { readonly who: string; readonly what: string }>> = {
  methods: { who: "Two methods", what: "on the same task and seed" },
  seeds: { who: "Two seeds", what: "of the same method and task" },
  tasks: { who: "Two tasks", what: "of the same method and seed" },
};

/** The section of one relation. */
export function overlapSection(relation: Relation, pairs: readonly StudyPair[]): StudySection {
  const { who, what } = SUBJECTS[relation];
  if (pairs.length === 0) {
    const heading = `${who} cannot be compared yet: no two masks ${what} are there`;
    return { heading, paragraphs: [], pictures: [], tables: [] };
  }
  const rows = rowsOf(relation, pairs);
  return {
    heading: headingOf(who, pairs),
    paragraphs: [
      `Jaccard's share of the encoder's kept weights that two masks ${what} have in common, beside what the density of every matrix explains by itself; what is beyond it is agreement on the place. ${counted(pairs.length, "pair")}; of few pairs a mean says little.`,
      ...identical(pairs),
    ],
    pictures: [pictureOf(relation, pairs)],
    tables: [
      markdownTable(
        [
          "pair",
          "pruned",
          "pairs",
          "encoder: in common",
          "by density",
          "beyond",
          "all weights: in common",
          "by density",
          "by chance",
        ],
        rows,
        [1],
      ),
    ],
  };
}

/** What is in common beyond the densities, of the encoder. */
function beyondOf({
  shared: { encoderJaccard: found, encoderByMatrix: expected },
}: StudyPair): number | null {
  return found === null || expected === null ? null : found - expected;
}

/** Whether two masks are one and the same. */
function isIdentical({ shared }: StudyPair): boolean {
  return shared.jaccard === 1;
}

function headingOf(who: string, pairs: readonly StudyPair[]): string {
  const differing = pairs.filter((pair) => !isIdentical(pair));
  if (differing.length === 0) return `${who} find the very same mask (${counted(pairs.length, "pair")})`;
  const found = sparsitiesOf(differing.map(({ first }) => first)).map((sparsity) => {
    const own = differing.filter(({ first }) => first.sparsity === sparsity);
    const beyond = present(own.map(beyondOf));
    const above = beyond.filter((value) => value > 0).length;
    const agree = beyond.length > 0 && mean(beyond) >= SLIGHT && above >= 0.9 * beyond.length;
    const common = shareText(mean(present(own.map(({ shared }) => shared.encoderJaccard))));
    const explained = shareText(mean(present(own.map(({ shared }) => shared.encoderByMatrix))));
    return {
      name: sparsityText(sparsity),
      agree,
      text: `${common} in common at ${sparsityText(sparsity)} where density explains ${explained}`,
    };
  });
  const [yes, no] = [found.filter(({ agree }) => agree), found.filter(({ agree }) => !agree)];
  const where = (some: typeof found): string => listed(some.map(({ name }) => name));
  const verdict =
    no.length === 0
      ? "agree beyond chance"
      : yes.length === 0
        ? "agree no more than their densities explain"
        : `agree beyond chance at ${where(yes)}, not at ${where(no)}`;
  return `${who} ${verdict}: ${found.map(({ text }) => text).join("; ")}`;
}

/** What is the same mask every time is said apart: it would stand for agreement where nothing was chosen. */
function identical(pairs: readonly StudyPair[]): string[] {
  const groups = groupBy(pairs, ({ first }) => first.variant);
  const names = [...groups].filter(([, own]) => own.every(isIdentical)).map(([variant]) => variant);
  if (names.length === 0) return [];
  return [`The masks of ${listed(names)} are the same in every pair, and are no part of the heading.`];
}

function nameOf(relation: Relation, { first, second }: StudyPair): string {
  if (relation === "methods") return [first.variant, second.variant].sort().join(" × ");
  if (relation === "seeds") return first.variant;
  return `${first.variant}: ${[first.task, second.task].sort().join(" × ")}`;
}

function rowsOf(relation: Relation, pairs: readonly StudyPair[]): string[][] {
  const cells = groupBy(pairs, (pair) => JSON.stringify([nameOf(relation, pair), pair.first.sparsity]));
  return [...cells.values()].flatMap((own) => {
    const [pair] = own;
    if (pair === undefined) return [];
    const shares = (of: (each: StudyPair) => number | null): string => sharesText(own.map(of));
    return [
      [
        nameOf(relation, pair),
        sparsityText(pair.first.sparsity),
        String(own.length),
        shares(({ shared }) => shared.encoderJaccard),
        shares(({ shared }) => shared.encoderByMatrix),
        shares(beyondOf),
        shares(({ shared }) => shared.jaccard),
        shares(({ shared }) => shared.byMatrix),
        shares(({ shared }) => shared.chance),
      ],
    ];
  });
}

function pictureOf(relation: Relation, pairs: readonly StudyPair[]): Picture {
  const label = `What two masks have in common beyond their densities, in shades; ${relation}. The numbers are in the table.`;
  const panels = relation === "methods" ? methodPanels(pairs) : [meansPanel(relation, pairs)];
  return drawPicture(`overlap-${relation}`, { label, panels });
}

/** Methods by methods, one map for each sparsity. */
function methodPanels(pairs: readonly StudyPair[]): Panel[] {
  return sparsitiesOf(pairs.map(({ first }) => first)).map((sparsity) => {
    const own = pairs.filter(({ first }) => first.sparsity === sparsity);
    const names = [...new Set(own.flatMap(({ first, second }) => [first.variant, second.variant]))].sort();
    const between = (a: string, b: string): StudyPair[] =>
      own.filter(
        ({ first, second }) => [first.variant, second.variant].sort().join("|") === [a, b].sort().join("|"),
      );
    const rows = names.map((name) => ({
      name,
      cells: names.map((other) => cellOf(`${name} × ${other}`, name === other ? [] : between(name, other))),
    }));
    return {
      title: `In common beyond density, ${sparsityText(sparsity)} pruned`,
      chart: cellMap({ label: "Methods by methods", columns: names, rows, left: 110, upright: true }),
    };
  });
}

/** Methods by sparsities. */
function meansPanel(relation: Relation, pairs: readonly StudyPair[]): Panel {
  const sparsities = sparsitiesOf(pairs.map(({ first }) => first));
  const rows = [...groupBy(pairs, ({ first }) => first.variant)].map(([name, own]) => ({
    name,
    cells: sparsities.map((sparsity) =>
      cellOf(
        `${name}, ${sparsityText(sparsity)}`,
        own.filter(({ first }) => first.sparsity === sparsity),
      ),
    ),
  }));
  return {
    title: `${relation === "seeds" ? "Seeds" : "Tasks"}: in common beyond density`,
    chart: cellMap({ label: relation, columns: sparsities.map(sparsityText), rows, left: 140 }),
  };
}

function cellOf(title: string, pairs: readonly StudyPair[]): MapCell {
  const beyond = present(pairs.map(beyondOf));
  if (beyond.length === 0) return { share: null, show: "", title: `${title}: no pair` };
  const centre = mean(beyond);
  return { share: Math.max(0, centre), show: shareText(centre), title: `${title}: ${shareText(centre)}` };
}
