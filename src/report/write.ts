/** Writing pages and cards, and what a run writes of itself at its end. */

import { basename, join } from "node:path";
import { ConfigError, InputError } from "../base/errors.ts";
import { readTextIfPresent, writeFileAtomic } from "../formats/files.ts";
import { codeVersion } from "../measure/machine.ts";
import { runPaths } from "../runs/folder.ts";
import type { OpenRun } from "../runs/open-run.ts";
import { type CardSource, cardText, isOwnCard } from "./card.ts";
import { GENERATOR, reportPage } from "./page.ts";
import { type AtHand, type RunSource, readRun } from "./source.ts";

/** Writes the page of runs. @throws {ConfigError} `report/foreign-file` where something else lies, unless forced */
export async function writePage(runs: readonly RunSource[], path: string, force: boolean): Promise<number> {
  const old = await readTextIfPresent(path);
  if (old !== undefined && !force && !old.includes(`<meta name="generator" content="${GENERATOR}`)) {
    throw new ConfigError(
      "report/foreign-file",
      `out: expected a new file or an earlier report, got another file (${path}); --force replaces it`,
    );
  }
  const page = reportPage(runs, await codeVersion());
  await writeFileAtomic(path, page);
  return Buffer.byteLength(page);
}

/** Writes the card into the model's folder. @throws {ConfigError} `report/foreign-file` as `writePage` does */
export async function writeCard(source: CardSource, path: string, force: boolean): Promise<number> {
  const old = await readTextIfPresent(path);
  if (old !== undefined && !force && !isOwnCard(old)) {
    throw new ConfigError(
      "report/foreign-file",
      `README.md: expected none, or a card as it was written, got another text (${path}); --force replaces it`,
    );
  }
  const text = cardText(source);
  await writeFileAtomic(path, text);
  return Buffer.byteLength(text);
}

/** Where a run's card lies. */
export function cardPath(root: string): string {
  return join(runPaths(root).model, "README.md");
}

/** What a run's card is about. @throws {InputError} `report/unfinished` for a run without a result or a model */
export function cardSource({ name, recipe, result, product }: RunSource): CardSource {
  if (result !== undefined && product !== undefined)
    return { name: basename(name), recipe, result, network: product };
  throw new InputError(
    "report/unfinished",
    `run: expected a finished run with its model, got one without ${result === undefined ? "a result" : "a model"} (${name})`,
  );
}

/**
 * A run's own card and page, before it counts as finished. Neither is a reason for hours of training to fail: what goes
 * wrong is a note, and `espalier report` makes them later.
 */
export async function leaveReport(
  { paths, record }: Pick<OpenRun, "paths" | "record">,
  { report }: { readonly report: boolean },
  hand: AtHand,
): Promise<void> {
  try {
    const name = basename(paths.root);
    const run = await readRun(paths.root, "r1", name, hand);
    const old = await readTextIfPresent(cardPath(paths.root));
    if (old === undefined || isOwnCard(old)) await writeCard(cardSource(run), cardPath(paths.root), false);
    if (report) await writePage([run], paths.report, true);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    record({ kind: "note", text: `no report was written: ${error.message}` });
  }
}
