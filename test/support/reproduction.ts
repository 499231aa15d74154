/** A made-up paper, data for it and its run, for tests of `espalier reproduce`. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Network } from "../../src/network/network.ts";
import { REPRODUCE, type ReproduceOptions } from "../../src/options/reproducing.ts";
import { resolveOptions } from "../../src/options/schema.ts";
import type { Paper, Row } from "../../src/reproduce/papers/plan.ts";
import { reproducePaper, tablePath } from "../../src/reproduce/reproduce.ts";
import type { ProgressEvent, RunContext } from "../../src/runs/progress.ts";
import { newFolder, tinyModel, WORDS, written } from "./tiny-model.ts";

/** Half of the layers. */
export const HALF: Row = {
  label: "halved",
  work: { slug: "half", method: "truncate", set: { layers: "1" } },
};
/** A method that does not exist. */
export const ABSENT: Row = { label: "of the future", work: { slug: "future", method: "teleport" } };

/** A paper with a fine-tuned row and these. */
export function paperOf(...rows: readonly Row[]): Paper {
  return {
    id: "theseus",
    title: "A paper",
    citation: "",
    tasks: ["sst2", "cola"],
    metrics: {},
    rows: () => [{ label: "fine-tuned" }, ...rows],
    published: [],
    differs: [],
  };
}

/** GLUE's layout of SST-2 with 960 sentences to train on, thirty steps, and 24 to judge by; "good" is positive. */
export async function glue(): Promise<string> {
  const folder = await newFolder();
  await mkdir(join(folder, "SST-2"));
  const table = (n: number) =>
    `sentence\tlabel\n${sentences(n)
      .map((row) => row.join("\t"))
      .join("\n")}\n`;
  await writeFile(join(folder, "SST-2", "train.tsv"), table(960));
  await writeFile(join(folder, "SST-2", "dev.tsv"), table(24));
  return folder;
}

/** The same sentences as CoLA. */
export async function cola(): Promise<string> {
  const folder = await newFolder();
  await mkdir(join(folder, "CoLA"));
  const table = (n: number) =>
    sentences(n)
      .map(([text, label]) => `x\t${label}\t\t${text}\n`)
      .join("");
  await writeFile(join(folder, "CoLA", "train.tsv"), table(960));
  await writeFile(join(folder, "CoLA", "dev.tsv"), table(24));
  return folder;
}

function sentences(n: number): (readonly [text: string, label: number])[] {
  return Array.from({ length: n }, (_, i) => [
    `${i % 2 ? "good" : "bad"} ${WORDS[(3 * i) % WORDS.length]}`,
    i % 2,
  ]);
}

/** One seed on `glue`, in a folder of its own; no files are made. */
export async function optionsFor(
  network: Network = tinyModel(),
): Promise<ReproduceOptions & { readonly out: string; readonly data: string; readonly model: string }> {
  const [model, data, out] = [await written(network), await glue(), join(await newFolder(), "tables")];
  return {
    paper: "theseus",
    model,
    data,
    out,
    tasks: ["SST-2"],
    seeds: 1,
    threads: 1,
    learningRate: 1e-2,
    latency: false,
  };
}

/** Runs a made-up paper, and tells which jobs were begun and what was noted. */
export async function run(paper: Paper, options: ReproduceOptions, context: RunContext = {}) {
  const begun: string[] = [];
  const notes: string[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.kind === "phase") begun.push(event.name);
    if (event.kind === "note") notes.push(event.text);
    context.report?.(event);
  };
  const settings = resolveOptions(REPRODUCE, options);
  const table = await reproducePaper(paper, settings, { ...context, report });
  const markdown = await readFile(`${tablePath(settings)}.md`, "utf8");
  return { table, begun, notes, markdown };
}
