/**
 * `espalier quantize`: a model whose linear layers compute in 8 bits, without training.
 *
 *   calibrate     the float32 model reads some texts (quantize/calibrate.ts)
 *   fit           levels, ranges and biases of every layer (quantize/post-training.ts)
 *   sensitivity   what each layer costs when it alone is in 8 bits (quantize/sensitivity.ts)
 *   gate          the most sensitive layers stay in float32 until no more than `maxDrop` points are lost (quantize/gate.ts)
 *   measure       the QDQ file and the packed file are scored and timed as they ship
 *   write         the model's folder with what computes in 8 bits in its config.json, both files, and the answer: until
 *                 then the place is as it was
 *
 * A model with labels or a score is judged by its task's metric on labelled text, a bare encoder by the mean cosine of its
 * vectors with those of float32. A model that computes in 8 bits already keeps its levels, and gets ranges.
 */

import { join } from "node:path";
import { ConfigError, InputError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { fold, keyOf, permutation } from "../base/random.ts";
import { answersTexts, poolingOf } from "../bert/config.ts";
import { linearModules } from "../bert/quantized.ts";
import { type EncodedSet, encodeDataset, unlabelled } from "../data/batches.ts";
import { truthOf } from "../data/judging/judge.ts";
import { growsWithQuality, primaryOf } from "../data/judging/metrics.ts";
import { Engine } from "../engine/engine.ts";
import { writeFileAtomic } from "../formats/files.ts";
import { jsonText } from "../formats/json.ts";
import { classColumns, reorderColumns } from "../measure/class-columns.ts";
import { judgeLogits } from "../measure/logits.ts";
import { describeMachine } from "../measure/machine.ts";
import { tokenizerOf } from "../network/encoding.ts";
import { folderNames } from "../network/folder.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";
import { QUANTIZE, type QuantizeOptions, type QuantizeSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { answersOf, DIVERGENCES, meanCosine } from "../quantize/answers.ts";
import { calibrate, calibrationTexts } from "../quantize/calibrate.ts";
import { measureFiles, packQuantized, writeQuantized } from "../quantize/files.ts";
import { type GateTry, passGate } from "../quantize/gate.ts";
import { type FittedLayer, fitLayers, withLayersIn8Bits } from "../quantize/post-training.ts";
import { layerSensitivities, type Sensitivity } from "../quantize/sensitivity.ts";
import { judgeQuantized } from "../quantize/verdict.ts";
import { readCorpus, readData } from "../runs/data.ts";
import { labellingOf } from "../runs/head.ts";
import { loadModel } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import { claimFolder, refuseOwn, refuseTaken, STALE, writeAside } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { seenNotes } from "../runs/sources/seen.ts";
import { unlabelledKind } from "../runs/text-model.ts";
import { requireBrowserTokenizer } from "../text/tokenizer-files.ts";
import type { QuantizeResult } from "./answers.ts";

/** Texts that judge a bare encoder: the mean of so many cosines is off by less than 0.001. */
const JUDGING = 512;
/** Texts on which each layer alone is judged. */
const SENSITIVITY = 128;

/**
 * Quantizes a model after training, and says what that costs and gives.
 *
 * @throws {ConfigError} for options that do not fit; `quantize/head` for a model that does not answer texts,
 *   `quantize/exists`, `quantize/out`
 * @throws {InputError} for a model or data that cannot be read; `quantize/texts` for too few; `run/busy`
 * @throws {RunError} `quantize/drop` when every choice of layers loses too much
 * @throws {InterruptedError} `quantize/stopped`, before anything is written
 * @example await quantize({ model: "runs/sst2", task: "sst2", data: "glue", out: "models/sst2-int8" });
 */
export async function quantize(options: QuantizeOptions, context: RunContext = {}): Promise<QuantizeResult> {
  const settings = resolveOptions(QUANTIZE, options);
  return perform("quantize", context, () => quantizeModel(settings, context));
}

async function quantizeModel(settings: QuantizeSettings, context: RunContext): Promise<QuantizeResult> {
  const { out, threads, device, maxDrop } = settings;
  const loaded = await loadModel(settings.model, context);
  const { network } = loaded;
  requireQuantizable(network, settings.model);
  await refuseOwn("quantize", out, loaded);
  noteTokenizer(network, context);
  for (const text of await seenNotes(loaded, settings)) context.report?.({ kind: "note", text });
  const judge = await readJudge(settings, network, context);
  await using _place = await claimFolder(out);
  await refuseTaken("quantize", settings);
  const exact = inFloat(network);
  const engine = new Engine({ threads, provider: device, maxSessions: 1 });
  try {
    const work: Work = { settings, context, engine, exact, judge };
    const { fitted, costs } = await fitAll(work, network);
    const { before, tries } = await gate(work, fitted, costs);
    const kept = tries.at(-1)?.kept ?? 0;
    const chosen = costs.slice(kept).map(({ module }) => module);
    const product = withLayersIn8Bits(exact, fitted, chosen);
    phase(context, "measuring the files");
    const packed = await packQuantized(product);
    const length = Math.min(128, lengthFor(network, settings.maxLength));
    const files = await measureFiles(exact, packed, {
      ...{ threads, device, before, signal: context.signal },
      ...{ set: judge.set, score: judge.score, timed: settings.latency ? length : undefined },
    });
    const modules = costs.map(({ module }) => module);
    const shared = {
      metric: judge.metric,
      examples: judge.set.examples.length,
      before,
      maxDrop,
      tries,
      files,
    };
    const result: QuantizeResult = {
      ...{ model: loaded.name, path: out, task: settings.task ?? null, ...shared },
      calibration: judge.calibration.examples.length,
      ranges: settings.ranges,
      after: tries.at(-1)?.score ?? before,
      cost: DIVERGENCES[requireKind(network)],
      layers: costs.map((each) => layerOf(each, fitted, chosen)),
      length,
      machine: describeMachine(threads),
      verdict: judgeQuantized({ ...shared, modules }),
    };
    context.signal?.throwIfAborted();
    const write = async (aside: string): Promise<void> => {
      await writeQuantized(aside, product, packed);
      await writeFileAtomic(join(aside, "result.json"), jsonText(result));
    };
    await writeAside(out, { named: "model", removes: [...STALE, ...folderNames(product)], write });
    return result;
  } finally {
    await engine.close();
  }
}

function phase({ report }: RunContext, name: string): void {
  report?.({ kind: "phase", name });
}

/** The kinds of head that are quantized. */
type Quantizable = keyof typeof DIVERGENCES;

/** @throws {ConfigError} `quantize/head` */
function requireKind({ head }: Network, name = "network"): Quantizable {
  if (answersTexts(head) || head.kind === "tokens") return head.kind;
  if (head.kind === "none" && poolingOf(head)) return "none";
  const got = head.kind === "none" ? "an encoder whose pooling is not read here" : unlabelledKind(head);
  throw new ConfigError("quantize/head", `model: expected one with labels or vectors, got ${got} (${name})`);
}

/** @throws {ConfigError} `quantize/head`; {InputError} `quantize/layers` */
function requireQuantizable(network: Network, name: string): void {
  requireKind(network, name);
  if (linearModules(network.config.layers).length > 0) return;
  const message = `model: expected a layer with heads or neurons, got none (${name})`;
  throw new InputError("quantize/layers", message);
}

/** The folder is laid out for transformers.js, which may read another tokenizer otherwise; ONNX Runtime does not look at it. */
function noteTokenizer({ vocabulary }: Network, { report }: RunContext): void {
  try {
    requireBrowserTokenizer(vocabulary);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    report?.({ kind: "note", text: `transformers.js is not to be used with this folder: ${error.message}` });
  }
}

/** What judges a model, and what calibrates it. */
interface Judge {
  readonly metric: string;
  readonly calibration: EncodedSet;
  readonly set: EncodedSet;
  /** From 0 to 1, or a correlation. The first answers are those of float32, to which cosines are held. */
  readonly score: (answers: Float32Array) => number;
}

async function readJudge(settings: QuantizeSettings, network: Network, context: RunContext): Promise<Judge> {
  return network.head.kind === "none"
    ? readTexts(settings, network, context)
    : readLabelled(settings, network, context);
}

/** @throws {ConfigError} `quantize/data` without labelled text */
async function readLabelled(
  { data: path, ...settings }: QuantizeSettings,
  network: Network,
  context: RunContext,
): Promise<Judge> {
  if (path === undefined) {
    const message = "data: expected labelled text to judge by, got none";
    throw new ConfigError("quantize/data", message);
  }
  const { train, dev, measure, notes } = await readData(
    { ...settings, data: path },
    labellingOf(network.head),
    context,
  );
  for (const text of notes) context.report?.({ kind: "note", text });
  if (!growsWithQuality(measure.primary)) {
    const message = `metric: expected one of which more is better, since a drop is to be held, got ${measure.primary}`;
    throw new ConfigError("quantize/metric", message);
  }
  const columns = classColumns(network.head, dev);
  const [tokenizer, length] = [tokenizerOf(network), lengthFor(network, settings.maxLength)];
  const encode = (set: typeof dev): EncodedSet => encodeDataset(set, tokenizer, length);
  const set = encode(dev);
  const chosen = draw(train.examples.length, settings.seed).slice(0, settings.calibration);
  const calibration = calibrationTexts(encode(train), chosen);
  const truth = truthOf(set);
  return {
    metric: measure.primary,
    calibration,
    set,
    score: (answers) => {
      const { metrics } = judgeLogits(measure, reorderColumns(answers, columns), truth);
      return primaryOf(measure, metrics);
    },
  };
}

/** @throws {InputError} `quantize/texts` for fewer than two texts */
async function readTexts(settings: QuantizeSettings, network: Network, context: RunContext): Promise<Judge> {
  const { texts, data = "", ...rest } = settings;
  const other = (["validation", "folds", "metric"] as const).find((key) => settings[key] !== undefined);
  if (other !== undefined) {
    const message = `${other}: expected none for an encoder without a head, of whose texts half judge, got ${settings[other]}`;
    throw new ConfigError("quantize/judging", message);
  }
  const corpus = {
    ...rest,
    ...(texts === undefined ? {} : { task: undefined }),
    data: texts ?? data,
  };
  const all = await readCorpus(corpus, context);
  const lines = [...new Set(all)].filter((text) => text.trim() !== "");
  if (lines.length < 2) {
    const message = `texts: expected two different ones or more, got ${lines.length} (${texts ?? data})`;
    throw new InputError("quantize/texts", message);
  }
  const [tokenizer, length] = [tokenizerOf(network), lengthFor(network, settings.maxLength)];
  const order = draw(lines.length, settings.seed);
  // Of few texts half judge: what was calibrated on does not.
  const count = Math.min(settings.calibration, Math.floor(lines.length / 2));
  const encode = (places: readonly number[]): EncodedSet =>
    unlabelled(
      places.map((i) => tokenizer.encode(lines[i] ?? "", undefined, length)),
      tokenizer.special.pad,
    );
  const set = encode(order.slice(count, count + JUDGING));
  let exact: Float32Array | undefined;
  return {
    metric: "cosine",
    calibration: encode(order.slice(0, count)),
    set,
    score: (answers) => {
      exact ??= answers;
      return meanCosine(exact, answers, set.examples.length);
    },
  };
}

function draw(count: number, seed: number): number[] {
  return [...permutation(fold(keyOf(seed), "calibration"), count)];
}

/** What the steps of a quantization have in common. */
interface Work {
  readonly settings: QuantizeSettings;
  readonly context: RunContext;
  readonly engine: Engine;
  /** The model in float32. */
  readonly exact: Network;
  readonly judge: Judge;
}

/** Every layer in 8 bits, and what each costs alone. */
async function fitAll(
  { settings, context, engine, exact, judge }: Work,
  network: Network,
): Promise<{ fitted: Map<string, FittedLayer>; costs: Sensitivity[] }> {
  const { signal, report } = context;
  phase(context, "calibrating");
  const calibration = await calibrate(engine, exact, judge.calibration, signal);
  const fitted = fitLayers(network, calibration, settings);
  phase(context, "measuring what each layer costs");
  const some = judge.calibration.examples.slice(0, SENSITIVITY);
  const costs = await layerSensitivities({
    network: exact,
    fitted,
    texts: { ...judge.calibration, examples: some },
    threads: settings.threads,
    signal,
    progress: (done, total) => report?.({ kind: "count", what: "layers", done, total }),
  });
  return { fitted, costs };
}

/** The float32 model's score, and what the gate tried. */
async function gate(
  { settings, context, engine, exact, judge }: Work,
  fitted: ReadonlyMap<string, FittedLayer>,
  costs: readonly Sensitivity[],
): Promise<{ before: number; tries: GateTry[] }> {
  phase(context, "judging");
  const score = async (network: Network): Promise<number> =>
    judge.score(await answersOf(engine, network, judge.set, context.signal));
  const before = await score(exact);
  const tries = await passGate({
    layers: costs.length,
    before,
    maxDrop: settings.maxDrop,
    metric: judge.metric,
    scoreWith: (kept) => {
      const chosen = costs.slice(kept).map(({ module }) => module);
      return score(withLayersIn8Bits(exact, fitted, chosen));
    },
  });
  return { before, tries };
}

function layerOf(
  { module, cost }: Sensitivity,
  fitted: ReadonlyMap<string, FittedLayer>,
  chosen: readonly string[],
): QuantizeResult["layers"][number] {
  const { low, high } = requireEntry(fitted, module, "layer").layer.input;
  return { module, cost, input: [low, high], bits: chosen.includes(module) ? 8 : 32 };
}
