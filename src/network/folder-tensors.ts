/**
 * The tensors of a model folder: those that the network has, under the names they have here, whole and finite.
 *
 * Promise: a tensor is left out only when stock `transformers` leaves it out too and no answer depends on it
 * (`surplusOf` of bert/names.ts), and then the user is told. A number that is not finite is refused here, because what
 * it leads to need not show: comparisons, and kernels that take the larger of two numbers, let NaN pass as a number.
 */

import { basename } from "node:path";
import { FormatError } from "../base/errors.ts";
import { requireEntry } from "../base/present.ts";
import { type FloatTensor, findNotFinite, type Tensor } from "../base/tensor.ts";
import type { BertConfig, Head } from "../bert/config.ts";
import { normaliseName, optionalParameters, parameters, surplusOf, TIED } from "../bert/names.ts";
import { findOverflow, weightSizes } from "../bert/range.ts";
import { eachTensor, isPickled } from "../formats/weights.ts";

/** Names in the files, with the names they have here. */
export type Listed = ReadonlyMap<string, string>;

/** An error about what is in a folder. */
export function fail(code: string, what: string, expected: string, got: string, where: string): FormatError {
  return new FormatError(`folder/${code}`, `${what}: expected ${expected}, got ${got} (${where})`);
}

/** The names of a folder's tensors, without their numbers. @throws {FormatError} `folder/twice`; as `eachTensor` does */
export async function listTensors(folder: string): Promise<Listed> {
  const listed = new Map<string, string>();
  const seen = new Map<string, string>();
  await eachTensor(folder, async (stored, _tensor, file) => {
    const name = normaliseName(stored);
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
  const wanted = namesOf(config, head);
  const leftOut = [...listed].filter(([, name]) => !wanted.has(name) && surplusOf(name, head) !== "refused");
  const skipped = new Set(leftOut.map(([stored]) => stored));
  const told = leftOut.filter(([, name]) => surplusOf(name, head) === "left out").map(([stored]) => stored);
  const tensors = new Map<string, FloatTensor>();
  const pickled = new Set<string>();
  await eachTensor(folder, async (stored, entry, file) => {
    if (isPickled(file)) pickled.add(basename(file));
    if (skipped.has(stored)) return;
    const tensor = await entry.read();
    checkFinite(tensor, stored, file);
    tensors.set(listed.get(stored) ?? normaliseName(stored), tensor);
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
function namesOf(config: BertConfig, head: Head): Set<string> {
  const names = [...parameters(config, head).keys(), ...optionalParameters(config, head).keys()];
  return new Set(head.kind === "mlm" ? [...names, ...TIED.keys()] : names);
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
  if (overflow === undefined) return;
  const { module, reach } = overflow;
  throw fail(
    "overflow",
    `numbers before ${module}`,
    "squares within float32",
    `up to ${reach.toPrecision(2)}`,
    where,
  );
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
