/**
 * What `<model>` means on every command: a Hugging Face folder, a run, an .esp file, `hf:owner/name`, or `embedded`.
 *
 * The rest of the program sees a network and the folder or file it came from. Not here: reading the folder
 * (network/folder.ts) or the file (sparse/esp/), fetching it (hub/).
 */

import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { InputError } from "../base/errors.ts";
import { floorFolder } from "../floor/folder.ts";
import { readBytes } from "../formats/files.ts";
import { eachTensor } from "../formats/weights.ts";
import { fetchModel } from "../hub/model.ts";
import { isHubName, isSoundHubName } from "../hub/name.ts";
import type { HubOptions } from "../hub/repository.ts";
import { measureFile } from "../measure/machine.ts";
import type { FileBytes } from "../measure/result.ts";
import { readFolder } from "../network/folder.ts";
import type { Network } from "../network/network.ts";
import { MAGIC } from "../sparse/esp/container.ts";
import { decodeEsp, networkOf } from "../sparse/esp/model.ts";
import { EMBEDDED, EMBEDDED_NAME, embeddedModel } from "./embedded.ts";
import { runPaths } from "./folder.ts";
import { type RunContext, shellWord } from "./progress.ts";

/** Where a model lies. */
export interface ModelPlace {
  /** What to call it: the name on the hub, or the folder's. */
  readonly name: string;
  /** The folder with config.json, in the cache for a model of the hub; or the .esp file. */
  readonly path: string;
  /** The run's folder, when it is one. */
  readonly run?: string;
}

/** A model that was read. */
export interface LoadedModel extends ModelPlace {
  readonly network: Network;
}

/**
 * Finds a model, and fetches it when it is on the hub and not here.
 *
 * @throws {InputError} `model/missing` when nothing is there, `model/unfinished` for a run that has left no model
 *   yet, `model/folds` for one over folds, `model/floor` for what has no encoder, `model/foreign` for a folder that is neither; `embedded/missing`, `hub/…`
 */
export async function locateModel(ref: string, context: RunContext = {}): Promise<ModelPlace> {
  if (ref === EMBEDDED) return { name: EMBEDDED_NAME, path: embeddedModel() };
  if (isHubName(ref))
    return { name: ref.slice("hf:".length), path: await fetchModel(ref, fetching(context)) };
  const root = resolve(ref);
  const name = basename(root);
  if (!existsSync(root)) {
    throw new InputError(
      "model/missing",
      `model: expected a folder, a run, an .esp file, hf:owner/name or embedded, got nothing (${ref})${hubHint(ref)}`,
    );
  }
  if (isEsp(root)) return { name, path: root };
  if (existsSync(join(root, "config.json"))) return { name, path: root };
  const { model, recipe } = runPaths(root);
  if (existsSync(join(model, "config.json"))) return { name, path: model, run: root };
  if (existsSync(recipe)) {
    refuseFolds(ref, root);
    throw new InputError(
      "model/unfinished",
      `model: expected a finished run, got one without a model (${ref})`,
    );
  }
  if (floorFolder(root) !== undefined) {
    const message = `model: expected an encoder, got a floor, which evaluate and predict read, and inspect beside --data (${ref})`;
    throw new InputError("model/floor", message);
  }
  const got = statSync(root).isDirectory() ? "a folder without" : "a file that is none of these";
  throw new InputError(
    "model/foreign",
    `model: expected a folder with config.json, a run or an .esp file, got ${got} (${ref})`,
  );
}

/** @throws {InputError} `model/folds` for a run over folds, of which each has a model */
function refuseFolds(ref: string, root: string): void {
  if (!existsSync(runPaths(root).foldsTable)) return;
  const one = shellWord(join(ref, "folds", "1"));
  const message = `model: expected one model, got a run over folds, which have one each, such as ${one} (${ref})`;
  throw new InputError("model/folds", message);
}

/** What looks like a name of the hub and lies in no folder that is here is taken for one. */
function hubHint(ref: string): string {
  if (ref.startsWith("file:")) return "; of a file URL, fileURLToPath of node:url gives the path";
  const name = `hf:${ref}`;
  const isPath = /^(?:hf:|[.~/])|[\\]|\.\w{2,5}$/.test(ref) || existsSync(ref.split("/")[0] ?? "");
  if (isPath || !isSoundHubName(name)) return "; a model of the Hugging Face hub is written hf:owner/name";
  const full = ref.includes("/") ? "" : ` or hf:owner/${ref}`;
  return `; did you mean ${name}${full}, of the Hugging Face hub?`;
}

/** True for a file that is called as .esp files are, or begins as they do; a folder may be called as it likes. */
export function isEsp(path: string): boolean {
  return statSync(path).isFile() && (path.endsWith(".esp") || beginsAsEsp(path));
}

function beginsAsEsp(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(MAGIC.length);
    readSync(file, bytes);
    return bytes.every((byte, i) => byte === MAGIC[i]);
  } finally {
    closeSync(file);
  }
}

/** Reads the network of an .esp file. @throws {FormatError} as `decodeEsp` does */
export async function readEsp(path: string): Promise<Network> {
  return networkOf(await decodeEsp(await readBytes(path), path));
}

/**
 * Finds and reads a model; what was left out of it is reported as a note.
 * @throws as `locateModel`, `readFolder` and `readEsp` do; the reason of the signal, when it was read
 */
export async function loadModel(ref: string, context: RunContext = {}): Promise<LoadedModel> {
  const place = await locateModel(ref, context);
  const note = (text: string): void => context.report?.({ kind: "note", text: `${place.name}: ${text}` });
  const network = isEsp(place.path) ? await readEsp(place.path) : await readFolder(place.path, note);
  const eightBits = network.config.quantized === undefined ? quantizedCopy(place.path) : undefined;
  if (eightBits !== undefined) note(`its weights in float32 are read, not ${eightBits}`);
  context.signal?.throwIfAborted();
  return { ...place, network };
}

/** The only ONNX file of a folder, where that is one in 8 bits: who wrote it may think that it is what is read. */
function quantizedCopy(path: string): string | undefined {
  const has = (name: string): boolean => existsSync(join(path, "onnx", name));
  return has("model_quantized.onnx") && !has("model.onnx") ? "onnx/model_quantized.onnx" : undefined;
}

/** Bytes of a model's tensor files, or of its .esp file, as they lie on the disk and after gzip. */
export async function measureModel(path: string): Promise<FileBytes> {
  if (isEsp(path)) return measureFile(path);
  const files = new Set<string>();
  await eachTensor(path, async (_name, _tensor, file) => {
    files.add(file);
  });
  let [raw, compressed] = [0, 0];
  for (const file of files) {
    const bytes = await measureFile(file);
    raw += bytes.raw;
    compressed += bytes.compressed;
  }
  return { raw, compressed };
}

/** How something is fetched from the hub for a command. */
export function fetching({ signal, report }: RunContext): HubOptions {
  return {
    ...(signal ? { signal } : {}),
    onProgress: ({ file, bytes, size }) => report?.({ kind: "download", file, received: bytes, total: size }),
  };
}
