/**
 * `espalier shrink`: a model without the heads and neurons that do nothing, and without word pieces that no text uses.
 *
 * The first is exact and always done. The second is done with `vocabulary`: texts that it covers keep their pieces and
 * their answers, an unseen word may be cut into smaller pieces than before, and with `minCount` a rare one too. What is
 * written is a model's folder with a README.md that says what reads it. Not here: what is dead (network/dead-units.ts), which pieces a corpus needs
 * (text/used-pieces.ts), smaller models that have to be trained (`compress`).
 */

import { basename, join } from "node:path";
import type { Example } from "../data/dataset.ts";
import { writeFileAtomic } from "../formats/files.ts";
import { differenceOfNetworks, unlessTooLarge } from "../measure/difference.ts";
import { measureNetwork, writeMeasured } from "../measure/figures.ts";
import { codeVersion } from "../measure/machine.ts";
import type { FileBytes } from "../measure/result.ts";
import { countUnits, withoutDeadUnits } from "../network/dead-units.ts";
import { folderNames, readFolder } from "../network/folder.ts";
import { countParameters, type Network } from "../network/network.ts";
import { keepPieces } from "../network/vocabulary.ts";
import { SHRINK, type ShrinkOptions, type ShrinkSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { readCorpus, readValidation } from "../runs/data.ts";
import { labellingOf } from "../runs/head.ts";
import { loadModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import { claimFolder, refuseOwn, refuseTaken, STALE, writeAside } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { requireLabels } from "../runs/text-model.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { usedPieces } from "../text/used-pieces.ts";
import type { ModelSizes, ShrinkEvaluation, ShrinkResult } from "./answers.ts";
import { evaluate } from "./evaluate.ts";
import { shrunkReadme } from "./shrink-readme.ts";

/**
 * Writes a smaller model that says the same, and compares the two.
 *
 * @throws {ConfigError} for options that do not fit, `shrink/exists` for a folder with something in it, `shrink/out` for
 *   the model's own, `model/head` for a model that cannot be evaluated
 * @throws {InputError} for a model or data that cannot be read; `run/busy` while another process writes to the place
 * @throws {InterruptedError} `shrink/stopped`, `evaluate/stopped`, before anything is written
 * @example await shrink({ model: "runs/half", out: "models/half", vocabulary: ["texts.txt"] });
 */
export async function shrink(options: ShrinkOptions, context: RunContext = {}): Promise<ShrinkResult> {
  const settings = resolveOptions(SHRINK, options);
  return perform("shrink", context, () => shrinkModel(settings, context));
}

async function shrinkModel(settings: ShrinkSettings, context: RunContext): Promise<ShrinkResult> {
  const { model, out } = settings;
  const loaded = await loadModel(model, context);
  if (settings.data !== undefined) requireLabels(loaded.network.head, model);
  const { network, name } = loaded;
  const pieces = await piecesFor(settings, network, context);
  await refuseOwn("shrink", out, loaded);
  context.signal?.throwIfAborted();
  await using _place = await claimFolder(out);
  await refuseTaken("shrink", settings);
  const units = withoutDeadUnits(network);
  const small = pieces === undefined ? units : keepPieces(units, pieces);
  const before = sizesOf(network, await measureNetwork(network));
  const write = async (aside: string): Promise<ShrinkResult> => {
    const sizes = { before, after: sizesOf(small, await writeMeasured(aside, small)) };
    const readme = shrunkReadme({ name, folder: basename(aside), network: small, ...sizes });
    await writeFileAtomic(join(aside, "README.md"), readme(await codeVersion()));
    const difference = await unlessTooLarge(
      differenceOfNetworks(network, await readFolder(aside), pieces),
      (text) => context.report?.({ kind: "note", text }),
    );
    const evaluation = await evaluateBoth(settings, aside, { before: network, after: small }, context);
    context.signal?.throwIfAborted();
    return { model: name, path: out, ...sizes, difference, evaluation };
  };
  return await writeAside(out, { named: "model", removes: [...STALE, ...folderNames(small)], write });
}

/** Numbers of the pieces that stay; undefined for all. */
async function piecesFor(
  { vocabulary, minCount, data: _, ...settings }: ShrinkSettings,
  network: Network,
  context: RunContext,
): Promise<number[] | undefined> {
  if (vocabulary === undefined) return undefined;
  const texts: string[] = [];
  for (const data of vocabulary)
    for (const text of await readCorpus({ ...settings, data }, context)) texts.push(text);
  return usedPieces(network.vocabulary, texts, minCount);
}

function sizesOf(network: Network, bytes: FileBytes): ModelSizes {
  const { total, nonzero, embeddings } = countParameters(network);
  const { vocabSize } = network.config;
  return {
    ...countUnits(network.config),
    pieces: vocabSize,
    parameters: { total, nonzero, embeddings },
    bytes,
  };
}

/** Both models on the same examples, the smaller one from its folder; null when there are none. */
async function evaluateBoth(
  { model, out: _, data, vocabulary: __, minCount: ___, force: ____, ...settings }: ShrinkSettings,
  small: string,
  networks: { readonly before: Network; readonly after: Network },
  context: RunContext,
): Promise<ShrinkEvaluation | null> {
  if (data === undefined) return null;
  const before = await evaluate({ ...settings, data, model }, context);
  const after = await evaluate({ ...settings, data, model: small }, context);
  const { examples } = await readValidation(
    { ...settings, data },
    labellingOf(networks.before.head),
    context,
  );
  const [old, now] = [piecesOf(networks.before), piecesOf(networks.after)];
  return { before, after, recut: examples.filter((each) => old(each) !== now(each)).length };
}

/** The pieces of an example's texts, spelt out. */
function piecesOf({ vocabulary }: Network): (example: Example) => string {
  const tokenizer = createTokenizer(vocabulary);
  const spelt = (text: string) => tokenizer.pieces(text).map((id) => vocabulary.vocab[id]);
  return ({ text, pair }) => JSON.stringify([spelt(text), pair === undefined ? [] : spelt(pair)]);
}
