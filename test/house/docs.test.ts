/** What the documentation promises holds: its commands parse, its links lead somewhere, its example runs. */

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import * as methods from "../../src/methods.ts";
import { OBLIGATIONS } from "../../src/obligations/obligations.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "packages/runtime/README.md",
  ...["docs", "results", "benchmarks"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  ),
].filter((name) => name.endsWith(".md"));
const folder = mkdtempSync(join(tmpdir(), "espalier-docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** What Node prints. @throws when it ends with an error */
function node(...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return promisify(execFile)(process.execPath, args, { cwd: ROOT });
}

/** Lines of the page's shell blocks, continued ones joined, comments left out. */
function shellLines(page: string): string[] {
  const blocks = [...read(page).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
  return blocks.flatMap((block) => block.replaceAll(/\\\n\s*/g, "").split("\n"));
}

/** The words of a simple command: blanks separate, double quotes hold together, # begins a comment. */
function wordsOf(line: string): string[] {
  return [...line.replace(/\s#.*$/, "").matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? "",
  );
}

const commands = PAGES.flatMap((page) =>
  shellLines(page)
    .filter((line) => /^(?:npx )?espalier /.test(line))
    .map((line) => [page, line] as const),
);

test("the README shows at least eight commands", () => {
  expect(commands.filter(([page]) => page === "README.md").length).toBeGreaterThanOrEqual(8);
});

test.each(commands)("%s: %s is a command line of this version", (_, line) => {
  const words = wordsOf(line.replace(/^npx /, "")).slice(1);
  expect(parseArguments(words, "0.0.0").kind).toBe("run");
});

test.each(PAGES)("%s: npm scripts exist", (page) => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"));
  const named = [...read(page).matchAll(/npm (?:run ([a-z][\w:-]*\w)(?![\w:])|(test)\b)/g)];
  expect(named.map(([, name, test]) => name ?? test ?? "").filter((name) => !(name in scripts))).toEqual([]);
});

/** A heading as GitHub links to it. */
function anchorOf(heading: string): string {
  const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "");
  return plain.trim().replaceAll(" ", "-");
}

test.each(PAGES)("%s: links within the project lead to files and headings", (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  const broken = links.filter(([, path = "", anchor]) => {
    const target = path === "" ? page : join(dirname(page), path);
    if (!existsSync(join(ROOT, target))) return true;
    const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));
    return anchor !== undefined && !headings.includes(anchor);
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

test.each(PAGES)("%s: files and folders of the project that it names are there", (page) => {
  const named = [
    ...read(page).matchAll(/`((?:src|test|benchmarks|results|docs|examples|assets)\/[\w./-]+)`/g),
  ];
  expect(named.map(([, path = ""]) => path).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test("benchmarks/README.md names every script beside it", () => {
  const page = read("benchmarks/README.md");
  const scripts = readdirSync(join(ROOT, "benchmarks"), { recursive: true, encoding: "utf8" });
  const missing = scripts.filter(
    (name) => /\.(?:mjs|py)$/.test(name) && !page.includes(`benchmarks/${name}`),
  );
  expect(missing).toEqual([]);
});

test("docs/commands.md names every command", () => {
  const page = read("docs/commands.md");
  for (const { name } of COMMANDS) expect(page).toMatch(new RegExp(`^\\| \`${name}\\b`, "m"));
});

test("the package exports the commands, a loader and the errors, and nothing else", async () => {
  const list = 'import * as espalier from "espalier"; console.log(Object.keys(espalier).sort().join())';
  const functions = [
    "augment",
    "bench",
    "compress",
    "embed",
    "evaluate",
    "exportModel",
    "finetune",
    "inspect",
    "load",
    "planReproduction",
    "predict",
  ];
  const errors = [
    "ConfigError",
    "EspalierError",
    "FormatError",
    "InputError",
    "InterruptedError",
    "RunError",
  ];
  const { stdout } = await node("--input-type=module", "-e", list);
  expect(stdout.trim().split(",")).toEqual([
    ...errors,
    ...functions,
    "pretrain",
    "quantize",
    "report",
    "reproduce",
    "shrink",
    "topology",
  ]);
});

test("the parts of a method that CONTRIBUTING.md lists are exported and take what it says", () => {
  const [, block = ""] =
    /### Parts of a method[\s\S]*?```ts\n([\s\S]*?)```/.exec(read("CONTRIBUTING.md")) ?? [];
  const listed = [...block.matchAll(/^(\w+)\((.*?)\): /gm)];
  expect(listed.length).toBeGreaterThan(15);
  const functions = new Map<string, unknown>(Object.entries(methods));
  const namesIn = (text: string) => [...text.replaceAll(/\{.*?\}/gs, "{}").matchAll(/[\w{}]+/g)].map(String);
  for (const [, name = "", parameters = ""] of listed) {
    const [, taken = ""] = /^function \w+\(([\s\S]*?)\) \{/.exec(String(functions.get(name))) ?? [];
    const actual = namesIn(taken.replaceAll(/ = [^,]+/g, ""));
    // A record may be taken apart where it is taken.
    const told = namesIn(parameters).map((each, i) => (actual[i] === "{}" ? "{}" : each));
    expect([name, ...told]).toEqual([name, ...actual]);
  }
});

test("the example fine-tunes, compresses and labels two sentences", { timeout: 180_000 }, async () => {
  const { stdout, stderr } = await node("examples/classify.mjs", "embedded", folder, "200");
  expect(stderr).toBe("");
  expect(stdout).toMatch(/Smaller: \d+ % of the bytes are left/);
  expect(stdout.match(/^(?:positive|negative) 0\.\d{3} /gm)).toHaveLength(2);
});

test("the example of a method of one's own keeps its contract, in under 60 lines", {
  timeout: 180_000,
}, async () => {
  expect(read("examples/own-method.mjs").trimEnd().split("\n").length).toBeLessThan(60);
  const script = `
    import { contractTests } from "espalier/methods";
    import method from ${JSON.stringify("./examples/own-method.mjs")};
    const settings = [{ every: 1, until: 1 }, { sparsity: 0.5, share: 0.5, every: 2 }];
    for (const { name, run } of contractTests(method, { settings })) {
      await run();
      console.log(name);
    }`;
  const { stdout } = await node("--input-type=module", "-e", script);
  expect(stdout.trim().split("\n")).toHaveLength(2 * 2 * OBLIGATIONS.length);
});

test("the example of a method of one's own compresses a model, from the command line", async () => {
  const words = ["--data", "embedded:sentiment", "--limit", "100", "--epochs", "1", "--max-length", "16"];
  const out = join(folder, "evolved");
  const run = ["compress", "embedded", "--method", "examples/own-method.mjs", "--out", out, ...words];
  const more = ["--no-latency", "--allow-constant", "--threads", "1", "--sparsity", "0.7", "--json"];
  const { stdout } = await node("dist/cli/main.js", ...run, ...more);
  expect(JSON.parse(stdout)).toMatchObject({ method: "evolve", verdict: { smaller: expect.any(Boolean) } });
});
