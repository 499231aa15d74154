/**
 * The goldens of test/goldens/encoders.py: small models of every architecture as folders of the hub, and what
 * transformers computes of them. Weights are made here, by the same arithmetic as in the script.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type FloatTensor, floatTensor, sizeOf, type Tensor } from "../../src/base/tensor.ts";
import { writeFileAtomic } from "../../src/formats/files.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import type { InputBatch } from "../../src/network/inference.ts";
import { value } from "./golden.ts";
import { newFolder } from "./tiny-model.ts";

/** One model. */
export interface EncoderCase {
  /** Such as `distilbert for classification`. */
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Parameters by the checkpoint's names. */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  readonly batch: InputBatch;
  /** [B, C] or [B, T, C]. */
  readonly logits: Float32Array;
  /** Of the first text alone, when its fifth piece is the padding's. */
  readonly padded: Float32Array;
  /** What the gradients are of: Σ logits ∘ upstream. */
  readonly upstream: Float32Array;
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

interface File {
  readonly ids: readonly (readonly number[])[];
  readonly types: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  readonly cases: readonly FileCase[];
}

interface FileCase {
  readonly head: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly types: boolean;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly logits: string;
  readonly padded: string;
  readonly gradients: string;
}

/** All cases. */
export async function encoderCases(): Promise<EncoderCase[]> {
  const path = fileURLToPath(new URL("../goldens/encoders.json", import.meta.url));
  const file: File = JSON.parse(await readFile(path, "utf8"));
  return file.cases.map((each) => caseOf(file, each));
}

function caseOf(file: File, { head, config, types, shapes, ...stored }: FileCase): EncoderCase {
  const pad = padOf(config);
  const { model_type: type } = config;
  const mask = Float32Array.from(file.mask.flat());
  const ids = Int32Array.from(file.ids.flat(), (id, i) => (mask[i] === 1 ? id : pad));
  const [size, length] = [file.ids.length, mask.length / file.ids.length];
  const batch = {
    size,
    length,
    ids,
    types: types ? Int32Array.from(file.types.flat()) : new Int32Array(ids.length),
    mask,
  };
  const logits = decode(stored.logits);
  const width = logits.length / size;
  const upstream = Float32Array.from(value("upstream", logits.length), (x, i) => {
    const token = Math.floor((i % width) / (width / length));
    return width % length === 0 && mask[Math.floor(i / width) * length + token] === 0 ? 0 : x;
  });
  return {
    name: `${String(type)} for ${head}`,
    config,
    tensors: new Map(Object.entries(shapes).map(([name, shape]) => [name, madeUp(name, shape)])),
    batch,
    logits,
    padded: decode(stored.padded),
    upstream,
    gradients: cut(shapes, decode(stored.gradients)),
  };
}

/** What `config.json` says of the padding, as a piece. */
export function padOf({ pad_token_id: pad = 0 }: EncoderCase["config"]): number {
  return Number(pad);
}

function cut(shapes: FileCase["shapes"], all: Float32Array): Map<string, Float32Array> {
  let start = 0;
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      start += sizeOf(shape);
      return [name, all.subarray(start - sizeOf(shape), start)];
    }),
  );
}

/** The script's `made_up`. */
function madeUp(name: string, shape: readonly number[]): FloatTensor {
  const isNorm = /norm/i.test(name) && name.endsWith("weight");
  const scale = name.endsWith("bias") ? 0.1 : 0.4;
  return floatTensor(
    shape,
    Float32Array.from(value(name, sizeOf(shape)), (u) => (isNorm ? 1 + 0.2 * u : scale * u)),
  );
}

/** Little-endian float32 in base64. */
function decode(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

/** A folder as the hub has it; other tensors may be given instead, in any type and spelling. */
export async function hubFolder(
  { config }: Pick<EncoderCase, "config">,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<string> {
  const folder = join(await newFolder(), "hub");
  await mkdir(folder);
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFileAtomic(join(folder, "model.safetensors"), encodeSafetensors(tensors));
  // Word pieces, whatever an architecture's usual tokenizer is.
  await writeFile(
    join(folder, "tokenizer_config.json"),
    JSON.stringify({ tokenizer_class: "BertTokenizer" }),
  );
  const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  if (padOf(config) === 1) pieces.splice(0, 2, "[UNK]", "[PAD]");
  const vocab = Array.from({ length: 24 }, (_, i) => pieces[i] ?? `piece${i}`);
  await writeFile(join(folder, "vocab.txt"), `${vocab.join("\n")}\n`);
  return folder;
}
