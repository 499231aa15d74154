/**
 * Builds all of `dist/` and the runtime's own package, step by step, and says what each made. On standard error, so that
 * a script which builds first keeps its output to itself.
 *
 *   npm run build
 */

import { execSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TOOLS = join(ROOT, "node_modules/.bin");

/** In order; each needs what those before it made. */
const STEPS = [
  {
    name: "kernels: assembly to WebAssembly",
    command: "npm run build:kernels --silent",
    made: () => `${ofFiles("dist", ".wasm")} in dist`,
  },
  {
    name: "compile: src to JavaScript and types",
    command: "tsc -p tsconfig.build.json",
    made: () => `${ofFiles("dist", ".js")} in dist`,
  },
  {
    name: "bundles: the runtime for browsers and as a package of its own",
    command: "npm run build:bundles --silent",
    made: () =>
      `dist/browser/runtime.js, ${bundleSize()}; ${ofFiles("packages/runtime/dist", "")} in packages/runtime`,
  },
];

const kilobytes = (bytes) => `${Math.round(bytes / 1000).toLocaleString("en")} kB`;

/** How many files a folder has whose names end so, and their size. */
function ofFiles(folder, ending) {
  const paths = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(ROOT, folder, name))
    .filter((path) => path.endsWith(ending) && statSync(path).isFile());
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  return `${paths.length} ${ending === "" ? "files" : `${ending} files`} (${kilobytes(bytes)})`;
}

function bundleSize() {
  const bytes = readFileSync(join(ROOT, "dist/browser/runtime.js"));
  return `${kilobytes(bytes.length)} (${kilobytes(gzipSync(bytes, { level: 9 }).length)} compressed)`;
}

for (const { name, command, made } of STEPS) {
  console.error(`${name} …`);
  const start = performance.now();
  const env = { ...process.env, PATH: `${TOOLS}${delimiter}${process.env.PATH}` };
  try {
    execSync(command, { cwd: ROOT, env, stdio: ["ignore", 2, 2] });
  } catch ({ status }) {
    console.error(`build: failed in ${command}`);
    process.exit(status || 1);
  }
  console.error(`  ${made()}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
chmodSync(join(ROOT, "dist/cli/main.js"), 0o755);
