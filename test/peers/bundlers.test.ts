/**
 * The runtime in what people build pages and servers with, without a line of configuration: Vite's development server and
 * build, esbuild. The packages lie in a project's node_modules as npm would put them there.
 */

import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build as buildWithEsbuild } from "esbuild";
import type { Browser } from "playwright-core";
import { build, createServer, type InlineConfig, preview } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Prediction } from "../../src/network/predictions.ts";
import { load } from "../../src/runtime/load.ts";
import { encodeEsp } from "../../src/sparse/esp/model.ts";
import { chromiumPath, startChromium } from "../support/chromium.ts";
import { letterClassifier } from "../support/classifiers.ts";
import { newFolder } from "../support/tiny-model.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TEXTS = ["a film to remember", "bad"];

/** A page's program: it puts its answers, or what went wrong, where the test finds them. */
const program = (name: string): string => `
import { load } from "${name}";
const run = async () => {
  const model = await load(new URL("/model.esp", location.href));
  const predictions = await model.classify(${JSON.stringify(TEXTS)});
  await model.close();
  return { predictions };
};
run().catch((error) => ({ error: String(error) })).then((answer) => {
  globalThis.answer = answer;
});
`;

/** A project that has the package and a page that uses it. */
async function project(name: "espalier/runtime" | "espalier-runtime", model: Uint8Array): Promise<string> {
  const folder = await newFolder();
  const isAlone = name === "espalier-runtime";
  const from = join(ROOT, isAlone ? "packages/runtime" : ".");
  const to = join(folder, "node_modules", isAlone ? name : "espalier");
  await cp(join(from, "package.json"), join(to, "package.json"));
  await cp(join(from, "dist"), join(to, "dist"), { recursive: true });
  await mkdir(join(folder, "public"));
  await writeFile(join(folder, "public/model.esp"), model);
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "main.js"), program(name));
  await writeFile(
    join(folder, "index.html"),
    '<!doctype html><script type="module" src="/main.js"></script>',
  );
  return folder;
}

/** What a server is asked for, and how it is stopped. */
interface Served {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** No configuration but where the project is, and a port that is free. */
const plain = (root: string): InlineConfig => ({
  root,
  configFile: false,
  logLevel: "error",
  server: { host: "127.0.0.1", port: 0 },
  preview: { host: "127.0.0.1", port: 0 },
});

function urlOf(address: string | AddressInfo | null | undefined): string {
  if (typeof address !== "object" || address === null) throw new Error("expected a port, got none");
  return `http://127.0.0.1:${address.port}/`;
}

async function viteServes(root: string): Promise<Served> {
  const server = await createServer(plain(root));
  await server.listen();
  return { url: urlOf(server.httpServer?.address()), close: () => server.close() };
}

async function viteBuilds(root: string): Promise<Served> {
  await build(plain(root));
  const server = await preview(plain(root));
  return { url: urlOf(server.httpServer.address()), close: () => server.close() };
}

async function esbuildBuilds(root: string): Promise<Served> {
  const options = { bundle: true, format: "esm", platform: "browser", write: false } as const;
  const { outputFiles } = await buildWithEsbuild({
    ...options,
    absWorkingDir: root,
    entryPoints: ["main.js"],
  });
  const files = new Map([
    ["/", ["text/html", '<!doctype html><script type="module" src="/main.js"></script>']],
    ["/main.js", ["text/javascript", outputFiles[0]?.text ?? ""]],
  ]);
  const model = await readFile(join(root, "public/model.esp"));
  const server = createHttpServer(({ url = "/" }, response) => {
    const [type = "application/octet-stream", body] = files.get(url) ?? [];
    response.writeHead(200, { "Content-Type": type }).end(url === "/model.esp" ? model : body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: urlOf(server.address()),
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

describe("esbuild for Node", () => {
  /** What a bundle prints that lies in a folder of its own. */
  async function printed(
    name: "espalier/runtime" | "espalier-runtime",
    format: "esm" | "cjs",
  ): Promise<string> {
    const root = await project(name, await encodeEsp(letterClassifier(0.05), { values: "float32" }));
    const text = `import { load } from "${name}";
      load("public/model.esp", { threads: 2 })
        .then((model) => model.classify(${JSON.stringify(TEXTS)}))
        .then((said) => console.log(said.length), (error) => console.log(error.code, error.message));`;
    await writeFile(join(root, "server.js"), text);
    const outfile = join(root, format === "esm" ? "bundle.mjs" : "bundle.cjs");
    const external = ["onnxruntime-node"]; // native, and named as external by everyone who bundles it
    const options = {
      bundle: true,
      platform: "node",
      format,
      external,
      logLevel: "silent",
      outfile,
    } as const;
    const nodePaths = [join(ROOT, "node_modules")]; // of what espalier depends on
    await buildWithEsbuild({ ...options, absWorkingDir: root, nodePaths, entryPoints: ["server.js"] });
    await rm(join(root, "node_modules"), { recursive: true });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile], { cwd: root, timeout: 30_000 });
    return stdout.trim();
  }

  test.each(["esm", "cjs"] as const)(
    "espalier-runtime becomes one file that runs by itself, %s",
    async (format) => {
      expect(await printed("espalier-runtime", format)).toBe(String(TEXTS.length));
    },
  );

  test("espalier/runtime, whose thread is a file, says that it has to stay outside", async () => {
    const message =
      /^runtime\/thread runtime: expected the thread to go on, got: .*; a bundle for Node keeps espalier external, or has espalier-runtime, which is one file$/s;
    expect(await printed("espalier/runtime", "esm")).toMatch(message);
  });
});

const path = chromiumPath();
if (path === undefined) console.warn("bundlers: skipped, because there is no Chromium (CHROMIUM_PATH)");

describe.skipIf(path === undefined)("in Chromium", () => {
  let browser: Browser;
  let model: Uint8Array;
  let expected: readonly Prediction[];

  beforeAll(async () => {
    browser = await startChromium(path ?? "");
    model = await encodeEsp(letterClassifier(0.05), { values: "float32" });
    const here = await load(model.slice());
    expected = await here.classify(TEXTS);
    await here.close();
  });
  afterAll(() => browser?.close());

  test.each([
    ["Vite's development server", "espalier/runtime", viteServes],
    ["Vite's build", "espalier/runtime", viteBuilds],
    ["esbuild", "espalier/runtime", esbuildBuilds],
    ["Vite's development server", "espalier-runtime", viteServes],
    ["esbuild", "espalier-runtime", esbuildBuilds],
  ] as const)("%s takes %s as it is, and it labels as in Node", async (_, name, serve) => {
    const { url, close } = await serve(await project(name, model));
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    try {
      await page.goto(url);
      await page.waitForFunction("globalThis.answer !== undefined");
      const answer = await page.evaluate<{ readonly predictions: readonly Prediction[] }>(
        "globalThis.answer",
      );
      expect(answer).not.toHaveProperty("error");
      expect(answer.predictions.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
      answer.predictions.forEach(({ score }, i) => {
        expect(Math.abs(score - (expected[i]?.score ?? Number.NaN))).toBeLessThan(1e-5);
      });
      expect(problems).toEqual([]);
    } finally {
      await page.close();
      await close();
    }
  });
});
