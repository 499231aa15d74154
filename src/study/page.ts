/**
 * The page of a study: a heading is an answer, computed from the records; under it pictures and the tables they are drawn
 * from. A function of the records alone.
 */

import { counted } from "../base/quantity.ts";
import { keyOf } from "../base/random.ts";
import {
  distinguish,
  groupBy,
  isControl,
  RELATIONS,
  relationOf,
  type StudyPair,
  type StudyRun,
  sparsitiesOf,
  sparsityText,
} from "./groups.ts";
import type { Picture } from "./picture.ts";
import { foretell } from "./prediction.ts";
import { pairName, type StudyRecords } from "./record.ts";
import { controlSection } from "./sections/controls.ts";
import { foretoldSection } from "./sections/foretold.ts";
import { leftSection } from "./sections/left.ts";
import { overlapSection } from "./sections/overlap.ts";
import { pathSection } from "./sections/paths.ts";
import { prunedSection } from "./sections/pruned.ts";
import { listed, type StudySection } from "./sections/section.ts";

/** What the page has to know beside the records. */
export interface PageParts {
  readonly records: StudyRecords;
  /** Name of the page's file without its ending: pictures and records lie beside it. */
  readonly name: string;
  /** Makes the page again. */
  readonly command: string;
  readonly notes: readonly string[];
}

/** The page and its pictures. */
export interface StudyPage {
  readonly text: string;
  /** The answers, in order. */
  readonly headings: readonly string[];
  readonly pictures: readonly Picture[];
}

/** Runs of a cell below which a deviation says little. */
const SEEDS = 3;

/** Writes the page. */
export function studyPage({ records, name, command, notes }: PageParts): StudyPage {
  const { runs, notes: left } = distinguish(records.runs);
  const pairs = pairsOf(records, runs);
  const sections = [
    leftSection(runs),
    prunedSection(runs),
    ...RELATIONS.map((relation) =>
      overlapSection(
        relation,
        pairs.filter(({ first, second }) => relationOf(first, second) === relation),
      ),
    ),
    pathSection(runs),
    controlSection(runs),
    ...foretoldSections(runs.filter((run) => !isControl(run))),
  ].filter((section) => section !== undefined);
  const text = [
    "# Sub-networks: which weights pruning leaves",
    introduction(runs, name),
    ...[...notes, ...left].map((note) => `Note: ${note}.`),
    ...sections.map((section) => sectionText(section, name)),
    "## How this page was made",
    `From the masks of finished runs (\`espalier reproduce sub-networks\`), measured by the analyses of \`src/topology/\`, whose headers have formulas and sources. \`${name}.jsonl\` holds every number, a line for each run and each pair, and gives the page again without the masks:`,
    `\`\`\`sh\n${command}\n\`\`\``,
  ].join("\n\n");
  return {
    text: `${text}\n`,
    headings: sections.map(({ heading }) => heading),
    pictures: sections.flatMap(({ pictures }) => pictures),
  };
}

/** One for each model: what runs of two have in common is no answer about either. */
function foretoldSections(runs: readonly StudyRun[]): StudySection[] {
  const models = [...groupBy(runs, ({ base }) => base)];
  if (models.length < 2) return [foretoldSection(foretell(runs, keyOf(0)))];
  return models.map(([base, own]) => foretoldSection(foretell(own, keyOf(0)), base));
}

function pairsOf(records: StudyRecords, runs: readonly StudyRun[]): StudyPair[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const seen = new Set<string>();
  return records.pairs.flatMap((shared) => {
    const [first, second] = [byId.get(shared.first), byId.get(shared.second)];
    if (!first || !second || seen.has(pairName(shared))) return [];
    seen.add(pairName(shared));
    return [{ first, second, shared }];
  });
}

/** How much the page rests on, and how little where it is little. */
function introduction(runs: readonly StudyRun[], name: string): string {
  const of = (some: readonly string[]): string[] => [...new Set(some)].sort();
  const methods = of(runs.filter((run) => !isControl(run)).map(({ variant }) => variant));
  const models = of(runs.map(({ base }) => base));
  const cells = [...groupBy(runs, (run) => JSON.stringify([run.variant, run.sparsity, run.task])).values()];
  const thin = cells.filter((cell) => cell.length < SEEDS).length;
  const controls = runs.filter(isControl).length;
  const facts = `${counted(runs.length, "run")} of ${listed(models)}: ${listed(methods)}; ${listed(sparsitiesOf(runs).map(sparsityText))} pruned; tasks ${listed(of(runs.map(({ task }) => task)))}${controls === 0 ? "" : `; ${counted(controls, "control")} among them`}. Numbers are in \`${name}.jsonl\`.`;
  if (thin === 0) return facts;
  return `${facts}\n\n**${thin} of ${counted(cells.length, "combination")} of method, sparsity and task ${thin === 1 ? "has" : "have"} fewer than ${SEEDS} seeds**: what rests on them may be the seed's doing.`;
}

function sectionText({ heading, paragraphs, pictures, tables }: StudySection, name: string): string {
  const list = (text: string, i: number): string =>
    text.startsWith("- ") && paragraphs[i - 1]?.startsWith("- ") ? `\n${text}` : `\n\n${text}`;
  return [
    `## ${heading}${paragraphs.map(list).join("")}`,
    ...pictures.map((picture) => `![${picture.label}](${name}-${picture.name}.svg)`),
    ...tables,
  ].join("\n\n");
}
