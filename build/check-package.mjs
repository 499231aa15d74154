/**
 * Whether what would be published works for those who install it: packs both packages and, in empty folders,
 *
 *   lints them (publint, attw), compiles a program against their types,
 *   runs command, entry points and examples on every Node that is supported.
 *
 *   npm run check:package [-- --node 20,24]       # all versions, or some; needs the npm registry; five minutes
 */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const VERSIONS = ["20.19.0", "22.23.5", "24.22.3", "26.12.1"];
const LINTERS = ["publint@0.3.25", "@arethetypeswrong/cli@0.18.5"];

/** A program that uses every entry point, with types that a wrong declaration would break. */
const PROGRAM = `
import { compress, load, type RunResult } from "espalier";
import { bind, contractTests, type Method, MAGNITUDE } from "espalier/methods";
import { load as loadPacked, type RuntimeModel } from "espalier/runtime";
import { FormatError, type ModelSource, type Prediction, load as loadAlone } from "espalier-runtime";
export const run = async (): Promise<RunResult> => compress({ model: "m", data: "d", out: "o", method: MAGNITUDE });
export const same: (typeof loadPacked)[] = [loadPacked];
export const open = async (): Promise<RuntimeModel["labels"]> => (await loadAlone("m.esp")).labels;
export const checks: readonly { readonly name: string }[] = contractTests(MAGNITUDE);
export const isDamaged = (error: unknown): boolean => error instanceof FormatError;
export const say = async (source: ModelSource): Promise<Prediction[]> => {
  await using model = await loadAlone(source, { signal: AbortSignal.timeout(1000) });
  return model.classify(["a"]);
};
export { bind, load, type Method };
`;

const run = promisify(execFile);

/** Runs a program; its output is shown when it fails. */
async function expectDone(what, command, args, options = {}) {
  const start = performance.now();
  try {
    const { stdout } = await run(command, args, { maxBuffer: 2 ** 26, ...options });
    console.log(`  ${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return stdout;
  } catch (error) {
    throw new Error(`${what} failed:\n${error.stdout ?? ""}${error.stderr ?? error.message}`);
  }
}

const npm = (what, args, cwd) =>
  expectDone(what, "npm", args, { cwd, env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" } });

/** Packs the package in a folder. @returns the path of its file */
async function pack(folder, to) {
  const text = await npm(`pack ${folder}`, ["pack", "--json", "--pack-destination", to], join(ROOT, folder));
  const [{ filename, unpackedSize, size }] = JSON.parse(text.slice(text.indexOf("[")));
  console.log(
    `    ${filename}: ${(size / 1e6).toFixed(2)} MB, unpacked ${(unpackedSize / 1e6).toFixed(2)} MB`,
  );
  return join(to, filename);
}

async function newProject(name, folder, packages) {
  const project = join(folder, name);
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{ "type": "module", "private": true }');
  await npm(
    `install ${name}`,
    ["install", "--no-audit", "--no-fund", "--prefer-offline", ...packages],
    project,
  );
  return project;
}

async function lint(tools, files) {
  for (const file of files) {
    await expectDone(`publint ${file}`, join(tools, "publint"), ["run", "--strict", file]);
    await expectDone(`attw ${file}`, join(tools, "attw"), ["--profile", "esm-only", file]);
  }
}

/** Types as an editor sees them, under both ways of finding modules that are in use. */
async function compile(project) {
  await writeFile(join(project, "program.ts"), PROGRAM);
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const flags = ["--noEmit", "--strict", "--target", "es2023", "--types", "", "program.ts"];
  for (const [module, resolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ]) {
    const how = ["--module", module, "--moduleResolution", resolution];
    await expectDone(`types, ${resolution}`, tsc, [...how, ...flags], { cwd: project });
  }
}

/** The command, every entry point and the examples. */
async function tryOut(node, project) {
  const espalier = (...words) => [join(project, "node_modules/espalier/dist/cli/main.js"), ...words];
  const here = { cwd: project };
  await expectDone("espalier --version", node, espalier("--version"), here);
  const small = [
    "--limit",
    "100",
    "--epochs",
    "1",
    "--max-length",
    "32",
    "--allow-constant",
    "--threads",
    "1",
  ];
  const task = ["embedded", "--data", "embedded:sentiment", "--no-latency", "--force", ...small];
  await expectDone("espalier finetune", node, espalier("finetune", ...task, "--out", "run"), here);
  await expectDone("espalier predict", node, espalier("predict", "run", "a film to remember"), here);
  await cp(join(ROOT, "examples"), join(project, "examples"), { recursive: true });
  const own = ["--method", "examples/own-method.mjs", "--finetuned", "run", "--out", "own"];
  await expectDone("examples/own-method.mjs", node, espalier("compress", ...task, ...own), here);
  await expectDone(
    "examples/classify.mjs",
    node,
    ["examples/classify.mjs", "embedded", "small", "200"],
    here,
  );
  for (const name of ["espalier/runtime", "espalier-runtime"]) {
    const script = `import { load } from "${name}";
      const model = await load("own/model.esp");
      const [{ label }] = await model.classify(["a film to remember"]);
      await model.close();
      if (!model.labels.includes(label)) throw new Error("expected a label, got " + label);`;
    await writeFile(join(project, "runtime.mjs"), script);
    await expectDone(`${name} classifies`, node, ["runtime.mjs"], here);
  }
}

const { values } = parseArgs({ options: { node: { type: "string", default: "" } } });
const wanted = values.node.split(",");
const folder = await mkdtemp(join(tmpdir(), "espalier-package-"));
const files = [await pack(".", folder), await pack("packages/runtime", folder)];
const tools = await newProject("tools", folder, LINTERS);
await lint(join(tools, "node_modules/.bin"), files);
const project = await newProject("project", folder, files);
await compile(project);
const alone = await newProject("alone", folder, files.slice(1));
const names = await readdir(join(alone, "node_modules"));
if (names.filter((name) => !name.startsWith(".")).join() !== "espalier-runtime") {
  throw new Error(`espalier-runtime: expected no dependencies, got ${names.join(", ")}`);
}
for (const version of VERSIONS.filter((name) => wanted.some((start) => name.startsWith(start)))) {
  const platform = `${process.platform}-${process.arch}`;
  const binary = await newProject(`node-${version}`, folder, [`node-${platform}@${version}`]);
  console.log(`Node ${version}`);
  await tryOut(join(binary, `node_modules/node-${platform}/bin/node`), project);
}
console.log("All of it works.");
