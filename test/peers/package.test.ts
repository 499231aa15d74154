/**
 * What would be published, unpacked into an empty project with the dependencies that it names and no others: command,
 * entry points and a run. `npm run check:package` does the same with npm itself, on every Node, and lints it.
 */

import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { encodeEsp } from "../../src/sparse/esp/model.ts";
import { letterClassifier } from "../support/classifiers.ts";
import { newFolder, tinyModel, written } from "../support/tiny-model.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
}

/** Packs a package, and unpacks it where npm would put it; what it depends on is linked, and what that depends on. */
async function install(project: string, name: string, folder: string, optional: boolean): Promise<void> {
  const packing = ["pack", "--json", "--pack-destination", project];
  const { stdout } = await run("npm", packing, { cwd: join(ROOT, folder) });
  const [{ filename }]: [{ filename: string }] = JSON.parse(stdout.slice(stdout.indexOf("[")));
  await run("tar", ["xzf", filename], { cwd: project });
  const to = join(project, "node_modules", name);
  await cp(join(project, "package"), to, { recursive: true });
  const wanted = namesOf(await manifestOf(to), optional);
  const linked = new Set<string>();
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
    if (linked.has(next)) continue;
    linked.add(next);
    const from = join(ROOT, "node_modules", next);
    await mkdir(dirname(join(project, "node_modules", next)), { recursive: true });
    await symlink(from, join(project, "node_modules", next), "dir");
    wanted.push(...namesOf(await manifestOf(from), false));
  }
}

function namesOf({ dependencies, optionalDependencies }: Manifest, optional: boolean): string[] {
  return [...Object.keys(dependencies ?? {}), ...(optional ? Object.keys(optionalDependencies ?? {}) : [])];
}

async function newProject(): Promise<string> {
  const project = await newFolder();
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  await writeFile(join(project, "model.esp"), await encodeEsp(letterClassifier(0.05), { values: "float32" }));
  return project;
}

/** What a module of the project prints. */
async function printed(project: string, text: string): Promise<string> {
  await writeFile(join(project, "program.js"), text);
  const { stdout } = await run(process.execPath, ["program.js"], { cwd: project });
  return stdout.trim();
}

/** A program that labels a text with the runtime of that name. */
const labelling = (name: string, path: string): string => `
  import { load } from "${name}";
  const model = await load("model.esp", { path: "${path}" });
  const [{ label }] = await model.classify(["a film to remember"]);
  console.log(model.labels.includes(label), model.report.path);
  await model.close();
`;

let whole: string;
beforeAll(async () => {
  whole = await newProject();
  await install(whole, "espalier", ".", true);
}, 120_000);

test("the command says its version and labels a text, and every entry point can be imported", async () => {
  const main = join(whole, "node_modules/espalier/dist/cli/main.js");
  const { version } = await manifestOf(ROOT);
  expect((await run(process.execPath, [main, "--version"], { cwd: whole })).stdout).toBe(`${version}\n`);
  const words = ["predict", await written(tinyModel()), "a good film", "--threads", "1", "--json"];
  const { stdout } = await run(process.execPath, [main, ...words], { cwd: whole });
  expect(JSON.parse(stdout)).toMatchObject({ predictions: [{ label: expect.stringMatching(/tive$/) }] });
  const entries = ["espalier", "espalier/methods", "espalier/runtime"];
  const list = `for (const name of ${JSON.stringify(entries)}) console.log(typeof Object.values(await import(name))[0]);`;
  expect((await printed(whole, list)).split("\n")).toEqual(["function", "object", "function"]);
  expect(await printed(whole, labelling("espalier/runtime", "dense"))).toBe("true dense");
});

test("without the engine the runtime labels texts, and a command says how to have it", async () => {
  const project = await newProject();
  await install(project, "espalier", ".", false);
  expect(await printed(project, labelling("espalier/runtime", "sparse"))).toBe("true sparse");
  const main = join(project, "node_modules/espalier/dist/cli/main.js");
  const words = ["predict", await written(tinyModel()), "a good film", "--json"];
  await expect(run(process.execPath, [main, ...words], { cwd: project })).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("npm install onnxruntime-node@"),
  });
});

test("the runtime alone labels texts, brings no dependencies and has the version of the whole", async () => {
  const project = await newProject();
  await install(project, "espalier-runtime", "packages/runtime", true);
  expect(await readdir(join(project, "node_modules"))).toEqual(["espalier-runtime"]);
  expect(await printed(project, labelling("espalier-runtime", "sparse"))).toBe("true sparse");
  const versions = await Promise.all([ROOT, join(ROOT, "packages/runtime")].map(manifestOf));
  expect(versions[1]?.version).toBe(versions[0]?.version);
});
