import { mkdtemp, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError, InputError } from "../base/errors.ts";
import {
  haveSameBytes,
  readBytes,
  readJsonIfPresent,
  readTextIfPresent,
  withFile,
  writeFileAtomic,
} from "./files.ts";

const folder = () => mkdtemp(join(tmpdir(), "espalier-files-"));

test("a file source gives exactly the bytes asked for", async () => {
  const path = join(await folder(), "a.bin");
  await writeFile(path, Uint8Array.of(1, 2, 3, 4, 5));
  await withFile(path, async (source) => {
    expect([source.name, source.byteLength]).toEqual([path, 5]);
    expect(await source.slice(1, 4)).toEqual(Uint8Array.of(2, 3, 4));
    expect(await source.slice(5, 5)).toEqual(new Uint8Array(0));
  });
});

test("files are the same by all of their bytes", async () => {
  const root = await folder();
  const [a, b, c] = [join(root, "a"), join(root, "b"), join(root, "c")];
  await writeFile(a, Uint8Array.of(1, 2, 3));
  await writeFile(b, Uint8Array.of(1, 2, 3));
  await writeFile(c, Uint8Array.of(1, 2, 4));
  expect(await readBytes(a)).toEqual(Uint8Array.of(1, 2, 3));
  expect([await haveSameBytes(a, b), await haveSameBytes(a, c)]).toEqual([true, false]);
  await writeFile(b, Uint8Array.of(1, 2, 3, 4));
  expect(await haveSameBytes(a, b)).toBe(false);
});

test("a missing file and one that shrinks under the reader are named", async () => {
  const path = join(await folder(), "a.bin");
  await expect(withFile(path, async () => 0)).rejects.toThrow(InputError);
  await expect(withFile(path, async () => 0)).rejects.toMatchObject({ code: "file/missing" });
  await writeFile(path, new Uint8Array(10));
  const read = withFile(path, async (source) => {
    await truncate(path, 4);
    return source.slice(0, 10);
  });
  await expect(read).rejects.toThrow(FormatError);
  await expect(read).rejects.toMatchObject({ code: "file/shrunk" });
});

test("an atomic write makes its folder, replaces the old file and leaves no other", async () => {
  const path = join(await folder(), "deep", "er", "a.txt");
  await writeFileAtomic(path, "old");
  await writeFileAtomic(path, [Uint8Array.of(110, 101), Uint8Array.of(119)]);
  expect(await readFile(path, "utf8")).toBe("new");
  expect(await readdir(join(path, ".."))).toEqual(["a.txt"]);
});

test("a write that fails half-way leaves the old file and nothing else", async () => {
  const path = join(await folder(), "a.txt");
  await writeFileAtomic(path, "old");
  function* parts(): Generator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new Error("disk on fire");
  }
  await expect(writeFileAtomic(path, parts())).rejects.toThrow("disk on fire");
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(join(path, ".."))).toEqual(["a.txt"]);
});

test("a disk that is full is told with the file, and errors of other calls stay what they are", async () => {
  const path = join(await folder(), "a.txt");
  const full = (syscall: string) =>
    Object.assign(new Error(`ENOSPC: no space left on device, ${syscall}`), { code: "ENOSPC", syscall });
  function* parts(error: Error): Generator<Uint8Array> {
    yield Uint8Array.of(1);
    throw error;
  }
  await expect(writeFileAtomic(path, parts(full("write")))).rejects.toMatchObject({
    name: "RunError",
    code: "file/write",
    message: `file: expected to write it, got ENOSPC: no space left on device, write (${path})`,
  });
  const other = full("read");
  await expect(writeFileAtomic(path, parts(other))).rejects.toBe(other);
  expect(await readdir(join(path, ".."))).toEqual([]);
});

test("optional files: absent is undefined, damaged JSON is an error that names the file", async () => {
  const dir = await folder();
  expect(await readTextIfPresent(join(dir, "none"))).toBeUndefined();
  expect(await readJsonIfPresent(join(dir, "none"))).toBeUndefined();
  await writeFile(join(dir, "a.json"), '{"a": 1}');
  expect(await readJsonIfPresent(join(dir, "a.json"))).toEqual({ a: 1 });
  await writeFile(join(dir, "b.json"), "{");
  await expect(readJsonIfPresent(join(dir, "b.json"))).rejects.toMatchObject({
    code: "json/syntax",
    message: expect.stringContaining("b.json"),
  });
  await expect(readTextIfPresent(dir)).rejects.toMatchObject({ code: "EISDIR" });
});
