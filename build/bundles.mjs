/**
 * Bundles the runtime after `tsc`, from the same compiled modules:
 *
 *   dist/browser/runtime.js    one file for browsers: its thread's code and the kernels are inside
 *   packages/runtime/dist      the package that is the runtime alone: for Node without the engine, for browsers as above
 *
 *   npm run build:bundles
 */

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
const ALONE = join(ROOT, "packages/runtime/dist");

/** In the place of every import of the module at `from` stands the one at `to`, or `contents`. */
function replace(from, { to, contents }) {
  return {
    name: `replace ${from}`,
    setup(bundler) {
      const filter = new RegExp(`/${from.replace(".", "\\.")}$`);
      bundler.onResolve({ filter }, () => (to ? { path: to } : { path: from, namespace: "replaced" }));
      bundler.onLoad({ filter: /.*/, namespace: "replaced" }, () => ({ contents }));
    },
  };
}

/** No module of ours does anything when it is imported, but the entries: what is not used of it is left out. */
const unused = {
  name: "unused",
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) =>
      kind === "import-statement" ? { path: resolve(resolveDir, path), sideEffects: false } : undefined,
    );
  },
};

const common = { bundle: true, format: "esm", target: "es2022", logLevel: "warning" };

/** @returns the text of one bundle for browsers */
async function bundleForBrowser(entry, define) {
  const plugins = [replace("node.js", { to: join(DIST, "runtime/browser.js") }), unused];
  const options = { ...common, platform: "browser", minify: true, write: false, plugins, define };
  const { outputFiles } = await build({ ...options, entryPoints: [join(DIST, "runtime", entry)] });
  return outputFiles[0].text;
}

async function buildBrowser() {
  const names = (await readdir(join(DIST, "sparse"))).filter((name) => name.endsWith(".wasm"));
  const bytes = await Promise.all(names.map((name) => readFile(join(DIST, "sparse", name))));
  const kernels = {
    packed: gzipSync(Buffer.concat(bytes), { level: 9 }).toString("base64"),
    sizes: Object.fromEntries(names.map((name, i) => [name, bytes[i].length])),
  };
  const thread = await bundleForBrowser("thread.js", {
    ESPALIER_THREAD: '""',
    ESPALIER_KERNELS: JSON.stringify(kernels),
  });
  const runtime = await bundleForBrowser("load.js", {
    ESPALIER_THREAD: JSON.stringify(thread),
    ESPALIER_KERNELS: '{ "packed": "", "sizes": {} }',
  });
  await rm(join(DIST, "browser"), { recursive: true, force: true });
  await mkdir(join(DIST, "browser"));
  await writeFile(join(DIST, "browser/runtime.js"), runtime);
}

async function buildAlone() {
  await rm(ALONE, { recursive: true, force: true });
  await build({
    ...common,
    platform: "node",
    entryPoints: ["load", "thread"].map((name) => join(DIST, `runtime/${name}.js`)),
    outdir: join(ALONE, "runtime"),
    plugins: [replace("engine-path.js", { contents: "export const openDense = undefined;" }), unused],
  });
  await cp(join(DIST, "sparse"), join(ALONE, "sparse"), {
    recursive: true,
    filter: (path) => !/\.\w+$/.test(path) || path.endsWith(".wasm"),
  });
  await cp(join(DIST, "browser"), join(ALONE, "browser"), { recursive: true });
  await cp(join(ROOT, "LICENSE"), join(ALONE, "../LICENSE"));
  for (const path of await declarations(join(DIST, "runtime/load.d.ts"))) {
    await cp(path, join(ALONE, relative(DIST, path)));
  }
}

/** A declaration file and all that it imports. */
async function declarations(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const text = await readFile(path, "utf8");
  for (const [, name] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
    await declarations(resolve(dirname(path), name.replace(/\.[jt]s$/, ".d.ts")), found);
  }
  return found;
}

await buildBrowser();
await buildAlone();
