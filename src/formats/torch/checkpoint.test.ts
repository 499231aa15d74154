/** Files that several versions of PyTorch wrote (test/goldens/torch_files.py), and whole files made to mislead. */

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  checkpointEntries,
  dictOf,
  type Entry,
  latin,
  op,
  pickleOf,
  storage,
  tensor,
  zipOf,
} from "../../../test/support/torch-file.ts";
import { FormatError } from "../../base/errors.ts";
import { type ByteSource, bufferSource } from "../../base/source.ts";
import type { Tensor } from "../../base/tensor.ts";
import { readHeader, readTensor } from "../safetensors.ts";
import { readCheckpoint, readView } from "./checkpoint.ts";

async function golden(name: string): Promise<ByteSource> {
  return bufferSource(name, await readFile(new URL(`../../../test/goldens/${name}`, import.meta.url)));
}

async function readAll(source: ByteSource): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of await readCheckpoint(source))
    tensors.set(name, await readView(source, tensor));
  return tensors;
}

test.each(["1.13", "2.1", "2.13", "legacy"])(
  "a file of torch %s has the tensors of its safetensors",
  async (v) => {
    const expected = new Map<string, Tensor>();
    const source = await golden("torch.safetensors");
    for (const [name, entry] of (await readHeader(source)).tensors)
      expected.set(name, await readTensor(source, entry));
    expect(await readAll(await golden(`torch-${v}.bin`))).toEqual(expected);
  },
);

const TWO = Float32Array.of(1.5, -2);
const CONTENT = new Uint8Array(TWO.buffer);
const VECTOR = tensor(storage("0", 2), { shape: [2], strides: [1] });
const SOUND = pickleOf(dictOf([["a", VECTOR]]));

function evil(
  pickle: Uint8Array = SOUND,
  storages: readonly (readonly [string, Uint8Array])[] = [["0", CONTENT]],
  more: readonly Entry[] = [],
): Buffer {
  return zipOf(checkpointEntries(pickle, storages, more));
}

test("a file of big-endian numbers is turned round, and of a storage of no numbers nothing is read", async () => {
  const swapped = Uint8Array.of(0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0);
  const pickle = pickleOf(
    dictOf([
      ["a", VECTOR],
      ["none", tensor(storage("1", 0), { shape: [0, 3], strides: [3, 1] })],
    ]),
  );
  const storages = [
    ["0", swapped],
    ["1", new Uint8Array(0)],
  ] as const;
  const file = evil(pickle, storages, [{ name: "a/byteorder", content: latin("big") }]);
  const read = await readAll(bufferSource("f.bin", file));
  expect(read.get("a")?.data).toEqual(TWO);
  expect(read.get("none")).toEqual({ dtype: "float32", shape: [0, 3], data: new Float32Array(0) });
});

const expanded = (count: number) => tensor(storage("0", 2), { shape: [count], strides: [0] });
const record = (name: string, text: string): Entry => ({ name: `a/${name}`, content: latin(text) });
const entries = checkpointEntries(SOUND, [["0", CONTENT]]);
const renamed = (from: string, to: string) =>
  zipOf(entries.map((entry) => ({ ...entry, name: entry.name.replace(from, to) })));
/** Facts of the machine that are wrong, then content and storages of a legacy file. */
const legacy = (...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([pickleOf(MAGIC), pickleOf(op.int(1001)), ...parts]);
const MAGIC = latin("\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19");
const LITTLE = pickleOf(op.dict, op.text("little_endian"), op.yes, op.set);
const NO_TENSORS = pickleOf(dictOf([]));

const ATTACKS: readonly (readonly [string, string, Uint8Array])[] = [
  ["nothing", "torch/foreign", latin("")],
  ["an empty zip", "torch/version", zipOf([])],
  ["a pointer to the file", "torch/foreign", latin("version https://git-lfs.github.com/spec/v1\n")],
  ["an archive of tar", "torch/foreign", Buffer.alloc(1024)],
  ["another pickle", "torch/foreign", Buffer.concat([pickleOf(op.dict), pickleOf(op.dict)])],
  ["a list of tensors", "torch/content", evil(pickleOf(op.list, VECTOR, op.append))],
  ["a tensor alone", "torch/content", evil(pickleOf(VECTOR))],
  ["a whole training state", "torch/content", evil(pickleOf(dictOf([["model", dictOf([["a", VECTOR]])]])))],
  [
    "a number among tensors",
    "torch/content",
    evil(
      pickleOf(
        dictOf([
          ["a", VECTOR],
          ["epoch", op.int(3)],
        ]),
      ),
    ),
  ],
  ["a storage among tensors", "torch/content", evil(pickleOf(dictOf([["a", storage("0", 2)]])))],
  ["bytes behind the pickle", "torch/trailing", evil(Buffer.concat([SOUND, latin("cos\nsystem\n")]))],
  ["a storage that is not there", "torch/storage", evil(SOUND, [])],
  ["a storage that is too short", "torch/storage", evil(SOUND, [["0", CONTENT.subarray(4)]])],
  ["a storage that is too long", "torch/storage", evil(SOUND, [["0", new Uint8Array(12)]])],
  [
    "a storage of no tensor",
    "torch/entry",
    evil(SOUND, [
      ["0", CONTENT],
      ["1", CONTENT],
    ]),
  ],
  [
    "a storage by a path",
    "torch/storage",
    evil(pickleOf(dictOf([["a", tensor(storage("../0", 2), { shape: [2], strides: [1] })]]))),
  ],
  [
    "an archive in the archive",
    "torch/entry",
    evil(SOUND, undefined, [{ name: "a/b.zip", content: zipOf([]) }]),
  ],
  ["code of TorchScript", "torch/entry", evil(SOUND, undefined, [record("code/__torch__.py", "import os")])],
  [
    "constants of TorchScript",
    "torch/entry",
    evil(SOUND, undefined, [record("constants.pkl", "\x80\x02).")]),
  ],
  ["an entry above the folder", "torch/entry", renamed("a/data/0", "a/../0")],
  ["an entry by an absolute path", "torch/entry", renamed("a/data/0", "/data/0")],
  ["an entry by a path of Windows", "torch/entry", renamed("a/data/0", "a\\data\\0")],
  ["an entry of another folder", "torch/entry", renamed("a/data/0", "b/data/0")],
  ["entries of no folder", "torch/entry", renamed("a/data.pkl", "data.pkl")],
  ["no pickle", "torch/entry", zipOf(entries.slice(1))],
  ["no version", "torch/version", zipOf(entries.slice(0, -1))],
  ["a version to come", "torch/version", zipOf([...entries.slice(0, -1), record("version", "11\n")])],
  ["a byte order of old", "torch/byte-order", evil(SOUND, undefined, [record("byteorder", "pdp11")])],
  [
    "a byte order of a megabyte",
    "torch/entry",
    evil(SOUND, undefined, [record("byteorder", " ".repeat(1 << 20))]),
  ],
  ["a pickle of 17 MB", "torch/pickle", evil(Buffer.alloc(17 << 20))],
  [
    "a pickle that was altered",
    "torch/checksum",
    zipOf(entries.map((entry, i) => (i === 0 ? { ...entry, crc: 7 } : entry))),
  ],
  ["a terabyte out of 8 bytes", "torch/growth", evil(pickleOf(dictOf([["a", expanded(2 ** 40)]])))],
  [
    "a terabyte in many tensors",
    "torch/growth",
    evil(pickleOf(dictOf(Array.from({ length: 3000 }, (_, i) => [`${i}`, expanded(2 ** 28)])))),
  ],
  [
    "a legacy file of another version",
    "torch/version",
    Buffer.concat([pickleOf(MAGIC), pickleOf(op.int(1002))]),
  ],
  ["one without a byte order", "torch/byte-order", legacy(pickleOf(op.dict))],
  ["one without a list of storages", "torch/storage", legacy(LITTLE, NO_TENSORS, pickleOf(op.dict))],
  [
    "one with a storage of no tensor",
    "torch/storage",
    legacy(LITTLE, NO_TENSORS, pickleOf(op.list, op.text("0"), op.append)),
  ],
  ["one with bytes behind", "torch/trailing", legacy(LITTLE, NO_TENSORS, pickleOf(op.list), latin("PK"))],
  ["one that ends early", "pickle/short", legacy(LITTLE)],
];

test.each(ATTACKS)("attack: %s is %s", async (_, code, bytes) => {
  const read = readAll(bufferSource("evil.bin", bytes));
  await expect(read).rejects.toMatchObject({ code, message: expect.stringContaining("evil.bin") });
});

test("a storage that was altered is found where a tensor takes all of it, unless no checksum was written", async () => {
  const altered = (crc: number) => zipOf(entries.map((entry, i) => (i === 2 ? { ...entry, crc } : entry)));
  await expect(readAll(bufferSource("f.bin", altered(7)))).rejects.toMatchObject({ code: "torch/checksum" });
  expect((await readAll(bufferSource("f.bin", altered(0)))).get("a")?.data).toEqual(TWO);
});

test.each(["2.13", "legacy"])(
  "torch %s: a file cut off or altered anywhere is read or refused by a FormatError",
  async (v) => {
    const { slice, byteLength } = await golden(`torch-${v}.bin`);
    const whole = await slice(0, byteLength);
    const tried = async (bytes: Uint8Array): Promise<unknown> =>
      readAll(bufferSource("f.bin", bytes)).catch((error) => error);
    for (let at = 0; at < byteLength; at += 41) {
      expect(await tried(whole.subarray(0, at))).toBeInstanceOf(FormatError);
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const got = await tried(changed);
      expect(got instanceof Map || got instanceof FormatError).toBe(true);
    }
  },
);
