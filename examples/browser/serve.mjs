/**
 * Serves the example page: a packed model that classifies as one types.
 *
 *   npm run example:browser                                   # makes a model when there is none, then serves it
 *   node examples/browser/serve.mjs MODEL.esp [--port 8080] [--no-isolation]
 *
 * Threads of a page share memory only where it is cross-origin isolated, which takes the two headers below. Only the files
 * named here are served, so no path can lead elsewhere.
 */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  mjs: "text/javascript",
  esp: "application/octet-stream",
};

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Files by the path they are served under. */
function filesOf(model, more = {}) {
  return {
    "/": here("./index.html"),
    "/page.js": here("./page.js"),
    "/runtime.js": here("../../dist/browser/runtime.js"),
    "/model.esp": model,
    ...more,
  };
}

/**
 * Starts the server.
 *
 * @param model  path of a .esp file
 * @param more   other files, by the path they are served under
 * @returns its address, and how it is stopped
 */
export async function serve({ model, port = 0, isolated = true, more = {} }) {
  const files = filesOf(model, more);
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
    if (found === undefined) {
      response
        .writeHead(404, { "Content-Type": "text/plain" })
        .end(`expected one of ${Object.keys(files).join(", ")}, got ${path}\n`);
      return;
    }
    const type = TYPES[/\.(\w+)$/.exec(file)?.[1] ?? ""] ?? "application/octet-stream";
    response.writeHead(200, {
      "Content-Type": type,
      "Content-Length": found.size,
      "Cache-Control": "no-store",
      ...(isolated ? ISOLATION : {}),
    });
    createReadStream(file).pipe(response);
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
      port: { type: "string", default: "8080" },
      "no-isolation": { type: "boolean", default: false },
    },
  });
  const [model] = positionals;
  if (model === undefined || !(await stat(model).catch(() => undefined))?.isFile()) {
    console.error(`model: expected a .esp file (espalier export RUN --to esp), got ${model ?? "none"}`);
    process.exit(2);
  }
  const { url } = await serve({ model, port: Number(values.port), isolated: !values["no-isolation"] });
  console.log(`${model} at ${url}`);
}
