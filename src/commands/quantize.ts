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

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, InputError, RunError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { answersTexts, poolingOf } from "../bert/config.ts";
import { linearModules } from "../bert/quantized.ts";
import { growsWithQuality } from "../data/judging/metrics.ts";
import { Engine } from "../engine/engine.ts";
import { writeFileAtomic } from "../formats/files.ts";
import { jsonText } from "../formats/json.ts";
import { describeMachine } from "../measure/machine.ts";
import type { QuantizedFigures, RunResult } from "../measure/result.ts";
import { folderNames } from "../network/folder.ts";
import { lengthFor } from "../network/length.ts";
import type { Network } from "../network/network.ts";
import { inFloat } from "../network/quantized.ts";
import { QUANTIZE, type QuantizeOptions, type QuantizeSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import type { FinetuneSettings } from "../options/training.ts";
import { answersOf, DIVERGENCES } from "../quantize/answers.ts";
import { calibrate } from "../quantize/calibrate.ts";
import { measureFiles, packQuantized, writeQuantized } from "../quantize/files.ts";
import { type GateTry, passGate } from "../quantize/gate.ts";
import { type Judge, readJudge } from "../quantize/judge.ts";
import { type FittedLayer, fitLayers, withLayersIn8Bits } from "../quantize/post-training.ts";
import { layerSensitivities, type Sensitivity } from "../quantize/sensitivity.ts";
import { judgeQuantized } from "../quantize/verdict.ts";
import { loadModel } from "../runs/models.ts";
import type { OpenRun } from "../runs/open-run.ts";
import { perform } from "../runs/perform.ts";
import { claimFolder, likeTyped, refuseOwn, refuseTaken, STALE, writeAside } from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { seenNotes } from "../runs/sources/seen.ts";
import { unlabelledKind } from "../runs/text-model.ts";
import { requireBrowserTokenizer } from "../text/tokenizer-files.ts";
import type { QuantizedFile, QuantizeResult } from "./answers.ts";

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
  await using _place = await claimFolder(out);
  await refuseTaken("quantize", settings);
  noteTokenizer(network, context);
  for (const text of await seenNotes(loaded, settings)) context.report?.({ kind: "note", text });
  const judge = await readJudge(settings, network, context);
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

/**
 * The product of a run in 8 bits, in the run's folder `quantized/`. One that loses too much is no failure of the run. Of a
 * drop that the run was allowed, what it has left is what 8 bits may cost.
 */
export async function quantizeProduct(
  settings: FinetuneSettings,
  { paths, record, recipe, context: { signal } }: OpenRun,
  { metric: { before, after } }: Pick<RunResult, "metric">,
): Promise<QuantizedFigures | undefined> {
  const { metric, embedding } = settings;
  // Vectors are held to their own in float32, and of an error less is better, which no gate holds.
  const judging = ["validation", "folds", "fold", "metric"];
  const isUnfit = metric !== undefined && !growsWithQuality(metric);
  const without = embedding ? judging : isUnfit ? ["metric"] : [];
  const own = Object.entries(settings).filter(
    ([name]) => Object.hasOwn(QUANTIZE.fields, name) && !without.includes(name),
  );
  const { data, threads, device, seed, latency, stride } = settings;
  const left = (recipe.wanted?.maxDrop ?? Number.NaN) - 100 * ((before ?? after) - after);
  const gate = left >= 0 ? { maxDrop: Math.min(100, left) } : {};
  const to = { model: paths.model, out: likeTyped(settings.out, paths.quantized), force: true };
  const options = { ...Object.fromEntries(own), data, threads, device, seed, latency, ...gate, ...to };
  const context = { ...(signal ? { signal } : {}), report: record };
  // What a call that was ended left there is no model.
  await rm(paths.quantized, { recursive: true, force: true });
  try {
    const { verdict, files } = await quantize(options, context);
    record({ kind: "note", text: `in 8 bits, ${to.out}: ${verdict.text}` });
    const figures = packedFigures(files);
    // Texts that the run read in windows are cut here.
    return without.length === 0 && stride === undefined ? figures : { ...figures, after: null };
  } catch (error) {
    if (!(error instanceof RunError) || error.code !== "quantize/drop") throw error;
    record({ kind: "note", text: error.message });
    return undefined;
  }
}

/** The packed file, and the time of the faster file, beside the model in float32. */
function packedFigures(files: readonly QuantizedFile[]): QuantizedFigures {
  const of = (form: QuantizedFile["form"]): QuantizedFile => {
    const file = files.find((one) => one.form === form);
    if (file === undefined) throw new RangeError(`a quantized model has a file as ${form}`);
    return file;
  };
  const alone = ({ latency }: QuantizedFile): number | undefined =>
    latency.find(({ batchSize }) => batchSize === 1)?.p50;
  const packed = of("esp");
  const [then, now, inOnnx] = [alone(of("float32")), alone(packed), alone(of("onnx-qdq"))];
  const isTimed = then !== undefined && now !== undefined && inOnnx !== undefined;
  const faster = isTimed ? then / Math.min(now, inOnnx) : null;
  return { bytes: packed.bytes, after: packed.score, faster };
}
