/**
 * The weight files of a Hugging Face folder: one `model.safetensors`, or shards that an index lists.
 *
 * Promise: the index and the shards say the same; a shard's name never leads out of the folder. Pickled weights
 * (`pytorch_model.bin`) are not read: to unpickle is to run a program.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError, InputError } from "../base/errors.ts";
import type { ByteSource } from "../base/source.ts";
import { readJsonIfPresent, withFile } from "./files.ts";
import { isObject, own } from "./json.ts";
import { readHeader, type TensorEntry } from "./safetensors.ts";

/** The file of an unsharded model. */
export const WEIGHTS_FILE = "model.safetensors";
/** The file that names the shards of a large one. */
export const INDEX_FILE = "model.safetensors.index.json";

const FOREIGN = ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"];

/** Tensor name → file name, from a parsed index. @throws {FormatError} `weights/index`, `weights/shard-name` */
export function parseIndex(json: unknown, where: string): Map<string, string> {
  const map = isObject(json) ? own(json, "weight_map") : undefined;
  if (!isObject(map)) {
    throw new FormatError("weights/index", `index: expected an object weight_map, got none (${where})`);
  }
  return new Map(
    Object.entries(map).map(([name, file]) => {
      // Letters, digits, - _ and single dots: no separators, no parent folder, no hidden file.
      if (typeof file === "string" && /^\w[\w-]*(\.[\w-]+)*\.safetensors$/.test(file)) return [name, file];
      const got = JSON.stringify(file);
      throw new FormatError(
        "weights/shard-name",
        `index: expected the name of a .safetensors file for ${name}, got ${got} (${where})`,
      );
    }),
  );
}

/** Each file's tensors as the index has them; undefined: whatever the file holds. */
async function shardsOf(folder: string): Promise<Map<string, Set<string> | undefined>> {
  if (existsSync(join(folder, WEIGHTS_FILE))) return new Map([[WEIGHTS_FILE, undefined]]);
  const index = join(folder, INDEX_FILE);
  const json = await readJsonIfPresent(index);
  if (json === undefined) throw noWeights(folder);
  const shards = new Map<string, Set<string>>();
  for (const [name, file] of parseIndex(json, index)) {
    shards.set(file, (shards.get(file) ?? new Set()).add(name));
  }
  return shards;
}

function noWeights(folder: string): InputError {
  const foreign = FOREIGN.find((name) => existsSync(join(folder, name)));
  if (foreign === undefined) {
    return new InputError(
      "weights/missing",
      `weights: expected ${WEIGHTS_FILE}, got no such file (${folder})`,
    );
  }
  return new InputError(
    "weights/foreign",
    `weights: expected ${WEIGHTS_FILE}, got only ${foreign}, which is not read; convert it to safetensors first (${folder})`,
  );
}

function checkShard(
  entries: ReadonlyMap<string, TensorEntry>,
  listed: ReadonlySet<string>,
  where: string,
): void {
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

/**
 * Calls `visit` with each tensor of the folder's weight files, one after the other, without loading them all.
 *
 * @throws {InputError} `weights/missing`, `weights/foreign` (a lone pickle, named)
 * @throws {FormatError} `weights/index`, `weights/shard-name`, `weights/shard`, `safetensors/…`
 */
export async function eachTensor(
  folder: string,
  visit: (name: string, entry: TensorEntry, source: ByteSource) => Promise<void>,
): Promise<void> {
  for (const [file, listed] of await shardsOf(folder)) {
    await withFile(join(folder, file), async (source) => {
      const { tensors } = await readHeader(source);
      if (listed !== undefined) checkShard(tensors, listed, source.name);
      for (const [name, entry] of tensors) await visit(name, entry, source);
    });
  }
}
