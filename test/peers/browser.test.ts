/** The runtime in a real browser: the bundle, its threads and failures. */

import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve } from "../../examples/browser/serve.mjs";
import { keyOf } from "../../src/base/random.ts";
import { withHead } from "../../src/network/network.ts";
import type { Prediction } from "../../src/network/predictions.ts";
import { load } from "../../src/runtime/load.ts";
import type { RuntimeReport } from "../../src/runtime/path.ts";
import { encodeEsp } from "../../src/sparse/esp/model.ts";
import { chromiumPath, startChromium } from "../support/chromium.ts";
import { letterClassifier } from "../support/classifiers.ts";
import { newFolder } from "../support/tiny-model.ts";

const built = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../../dist/browser/${name}`, import.meta.url)));

test("what a page loads beside the model is under 150 kB compressed by gzip -9", () => {
  const bytes = gzipSync(built("runtime.js"), { level: 9 }).length;
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(150_000);
  expect(readdirSync(fileURLToPath(new URL("../../dist/browser", import.meta.url)))).toEqual(["runtime.js"]);
});

test("the bundle has no word of Node in it", () => {
  expect(built("runtime.js").toString()).not.toMatch(/node:|onnxruntime/);
});

const TEXTS = ["a film to remember", "bad", ["first of two", "second of two"] as const, "x ".repeat(60)];

/** What a page answers when it is asked to load a model and label texts. */
interface Answer {
  readonly report: RuntimeReport;
  readonly predictions: readonly Prediction[];
  readonly overlapping: readonly (readonly Prediction[])[];
}

const path = chromiumPath();
if (path === undefined) console.warn("browser: skipped, because there is no Chromium (CHROMIUM_PATH)");

describe.skipIf(path === undefined)("in Chromium", () => {
  let browser: Browser;
  let folder: string;
  let model: string;
  let expected: readonly Prediction[];

  beforeAll(async () => {
    browser = await startChromium(path ?? "");
    folder = await newFolder();
    model = join(folder, "model.esp");
    const file = await encodeEsp(letterClassifier(0.05), { values: "float32" });
    await writeFile(model, file);
    const damaged = file.slice();
    damaged[damaged.length - 100] = (damaged[damaged.length - 100] ?? 0) ^ 1;
    await writeFile(join(folder, "damaged.esp"), damaged);
    await writeFile(join(folder, "blank.html"), "<!doctype html><title>blank</title>");
    const here = await load(file);
    expected = await here.classify(TEXTS);
    await here.close();
  });
  afterAll(() => browser?.close());

  /** Opens a page of the example's server, does something in it, and closes both. */
  async function inPage<T>(isolated: boolean, work: (page: Page, url: string) => Promise<T>): Promise<T> {
    const more = {
      "/blank.html": join(folder, "blank.html"),
      "/damaged.esp": join(folder, "damaged.esp"),
      "/encoder.esp": join(folder, "encoder.esp"),
    };
    const server = await serve({ model, isolated, more });
    const page = await browser.newPage();
    try {
      return await work(page, server.url);
    } finally {
      await page.close();
      await server.close();
    }
  }

  /** Loads the model in a blank page with `threads` and labels the texts, alone and in calls that overlap. */
  function labelled(isolated: boolean, threads: number): Promise<Answer> {
    return inPage(isolated, async (page, url) => {
      await page.goto(`${url}blank.html`);
      // Written as text: it runs in the page, where the bundle is a module of its own.
      const script = `(async () => {
        const { load } = await import("/runtime.js");
        const model = await load("/model.esp", { threads: ${threads} });
        const texts = ${JSON.stringify(TEXTS)};
        const predictions = await model.classify(texts);
        const overlapping = await Promise.all(texts.map((text) => model.classify([text])));
        const { report } = model;
        await model.close();
        return { report, predictions, overlapping };
      })()`;
      return page.evaluate<Answer>(script);
    });
  }

  function expectNear(got: readonly Prediction[], wanted: readonly Prediction[], bound: number): void {
    expect(got.map(({ text, pair, label }) => [text, pair, label])).toEqual(
      wanted.map(({ text, pair, label }) => [text, pair, label]),
    );
    got.forEach(({ scores }, i) => {
      scores.forEach((score, label) => {
        expect(Math.abs(score - (wanted[i]?.scores[label] ?? Number.NaN))).toBeLessThan(bound);
      });
    });
  }

  test.each([
    ["an isolated page with one thread", true, 1, 1],
    ["an isolated page with two threads", true, 2, 2],
    ["a page that is not isolated, asked for two threads, with one", false, 2, 1],
  ])("%s: probabilities within 1e-5 of Node's", async (_, isolated, asked, got) => {
    const { report, predictions, overlapping } = await labelled(isolated, asked);
    expect(report).toMatchObject({ path: "sparse", threads: got });
    expectNear(predictions, expected, 1e-5);
    expectNear(overlapping.flat(), expected, 1e-5);
  });

  test("an encoder gives the vectors that it gives in Node, within 1e-5", async () => {
    const { head: _, ...rest } = letterClassifier(0.05);
    const file = await encodeEsp(withHead({ ...rest, head: { kind: "none" } }, { kind: "none" }, keyOf(1)), {
      values: "float32",
    });
    await writeFile(join(folder, "encoder.esp"), file);
    const here = await load(file);
    const wanted = await here.embed(TEXTS);
    await here.close();
    const got = await inPage(true, async (page, url) => {
      await page.goto(`${url}blank.html`);
      const script = `(async () => {
        const { load } = await import("/runtime.js");
        const model = await load("/encoder.esp", { threads: 2 });
        const vectors = await model.embed(${JSON.stringify(TEXTS)});
        await model.close();
        return { task: model.task, vectors: vectors.map((vector) => [...vector]) };
      })()`;
      return page.evaluate<{ task: string; vectors: number[][] }>(script);
    });
    expect([got.task, got.vectors.map(({ length }) => length)]).toEqual([
      "embedding",
      wanted.map(({ length }) => length),
    ]);
    got.vectors.forEach((vector, i) => {
      const far = vector.map((x, f) => Math.abs(x - (wanted[i]?.[f] ?? Number.NaN)));
      expect(Math.max(...far)).toBeLessThan(1e-5);
    });
  });

  test("labels of tokens become the entities that they become in Node", async () => {
    const head = { kind: "tokens", labels: ["O", "B-X", "I-X", "B-Y"] } as const;
    const file = await encodeEsp(letterClassifier(0.05, head), { values: "float32" });
    await writeFile(join(folder, "encoder.esp"), file);
    const texts = ["Zürich — é中文!", "a film", "x ".repeat(60)];
    const here = await load(file);
    const wanted = await here.tag(texts);
    await here.close();
    const got = await inPage(true, async (page, url) => {
      await page.goto(`${url}blank.html`);
      const script = `(async () => {
        const { load } = await import("/runtime.js");
        const model = await load("/encoder.esp", { threads: 2 });
        const tagged = await model.tag(${JSON.stringify(texts)});
        await model.close();
        return tagged;
      })()`;
      return page.evaluate<typeof wanted>(script);
    });
    const near = wanted.map(({ entities, ...read }) => ({
      ...read,
      entities: entities.map((entity) => ({ ...entity, score: expect.closeTo(entity.score, 5) })),
    }));
    expect(got).toEqual(near);
    expect(got.flatMap(({ entities }) => entities).length).toBeGreaterThan(2);
  });

  test("what fetch gives is a source, a signal ends a load, and so does what onProgress throws", async () => {
    const got = await inPage(true, async (page, url) => {
      const problems: string[] = [];
      page.on("pageerror", ({ message }) => problems.push(message));
      await page.goto(`${url}blank.html`);
      const script = `(async () => {
        const { load } = await import("/runtime.js");
        const said = [];
        const get = () => fetch("/model.esp");
        const blob = await (await get()).blob();
        for (const source of [await get(), blob, URL.createObjectURL(blob), await blob.arrayBuffer()]) {
          const model = await load(source);
          said.push((await model.classify(["bad"])).length);
          await model[Symbol.asyncDispose ?? "close"]?.();
        }
        const failure = (options) => load(blob, options).then(() => "loaded", (error) => error.code ?? error);
        for (const stage of ["fetch", "unpack", "place"])
          said.push(await failure({ onProgress: (told) => { if (told.stage === stage) throw "mine"; } }));
        said.push(await failure({ signal: AbortSignal.abort() }));
        return said;
      })()`;
      return [...(await page.evaluate<unknown[]>(script)), problems];
    });
    expect(got).toEqual([1, 1, 1, 1, "mine", "mine", "mine", "runtime/stopped", []]);
  });

  test.each([
    ["/damaged.esp", /^FormatError esp\//],
    ["/none.esp", /^InputError runtime\/source$/],
  ])("%s is refused with its class and code, which a bundle does not shorten", async (file, code) => {
    const got = await inPage(true, async (page, url) => {
      await page.goto(`${url}blank.html`);
      const script = `import("/runtime.js").then(({ load }) => load("${file}")).then(() => "loaded", ({ name, code }) => name + " " + code)`;
      return page.evaluate<string>(script);
    });
    expect(got).toMatch(code);
  });
});
