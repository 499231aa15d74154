/**
 * Bundles the runtime after `tsc`, from the same compiled modules:
 *
 *   dist/browser/runtime.js    one file for browsers: its thread's code and the kernels are inside
 *   packages/runtime/dist      the package that is the runtime alone: one file for Node, without the engine, and the above
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

/**
 * The runtime as one file, for browsers or for Node: its thread's code is a text in it, and the kernels are in that.
 *
 * @param plugins  what stands in the place of what
 * @param thread   how the thread's code is bundled: a browser starts it as a module, Node from a text as a script
 * @returns its text
 */
async function bundleRuntime(options, plugins, thread) {
  const bundle = async (entry, how, define) => {
    const entryPoints = [join(DIST, entry)];
    const all = { ...common, ...options, ...how, entryPoints, define, write: false };
    const { outputFiles } = await build({ ...all, plugins: [...plugins, unused] });
    return outputFiles[0].text;
  };
  const code = await bundle("runtime/thread.js", thread, {
    ESPALIER_THREAD: '""',
    ESPALIER_KERNELS: JSON.stringify(await packKernels()),
  });
  return bundle(
    "runtime.js",
    {},
    {
      ESPALIER_THREAD: JSON.stringify(code),
      ESPALIER_KERNELS: '{ "packed": "", "sizes": {} }',
    },
  );
}

async function packKernels() {
  const names = (await readdir(join(DIST, "sparse"))).filter((name) => name.endsWith(".wasm"));
  const bytes = await Promise.all(names.map((name) => readFile(join(DIST, "sparse", name))));
  return {
    packed: gzipSync(Buffer.concat(bytes), { level: 9 }).toString("base64"),
    sizes: Object.fromEntries(names.map((name, i) => [name, bytes[i].length])),
  };
}

/** An empty folder with one file. */
async function writeAlone(path, text) {
  await rm(dirname(path), { recursive: true, force: true });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function buildBrowser() {
  const plugins = [replace("node.js", { to: join(DIST, "runtime/browser.js") })];
  const text = await bundleRuntime({ platform: "browser", minify: true }, plugins, {});
  await writeAlone(join(DIST, "browser/runtime.js"), text);
}

async function buildAlone() {
  const plugins = [
    replace("engine-path.js", { contents: "export const openDense = undefined;" }),
    replace("beside.js", { to: join(DIST, "runtime/inside.js") }),
  ];
  const text = await bundleRuntime({ platform: "node", minifyWhitespace: true }, plugins, {
    format: "cjs",
    minify: true,
  });
  await writeAlone(join(ALONE, "runtime.js"), text);
  await cp(join(DIST, "browser"), join(ALONE, "browser"), { recursive: true });
  await cp(join(ROOT, "LICENSE"), join(ALONE, "../LICENSE"));
  for (const path of await declarations(join(DIST, "runtime.d.ts"))) {
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
