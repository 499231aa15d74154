import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, test, vi } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import {
  claimFile,
  claimFolder,
  isLeftover,
  likeTyped,
  refuseTaken,
  requireFile,
  requireFolder,
  writeAside,
} from "./place.ts";

vi.mock("../formats/claim.ts", async (original) => {
  const real: typeof import("../formats/claim.ts") = await original();
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const claimSoon = (path: string) =>
    path.includes("full-disk") ? Promise.reject(full) : real.claimSoon(path);
  return { ...real, claimSoon };
});

const temporary = (name: string) => `.${name}.${crypto.randomUUID()}.tmp`;

test("a folder is had by one at a time, and nothing of the claim stays", async () => {
  const folder = join(await newFolder(), "new");
  const place = await claimFolder(folder);
  await expect(claimFolder(folder)).rejects.toMatchObject({
    code: "run/busy",
    message: expect.stringContaining(`by process ${process.pid} on`),
  });
  await place[Symbol.asyncDispose]();
  await (await claimFolder(folder))[Symbol.asyncDispose]();
  expect(readdirSync(folder)).toEqual([]);
});

test("what was being written when a process was killed is removed, and nothing else", async () => {
  const folder = await newFolder();
  await mkdir(join(folder, "onnx"));
  const names = ["notes.txt", ".hidden", "half.tmp", "onnx/model.onnx"];
  const dead = [temporary("vocab.txt"), temporary("recipe.json"), join("onnx", temporary("model.onnx"))];
  for (const name of [...names, ...dead]) await writeFile(join(folder, name), "");
  dead.push(temporary("model"));
  await mkdir(join(folder, dead.at(-1) ?? "", "run"), { recursive: true });
  await using _place = await claimFolder(folder);
  for (const name of names) expect(existsSync(join(folder, name)), name).toBe(true);
  for (const name of dead) expect(existsSync(join(folder, name)), name).toBe(false);
});

test("what is written aside comes to its place when it is whole, with what must not stay removed", async () => {
  const folder = join(await newFolder(), "small");
  await mkdir(join(folder, "onnx"), { recursive: true });
  for (const name of ["config.json", "notes.txt", "old.bin", "onnx/old.onnx"])
    await writeFile(join(folder, name), "old");
  const before = readdirSync(folder);
  const fill = async (aside: string): Promise<string> => {
    await mkdir(join(aside, "onnx"));
    for (const name of ["config.json", "kept.bin", "onnx/new.onnx"])
      await writeFile(join(aside, name), "new");
    expect(basename(aside)).toBe("small");
    expect(readdirSync(folder).filter((name) => !isLeftover(name))).toEqual(before);
    return "answer";
  };
  const fails = async (aside: string): Promise<void> => {
    await fill(aside);
    throw new Error("no");
  };
  const how = { named: "model", removes: ["config.json", "old.bin", "kept.bin", "onnx"] };
  await expect(writeAside(folder, { ...how, write: fails })).rejects.toThrow("no");
  expect(readdirSync(folder)).toEqual(before);
  expect(await writeAside(folder, { ...how, write: fill })).toBe("answer");
  expect(readdirSync(folder)).toEqual(["config.json", "kept.bin", "notes.txt", "onnx"]);
  expect(readdirSync(join(folder, "onnx"))).toEqual(["new.onnx"]);
  expect(await readFile(join(folder, "config.json"), "utf8")).toBe("new");
});

test("files of one folder are had apart, and each is rid of its own leftovers alone", async () => {
  const folder = await newFolder();
  const [mine, other] = [temporary("a.onnx"), temporary("b.onnx")];
  for (const name of [mine, other]) await writeFile(join(folder, name), "");
  await using _a = await claimFile(join(folder, "a.onnx"));
  expect(existsSync(join(folder, mine))).toBe(false);
  expect(existsSync(join(folder, other))).toBe(true);
  await using _b = await claimFile(join(folder, "b.onnx"));
  await expect(claimFile(join(folder, "b.onnx"))).rejects.toMatchObject({ code: "run/busy" });
});

test("places inside a file, of another kind, and with names too long are refused by name", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, "file"), "");
  expect(() => requireFile(join(folder, "file", "x.html"))).toThrow(
    `out: expected a place for a folder, got a file (${join(folder, "file")})`,
  );
  expect(() => requireFolder(join(folder, "file", "x", "y"))).toThrow(
    "expected a place for a folder, got a file",
  );
  expect(() => requireFile(folder)).toThrow("out: expected a place for a file, got a folder");
  const long = { code: "place/name", message: expect.stringContaining("got a name that is too long") };
  for (const attempt of [requireFile, requireFolder])
    expect(() => attempt(join(folder, "x".repeat(300), "y"))).toThrow(expect.objectContaining(long));
  expect(() => requireFolder(join(folder, "x".repeat(240)))).not.toThrow();
  // What is written beside it has a longer name.
  expect(() => requireFile(join(folder, "x".repeat(240)))).toThrow(expect.objectContaining(long));
  await expect(claimFolder(join(folder, "x".repeat(300)))).rejects.toMatchObject(long);
});

test("a place of ours is said as the user's own is typed", () => {
  const here = join(process.cwd(), "runs", "a", "finetuned");
  expect(likeTyped("runs/a", here)).toBe(join("runs", "a", "finetuned"));
  expect(likeTyped(join(process.cwd(), "runs", "a"), here)).toBe(here);
});

test("a folder with what systems leave unasked is free for a model, one with other files is not", async () => {
  const out = await newFolder();
  for (const name of [".DS_Store", ".gitkeep", temporary("x")]) await writeFile(join(out, name), "");
  await expect(refuseTaken("shrink", { out, force: false })).resolves.toBeUndefined();
  await writeFile(join(out, ".profile"), "");
  await expect(refuseTaken("shrink", { out, force: false })).rejects.toMatchObject({ code: "shrink/exists" });
});

test("names of leftovers are known, others are a user's", () => {
  expect([temporary("x"), ".claim"].every(isLeftover)).toBe(true);
  expect(
    ["recipe.json", "recipe.json.partial", ".x.tmp", "x.partial", "step-1.partial", ".gitkeep"].some(
      isLeftover,
    ),
  ).toBe(false);
});

test("a place that the system does not let be made is refused by name, for a folder and for a file", async () => {
  const folder = await newFolder();
  await symlink(join(folder, "gone", "further"), join(folder, "dangling"));
  const place = join(folder, "dangling", "run");
  const refusal = { code: "place/unwritable", message: expect.stringContaining(`(${place})`) };
  await expect(claimFolder(place)).rejects.toMatchObject(refusal);
  await expect(claimFile(place)).rejects.toMatchObject(refusal);
});

test("so is one on a disk that is full", async () => {
  const place = join(await newFolder(), "full-disk");
  const got = "got ENOSPC: no space left on device, write";
  for (const [claim, path] of [
    [claimFolder, place],
    [claimFile, join(place, "a.csv")],
  ] as const)
    await expect(claim(path)).rejects.toMatchObject({
      code: "place/unwritable",
      message: `out: expected a place that can be written to, ${got} (${path})`,
    });
});
