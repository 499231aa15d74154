/**
 * `espalier export`: a model, written for other programs and compared with the one it was written from.
 *
 *   onnx          one .onnx file with everything in it, for ONNX Runtime from 1.14 on (onnx/opsets.ts); into a folder, it becomes the layout of
 *                 transformers.js: onnx/model.onnx beside config.json and the tokenizer
 *   onnx-int8     the same with matrices in int8 (onnx/quantize.ts), as model_quantized.onnx, transformers.js's name for
 *                 it; answers differ from the model's own, and by how much is reported
 *   onnx-qdq      the same name for a model of `quantize`: its layers in 8 bits as pairs of QuantizeLinear and
 *                 DequantizeLinear, with the ranges that calibration found (onnx/qdq.ts)
 *   safetensors   a Hugging Face folder that stock `transformers` loads, pruned layers padded with zeros; a head that reads
 *                 a mixture of the layers is refused, because it has no stock form
 *   esp           one .esp file, sparse matrices packed (docs/format.md)
 *
 * Without `out`: `model.onnx` (or `model_quantized.onnx`), `safetensors/` and `model.esp` of a run or a model's folder, where
 * the first is in `onnx/`.
 */

import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { blockNamed } from "../base/blocks.ts";
import { ConfigError } from "../base/errors.ts";
import { DEFAULT_POOLING } from "../bert/config.ts";
import { linearModules, type QuantizedLayers } from "../bert/quantized.ts";
import { haveSameBytes, writeFileAtomic } from "../formats/files.ts";
import { INDEX_FILE, PICKLED_FILE, PICKLED_INDEX, WEIGHTS_FILE } from "../formats/weights.ts";
import { isHubName } from "../hub/name.ts";
import { differenceOfNetworks, differenceOfOnnx, unlessTooLarge } from "../measure/difference.ts";
import { codeVersion, measureFile } from "../measure/machine.ts";
import { packNetwork, runsSparse } from "../measure/packed.ts";
import { folderNames, readFolder, writeFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { onnxProgram } from "../network/onnx.ts";
import { withQuantized } from "../network/quantized.ts";
import { poolingText, sentenceTexts } from "../network/sentence-files.ts";
import { toStock } from "../network/stock.ts";
import { OPSETS, PORTABLE_OPSET } from "../onnx/opsets.ts";
import { EXPORT, type ExportOptions, type ExportSettings } from "../options/models.ts";
import { resolveOptions } from "../options/schema.ts";
import { EMBEDDED } from "../runs/embedded.ts";
import { isEsp, type LoadedModel, loadModel, readEsp } from "../runs/models.ts";
import { perform } from "../runs/perform.ts";
import {
  claimFile,
  claimFolder,
  isNothing,
  isSamePlace,
  requireFile,
  requireFolder,
  STALE,
  writeAside,
} from "../runs/place.ts";
import type { RunContext } from "../runs/progress.ts";
import { unlabelledKind } from "../runs/text-model.ts";
import { requireBrowserTokenizer, tokenizerTexts } from "../text/tokenizer-files.ts";
import type { ExportResult } from "./answers.ts";

/**
 * Writes a model for other programs. Without `out` the same export of an earlier call is replaced.
 *
 * @throws {ConfigError} for options that do not fit, `export/out` for a model of the hub, the embedded one or an .esp
 *   file without `out`; `export/exists` for what is at `out` already, and not `force`;
 *   `place/kind` for a file where a folder is to be, or the other way round
 * @throws {InputError} `export/tokenizer` for a folder whose tokenizer transformers.js would read otherwise; `run/busy`
 * @throws {InterruptedError} `export/stopped`, before anything is written
 * @throws {FormatError} `onnx/too-large` for an ONNX file of 2 GiB or more; {InputError} `stock/heads`, `stock/reader`, or for a model that cannot be
 *   read
 * @example await exportModel({ model: "runs/half", to: "onnx", out: "web/half" });
 */
export async function exportModel(options: ExportOptions, context: RunContext = {}): Promise<ExportResult> {
  const settings = resolveOptions(EXPORT, options);
  return perform("export", context, () => writeModel(settings, context));
}

async function writeModel(settings: ExportSettings, context: RunContext): Promise<ExportResult> {
  const { model, to, out } = settings;
  const needsPlace = () =>
    new ConfigError("export/out", `out: expected a place to write ${model} to, got none`);
  if (out === undefined && (isHubName(model) || model === EMBEDDED)) throw needsPlace();
  await requireNew(settings);
  const loaded = await loadModel(model, context);
  if (out === undefined && isEsp(loaded.path)) throw needsPlace();
  if (to === "esp") return writeEsp(loaded, settings, context);
  if (to === "safetensors") return writeStock(loaded, settings, context);
  // Into the model's own folder the file alone: the rest is there.
  const isOwn = out !== undefined && loaded.run === undefined && (await isSamePlace(out, loaded.path));
  return writeOnnx(loaded, to, isOwn ? { ...settings, out: undefined } : settings, context);
}

/** The names of an export: of the ONNX file, and where it lies in a folder as transformers.js reads it. */
const ONNX_NAMES = {
  onnx: "model.onnx",
  "onnx-int8": "model_quantized.onnx",
  "onnx-qdq": "model_quantized.onnx",
} as const;

/** How each ONNX file has its matrices. */
const WEIGHTS = { onnx: "float32", "onnx-int8": "int8", "onnx-qdq": "qdq" } as const;

/**
 * Refuses to replace what the user has at a place of his own, and to put files among those of a folder that is no model's.
 * @throws {ConfigError} `export/exists`, `place/kind`
 */
async function requireNew({ to, out, force }: ExportSettings): Promise<void> {
  if (out === undefined) return;
  const isFile = to === "esp" || (to !== "safetensors" && out.endsWith(".onnx"));
  if (isFile) requireFile(out);
  else requireFolder(out);
  if (force) return;
  const file = to === "esp" ? out : to === "safetensors" ? join(out, WEIGHTS_FILE) : onnxPlace(to, out);
  if (existsSync(file)) {
    const message = `out: expected a new place, or --force to replace it, got ${file}`;
    throw new ConfigError("export/exists", message);
  }
  if (isFile || !existsSync(out) || existsSync(join(out, "config.json"))) return;
  if ((await readdir(out)).every(isNothing)) return;
  const expected = "a folder that is new, empty or a model's, or --force to write into it";
  throw new ConfigError("export/exists", `out: expected ${expected}, got one with other files (${out})`);
}

/** Weights that a folder may have beside, or in place of, the one file that is written. */
const PICKLED = [INDEX_FILE, PICKLED_FILE, PICKLED_INDEX];

/** Whether a folder has files of a model, and they are not what was written aside. */
async function holdsAnother(aside: string, out: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const [old, written] = [join(out, name), join(aside, name)];
    if (existsSync(old) && !(existsSync(written) && (await haveSameBytes(old, written)))) return true;
  }
  return false;
}

function taken(out: string): ConfigError {
  const expected = "a folder that is new, or this model's, or --force to replace the model in it";
  return new ConfigError("export/exists", `out: expected ${expected}, got another model's (${out})`);
}

function onnxPlace(to: keyof typeof ONNX_NAMES, out: string): string {
  return out.endsWith(".onnx") ? out : join(out, "onnx", ONNX_NAMES[to]);
}

async function writeEsp(
  { network, path, run }: LoadedModel,
  settings: ExportSettings,
  { signal, report }: RunContext,
): Promise<ExportResult> {
  const { values = "float16", tables = values, block, out } = settings;
  const note = (text: string): void => report?.({ kind: "note", text });
  const file = out ?? join(run ?? path, "model.esp");
  const shape = block === undefined ? undefined : blockNamed(block);
  const written = settings.quantize ? withQuantized(network, everyLayer(network)) : network;
  const bytes = await packNetwork(written, {
    values,
    tables,
    ...(shape === undefined ? {} : { block: shape }),
  });
  if (!runsSparse(network.head)) {
    const text = `espalier/runtime does not load it, for that labels texts or gives them vectors, and this is ${unlabelledKind(network.head)}; every command takes it as a model`;
    note(text);
  }
  if (network.head.kind === "none" && network.head.pooling === undefined) {
    const text = `the model does not say how it makes vectors (no modules.json): ${poolingText(DEFAULT_POOLING)}`;
    note(text);
  }
  signal?.throwIfAborted();
  await using _place = await claimPlace(out === undefined ? run : undefined, file);
  const write = async (aside: string): Promise<ExportResult> => {
    const written = join(aside, basename(file));
    await writeFileAtomic(written, [bytes]);
    const size = await measureFile(written);
    const difference = await unlessTooLarge(differenceOfNetworks(network, await readEsp(written)), note);
    signal?.throwIfAborted();
    return { to: "esp", path: file, files: [basename(file)], bytes: size, difference };
  };
  return await writeAside(dirname(file), { named: basename(file), write });
}

async function writeOnnx(
  { network, path, run }: LoadedModel,
  to: keyof typeof ONNX_NAMES,
  { out, opset, force }: Omit<ExportSettings, "out"> & { readonly out?: string | undefined },
  { signal }: RunContext,
): Promise<ExportResult> {
  const isFolder = out !== undefined && !out.endsWith(".onnx");
  if (isFolder) requireBrowserTokenizer(network.vocabulary);
  const ownPlace = run === undefined ? onnxPlace(to, path) : join(run, ONNX_NAMES[to]);
  const file = out === undefined ? ownPlace : onnxPlace(to, out);
  await using _place = await claimPlace(isFolder ? out : out === undefined ? run : undefined, file);
  const program = onnxProgram(network, {
    producerVersion: await codeVersion(),
    weights: WEIGHTS[to],
    opset: OPSETS.find((known) => known === Number(opset)) ?? PORTABLE_OPSET,
  });
  const folder = isFolder ? out : dirname(file);
  const removes: string[] = [];
  const write = async (aside: string): Promise<ExportResult> => {
    const place = join(aside, relative(folder, file));
    if (isFolder) {
      await writeFolder(aside, network);
      if (!(await holdsAnother(aside, out, [...folderNames(network), ...PICKLED])))
        removes.push(...folderNames(network));
      else if (force) removes.push(...folderNames(network), ...STALE);
      else throw taken(out);
    }
    await writeFileAtomic(place, [program.bytes]);
    const written = { ...program, bytes: new Uint8Array(await readFile(place)) };
    const [bytes, difference] = [await measureFile(place), await differenceOfOnnx(network, written)];
    signal?.throwIfAborted();
    const files = [relative(folder, file), ...(isFolder ? folderFiles(network) : [])];
    return { to, path: isFolder ? out : file, files, bytes, difference };
  };
  return await writeAside(folder, { named: isFolder ? "model" : basename(file), removes, write });
}

/** All linear layers of an encoder in 8 bits; those that are so already keep what is known of them. */
function everyLayer({ config }: Network): QuantizedLayers {
  const modules = linearModules(config.layers);
  return new Map(modules.map((module) => [module, config.quantized?.get(module) ?? {}]));
}

/** A folder that is written to as a whole, or is a run's; else the one file. */
function claimPlace(folder: string | undefined, file: string): Promise<AsyncDisposable> {
  return folder === undefined ? claimFile(file) : claimFolder(folder);
}

/** What `writeFolder` writes of a network. */
function folderFiles(network: Network): string[] {
  const beside = [...tokenizerTexts(network.vocabulary), ...sentenceTexts(network)];
  const texts = beside.flatMap(([name, text]) => (text === undefined ? [] : [name]));
  return ["config.json", WEIGHTS_FILE, ...texts.sort()];
}

async function writeStock(
  { network, path, run }: LoadedModel,
  { out, force }: ExportSettings,
  { signal, report }: RunContext,
): Promise<ExportResult> {
  const folder = out ?? join(run ?? path, "safetensors");
  await using _place = await claimFolder(folder);
  const stock = toStock(network);
  const removes = folderNames(stock);
  const write = async (aside: string): Promise<ExportResult> => {
    await writeFolder(aside, stock);
    if (out !== undefined && (await holdsAnother(aside, out, [...folderNames(stock), ...PICKLED]))) {
      if (!force) throw taken(out);
      removes.push(...STALE);
    }
    const written: Network = await readFolder(aside);
    const bytes = await measureFile(join(aside, WEIGHTS_FILE));
    const difference = await unlessTooLarge(differenceOfNetworks(network, written), (text) =>
      report?.({ kind: "note", text }),
    );
    signal?.throwIfAborted();
    return { to: "safetensors", path: folder, files: folderFiles(network), bytes, difference };
  };
  return await writeAside(folder, { named: "model", removes, write });
}
