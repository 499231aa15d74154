/**
 * The rules of the house that a compiler does not know: the order of the layers, sizes, headers, and who may name whom.
 *
 * Source is read as text. Biome's formatting makes that safe: imports stand on lines of their own, and a block ends at
 * the indentation where it began.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Folders of src/; each may import those in the rows above it, and itself. What is exported may import all but cli/. */
const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["onnx", "formats", "text", "options"],
  ["graph"],
  ["engine", "bert", "data"],
  ["network"],
  ["contract", "sparse", "hub", "topology"],
  ["parts"],
  ["methods"],
  ["train"],
  ["obligations"],
  ["runtime"],
  ["measure"],
  ["floor"],
  ["runs"],
  ["quantize", "look", "choice"],
  ["report"],
  ["study"],
  ["commands"],
  ["bench"],
  ["reproduce"],
  ["cli"],
];

/** What the package exports: lists of names that other files wrote. */
const ENTRIES = ["src/index.ts", "src/methods.ts", "src/runtime.ts"];

/** Files above 350 lines, with the reason. None may have more than 500. */
const LONG: Readonly<Record<string, string>> = {};

/** Files beside the entries that export what another wrote, with the reason. */
const REEXPORTS: Readonly<Record<string, string>> = {
  "src/network/network.ts": "Head is the type of a Network's own field",
};

/** Files of methods/ that are no method, and plain fine-tuning, which is the absence of one. */
const NO_METHOD = ["registry", "describe", "finetune"];

/** Methods whose names mean something else too, which other code may say: ordinary words, and an architecture. */
const ORDINARY = ["random", "magnitude", "features", "movement", "distilbert"];

interface Source {
  /** From the root, as in `src/graph/shape.ts`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Paths of the files it imports, types included. */
  readonly imports: readonly string[];
}

const everything = ["src", "test", "benchmarks", "examples"].flatMap(read);
const sources = everything.filter(({ path }) => path.startsWith("src/") && !path.endsWith(".test.ts"));

function read(folder: string): Source[] {
  if (!readdirSync(ROOT).includes(folder)) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), "utf8");
      const found = [...text.matchAll(/\b(?:from |import\()"(\.[^"\n]+)"/g)];
      const imports = found.map(([, to = ""]) => normalize(join(dirname(path), to)));
      return { path, text, lines: text.trimEnd().split("\n"), imports };
    });
}

/** The folder of src/ a file lies in. */
function area(path: string): string {
  return path.split("/")[1] ?? "";
}

function rank(path: string): number {
  return ENTRIES.includes(path) ? LAYERS.length - 1 : LAYERS.findIndex((row) => row.includes(area(path)));
}

/** Without comments, strings and what is written between backticks. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, " ");
}

/** `path: what` for each file where `find` finds something. */
function findings(files: readonly Source[], find: (source: Source) => readonly string[]): string[] {
  return files.flatMap((source) => find(source).map((what) => `${source.path}: ${what}`));
}

test("the files are found, and their imports", () => {
  expect(sources.length).toBeGreaterThan(40);
  const engine = sources.find(({ path }) => path === "src/engine/engine.ts");
  expect(engine?.imports).toContain("src/graph/shape.ts");
  expect(engine?.imports).toContain("src/engine/protocol.ts");
});

test("every folder of src/ has a layer, and imports only point down", () => {
  expect(findings(sources, ({ path }) => (rank(path) < 0 ? ["has no layer"] : []))).toEqual([]);
  const wrong = ({ path, imports }: Source): string[] =>
    imports.filter((to) => area(to) !== area(path) && rank(to) >= rank(path));
  expect(findings(sources, wrong)).toEqual([]);
});

test("every row of the order has its folders", () => {
  const there = new Set(sources.map(({ path }) => area(path)));
  expect(LAYERS.flat().filter((room) => !there.has(room))).toEqual([]);
});

test("a folder of src/ holds at most 22 files, and a room at most 12 % of the lines", () => {
  const files = new Map<string, number>();
  const lines = new Map<string, number>();
  for (const source of sources) {
    files.set(dirname(source.path), (files.get(dirname(source.path)) ?? 0) + 1);
    lines.set(area(source.path), (lines.get(area(source.path)) ?? 0) + source.lines.length);
  }
  const all = [...lines.values()].reduce((sum, count) => sum + count, 0);
  expect([...files].filter(([, count]) => count > 22)).toEqual([]);
  expect([...lines].filter(([, count]) => count > 0.12 * all)).toEqual([]);
});

test("no two rooms import each other, by way of others neither", () => {
  const rooms = new Map<string, Set<string>>();
  for (const { path, imports } of sources.filter(({ path }) => !ENTRIES.includes(path))) {
    const to = rooms.get(area(path)) ?? new Set();
    for (const imported of imports) if (area(imported) !== area(path)) to.add(area(imported));
    rooms.set(area(path), to);
  }
  const reach = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of rooms.get(from) ?? []) if (!seen.has(to)) reach(to, seen.add(to));
    return seen;
  };
  expect([...rooms.keys()].filter((room) => reach(room).has(room))).toEqual([]);
});

test("every import names a file that is there, by its .ts name, or an example's by its .mjs name", () => {
  const examples = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" });
  const plain = examples.filter((name) => name.endsWith(".mjs")).map((name) => join("examples", name));
  const paths = new Set([...everything.map(({ path }) => path), ...plain]);
  expect(findings(everything, ({ imports }) => imports.filter((to) => !paths.has(to)))).toEqual([]);
});

test("no file imports itself by way of others, types included", () => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" > "));
    if (done.has(path) || trail.includes(path)) return;
    for (const to of byPath.get(path)?.imports ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  expect(cycles).toEqual([]);
});

test("the entries load where ONNX Runtime is not: only what is imported when it is called needs it", () => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const loaded = new Set(ENTRIES);
  for (const path of loaded) {
    const text = byPath.get(path)?.text ?? "";
    const found = [...text.matchAll(/^(?:import|export) (?!type )[^;]*?from "(\.[^"\n]+)"/gm)];
    for (const [, to = ""] of found) loaded.add(normalize(join(dirname(path), to)));
  }
  expect(loaded.size).toBeGreaterThan(200);
  const needing = [...loaded].filter((path) => byPath.get(path)?.text.includes('from "onnxruntime-node"'));
  expect(needing).toEqual([]);
});

test("nothing imports cli/", () => {
  const others = everything.filter(({ path }) => area(path) !== "cli" && path.startsWith("src/"));
  expect(findings(others, ({ imports }) => imports.filter((to) => area(to) === "cli"))).toEqual([]);
});

test("only the entries export what another file wrote, unless a reason is listed", () => {
  const others = sources.filter(({ path }) => !ENTRIES.includes(path) && !(path in REEXPORTS));
  expect(
    findings(others, ({ text }) => text.match(/^export (?:type )?[*{][^;]*? from ".*$/gm) ?? []),
  ).toEqual([]);
});

test("bert/ and train/ name no method", () => {
  const methods = sources
    .filter(({ path }) => dirname(path) === "src/methods")
    .map(({ path }) => path.replace(/^.*\/|\.ts$/g, ""))
    .filter((name) => !NO_METHOD.includes(name) && !ORDINARY.includes(name));
  expect(methods.length).toBeGreaterThan(0);
  const named = new RegExp(`\\b(${methods.join("|")})\\b`, "gi");
  const neutral = sources.filter(({ path }) => ["bert", "train"].includes(area(path)));
  expect(findings(neutral, ({ text }) => text.match(named) ?? [])).toEqual([]);
});

test("a source file has at most 350 lines unless a reason is listed, and no file more than 500", () => {
  const long = sources.filter(({ lines, path }) => lines.length > 350 && !(path in LONG));
  expect(long.map(({ path }) => path)).toEqual([]);
  expect(findings(everything, ({ lines }) => (lines.length > 500 ? [`${lines.length} lines`] : []))).toEqual(
    [],
  );
});

test("a function has at most 60 lines", () => {
  const long = ({ lines }: Source): string[] =>
    lines.flatMap((line, start) => {
      if (!/(?:=>|\)(?:: .+)?) \{$/.test(line)) return [];
      const [indent = ""] = line.match(/^ */) ?? [];
      const length = lines.slice(start).findIndex((end, i) => i > 0 && end.startsWith(`${indent}}`)) + 1;
      return length > 60 ? [`line ${start + 1} opens ${length} lines`] : [];
    });
  expect(findings(sources, long)).toEqual([]);
});

test("every source file begins with a header that says what it is", () => {
  const bare = ({ text }: Source): string[] => (/^(?:#!.*\n)?\/\*\*/.test(text) ? [] : ["has no header"]);
  expect(findings(sources, bare)).toEqual([]);
});

test("no `any`, no notes to self, and randomness comes from keys alone", () => {
  const forbidden = /\b(?:as any|Math\.random)\b|[:<|&,(]\s*any\b|\bany\[\]/g;
  expect(findings(sources, ({ text }) => code(text).match(forbidden) ?? [])).toEqual([]);
  expect(findings(sources, ({ text }) => text.match(/\b(?:TODO|FIXME|XXX)\b/g) ?? [])).toEqual([]);
});

test("no clock below runs/ and runtime/, so that a step is a function of its inputs", () => {
  const below = sources.filter(({ path }) => rank(path) < LAYERS.findIndex((row) => row.includes("runtime")));
  const clock = /\b(?:Date\.now|new Date|performance\.now|hrtime)\b/g;
  expect(findings(below, ({ text }) => code(text).match(clock) ?? [])).toEqual([]);
});

test("the name of a test has at most 100 characters", () => {
  const tests = everything.filter(({ path }) => path.endsWith(".test.ts"));
  const names = ({ text }: Source): string[] =>
    [...text.matchAll(/^\s*(?:test|it)(?:\.each\([\s\S]*?\))?\(\s*"((?:[^"\\\n]|\\.)*)"/gm)].map(
      ([, name = ""]) => name,
    );
  expect(findings(tests, (source) => names(source).filter((name) => name.length > 100))).toEqual([]);
});

/** Pages of docs/ that commands write: they grow with what they list. */
const GENERATED = ["methods.md", "choosing.md", "topology.md"];

test("what a user reads in docs/ is under 100 kB, pages that are generated apart", () => {
  const pages = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".md") && !GENERATED.includes(name),
  );
  expect(pages.reduce((sum, name) => sum + statSync(join(ROOT, "docs", name)).size, 0)).toBeLessThan(100_000);
});

test("development dependencies are pinned exactly", () => {
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  );
  const versions = Object.values(manifest.devDependencies);
  expect(versions.length).toBeGreaterThan(0);
  expect(versions.filter((version) => !/^(?:npm:[\w-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});
