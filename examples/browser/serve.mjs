/**
 * Serves an example page with a packed model: one that answers as one types, or one that searches (examples/search).
 *
 *   npm run example:browser                                   # makes a model when there is none, then serves it
 *   node examples/browser/serve.mjs MODEL.esp [--page search] [--port 8080] [--no-isolation]
 *
 * Threads of a page share memory only where it is cross-origin isolated, which takes the two headers below. Only the files
 * named here are served, so no path can lead elsewhere.
 */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join, parse } from "node:path";
import { pipeline } from "node:stream";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
  wasm: "application/wasm",
};

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** The pages: their own files, and what lies beside a model that they show more with. */
const PAGES = {
  browser: { files: ["page.js", "answers.js", "compare.js"], beside: ["about.json"] },
  search: { files: ["page.js", "vectors.mjs"], beside: ["sentences.json", "vectors.bin"] },
};

/** Files by the path they are served under. */
function filesOf(page, model, more) {
  const own = PAGES[page].files.map((name) => [`/${name}`, here(`../${page}/${name}`)]);
  return {
    "/": here(`../${page}/index.html`),
    ...Object.fromEntries(own),
    "/runtime.js": here("../../dist/browser/runtime.js"),
    "/model.esp": model,
    ...more,
  };
}

/** Files that may be missing: the page is told so by status 204, which no console calls an error. */
function extrasOf(page, model) {
  const { dir, name } = parse(model);
  return {
    ...Object.fromEntries(PAGES[page].beside.map((file) => [`/${file}`, join(dir, file)])),
    "/model.onnx": join(dir, `${name}.onnx`),
    "/ort.mjs": fromOnnxRuntime("ort.wasm.min.mjs"),
    "/ort-wasm-simd-threaded.mjs": fromOnnxRuntime("ort-wasm-simd-threaded.mjs"),
    "/ort-wasm-simd-threaded.wasm": fromOnnxRuntime("ort-wasm-simd-threaded.wasm"),
  };
}

/** Where onnxruntime-web has that file; undefined where it is not installed. */
function fromOnnxRuntime(file) {
  try {
    const { resolve } = createRequire(import.meta.url);
    return join(dirname(resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm")), file);
  } catch {
    return undefined;
  }
}

/** The file's size and path; undefined where there is none. */
async function findFile(path) {
  const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
  return found?.isFile() ? { path, size: found.size } : undefined;
}

/**
 * Starts the server.
 *
 * @param page   which of the pages
 * @param model  path of a .esp file; what make.mjs wrote beside it and the .onnx file of that name are taken from there
 * @param more   other files, by the path they are served under; undefined for one that is to be missing
 * @returns its address, and how it is stopped
 */
export async function serve({ page = "browser", model, port = 0, isolated = true, more = {} }) {
  const files = filesOf(page, model, more);
  const extras = extrasOf(page, model);
  const known = { ...extras, ...files };
  const headers = { "Cache-Control": "no-store", ...(isolated ? ISOLATION : {}) };
  const server = createServer(async (request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?");
    const file = Object.hasOwn(known, path) ? await findFile(known[path]) : undefined;
    if (file === undefined && Object.hasOwn(extras, path)) {
      response.writeHead(204, headers).end();
    } else if (file === undefined) {
      response
        .writeHead(404, { "Content-Type": "text/plain" })
        .end(`expected one of ${Object.keys(known).join(", ")}, got ${path}\n`);
    } else {
      const type = TYPES[parse(file.path).ext.slice(1)] ?? "application/octet-stream";
      response.writeHead(200, { ...headers, "Content-Type": type, "Content-Length": file.size });
      if (request.method === "HEAD") response.end();
      // Ends the file with the answer, whoever goes away first.
      else pipeline(createReadStream(file.path), response, () => {});
    }
  });
  /** @type {Promise<void>} */
  const listening = new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  await listening;
  const { port: bound } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${bound}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      page: { type: "string", default: "browser" },
      port: { type: "string", default: "8080" },
      "no-isolation": { type: "boolean", default: false },
    },
  });
  const [model] = positionals;
  if (model === undefined || !(await stat(model).catch(() => undefined))?.isFile()) {
    console.error(`model: expected a .esp file (espalier export RUN --to esp), got ${model ?? "none"}`);
    process.exit(2);
  }
  const { page } = values;
  if (!Object.hasOwn(PAGES, page)) {
    console.error(`page: expected ${Object.keys(PAGES).join(" or ")}, got ${page}`);
    process.exit(2);
  }
  const port = Number(values.port);
  const { url } = await serve({ page, model, port, isolated: !values["no-isolation"] }).catch((error) => {
    console.error(`port: expected a free one (--port), got ${values.port}: ${error.message}`);
    process.exit(2);
  });
  console.log(`${model} is at ${url} until Ctrl-C`);
}
