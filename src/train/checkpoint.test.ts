import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, expect, test } from "vitest";
import { builtUrl } from "../base/built-url.ts";
import { RunError } from "../base/errors.ts";
import { keyOf, uniform } from "../base/random.ts";
import { floatTensor } from "../base/tensor.ts";
import { type Checkpoint, loadLatestCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { Best } from "./loop.ts";

const root = mkdtempSync(join(tmpdir(), "espalier-checkpoint-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder = "";
let count = 0;
beforeEach(() => {
  folder = join(root, `test-${count++}`);
});

const BEST: Best = {
  step: 2,
  primary: 0.1 + 0.2,
  loss: 1 / 7,
  constant: false,
  metrics: { accuracy: 0.1 + 0.2, f1: 1 / 3 },
  tensors: new Map([["a.weight", floatTensor([2, 3], Float32Array.of(1, -0, Infinity, 1e-45, 0.1, NaN))]]),
};

/** A checkpoint after `step` steps, all of its numbers different from those of other steps. */
function checkpointAt(step: number, best?: Best): Checkpoint {
  const floats = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(step + i));
  return {
    trainer: {
      buffers: new Map([
        ["w", floats(40)],
        ["table.m", floats(12)],
      ]),
      current: Int32Array.of(step, 0, -1),
      touched: Int32Array.of(0, step, 2 ** 31 - 1),
      rates: Array.from({ length: step }, (_, i) => 5e-5 / (i + 3)),
      began: Int32Array.of(step, 1),
      progress: { threshold: 0.1 + 0.2, phase: "recover", alive: [1, 0, 1e-9] },
    },
    loop: {
      stale: step % 3,
      ...(best ? { best, last: { step, primary: 0.7, loss: 0.4, metrics: { f1: 0.7 } } } : {}),
    },
    extra: { seed: 7, nested: { list: [1, "two", null, true] } },
  };
}

test("what is loaded is bit for bit what was saved: floats, counters, rates, the best model, extra values", async () => {
  const saved = checkpointAt(3, BEST);
  await saveCheckpoint(folder, saved);
  expect(await loadLatestCheckpoint(folder)).toEqual({ ...saved, step: 3 });
  const empty: Checkpoint = {
    trainer: {
      buffers: new Map(),
      current: new Int32Array(0),
      touched: new Int32Array(0),
      rates: [],
      began: Int32Array.of(0, 0),
      progress: {},
    },
    loop: { stale: 0 },
    extra: {},
  };
  const other = join(folder, "empty");
  await saveCheckpoint(other, empty);
  expect(await loadLatestCheckpoint(other)).toEqual({ ...empty, step: 0 });
});

test("rates survive to the last bit, whatever they are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.double(), { maxLength: 20 }), async (rates) => {
      const saved = checkpointAt(0);
      await saveCheckpoint(folder, { ...saved, trainer: { ...saved.trainer, rates } });
      const loaded = await loadLatestCheckpoint(folder);
      expect(loaded?.trainer.rates).toEqual(rates);
      rmSync(folder, { recursive: true });
    }),
    { numRuns: 20 },
  );
});

test("the same checkpoint gives the same bytes", async () => {
  const other = `${folder}-other`;
  await saveCheckpoint(folder, checkpointAt(5, BEST));
  await saveCheckpoint(other, checkpointAt(5, BEST));
  const name = "step-00000005";
  for (const file of readdirSync(join(folder, name))) {
    expect(readFileSync(join(folder, name, file))).toEqual(readFileSync(join(other, name, file)));
  }
});

test("a metric that is not a number stays one", async () => {
  const last = { step: 1, primary: Number.NaN, loss: Number.NaN, metrics: { pearson: Number.NaN } };
  await saveCheckpoint(folder, { ...checkpointAt(1), loop: { stale: 0, last } });
  expect((await loadLatestCheckpoint(folder))?.loop.last).toEqual(last);
});

test("the newest two are kept, or as many as asked for", async () => {
  for (const step of [1, 2, 3]) await saveCheckpoint(folder, checkpointAt(step));
  expect(readdirSync(folder).sort()).toEqual(["step-00000002", "step-00000003"]);
  await saveCheckpoint(folder, checkpointAt(4), 1);
  expect(readdirSync(folder)).toEqual(["step-00000004"]);
});

test("a folder without checkpoints, or none at all, gives nothing", async () => {
  expect(await loadLatestCheckpoint(folder)).toBeUndefined();
  mkdirSync(folder);
  writeFileSync(join(folder, "notes.txt"), "");
  expect(await loadLatestCheckpoint(folder)).toBeUndefined();
});

test("an unfinished folder is ignored, and removed by the next save", async () => {
  await saveCheckpoint(folder, checkpointAt(1));
  cpSync(join(folder, "step-00000001"), join(folder, "step-00000002.partial"), { recursive: true });
  const loaded = await loadLatestCheckpoint(folder);
  expect(loaded?.step).toBe(1);
  expect(loaded?.note).toBeUndefined();
  await saveCheckpoint(folder, checkpointAt(3));
  expect(readdirSync(folder).sort()).toEqual(["step-00000001", "step-00000003"]);
});

test("one of the same step is replaced; what a crash between the two renames leaves is loaded", async () => {
  await saveCheckpoint(folder, checkpointAt(4));
  const changed = { ...checkpointAt(4), extra: { second: true } };
  await saveCheckpoint(folder, changed);
  expect(readdirSync(folder)).toEqual(["step-00000004"]);
  expect((await loadLatestCheckpoint(folder))?.extra).toEqual({ second: true });
  cpSync(join(folder, "step-00000004"), join(folder, "step-00000004.replaced"), { recursive: true });
  rmSync(join(folder, "step-00000004"), { recursive: true });
  expect((await loadLatestCheckpoint(folder))?.step).toBe(4);
  await saveCheckpoint(folder, checkpointAt(4));
  expect(readdirSync(folder)).toEqual(["step-00000004"]);
});

const FILES = ["trainer.safetensors", "best.safetensors", "state.json", "manifest.json"];

/** Ways to damage a file, with what the note must say of them. */
const DAMAGE: Readonly<Record<string, (path: string) => void>> = {
  "a flipped bit": (path) => {
    const bytes = readFileSync(path);
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  },
  "a missing end": (path) => writeFileSync(path, readFileSync(path).subarray(0, -2)),
  "one byte more": (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from("}")])),
  "no content": (path) => writeFileSync(path, ""),
  "no file": (path) => rmSync(path),
};

test.each(FILES.flatMap((file) => Object.keys(DAMAGE).map((kind) => [file, kind] as const)))(
  "%s with %s: the checkpoint before it is loaded, and the note names the damaged one",
  async (file, kind) => {
    await saveCheckpoint(folder, checkpointAt(1, BEST));
    await saveCheckpoint(folder, checkpointAt(2, BEST));
    DAMAGE[kind]?.(join(folder, "step-00000002", file));
    const loaded = await loadLatestCheckpoint(folder);
    expect(loaded).toMatchObject({ ...checkpointAt(1, BEST), step: 1 });
    expect(loaded?.note).toContain("resuming from step-00000001, because step-00000002 is damaged");
  },
);

test("a damaged checkpoint of a later step is removed when the run, gone on from an older one, saves again", async () => {
  for (const step of [1, 5]) await saveCheckpoint(folder, checkpointAt(step));
  rmSync(join(folder, "step-00000005", "state.json"));
  await saveCheckpoint(folder, checkpointAt(2));
  expect(readdirSync(folder).sort()).toEqual(["step-00000001", "step-00000002"]);
});

test("checkpoint/none: every checkpoint is damaged", async () => {
  await saveCheckpoint(folder, checkpointAt(1));
  rmSync(join(folder, "step-00000001", "manifest.json"));
  await expect(loadLatestCheckpoint(folder)).rejects.toMatchObject({ code: "checkpoint/none" });
});

/** Rewrites a file of a checkpoint together with its manifest: what a hostile folder could hold. */
async function forged(
  file: "manifest.json" | "state.json",
  change: (value: unknown) => unknown,
): Promise<void> {
  await saveCheckpoint(folder, checkpointAt(1, BEST));
  const path = join(folder, "step-00000001", file);
  const text = `${JSON.stringify(change(JSON.parse(readFileSync(path, "utf8"))))}`;
  writeFileSync(path, text);
  if (file === "manifest.json") return;
  const { createHash } = await import("node:crypto");
  const manifestPath = join(folder, "step-00000001", "manifest.json");
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
  manifest.files[file] = { bytes: text.length, sha256: createHash("sha256").update(text).digest("hex") };
  writeFileSync(manifestPath, JSON.stringify(manifest));
}

test.each([
  ["another format", "manifest.json", { format: 1 }, "format"],
  ["no list of files", "manifest.json", { files: [] }, "files"],
  [
    "a file elsewhere",
    "manifest.json",
    { files: { "../state.json": {}, "trainer.safetensors": {} } },
    "files",
  ],
  ["another step", "state.json", { step: 2 }, "as the folder's name says"],
  ["no count of stale evaluations", "state.json", { stale: "no" }, "stale"],
  ["no extra values", "state.json", { extra: 1 }, "extra"],
  ["a best model without its evaluation", "state.json", { best: {} }, "evaluation"],
  ["progress that is no object", "state.json", { progress: 3 }, "progress"],
  ["progress with a truth value", "state.json", { progress: { done: true } }, "progress done"],
  [
    "a metric that is text",
    "state.json",
    { last: { step: 1, primary: 1, loss: 1, metrics: { a: "x" } } },
    "metric a",
  ],
] as const)("%s is refused", async (_, file, change, says) => {
  await forged(file, (value) => Object.assign({}, value, change));
  await expect(loadLatestCheckpoint(folder)).rejects.toThrow(says);
});

test("checkpoint/write: a folder that cannot be made raises", async () => {
  writeFileSync(folder, "a file in the way");
  const attempt = saveCheckpoint(folder, checkpointAt(1));
  await expect(attempt).rejects.toThrow(RunError);
  await expect(attempt).rejects.toMatchObject({ code: "checkpoint/write" });
});

/** A program that saves step after step, telling each on standard output. */
const SAVE_LOOP = `
  const [url, folder, size, limit, user] = process.argv.slice(1);
  const { saveCheckpoint } = await import(url);
  if (user) process.setuid(Number(user));
  for (let step = 1; step <= Number(limit); step++) {
    const w = new Float32Array(Number(size)).fill(step);
    const trainer = { buffers: new Map([["w", w]]), current: Int32Array.of(step), touched: Int32Array.of(step), rates: Array(step).fill(step), began: Int32Array.of(0, 0), progress: {} };
    try { await saveCheckpoint(folder, { trainer, loop: { stale: step }, extra: { step } }); }
    catch (error) { console.log(error.code, error.cause.code); process.exit(3); }
    console.log(step);
    // Every step twice: the second replaces the first.
    await saveCheckpoint(folder, { trainer, loop: { stale: step }, extra: { step } });
  }`;

function saveLoop(size: number, limit: number, user = ""): string[] {
  const url = builtUrl("./checkpoint.js", import.meta.url).href;
  return ["--input-type=module", "-e", SAVE_LOOP, url, folder, `${size}`, `${limit}`, user];
}

/** Resolves when the child has told its first step; `told` collects the latest. */
function started(child: ChildProcess, told: { step: number }): Promise<void> {
  return new Promise((resolve) => {
    child.stdout?.on("data", (text: Buffer) => {
      told.step = Number(text.toString().trim().split("\n").at(-1));
      resolve();
    });
  });
}

test("killed at any of 12 random moments, a process that saves leaves its last checkpoint loadable", async () => {
  const key = keyOf(20);
  for (let i = 0; i < 12; i++) {
    const child = spawn(process.execPath, saveLoop(100_000, 10_000));
    const told = { step: 0 };
    await started(child, told);
    await new Promise((resolve) => setTimeout(resolve, 40 * uniform(key, i)));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    const loaded = await loadLatestCheckpoint(folder);
    expect(loaded?.note).toBeUndefined();
    expect(loaded?.step).toBeGreaterThanOrEqual(told.step);
    const step = loaded?.step ?? 0;
    expect(loaded?.trainer.buffers.get("w")).toEqual(new Float32Array(100_000).fill(step));
    expect(loaded?.extra).toEqual({ step });
    rmSync(folder, { recursive: true });
  }
});

test.skipIf(process.platform === "win32")(
  "checkpoint/write: a full disk raises, leaves nothing behind, and the checkpoint before stays",
  async () => {
    await saveCheckpoint(folder, checkpointAt(0));
    // A limit on the size of files fails as a full disk does, in the middle of a write.
    const script = 'ulimit -f 100; exec "$0" "$@"';
    const { stdout, status } = spawnSync(
      "bash",
      ["-c", script, process.execPath, ...saveLoop(1_000_000, 1)],
      {
        encoding: "utf8",
      },
    );
    expect([stdout.trim(), status]).toEqual(["checkpoint/write EFBIG", 3]);
    expect(readdirSync(folder)).toEqual(["step-00000000"]);
    expect((await loadLatestCheckpoint(folder))?.step).toBe(0);
  },
);

test.skipIf(process.platform === "win32")("checkpoint/write: a read-only folder raises", async () => {
  mkdirSync(folder, { mode: 0o555 });
  // The superuser may write anywhere: it becomes somebody else, who need not see this checkout, once all is loaded.
  const user = process.getuid?.() === 0 ? "65534" : "";
  const { stdout, status } = spawnSync(process.execPath, saveLoop(10, 1, user), { encoding: "utf8" });
  expect([stdout.trim(), status]).toEqual(["checkpoint/write EACCES", 3]);
});
