/** `espalier compress`: fine-tune (or take a fine-tuned model), compress it with a method, measure both. */

import { requireKnown } from "../base/known.ts";
import { fold, keyOf } from "../base/random.ts";
import type { Objective } from "../bert/objective.ts";
import { namedAims, withMethod } from "../choice/ask.ts";
import { chooseBatches, chooseEpochs, chooseRates, ownNotes } from "../choice/pace.ts";
import type { ConfiguredMethod } from "../contract/configured.ts";
import { withDepth } from "../contract/depth.ts";
import type { BoundMethod, Method, MethodState } from "../contract/method.ts";
import type { CutSet } from "../data/batches.ts";
import type { Measure } from "../data/dataset.ts";
import { truthOf } from "../data/judging/judge.ts";
import { isObject } from "../formats/json.ts";
import { measureNetwork, writeMeasured } from "../measure/figures.ts";
import { type Judged, judgeNetwork } from "../measure/logits.ts";
import type { RunResult } from "../measure/result.ts";
import { type Judging, judgeSettled, requireSettling, type SettledFigures } from "../measure/settled.ts";
import { withVectors } from "../measure/teacher.ts";
import { countUnits, withoutDeadUnits } from "../network/dead-units.ts";
import { withLength } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import { resolveOptions } from "../options/schema.ts";
import { COMPRESS, type CompressOptions, type CompressSettings } from "../options/training.ts";
import { leaveReport } from "../report/write.ts";
import { concludeRun, type ReportedModel } from "../runs/conclusion.ts";
import { type LabelledData, readData } from "../runs/data.ts";
import { floorsFor, reportData } from "../runs/data-facts.ts";
import { encodeSets, type Sets } from "../runs/encoded.ts";
import { acrossFolds, asksForFolds } from "../runs/folds/across.ts";
import { withHeadFor } from "../runs/head.ts";
import { trainingLength } from "../runs/length.ts";
import { type LoadedModel, loadModel } from "../runs/models.ts";
import { type OpenRun, openRun } from "../runs/open-run.ts";
import { performRun } from "../runs/perform.ts";
import { type ProgressEvent, type RunContext, shellWord } from "../runs/progress.ts";
import { makeRecipe } from "../runs/recipe.ts";
import { seenNotes } from "../runs/sources/seen.ts";
import { requireVectors } from "../runs/text-model.ts";
import { runTraining, stepsOf } from "../runs/training.ts";
import { writeMaskFile } from "../runs/under-mask.ts";
import { objectiveOf, vectorObjective } from "../train/objective.ts";
import { finetuneWith, tellWanted } from "./finetune.ts";
import { asTyped, type ChosenMethod, chooseMethod, requestOf } from "./own-method.ts";
import { finetuningOf, type Given, loadGiven, madeModel } from "./predecessor.ts";
import { quantizeProduct } from "./quantize.ts";

/** The options of `compress` with a method of one's own in place of an id. */
export interface OwnMethodOptions<Config extends object, State extends MethodState>
  extends Omit<CompressOptions, "method"> {
  readonly method: Method<Config, State>;
}

/**
 * Compresses an encoder for a task and leaves a run folder. Without `finetuned` the model is fine-tuned first, with the
 * same training options, in the folder `finetuned/` of the run. `method` is the id of a built-in one, the path of a
 * module whose default export is one, or a method itself.
 *
 * @throws as `finetune` does, and {ConfigError} for a method that is unknown or does not fit the model
 * @example await compress({ model: "hf:sentence-transformers/all-MiniLM-L6-v2", method: "theseus", task: "sst2", data: "glue", out: "runs/half" });
 */
export async function compress<Config extends object, State extends MethodState>(
  options: CompressOptions | OwnMethodOptions<Config, State>,
  context: RunContext = {},
): Promise<RunResult> {
  const given = settingsOf(options);
  return performRun(given.out, context, async () => {
    const { settings, aims, alone, longer, text } = await withMethod(given, context);
    if (text !== undefined) context.report?.({ kind: "note", text });
    const wanted = namedAims(aims);
    const result = alone
      ? await finetuneWith(finetuningOf(settings), context, wanted)
      : await compressBy(options.method ?? settings.method, settings, { longer, wanted }, context);
    return tellWanted(result, context);
  });
}

async function compressBy(
  method: unknown,
  settings: CompressSettings,
  choice: Pick<ChosenMethod, "longer" | "wanted">,
  context: RunContext,
): Promise<RunResult> {
  const chosen = await chooseMethod(method, requestOf(settings));
  const run = asksForFolds(settings) ? compressFolds : compressWith;
  return run(settings, { ...chosen, ...choice }, context);
}

async function compressFolds(
  asked: CompressSettings,
  chosen: ChosenMethod,
  context: RunContext,
): Promise<RunResult> {
  const data = await readData(asked);
  const { base, given } = await readModels(asked, data, {});
  // A choice that trains longer is in the recipe as its epochs: a fold that goes on must not train for less.
  const { longer = 1 } = chosen;
  const batches = chooseBatches(asked, chosen.method);
  const epochs = longer > 1 ? chooseEpochs({ ...asked, ...batches }, data, longer, {}) : {};
  const settings = { ...asked, ...epochs };
  const sources = { model: [base.path], finetuned: given?.path, data: data.files };
  const { own: method, wanted } = chosen;
  const recipe = await makeRecipe({ command: "compress", settings, ...sources, method, wanted });
  const title = `compressing ${base.name} with ${chosen.method.id} in ${settings.folds} folds`;
  const run = (own: CompressSettings, within: RunContext) => compressWith(own, chosen, within);
  return acrossFolds({ settings, recipe, title, context, run });
}

async function compressWith(
  asked: CompressSettings,
  { method, own, longer, wanted }: ChosenMethod,
  context: RunContext,
): Promise<RunResult> {
  const started = performance.now();
  const data = await readData(asked, undefined, context);
  const { base, given, maxLength, objective } = await readModels(asked, data, context);
  const batches = chooseBatches(asked, method);
  const epochs = chooseEpochs({ ...asked, ...batches }, data, longer, context);
  const rates = chooseRates(asked, method);
  const settings = { ...asked, ...data.columns, maxLength, ...batches, ...epochs, ...rates };
  const original = withLength(withHeadFor(base.network, data.train, settings.seed), maxLength);
  const encoded = encodeSets(original, data, settings);
  const bindTo = binderOf(method, settings, base.network, original);
  // What the method refuses it refuses now: it looks at shapes, and fine-tuning will not change them.
  bindTo(given?.network ?? original, stepsOf({ data: encoded.train, settings }));
  const sources = { model: [base.path], finetuned: given?.path, data: data.files, method: own, wanted };
  const recipe = await makeRecipe({ command: "compress", settings, ...sources });
  const title = `compressing ${base.name} with ${method.id} on ${data.train.name}`;
  await using run = await openRun(recipe, settings, { title, started }, context);
  const seen = await seenNotes(base, asked);
  const notes = [...data.notes, ...seen, ...(given?.notes ?? []), ...ownNotes(asked, method)];
  reportData(run.record, { ...data, notes }, encoded);
  const floors = await floorsFor(data, settings, original, run);
  const making = { original, given, encoded, settings, measure: data.measure, run };
  const { train, dev, before } = await begin(making, () =>
    madeModel(settings, run, withoutData(context, notes)),
  );
  const sets = { data: train, dev, measure: data.measure, objective };
  const trained = await runTraining({
    method: (steps) => bindTo(before.network, steps),
    ...sets,
    settings,
    removes: true,
    run,
  });
  // Of the product itself, masks and modules folded in: its answers are held to the other's, one by one.
  const judging = { set: dev, measure: data.measure, labels: data.dev.labels };
  const judged = await judgeStages(before, trained.network, settings, judging, run);
  const maskBytes = await writeMaskFile(run.paths.mask, base.network, judged.after.network);
  const first = settings.embedding ? undefined : original;
  // Awaited here, so that the folder is this process's until the run has ended.
  return await concludeRun({
    command: "compress",
    settings,
    run,
    judging: { ...data, truth: truthOf(dev) },
    kept: { step: trained.best.step, steps: trained.steps },
    settled: judged.figures,
    models: await measureStages(first, judged.before, judged.after, run),
    floors,
    maskBytes,
    method: method.id,
    ...(settings.quantize ? { quantize: (result) => quantizeProduct(settings, run, result) } : {}),
    also: (result) => leaveReport(run, settings, { result, network: judged.after.network }),
  });
}

/**
 * Both models as they are compared. Where the product gets a temperature and a threshold, so does the model before: what
 * differs is then the compression.
 */
async function judgeStages(
  teacher: JudgedNetwork,
  product: Network,
  settings: CompressSettings,
  judging: Judging,
  { record }: OpenRun,
): Promise<{ before: JudgedNetwork; after: JudgedNetwork; figures: SettledFigures }> {
  const { judged: after, figures, notes } = await judgeSettled(product, settings, judging);
  for (const text of [...idleNotes(product, settings.out), ...notes]) record({ kind: "note", text });
  const { calibrate = false, threshold } = settings;
  const isPlain = !calibrate && threshold === undefined;
  const before = isPlain ? teacher : (await judgeSettled(teacher.network, settings, judging)).judged;
  return { before, after, figures };
}

/** What a compression begins with. */
interface Beginning {
  readonly original: Network;
  readonly given: Given | undefined;
  readonly encoded: Sets<CutSet>;
  readonly settings: CompressSettings & { readonly maxLength: number };
  readonly measure: Measure;
  readonly run: OpenRun;
}

/**
 * What is compressed, and what trains and judges it: a model fine-tuned on the data; or a sentence encoder, which is its own
 * teacher, so that its vectors are the labels and there is nothing to be fine-tuned.
 */
async function begin(
  { original, given, encoded, settings, measure, run: { record, context } }: Beginning,
  make: () => Promise<LoadedModel>,
): Promise<Sets<CutSet> & { readonly before: JudgedNetwork }> {
  const isVectors = settings.embedding;
  record({ kind: "phase", name: isVectors ? "vectors of the teacher" : "fine-tuning" });
  const tell = (done: number, all: number): void =>
    record({ kind: "phase", name: `${done.toLocaleString("en")} of ${all.toLocaleString("en")} texts` });
  const { threads, device } = settings;
  const run = { threads, device, signal: context.signal, tell };
  const sets = isVectors ? await withVectors(original, encoded, run) : encoded;
  const { network } = isVectors ? { network: original } : (given ?? (await make()));
  const before = await judgeNetwork(withLength(network, settings.maxLength), settings, sets.dev, measure);
  record({ kind: "evaluation", step: 0, metrics: before.metrics, loss: before.loss, kept: false });
  record({ kind: "phase", name: "compressing" });
  return { ...sets, before };
}

/** Binds the method to a fine-tuned model, with all that it may know before its first step. */
function binderOf(
  method: ConfiguredMethod,
  settings: CompressSettings & { readonly learningRate: number },
  pretrained: Network,
  original: Network,
): (finetuned: Network, steps: number) => BoundMethod {
  const { seed, learningRate, warmup } = settings;
  const key = fold(keyOf(seed), "method");
  return (finetuned, steps) => {
    const network = method.from === "fine-tuned" ? finetuned : original;
    const bound = method.bind(network, { key, steps, learningRate, warmup, pretrained, finetuned });
    return withDepth(bound, settings);
  };
}

/** The models of a run, the product written to its folder. Without an original the model before is that. */
async function measureStages(
  original: Network | undefined,
  before: JudgedNetwork,
  after: JudgedNetwork,
  { paths }: OpenRun,
): Promise<ReportedModel[]> {
  const first: ReportedModel[] = original
    ? [{ stage: "original", network: original, metrics: {}, bytes: await measureNetwork(original) }]
    : [];
  return [
    ...first,
    {
      stage: original ? "fine-tuned" : "original",
      ...before,
      bytes: await measureNetwork(before.network),
    },
    { stage: "compressed", ...after, bytes: await writeMeasured(paths.model, after.network) },
  ];
}

/**
 * Units that the method's zeros have left without effect, and the way to be rid of them. They stay in the run: masks of
 * one base are compared weight by weight, and a mask file needs the base's shapes.
 */
export function idleNotes(network: Network, out: string): string[] {
  const [all, live] = [network, withoutDeadUnits(network)].map(({ config }) => countUnits(config));
  if (all === undefined || live === undefined) return [];
  const [heads, neurons] = [all.heads - live.heads, all.neurons - live.neurons];
  if (heads + neurons === 0) return [];
  const idle = `${heads} of ${all.heads} heads and ${neurons} of ${all.neurons} neurons do nothing`;
  return [`${idle}; npx espalier shrink ${shellWord(out)} --out DIR leaves them out`];
}

interface ReadModels {
  readonly base: LoadedModel;
  readonly given: Given | undefined;
  readonly maxLength: number;
  readonly objective: Objective | undefined;
}

/** What the data asks for, the encoder, the fine-tuned model where one is named, and the length for both. */
async function readModels(
  asked: CompressSettings,
  { train, measure }: Pick<LabelledData, "train" | "measure">,
  context: RunContext,
): Promise<ReadModels> {
  requireSettling(asked, train, measure);
  const base = await loadModel(asked.model, context);
  if (asked.embedding) requireVectors(base.network.head, asked.model);
  const objective = asked.embedding
    ? vectorObjective(asked.widths, base.network.config.hiddenSize)
    : objectiveOf(asked, train);
  const { finetuned } = asked;
  const given =
    finetuned === undefined ? undefined : await loadGiven(finetuned, asked, train, base.network, context);
  const maxLength = trainingLength(base.network, asked.maxLength, context, given?.network);
  return { base, given, maxLength, objective };
}

/** A context whose caller does not hear a second time what the data is. */
function withoutData(context: RunContext, notes: readonly string[]): RunContext {
  const isKnown = (event: ProgressEvent): boolean =>
    event.kind === "data" || (event.kind === "note" && notes.includes(event.text));
  return { ...context, report: (event) => (isKnown(event) ? undefined : context.report?.(event)) };
}

/** The settings as they are typed, with the id in the place of a method that was passed as a value. */
function settingsOf(options: { readonly method?: unknown }): CompressSettings {
  requireKnown("compress", options, Object.keys(COMPRESS.fields));
  const { method } = options;
  const id = isObject(method) && typeof method.id === "string" ? method.id : method;
  const settings = resolveOptions(COMPRESS, { ...options, method: id });
  const { set, widths } = settings;
  return { ...settings, set: asTyped(set), ...(widths ? { widths: widths.map(String) } : {}) };
}

/** A finished network and what it says of the judging examples. */
interface JudgedNetwork extends Judged {
  readonly network: Network;
}
