import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { newFolder, tinyModel, written } from "../../test/support/tiny-model.ts";
import type { Stop } from "./commands.ts";
import { type Ended, supervise } from "./supervisor.ts";

/** Built before the tests by vitest's global setup. */
const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A process that leaves the file `ready` when it begins, then does what `code` says. */
async function supervised(stop: Stop, code: string) {
  const folder = await newFolder();
  const [module, ready] = [join(folder, "child.mjs"), join(folder, "ready")];
  const begins = `import fs from "node:fs"; process.on("SIGINT", () => {}); process.on("SIGTERM", () => {});`;
  await writeFile(module, `${begins} ${code}; fs.writeFileSync(${JSON.stringify(ready)}, "");\n`);
  const signals = new EventEmitter();
  const said: string[] = [];
  const tell = (text: string): unknown => said.push(text);
  const ended = supervise({ module, words: ["a", "b"], stop, tell }, signals);
  return { ended, signals, said, ready };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const RUN = `process.on("message", (m) => { if (m.kind === "run") process.exit(m.words.length); })`;
const SAVES = `process.send({ kind: "begun" }); process.on("message", (m) => { if (m.kind === "stop") process.exit(130); })`;
const DONE = `process.send({ kind: "done" }); setInterval(() => {}, 1000)`;
/** The event loop never turns again. */
const BUSY = `process.send({ kind: "begun" }, () => { for (;;); })`;

test("the words travel to the process, and its exit code comes back", async () => {
  const { ended, signals } = await supervised("saves", RUN);
  expect(await ended).toEqual({ exit: 2 });
  expect(signals.listenerCount("SIGINT") + signals.listenerCount("SIGTERM")).toBe(0);
});

test.each(["SIGINT", "SIGTERM"])(
  "the first %s lets a command save, which then says so itself",
  async (signal) => {
    const { ended, signals, said, ready } = await supervised("saves", SAVES);
    await until(() => existsSync(ready));
    await new Promise((resolve) => setTimeout(resolve, 200));
    signals.emit(signal);
    expect(await ended).toEqual({ exit: 130 });
    expect(said).toEqual(["espalier: stopping as soon as nothing is lost; again to end at once\n"]);
  },
);

test.each<[string, Stop, string, number, string]>([
  [
    "that loses nothing ends at once",
    "loses nothing",
    "setInterval(() => {}, 1000)",
    1,
    "stopped; nothing was written",
  ],
  [
    "before its first step ends at once",
    "saves",
    "setInterval(() => {}, 1000)",
    1,
    "stopped before anything new was done",
  ],
  ["whose work is done says so", "loses nothing", DONE, 1, "what was to be written is there"],
  ["that cleans up is asked, and ended by the second", "cleans", BUSY, 2, "ended at once"],
  [
    "whose process hears nothing is ended by the second",
    "saves",
    BUSY,
    2,
    "ended at once; espalier resume RUN",
  ],
])("a command %s", async (_, stop, code, times, says) => {
  const { ended, signals, ready } = await supervised(stop, code);
  await until(() => existsSync(ready));
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (let i = 0; i < times; i++) signals.emit("SIGINT");
  const expected: Ended = { exit: 130, interrupted: expect.stringContaining(says) };
  expect(await ended).toEqual(expected);
});

test("a process that native code has ended is an error with a name", async () => {
  const { ended } = await supervised("saves", "process.kill(process.pid, 'SIGSEGV')");
  await expect(ended).rejects.toMatchObject({
    code: "process/ended",
    message: expect.stringContaining("its end by SIGSEGV: native code has failed"),
  });
});

test("a real run saves at the first signal, ends with 130, and what it advises resumes it", async () => {
  const folder = await newFolder();
  const rows = Array.from(
    { length: 40 },
    (_, i) => `a ${i % 2 ? "good" : "bad"} film,${i % 2 ? "pos" : "neg"}`,
  );
  await writeFile(join(folder, "d.csv"), `text,label\n${rows.join("\n")}\n`);
  const model = await written(tinyModel({ kind: "none" }));
  const words = `finetune ${model} --data d.csv --out run --epochs 100 --eval-every 1000 --max-length 8 --threads 1 --no-latency`;
  const child = spawn(process.execPath, [MAIN, ...words.split(" ")], { cwd: folder });
  let said = "";
  child.stderr.on("data", (part) => {
    said += String(part);
  });
  await until(() => /step \d+\/200/.test(said));
  child.kill("SIGINT");
  const [code, signal] = await once(child, "exit");
  expect([code, signal, said]).toEqual([
    130,
    null,
    expect.stringMatching(/resume with: npx espalier resume run\n$/),
  ]);
  // From another folder: the data is found where it was.
  const again = spawn(process.execPath, [MAIN, "resume", join(folder, "run"), "--json"], { stdio: "ignore" });
  expect(await once(again, "exit")).toEqual([0, null]);
});

test("a text of 20,000 letters on the command line is answered, and more threads than cores are a note", async () => {
  const model = await written(tinyModel());
  const child = spawn(process.execPath, [MAIN, "predict", model, "good ".repeat(4000), "--threads", "200"]);
  const parts = { stdout: "", stderr: "" };
  child.stdout.on("data", (part) => {
    parts.stdout += String(part);
  });
  child.stderr.on("data", (part) => {
    parts.stderr += String(part);
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  expect(parts.stdout).toMatch(/^(?:positive|negative)\t/);
  expect(parts.stderr).toMatch(/note: threads: 200 were asked for, \d+ are used/);
});

test("labelling a file that is stopped leaves nothing beside it", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, "d.csv"), `text\n${"a good film\n".repeat(8000)}`);
  const words = ["predict", await written(tinyModel()), "--data", "d.csv", "--out", "out.csv"];
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder });
  let said = "";
  child.stderr.on("data", (part) => {
    said += String(part);
  });
  await until(() => /\d+\/8000 rows/.test(said));
  expect(readdirSync(folder).some((name) => name.endsWith(".tmp"))).toBe(true);
  child.kill("SIGINT");
  expect(await once(child, "close")).toEqual([130, null]);
  expect(said).toMatch(/stopped after \d+ of 8000 rows, out.csv is not written\n$/);
  expect(readdirSync(folder)).toEqual(["d.csv"]);
});
