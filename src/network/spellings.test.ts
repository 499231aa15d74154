/**
 * The spellings of the hub, for every architecture: what version 4 of transformers writes (test/goldens/spellings.py), and
 * the habits of files that went through other hands. Each is read as what version 5 writes.
 */

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type EncoderCase, encoderCases, hubFolder } from "../../test/support/encoders.ts";
import { requireEntry, requireItem } from "../base/present.ts";
import { type FloatTensor, floatTensor, type Tensor } from "../base/tensor.ts";
import { ARCHITECTURES, architectureOf } from "../bert/architectures/table.ts";
import { writeFileAtomic } from "../formats/files.ts";
import { decodeFloat16, encodeFloat16 } from "../formats/float16.ts";
import { encodeSafetensors } from "../formats/safetensors.ts";
import { readFolder } from "./folder.ts";
import type { Network } from "./network.ts";

/** A model as version 4 saves it: names, those of copies with the parameter that they are. */
interface Older {
  readonly config: Readonly<Record<string, unknown>>;
  readonly state: readonly (string | readonly [string, string])[];
}

const cases = await encoderCases();
const older: { readonly cases: readonly Older[] } = JSON.parse(
  await readFile(new URL("../../test/goldens/spellings.json", import.meta.url), "utf8"),
);
const pairs = cases.map((given, i) => ({ ...given, given, older: requireItem(older.cases, i, "models") }));

async function read(
  given: Pick<EncoderCase, "config">,
  tensors: ReadonlyMap<string, Tensor>,
  notes: string[] = [],
) {
  return readFolder(await hubFolder(given, tensors), (note) => notes.push(note));
}

test.each(pairs)(
  "$name: what version 4 of transformers saves is read as what version 5 does",
  async (pair) => {
    const { given, older } = pair;
    const all = older.state.map((each) => (typeof each === "string" ? ([each, each] as const) : each));
    const tensors = new Map(all.map(([name, own]) => [name, requireEntry(given.tensors, own, "tensor")]));
    const notes: string[] = [];
    const network = await read(older, tensors, notes);
    expect(network).toEqual(await read(given, given.tensors));
    expect(notes).toEqual([]);
  },
);

function rounded({ shape, data }: FloatTensor): FloatTensor {
  return floatTensor(shape, decodeFloat16(encodeFloat16(data)));
}

/** Names as files have them that were wrapped, converted from TensorFlow, or saved without the encoder's prefix. */
function worn(name: string, base: string): string {
  return `module.${name.startsWith(`${base}.`) ? name.slice(base.length + 1) : name}`
    .replace(/(?<=norm\.)weight$/i, "gamma")
    .replace(/(?<=norm\.)bias$/i, "beta");
}

/** A folder of two shards with their index. */
async function sharded(given: EncoderCase, tensors: ReadonlyMap<string, Tensor>): Promise<string> {
  const folder = await hubFolder(given, new Map());
  await rm(join(folder, "model.safetensors"));
  const entries = [...tensors];
  const map: Record<string, string> = {};
  for (const [i, part] of [entries.slice(0, 5), entries.slice(5)].entries()) {
    const file = `model-0000${i + 1}-of-00002.safetensors`;
    for (const [name] of part) map[name] = file;
    await writeFileAtomic(join(folder, file), encodeSafetensors(new Map(part)));
  }
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  return folder;
}

/** The first case of each type. */
const firsts = cases.filter(({ config: { model_type: type } }, i) => {
  return cases.findIndex(({ config: { model_type: own } }) => own === type) === i;
});

test.each(firsts)(
  "$name: worn names, halves, shards and another head's tensors are read too",
  async (given) => {
    const { spelling } = architectureOf(given.config, "c");
    const halves = [...given.tensors].map(([name, { shape, data }]): [string, Tensor] => [
      worn(name, spelling.base),
      { dtype: "float16", shape, data: encodeFloat16(data) },
    ]);
    const more = ["qa_outputs", ...spelling.foreign].map((stem): [string, Tensor] => [
      `${stem}.weight`,
      floatTensor([1], Float32Array.of(1)),
    ]);
    const notes: string[] = [];
    const folder = await sharded(given, new Map([...halves, ...more]));
    const network: Network = await readFolder(folder, (note) => notes.push(note));
    const expected = await read(
      given,
      new Map([...given.tensors].map(([name, tensor]) => [name, rounded(tensor)])),
    );
    expect(network).toEqual(expected);
    expect(notes).toHaveLength(1);
    for (const [name] of more) expect(notes[0]).toContain(name);
  },
);

test("every architecture has a case", () => {
  const types = new Set(cases.map(({ config: { model_type: type } }) => type));
  expect(Object.keys(ARCHITECTURES).filter((type) => !types.has(type))).toEqual(["bert"]);
});
