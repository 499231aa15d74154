/** The options of `report`: pages and model cards of runs that are there. Kinds as in training.ts. */

import { onOff, paths, text } from "./kinds.ts";
import { type OptionsOf, optional, required, type SettingsOf, schema, withDefault } from "./schema.ts";

/** A page of runs, or the card of one. */
export const REPORT = schema(
  "report",
  {
    runs: required(paths("runs"), "folders of runs, one or more"),
    out: optional(text("file", "an .html file"), "page to write", {
      absent: "report.html in the run; of several runs, report.html here",
    }),
    card: withDefault(onOff(), false, "write the model card of one run instead: README.md beside its model"),
    force: withDefault(onOff(), false, "replace a file that is no report, or a card that was changed"),
  },
  ({ card, runs }, name) =>
    card && runs.length > 1
      ? `${name("runs")}: expected one with ${name("card")}, got ${runs.length}`
      : undefined,
  ({ card, out }, name) =>
    card && out !== undefined
      ? `${name("out")}: expected none with ${name("card")}, which lies beside the model, got one`
      : undefined,
  ({ out }, name) =>
    out === undefined || /\.html?$/i.test(out)
      ? undefined
      : `${name("out")}: expected a name ending in .html, got ${out}`,
);
export type ReportOptions = OptionsOf<typeof REPORT.fields>;
export type ReportSettings = SettingsOf<typeof REPORT.fields>;
