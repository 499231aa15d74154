/** Do methods, seeds and tasks find the same sub-network, beyond what chance and the density of each matrix explain? */

import { counted } from "../../base/quantity.ts";
import { mean } from "../../base/statistics.ts";
import { capital } from "../../base/units.ts";
import { cellMap, type MapCell } from "../../report/draw/cells.ts";
import {
  groupBy,
  isOneMethod,
  type Relation,
  type StudyPair,
  sparsitiesOf,
  sparsityText,
} from "../groups.ts";
import { drawPicture, type Panel, type Picture } from "../picture.ts";
import { listed, meanText, present, type StudySection, sharesText, shareText, slimTable } from "./section.ts";

/** Below it two masks do not agree in any way that matters. */
const SLIGHT = 0.01;

interface Subject {
  readonly name: string;
  readonly who: string;
  readonly verb: string;
  readonly what: string;
}

const SUBJECTS: Readonly<Record<Relation, Subject>> = {
  methods: { name: "methods", who: "pairs of methods", verb: "agree", what: "on the same task and seed" },
  seeds: {
    name: "seeds",
    who: "methods",
    verb: "agree from seed to seed",
    what: "of the same method and task",
  },
  tasks: {
    name: "tasks",
    who: "methods",
    verb: "agree from task to task",
    what: "of the same method and seed",
  },
  both: {
    name: "tasks with another seed",
    who: "methods",
    verb: "agree from task to task where the seed is another too",
    what: "of the same method, of another task and seed",
  },
};

/** The section of one relation. */
export function overlapSection(relation: Relation, pairs: readonly StudyPair[]): StudySection {
  const { what, name } = SUBJECTS[relation];
  if (pairs.length === 0) {
    const heading = `Nothing can be said of ${name} yet: no two masks ${what} are there`;
    return { heading, paragraphs: [], pictures: [], tables: [] };
  }
  const rows = rowsOf(relation, pairs);
  return {
    heading: headingOf(relation, pairs),
    paragraphs: [
      `Jaccard's share of the encoder's kept weights that two masks ${what} have in common, beside what the density of every matrix explains by itself; what is beyond it is agreement on the place, and counts from ${100 * SLIGHT} point on. ${counted(pairs.length, "pair")}. Pairs share runs, so ± says how much they differ and not how sure their mean is.`,
      ...(relation === "tasks" ? [SAME_DRAWS] : []),
      ...(relation === "methods" && pairs.some(isOneMethod) ? [ONE_METHOD] : []),
      ...identical(pairs),
    ],
    pictures: [pictureOf(relation, pairs)],
    tables: [
      slimTable(
        [
          "masks",
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

const SAME_DRAWS =
  "Runs of one seed begin with the same random numbers, scores of masks among them: a mask that is mostly its draw agrees from task to task for that alone. The next section has other seeds.";

const ONE_METHOD =
  "Rows marked † are of one method with two settings. At one seed both may begin with the same draw, as Adapting by Pruning does, and what they have in common is that draw in part. They are no pair of methods, and no part of the heading.";

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

/** Pairs of one name at one sparsity. */
interface Cell {
  readonly name: string;
  readonly sparsity: number | null;
  readonly pairs: readonly StudyPair[];
  readonly beyond: number;
}

function cellsOf(relation: Relation, pairs: readonly StudyPair[]): Cell[] {
  const cells = groupBy(pairs, (pair) => JSON.stringify([nameOf(relation, pair), pair.first.sparsity]));
  return [...cells.values()].flatMap((own) => {
    const [pair] = own;
    if (pair === undefined) return [];
    const beyond = mean(present(own.map(beyondOf)));
    return [{ name: nameOf(relation, pair), sparsity: pair.first.sparsity, pairs: own, beyond }];
  });
}

/** How many agree at each sparsity, and who the most and the least. */
function headingOf(relation: Relation, pairs: readonly StudyPair[]): string {
  const meant = relation === "methods" ? pairs.filter((pair) => !isOneMethod(pair)) : pairs;
  const differing = cellsOf(relation, meant).filter((cell) => !cell.pairs.every(isIdentical));
  const { who, what, verb } = SUBJECTS[relation];
  if (meant.length === 0)
    return `Nothing can be said of ${SUBJECTS[relation].name} yet: all masks ${what} are of one`;
  if (differing.length === 0)
    return `Two masks ${what} are one and the same (${counted(meant.length, "pair")})`;
  const tallies = sparsitiesOf(differing.flatMap((cell) => cell.pairs.map(({ first }) => first))).map(
    (sparsity, i) => {
      const own = differing.filter((cell) => cell.sparsity === sparsity);
      const agree = own.filter(({ beyond }) => beyond >= SLIGHT).length;
      return `${agree} of ${own.length}${i === 0 ? ` ${who} ${verb} beyond chance` : ""} at ${sparsityText(sparsity)}`;
    },
  );
  const ranked = differing.toSorted((a, b) => b.beyond - a.beyond);
  const [most, least] = [ranked[0], ranked.at(-1)];
  const extremes =
    most === least
      ? [`that is ${exampleOf(most)}`]
      : [`most ${exampleOf(most)}`, `least ${exampleOf(least)}`];
  return `${listed(tallies)}; ${extremes.join(", ")}`;
}

function exampleOf(cell: Cell | undefined): string {
  if (cell === undefined) return "none";
  const [common, explained] = [
    meanText(cell.pairs.map(({ shared }) => shared.encoderJaccard)),
    meanText(cell.pairs.map(({ shared }) => shared.encoderByMatrix)),
  ];
  return `${cell.name} at ${sparsityText(cell.sparsity)} (${common} in common, where density explains ${explained})`;
}

/** What is the same mask every time is said apart: it would stand for agreement where nothing was chosen. */
function identical(pairs: readonly StudyPair[]): string[] {
  const groups = groupBy(pairs, ({ first }) => first.variant);
  const names = [...groups].filter(([, own]) => own.every(isIdentical)).map(([variant]) => variant);
  if (names.length === 0) return [];
  return [`The masks of ${listed(names)} are the same in every pair, and are no part of the heading.`];
}

function nameOf(relation: Relation, { first, second }: StudyPair): string {
  if (relation !== "methods") return first.variant;
  const name = [first.variant, second.variant].sort().join(" × ");
  return isOneMethod({ first, second }) ? `${name} †` : name;
}

function rowsOf(relation: Relation, pairs: readonly StudyPair[]): string[][] {
  return cellsOf(relation, pairs).map(({ name, sparsity, pairs: own }) => {
    const shares = (of: (each: StudyPair) => number | null): string => meanText(own.map(of));
    return [
      name,
      sparsityText(sparsity),
      String(own.length),
      shares(({ shared }) => shared.encoderJaccard),
      shares(({ shared }) => shared.encoderByMatrix),
      sharesText(own.map(beyondOf)),
      shares(({ shared }) => shared.jaccard),
      shares(({ shared }) => shared.byMatrix),
      shares(({ shared }) => shared.chance),
    ];
  });
}

function pictureOf(relation: Relation, pairs: readonly StudyPair[]): Picture {
  const label = `What two masks have in common beyond their densities, in shades; ${SUBJECTS[relation].name}. The numbers are in the table.`;
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
      chart: cellMap({
        label: "Methods by methods",
        columns: names,
        rows,
        left: 124,
        upright: true,
      }),
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
    title: `${capital(SUBJECTS[relation].name)}: in common beyond density`,
    chart: cellMap({
      label: SUBJECTS[relation].name,
      columns: sparsities.map(sparsityText),
      rows,
      left: 140,
    }),
  };
}

function cellOf(title: string, pairs: readonly StudyPair[]): MapCell {
  const beyond = present(pairs.map(beyondOf));
  if (beyond.length === 0) return { share: null, show: "", title: `${title}: no pair` };
  const centre = mean(beyond);
  return { share: Math.max(0, centre), show: shareText(centre), title: `${title}: ${shareText(centre)}` };
}
