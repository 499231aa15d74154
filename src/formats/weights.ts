/**
 * The weight files of a Hugging Face folder: `model.safetensors`, or `pytorch_model.bin`, or shards of either that an
 * index lists.
 *
 * Promise: the index and the shards say the same; a shard's name never leads out of the folder. Where several are there,
 * that one is read which `transformers` reads: safetensors first. Of pickled weights nothing is executed (torch/).
 */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { FormatError, InputError } from "../base/errors.ts";
import type { ByteSource } from "../base/source.ts";
import type { DType, FloatTensor } from "../base/tensor.ts";
import { readJsonIfPresent, withFile } from "./files.ts";
import { isObject, own } from "./json.ts";
import { readFloats, readHeader } from "./safetensors.ts";
import { readCheckpoint, readViewFloats } from "./torch/checkpoint.ts";

/** The file of an unsharded model. */
export const WEIGHTS_FILE = "model.safetensors";
/** The file that names the shards of a large one. */
export const INDEX_FILE = "model.safetensors.index.json";
/** The same of pickled weights. */
export const PICKLED_FILE = "pytorch_model.bin";
export const PICKLED_INDEX = "pytorch_model.bin.index.json";

/** In the order in which one is looked for: the first that is there is the model's. */
export const WEIGHT_FILES: readonly string[] = [WEIGHTS_FILE, INDEX_FILE, PICKLED_FILE, PICKLED_INDEX];

const FOREIGN = ["tf_model.h5", "flax_model.msgpack"];

/** A tensor of a file, not read yet. */
export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** As float32. @throws {FormatError} `safetensors/not-float`, `torch/not-float`, `torch/checksum` */
  readonly read: () => Promise<FloatTensor>;
}

/** True for the file of an index. */
export function isIndex(file: string): boolean {
  return file.endsWith(".index.json");
}

/** True for a file of pickled weights. */
export function isPickled(file: string): boolean {
  return file.endsWith(".bin");
}

/**
 * Tensor name → file name, from the parsed index that `where` names.
 * @throws {FormatError} `weights/index`, `weights/shard-name`
 */
export function parseIndex(json: unknown, where: string): Map<string, string> {
  const map = isObject(json) ? own(json, "weight_map") : undefined;
  if (!isObject(map)) {
    throw new FormatError("weights/index", `index: expected an object weight_map, got none (${where})`);
  }
  const extension = basename(where) === PICKLED_INDEX ? "bin" : "safetensors";
  // Letters, digits, - _ and single dots: no separators, no parent folder, no hidden file.
  const name = new RegExp(`^\\w[\\w-]*(\\.[\\w-]+)*\\.${extension}$`);
  return new Map(
    Object.entries(map).map(([tensor, file]) => {
      if (typeof file === "string" && name.test(file)) return [tensor, file];
      const got = JSON.stringify(file);
      throw new FormatError(
        "weights/shard-name",
        `index: expected the name of a .${extension} file for ${tensor}, got ${got} (${where})`,
      );
    }),
  );
}

/** Each file's tensors as the index has them; undefined: whatever the file holds. */
async function shardsOf(folder: string): Promise<Map<string, Set<string> | undefined>> {
  const first = WEIGHT_FILES.find((file) => existsSync(join(folder, file)));
  if (first === undefined) throw noWeights(folder);
  if (!isIndex(first)) return new Map([[first, undefined]]);
  const index = join(folder, first);
  const shards = new Map<string, Set<string>>();
  for (const [name, file] of parseIndex(await readJsonIfPresent(index), index)) {
    shards.set(file, (shards.get(file) ?? new Set()).add(name));
  }
  return shards;
}

function noWeights(folder: string): InputError {
  const foreign = FOREIGN.find((name) => existsSync(join(folder, name)));
  if (foreign === undefined) {
    return new InputError(
      "weights/missing",
      `weights: expected ${WEIGHTS_FILE} or ${PICKLED_FILE}, got no such file (${folder})`,
    );
  }
  return new InputError(
    "weights/foreign",
    `weights: expected ${WEIGHTS_FILE} or ${PICKLED_FILE}, got only ${foreign}, which is not read; convert it to safetensors first (${folder})`,
  );
}

function checkShard(entries: ReadonlyMap<string, unknown>, listed: ReadonlySet<string>, where: string): void {
  for (const name of listed) {
    if (!entries.has(name)) {
      throw new FormatError(
        "weights/shard",
        `shard: expected tensor ${name}, got none of that name (${where})`,
      );
    }
  }
  for (const name of entries.keys()) {
    if (!listed.has(name)) {
      throw new FormatError("weights/shard", `shard: expected only indexed tensors, got ${name} (${where})`);
    }
  }
}

/** The tensors of one file. */
async function openFile(source: ByteSource): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  if (isPickled(source.name)) {
    for (const [name, tensor] of await readCheckpoint(source)) {
      const { dtype, shape } = tensor;
      tensors.set(name, { dtype, shape, read: () => readViewFloats(source, name, tensor) });
    }
    return tensors;
  }
  for (const [name, entry] of (await readHeader(source)).tensors) {
    const { dtype, shape } = entry;
    tensors.set(name, { dtype, shape, read: () => readFloats(source, name, entry) });
  }
  return tensors;
}

/**
 * Calls `visit` with each tensor of the folder's weight files, one after the other, without loading them all. A tensor
 * can be read until `visit` is done.
 *
 * @throws {InputError} `weights/missing`, `weights/foreign` (weights of another framework alone, named)
 * @throws {FormatError} `weights/index`, `weights/shard-name`, `weights/shard`; `safetensors/…`; `torch/…`, `pickle/…`, `zip/…`
 */
export async function eachTensor(
  folder: string,
  visit: (name: string, tensor: StoredTensor, file: string) => Promise<void>,
): Promise<void> {
  for (const [file, listed] of await shardsOf(folder)) {
    await withFile(join(folder, file), async (source) => {
      const tensors = await openFile(source);
      if (listed !== undefined) checkShard(tensors, listed, source.name);
      for (const [name, tensor] of tensors) await visit(name, tensor, source.name);
    });
  }
}
