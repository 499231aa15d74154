/** The methods and their settings as a page of Markdown, from the table itself: docs/methods.md. */

import type { RegisteredMethod } from "../contract/configured.ts";
import { escapeCell } from "../formats/markdown.ts";
import { METHODS } from "./registry.ts";

/** docs/methods.md, whole. */
export function methodsPage(): string {
  const all = Object.values(METHODS);
  return [
    "# Methods",
    "",
    "What `--method` takes, and each method's settings, given as `--set name=value`. `--sparsity` is short for the setting of that name. This page is written from the code (`npm run docs:methods`); the reading of each paper, and where it is departed from, stands at the head of the method's file.",
    "",
    "| method | begins with | |",
    "|---|---|---|",
    ...all.map(
      ({ id, from, summary }) => `| [\`${id}\`](#${id}) | the ${from} model | ${escapeCell(summary)} |`,
    ),
    "",
    ...all.flatMap(section),
  ].join("\n");
}

function section({
  id,
  summary,
  paper,
  fields,
  own: { learningRate, batchSize },
}: RegisteredMethod): string[] {
  const source = paper ? [`${paper.authors}: [${paper.title}](${paper.url}), ${paper.venue}.`, ""] : [];
  const rows = Object.entries(fields).map(
    ([name, field]) => `| \`${name}\` | \`${field.default}\` | ${escapeCell(field.help)} |`,
  );
  const settings =
    rows.length > 0 ? ["| setting | default | |", "|---|---|---|", ...rows, ""] : ["No settings.", ""];
  const said = (what: string, help: string | undefined): string[] =>
    help === undefined ? [] : [`${what} where none is given: ${escapeCell(help)}.`, ""];
  const own = [...said("Learning rate", learningRate), ...said("Batch", batchSize)];
  return [
    `## ${id}`,
    "",
    summary,
    "",
    `Source: \`src/methods/${id}.ts\``,
    "",
    ...source,
    ...settings,
    ...own,
  ];
}
