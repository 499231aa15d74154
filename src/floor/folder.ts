/**
 * A floor as a folder: what it weighs is what would ship.
 *
 *   floor.json          kind, task, labels; the terms of TF-IDF; D, the columns of a text's row
 *   floor.safetensors   weight [D or that of pairs, outputs], bias [outputs]; of TF-IDF idf [D]; of pairs of static embeddings
 *                       vectors [pieces, D] in 16 bits
 *   vocab.txt, …        the tokenizer of static embeddings
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, FormatError, InputError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { floatTensor, type Tensor } from "../base/tensor.ts";
import { withFile, writeFileAtomic } from "../formats/files.ts";
import { encodeFloat16 } from "../formats/float16.ts";
import {
  aClaim,
  aCount,
  aText,
  type JsonShape,
  listOf,
  oneOfValues,
  parseShape,
  record,
} from "../formats/json-shape.ts";
import { encodeSafetensors, readFloats, readHeader } from "../formats/safetensors.ts";
import { measureFile } from "../measure/machine.ts";
import type { FileBytes, FloorKind } from "../measure/result.ts";
import { readVocabulary } from "../network/folder.ts";
import { createTokenizer } from "../text/tokenizer.ts";
import { tokenizerTexts } from "../text/tokenizer-files.ts";
import { FLOOR_TASKS, type FloorModel, type FloorTask, outputsOf, type Reader, shapeOf } from "./model.ts";
import { pairWidth } from "./rows.ts";
import { termTable } from "./terms.ts";

const JSON_FILE = "floor.json";
const TENSOR_FILE = "floor.safetensors";

/** The content of floor.json. */
interface FloorFile {
  readonly version: 1;
  readonly kind: FloorKind;
  readonly task: FloorTask;
  readonly labels: readonly string[];
  readonly isPair: boolean;
  readonly width: number;
  /** Empty but of TF-IDF. */
  readonly terms: readonly string[];
}

const FLOOR_FILE: JsonShape<FloorFile> = record<FloorFile>({
  version: oneOfValues(1),
  kind: oneOfValues("tf-idf", "static"),
  task: oneOfValues(...FLOOR_TASKS),
  labels: listOf(aText),
  isPair: aClaim,
  width: aCount,
  terms: listOf(aText),
});

/** Writes a floor in place of what was in the folder, and measures its files. */
export async function writeFloor(folder: string, model: FloorModel): Promise<FileBytes> {
  const { task, labels, isPair, reader, linear } = model;
  const { outputs, weight, bias } = linear;
  const own = ownFiles(reader);
  const tensors = new Map<string, Tensor>([
    ...own.tensors,
    ["weight", floatTensor([weight.length / outputs, outputs], weight)],
    ["bias", floatTensor([outputs], bias)],
  ]);
  await rm(folder, { recursive: true, force: true });
  await writeFileAtomic(join(folder, TENSOR_FILE), encodeSafetensors(tensors));
  for (const [name, text] of own.texts) await writeFileAtomic(join(folder, name), text);
  const { width } = shapeOf(reader);
  const facts = { version: 1, kind: reader.kind, task, labels, isPair, width, terms: own.terms } as const;
  await writeFileAtomic(join(folder, JSON_FILE), `${JSON.stringify(facts satisfies FloorFile)}\n`);
  return measureFolder(folder);
}

/** What a reader keeps in files. */
interface OwnFiles {
  readonly terms: readonly string[];
  readonly tensors: readonly (readonly [string, Tensor])[];
  readonly texts: readonly (readonly [string, string])[];
}

function ownFiles({ kind, table }: Reader): OwnFiles {
  if (kind === "tf-idf") {
    const { terms, idf } = table;
    return { terms, tensors: [["idf", floatTensor([idf.length], idf)]], texts: [] };
  }
  const { vocabulary, vectors, width } = table;
  const files = tokenizerTexts(vocabulary);
  const texts = [...files].flatMap(([name, text]): [string, string][] => {
    // What vocab.txt says need not be said twice.
    const isSpare = vocabulary.rules === undefined && name === "tokenizer.json" && files.get("vocab.txt");
    return text === undefined || isSpare ? [] : [[name, text]];
  });
  if (vectors === null) return { terms: [], tensors: [], texts };
  const shape = [vectors.length / width, width];
  const halves: Tensor = { dtype: "float16", shape, data: encodeFloat16(vectors) };
  return { terms: [], tensors: [["vectors", halves]], texts };
}

/** Bytes of a floor's files. */
async function measureFolder(folder: string): Promise<FileBytes> {
  const files = await Promise.all(readdirSync(folder).map((name) => measureFile(join(folder, name))));
  return {
    raw: files.reduce((sum, { raw }) => sum + raw, 0),
    compressed: files.reduce((sum, { compressed }) => sum + compressed, 0),
  };
}

/**
 * The folder of a floor that a path means: itself, or the only one in it, as a run's `floor` is.
 * @throws {InputError} `floor/many` where there are several
 */
export function floorFolder(path: string): string | undefined {
  const isFloor = (folder: string): boolean => existsSync(join(folder, JSON_FILE));
  if (isFloor(path)) return path;
  if (!isFolder(path) || existsSync(join(path, "config.json"))) return undefined;
  const inside = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name))
    .filter(isFloor);
  if (inside.length <= 1) return inside[0];
  const names = inside.map((folder) => basename(folder)).sort();
  throw new InputError("floor/many", `model: expected one floor, got ${names.join(" and ")} (${path})`);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Where a floor lies. */
export interface FloorPlace {
  readonly name: string;
  readonly path: string;
  /** The run that made it, when it lies in one. */
  readonly run: string;
}

/** A network's options, which a floor has no use for. */
interface Refused {
  readonly mask?: string | readonly string[] | undefined;
  readonly maxLength?: number | undefined;
  readonly stride?: number | undefined;
  readonly aggregation?: string | undefined;
  readonly dimensions?: number | undefined;
}

/**
 * Reads a floor in place of a network.
 * @throws {ConfigError} `floor/options` for one of these; as `readFloor` does
 */
export async function openFloor(
  folder: string,
  { mask, maxLength, stride, aggregation, dimensions }: Refused,
): Promise<{ readonly place: FloorPlace; readonly model: FloorModel }> {
  const refused = { mask, maxLength, stride, aggregation, dimensions };
  const given = Object.entries(refused).find(([, value]) => value !== undefined);
  if (given !== undefined) {
    const [name, value] = given;
    const message = `${name}: expected none with a floor, which reads and labels texts whole and has no weights to mask, got ${value} (${folder})`;
    throw new ConfigError("floor/options", message);
  }
  const path = resolve(folder);
  const run = dirname(dirname(path));
  return { place: { name: basename(path), path, run }, model: await readFloor(path) };
}

/**
 * Reads a floor.
 * @throws {FormatError} `floor/format` for a file of another shape, `floor/tensor` for a tensor that is not there or of another
 *   size; as `readHeader` does
 */
export async function readFloor(folder: string): Promise<FloorModel> {
  const path = join(folder, JSON_FILE);
  const text = await readFile(path, "utf8");
  const facts = parseShape(FLOOR_FILE, text, path, "floor/format");
  const { kind, task, labels, isPair, width, terms } = facts;
  const vocabulary = kind === "static" ? await readVocabulary(folder) : undefined;
  const outputs = outputsOf(facts);
  const columns = isPair ? pairWidth({ width, isDense: kind === "static" }) : width;
  const pieces = vocabulary?.vocab.length ?? 0;
  const own = kind === "tf-idf" ? { idf: [terms.length] } : isPair ? { vectors: [pieces, width] } : {};
  const shapes = { ...own, weight: [columns, outputs], bias: [outputs] };
  const tensors = await readTensors(join(folder, TENSOR_FILE), new Map(Object.entries(shapes)));
  const tensor = (name: string): Float32Array => requireEntry(tensors, name, "tensor");
  const linear = { outputs, weight: tensor("weight"), bias: tensor("bias") };
  const known = { task, labels, isPair, linear };
  if (vocabulary === undefined)
    return { ...known, reader: { kind: "tf-idf", table: termTable(terms, tensor("idf")) } };
  const vectors = isPair ? tensor("vectors") : null;
  const table = { vocabulary, tokenizer: createTokenizer(vocabulary), vectors, width };
  return { ...known, reader: { kind: "static", table } };
}

async function readTensors(
  path: string,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<Map<string, Float32Array>> {
  return withFile(path, async (source) => {
    const { tensors } = await readHeader(source);
    const found = new Map<string, Float32Array>();
    for (const [name, shape] of shapes) {
      const entry = tensors.get(name);
      if (entry === undefined || entry.shape.join() !== shape.join()) {
        const got = entry === undefined ? "none" : `[${entry.shape.join(", ")}]`;
        const message = `tensor ${name}: expected [${shape.join(", ")}], got ${got} (${path})`;
        throw new FormatError("floor/tensor", message);
      }
      found.set(name, (await readFloats(source, name, entry)).data);
    }
    return found;
  });
}
