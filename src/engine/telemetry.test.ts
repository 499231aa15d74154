import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { newFolder } from "../../test/support/tiny-model.ts";
import { builtUrl } from "../base/built-url.ts";
import { scale } from "../graph/ops/elementwise.ts";
import { program } from "../graph/program.ts";
import { input } from "../graph/value.ts";

const file = join(await newFolder(), "half.onnx");
await writeFile(file, program({ y: scale(input("x", "float32", ["n"]), 0.5) }).bytes);
const FILE = JSON.stringify(file);

const RUNTIME = pathToFileURL(createRequire(import.meta.url).resolve("onnxruntime-node"));

/** What a process leaves in an empty home folder that loads a module as `it` and runs a line. */
async function leftBy(module: URL, line: string): Promise<string[]> {
  const home = await newFolder();
  const script = `import * as it from ${JSON.stringify(module.href)};\n${line}`;
  const { CI: _, ORT_DISABLE_TELEMETRY: __, ...own } = process.env;
  const env = { ...own, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home };
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env });
  return readdir(home);
}

const ENGINE = `const bytes = new Uint8Array((await import("node:fs")).readFileSync(${FILE}));
const engine = new it.Engine({ threads: 1 });
await engine.session("half", () => ({ bytes, inputs: [], outputs: [] }));
await engine.close();`;
const ALONE = `await it.openAlone(${FILE}, { threads: 1, provider: "cpu" });`;

test.each([
  ["the engine's thread", "./engine.js", ENGINE],
  ["a session on the caller's own thread", "./alone.js", ALONE],
])("%s leaves nothing of ONNX Runtime's telemetry on the disk", async (_, module, line) => {
  expect(await leftBy(builtUrl(module, import.meta.url), line)).toEqual([]);
});

test("ONNX Runtime by itself does leave something, so that the test above can fail", async () => {
  const line = `await it.default.InferenceSession.create(${FILE});`;
  expect(await leftBy(RUNTIME, line)).not.toEqual([]);
});
