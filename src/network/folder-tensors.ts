/**
 * The tensors of a model folder: those that the network has, under the names they have here, whole and finite.
 *
 * Promise: a tensor is left out only when stock `transformers` leaves it out too and no answer depends on it
 * (`surplusOf` of bert/names.ts), and then the user is told. How an architecture spells names is in bert/architectures/. A number that is not finite is refused here, because what
 * it leads to need not show: comparisons, and kernels that take the larger of two numbers, let NaN pass as a number.
 */

import { basename } from "node:path";
import { FormatError } from "../base/errors.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { type FloatTensor, findNotFinite, floatTensor, type Tensor } from "../base/tensor.ts";
import { fusedOf, nameInside, nameStored, partsOf, type Spelling } from "../bert/architectures/spelling.ts";
import { ARCHITECTURES } from "../bert/architectures/table.ts";
import { type BertConfig, factsOf, type Head } from "../bert/config.ts";
import { optionalParameters, parameters, type Surplus, surplusOf, TIED } from "../bert/names.ts";
import { findOverflow, overflowWords, weightSizes } from "../bert/range.ts";
import { eachTensor, isPickled } from "../formats/weights.ts";

/** Names in the files, with the names they have here. */
export type Listed = ReadonlyMap<string, string>;

/** An error about what is in a folder. */
export function fail(code: string, what: string, expected: string, got: string, where: string): FormatError {
  return new FormatError(`folder/${code}`, `${what}: expected ${expected}, got ${got} (${where})`);
}

/** The names of a folder's tensors, without their numbers. @throws {FormatError} `folder/twice`; as `eachTensor` does */
export async function listTensors(folder: string, spelling: Spelling): Promise<Listed> {
  const listed = new Map<string, string>();
  const seen = new Map<string, string>();
  await eachTensor(folder, async (stored, _tensor, file) => {
    const name = nameInside(stored, spelling);
    if (seen.has(name)) {
      throw fail("twice", `tensor ${name}`, "one of that name", `also ${stored}`, file);
    }
    seen.set(name, stored);
    listed.set(stored, name);
  });
  return listed;
}

/**
 * Reads the network's tensors.
 * @throws {FormatError} `folder/missing`, `folder/unused`, `folder/shape`, `folder/untied`, `folder/finite`,
 *   `folder/overflow`; `weights/…`, `safetensors/…`, `torch/…`, `pickle/…`, `zip/…`
 */
export async function readTensors(
  folder: string,
  listed: Listed,
  config: BertConfig,
  head: Head,
  note: (text: string) => void,
): Promise<Map<string, FloatTensor>> {
  const { spelling } = ARCHITECTURES[factsOf(config).type];
  const wanted = namesOf(config, head, spelling);
  const surplus = (name: string): Surplus => surplusOf(name, head, spelling.foreign);
  const leftOut = [...listed].filter(([, name]) => !wanted.has(name) && surplus(name) !== "refused");
  const skipped = new Set(leftOut.map(([stored]) => stored));
  const told = leftOut.filter(([, name]) => surplus(name) === "left out").map(([stored]) => stored);
  const tensors = new Map<string, FloatTensor>();
  const pickled = new Set<string>();
  await eachTensor(folder, async (stored, entry, file) => {
    if (isPickled(file)) pickled.add(basename(file));
    if (skipped.has(stored)) return;
    const tensor = await entry.read();
    checkFinite(tensor, stored, file);
    const inside = listed.get(stored) ?? nameInside(stored, spelling);
    for (const [name, part] of splitRows(inside, tensor, stored, file)) {
      if (tensors.has(name))
        throw fail("twice", `tensor ${name}`, "one of that name", `also ${stored}`, file);
      tensors.set(name, part);
    }
  });
  const complete = head.kind === "mlm" ? untie(tensors, folder) : tensors;
  checkTensors(complete, config, head, folder);
  checkRange(complete, config, folder);
  if (pickled.size > 0) {
    note(
      `weights read from ${listText([...pickled])} without executing anything in it; what is written is safetensors`,
    );
  }
  if (told.length > 0) note(`tensors left out, because ${inWords(head)} has none such: ${listText(told)}`);
  return complete;
}

/** Names that a network has or may have, copies of tied tensors included. */
function namesOf(config: BertConfig, head: Head, spelling: Spelling): Set<string> {
  const own = [...parameters(config, head).keys(), ...optionalParameters(config, head).keys()];
  const fused = own.flatMap((name) => fusedOf(name, spelling) ?? []);
  return new Set([...own, ...fused, ...(head.kind === "mlm" ? TIED.keys() : [])]);
}

/** A tensor of a file as those it holds: one, or several that lie in it row upon row. @throws {FormatError} `folder/shape` */
function splitRows(
  name: string,
  { shape, data }: FloatTensor,
  stored: string,
  where: string,
): readonly (readonly [string, FloatTensor])[] {
  const parts = partsOf(name);
  if (parts === undefined) return [[name, floatTensor(shape, data)]];
  const [, ...rest] = shape;
  const rows = requireItem(shape, 0, stored);
  if (rows % parts.length !== 0) {
    throw fail("shape", `tensor ${stored}`, `${parts.length} matrices of equal rows`, `[${shape}]`, where);
  }
  const [own, length] = [rows / parts.length, data.length / parts.length];
  return parts.map((part, i) => [
    part,
    floatTensor([own, ...rest], data.slice(i * length, (i + 1) * length)),
  ]);
}

/** A tensor as a folder stores it, and the tensors that it holds. */
export interface Written {
  readonly name: string;
  readonly tensor: FloatTensor;
  /** By their names inside. */
  readonly holds: readonly string[];
}

/** The tensors of a network as its architecture stores them, in their order. */
export function storedTensors({ config, head, tensors }: Stored): Written[] {
  const { spelling } = ARCHITECTURES[factsOf(config).type];
  const written = new Map<string, Written>();
  for (const [name, tensor] of tensors) {
    const fused = fusedOf(name, spelling);
    const inside = fused ?? name;
    if (written.has(inside)) continue;
    const holds = (fused === undefined ? undefined : partsOf(fused)) ?? [name];
    const parts = holds.map((each) => requireEntry(tensors, each, "tensor"));
    const whole = fused === undefined ? tensor : joinRows(parts);
    written.set(inside, { name: nameStored(inside, spelling, head), tensor: whole, holds });
  }
  return [...written.values()];
}

type Stored = {
  readonly config: BertConfig;
  readonly head: Head;
  readonly tensors: ReadonlyMap<string, FloatTensor>;
};

/** Matrices row upon row. */
function joinRows(parts: readonly FloatTensor[]): FloatTensor {
  const first = requireItem(parts, 0, "parts");
  const rows = parts.reduce((n, { shape }) => n + requireItem(shape, 0, "rows"), 0);
  const data = new Float32Array(parts.reduce((n, part) => n + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return floatTensor([rows, ...first.shape.slice(1)], data);
}

function inWords({ kind }: Head): string {
  if (kind === "none") return "an encoder without a head";
  return kind === "mlm" ? "a masked language model" : `a ${kind} model`;
}

/** Up to six names. */
function listText(names: readonly string[]): string {
  const more = names.length - 6;
  return `${names.slice(0, 6).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** @throws {FormatError} `folder/finite` for a NaN or an infinity, with its place */
function checkFinite({ data }: FloatTensor, name: string, where: string): void {
  const place = findNotFinite(data);
  if (place < 0) return;
  throw fail("finite", `tensor ${name}`, "finite numbers", `${data[place]} at place ${place}`, where);
}

/** @throws {FormatError} `folder/overflow` when a LayerNorm may get numbers whose squares are infinite */
function checkRange(tensors: ReadonlyMap<string, FloatTensor>, config: BertConfig, where: string): void {
  const overflow = findOverflow(config, (name) => weightSizes(requireEntry(tensors, name, "tensor")));
  if (overflow !== undefined) throw fail("overflow", ...overflowWords(overflow), where);
}

/**
 * Every name required is there, every name there is known, and the shapes are those of the configuration.
 * @throws {FormatError} `folder/missing`, `folder/unused`, `folder/shape`
 */
export function checkTensors(
  tensors: ReadonlyMap<string, Tensor>,
  config: BertConfig,
  head: Head,
  where: string,
): void {
  const required = parameters(config, head);
  const optional = optionalParameters(config, head);
  for (const [name, { shape }] of tensors) {
    const expected = required.get(name) ?? optional.get(name);
    if (expected === undefined) {
      throw fail("unused", `tensor ${name}`, `a parameter of ${inWords(head)}`, "an unused one", where);
    }
    if (shape.join() !== expected.join()) {
      throw fail("shape", `tensor ${name}`, `[${expected}]`, `[${shape}]`, where);
    }
  }
  for (const [name, shape] of required) {
    if (!tensors.has(name)) throw fail("missing", `tensor ${name}`, `[${shape}]`, "no such tensor", where);
  }
}

function equal(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

/** Removes the copies of tied tensors; a copy without its original becomes it. */
function untie(tensors: Map<string, FloatTensor>, where: string): Map<string, FloatTensor> {
  const result = new Map(tensors);
  for (const [copy, original] of TIED) {
    const tensor = result.get(copy);
    if (tensor === undefined) continue;
    result.delete(copy);
    const other = result.get(original);
    if (other !== undefined && !equal(other.data, tensor.data)) {
      throw fail("untied", `tensor ${copy}`, `the values of ${original}`, "others", where);
    }
    result.set(original, other ?? tensor);
  }
  return result;
}
