/**
 * The example page in a real browser: what it says of its model, examples to click, answers as one types by models of each
 * task, and the comparison.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aboutReviews } from "../../examples/browser/about.mjs";
import { serve } from "../../examples/browser/serve.mjs";
import type { Head } from "../../src/bert/config.ts";
import { onnxProgram } from "../../src/network/onnx.ts";
import type { Prediction } from "../../src/network/predictions.ts";
import { load } from "../../src/runtime/load.ts";
import { encodeEsp } from "../../src/sparse/esp/model.ts";
import { chromiumPath, startChromium } from "../support/chromium.ts";
import { letterClassifier } from "../support/classifiers.ts";
import { newFolder } from "../support/tiny-model.ts";

const METRIC = { before: 0.963, after: 0.955, examples: 1000 };
const ABOUT = aboutReviews({ metric: METRIC, sparsity: 0.9, epochs: 8, bytes: 2_530_746 });
const EXAMPLES = ABOUT.examples.flatMap(({ texts }) => texts);

test("what is said of the model has its score, before and after", () => {
  expect(ABOUT.facts.map(({ name }) => name)).toEqual([
    "Learned from",
    "Right about",
    "Size",
    "Does not know",
  ]);
  expect(ABOUT.facts[1]?.text).toMatch(/^95\.5 % of 1,000 other reviews .*96\.3 % before it was pruned\./);
  expect(ABOUT.lead).toMatch(/ 90 % of its encoder's weights/);
  expect(new Set(EXAMPLES).size).toBe(EXAMPLES.length);
});

const path = chromiumPath();
if (path === undefined) console.warn("example page: skipped, because there is no Chromium (CHROMIUM_PATH)");

describe.skipIf(path === undefined)("in Chromium", () => {
  let browser: Browser;
  /** Beside the first are a model of ONNX and what is said of it; the second lies alone. */
  let [complete, alone] = ["", ""];
  let expected: readonly Prediction[];

  beforeAll(async () => {
    browser = await startChromium(path ?? "");
    const folder = await newFolder();
    const network = letterClassifier(0.05);
    const file = await encodeEsp(network, { values: "float32" });
    await mkdir(join(folder, "alone"));
    [complete, alone] = [join(folder, "model.esp"), join(folder, "alone", "model.esp")];
    for (const place of [complete, alone]) await writeFile(place, file);
    await writeFile(join(folder, "model.onnx"), onnxProgram(network, { producerVersion: "0.0.0" }).bytes);
    await writeFile(join(folder, "about.json"), JSON.stringify(ABOUT));
    const here = await load(file);
    expected = await here.classify(EXAMPLES);
    await here.close();
  });
  afterAll(() => browser?.close());

  type Served = Partial<Parameters<typeof serve>[0]> & { readonly width?: number };

  /** Opens the page, does something in it, and expects no errors, nothing from elsewhere, and no more width than there is. */
  async function inPage(
    { model = complete, width = 1280, ...served }: Served,
    work: (page: Page) => Promise<void>,
  ): Promise<void> {
    const server = await serve({ model, ...served });
    const page = await browser.newPage({ viewport: { width, height: 844 } });
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => problems.push(message.text()));
    page.on("request", (request) => {
      if (/^(?:https?|wss?):/.test(request.url()) && !request.url().startsWith(server.url)) {
        problems.push(request.url());
      }
    });
    try {
      await page.goto(server.url);
      await page.waitForSelector("body[data-ready]");
      await work(page);
      expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(width);
      expect(problems).toEqual([]);
    } finally {
      await page.close();
      await server.close();
    }
  }

  /** The label in bold and the probabilities of all, as the page shows them. */
  async function shownAnswer(page: Page): Promise<{ top: string[]; percents: string[] }> {
    const answer = page.locator("#answer");
    return {
      top: await answer.locator("dt.top").allTextContents(),
      percents: await answer.locator("dd:not(.track)").allTextContents(),
    };
  }

  function answerOf({ label, scores }: Prediction): { top: string[]; percents: string[] } {
    return { top: [label ?? ""], percents: scores.map((score) => `${(100 * score).toFixed(1)} %`) };
  }

  test("says what its model knows, and labels the examples that are clicked", async () => {
    await inPage({}, async (page) => {
      expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe(ABOUT.title);
      const names = await page.locator("#knows dt").allTextContents();
      expect(names).toEqual(["Answers", "Reads", ...ABOUT.facts.map(({ name }) => name), "In this page"]);
      const told = await page.locator("#knows dd").allTextContents();
      expect(told.slice(0, 2)).toEqual(["no, yes", "the first 64 word pieces of a text"]);
      expect(told.slice(2, -1)).toEqual(ABOUT.facts.map(({ text }) => text));
      await expect.poll(() => shownAnswer(page)).toEqual(answerOf(expected[0] as Prediction));
      for (const [i, text] of EXAMPLES.entries()) {
        await page.getByRole("button", { name: text }).click();
        await expect.poll(() => shownAnswer(page)).toEqual(answerOf(expected[i] as Prediction));
        expect(await page.getByRole("textbox").inputValue()).toBe(text);
      }
    });
  });

  test("by keyboard alone: from the field to an example, and to the comparison", async () => {
    await inPage({}, async (page) => {
      await page.keyboard.press("Tab");
      expect(await page.evaluate<string>("document.activeElement.id")).toBe("text");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await expect.poll(() => page.getByRole("textbox").inputValue()).toBe(EXAMPLES[1]);
      for (const _ of EXAMPLES.slice(1)) await page.keyboard.press("Tab");
      expect(await page.evaluate<string>("document.activeElement.id")).toBe("compare");
    });
  });

  test("compares its speed with onnxruntime-web's, on a page as wide as a phone", async () => {
    await inPage({ width: 390 }, async (page) => {
      const compare = page.getByRole("button", { name: "Compare speed" });
      await compare.click();
      const names = page.locator("#times dt");
      const both = ["Espalier", "onnxruntime-web"];
      await expect.poll(() => names.allTextContents(), { timeout: 20_000 }).toEqual(both);
      const times = await page.locator("#times dd:not(.track)").allTextContents();
      for (const time of times) expect(time).toMatch(/^\d+(?:\.\d)? ms$/);
      expect(await page.locator("#compared").textContent()).toMatch(
        /^(?:Espalier|onnxruntime-web) is \d+\.\d times as fast .* one text of 64 word pieces, \d threads?/,
      );
      expect(await compare.getAttribute("aria-disabled")).toBe("false");
    });
  });

  test("alone, not isolated: labels follow what is typed; no comparison without model.onnx, and why", async () => {
    await inPage({ model: alone, isolated: false }, async (page) => {
      const [field, facts] = [page.getByRole("textbox"), page.locator("#facts")];
      for (const i of [0, 1]) {
        await field.fill(EXAMPLES[i] as string);
        await expect.poll(() => shownAnswer(page)).toEqual(answerOf(expected[i] as Prediction));
      }
      expect(await facts.textContent()).toMatch(/^\d+ word pieces\. Took \d.* ms with 1 thread\.$/);
      await field.fill("a ".repeat(80));
      await expect
        .poll(() => facts.textContent())
        .toMatch(/^64 word pieces; the 18 after them were not read\./);
      await field.fill("");
      await expect.poll(() => shownAnswer(page)).toEqual({ top: [], percents: [] });
      expect(await page.getByRole("button").isDisabled()).toBe(true);
      expect(await page.locator("#compared").textContent()).toMatch(
        /no model\.onnx beside the packed file: espalier export RUN --to onnx/,
      );
    });
  });

  test("no comparison without onnxruntime-web, in a sentence that says why", async () => {
    await inPage({ more: { "/ort.mjs": undefined } }, async (page) => {
      expect(await page.getByRole("button", { name: "Compare speed" }).isDisabled()).toBe(true);
      expect(await page.locator("#compared").textContent()).toMatch(
        /onnxruntime-web is not installed .*npm install/,
      );
    });
  });

  /** A packed file that lies alone, of a model with this head. */
  async function packed(head: Head): Promise<string> {
    const network = letterClassifier(0.05, head);
    const file = join(await newFolder(), "model.esp");
    await writeFile(file, await encodeEsp(network, { values: "float32" }));
    return file;
  }

  test("a model that labels tokens: what it finds is marked in the text, with a row for each", async () => {
    const text = "Film and <b> a man, the end";
    const model = await packed({ kind: "tokens", labels: ["O", "B-X", "I-X", "B-Y"] });
    const here = await load(model);
    const [{ entities } = { entities: [] }] = await here.tag([text]);
    await here.close();
    expect(entities.length).toBeGreaterThan(2);
    await inPage({ model }, async (page) => {
      expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("A tagger in this page");
      await page.getByRole("textbox").fill(text);
      const marks = page.locator("#words mark");
      await expect.poll(() => marks.allTextContents()).toEqual(entities.map((e) => e.text + e.label));
      const rows = await page.locator("#answer dt").allTextContents();
      expect(rows).toEqual(entities.map((e) => `${e.text}: ${e.label}`));
      const plain = "[...document.querySelectorAll('#words small')].forEach((each) => each.remove())";
      await page.evaluate(plain);
      expect(await page.locator("#words").textContent()).toBe(text);
      await page.getByRole("textbox").fill("");
      await expect.poll(() => page.locator("#words").textContent()).toBe("");
    });
  });

  test("a sentence encoder: the first line is compared with the others, one alone has a vector", async () => {
    const model = await packed({ kind: "none", pooling: { mode: "max", normalize: false } });
    const lines = ["a film to remember", "bad", "a film to remember"];
    const here = await load(model);
    const [a = new Float32Array(), b = new Float32Array()] = await here.embed(lines);
    await here.close();
    const near = a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0) / (Math.hypot(...a) * Math.hypot(...b));
    await inPage({ model, width: 390 }, async (page) => {
      expect(await page.locator("#knows dd").first().textContent()).toBe("vectors of 16 numbers");
      await expect.poll(() => page.locator("#answer dt").count()).toBe(2);
      await page.getByRole("textbox").fill(lines.join("\n"));
      const shown = { top: [lines[2]], percents: [near.toFixed(2), "1.00"] };
      await expect.poll(() => shownAnswer(page)).toEqual(shown);
      expect(await page.locator("#facts").textContent()).toMatch(/^3 texts\. Took \d/);
      await page.getByRole("textbox").fill("one line");
      await expect
        .poll(() => page.locator("#words").textContent())
        .toMatch(/^The vector begins with -?\d\.\d{3}, /);
      expect(await page.getByRole("button").count()).toBe(0);
    });
  });

  test("a model of several labels: each that holds is in bold; a regression: its number", async () => {
    const several = await packed({ kind: "multi-label", labels: [..."abcde"] });
    const here = await load(several);
    const [said] = await here.classify(["a film"]);
    await here.close();
    await inPage({ model: several }, async (page) => {
      await page.getByRole("textbox").fill("a film");
      await expect.poll(async () => (await shownAnswer(page)).top).toEqual(said?.labels);
    });
    await inPage({ model: await packed({ kind: "regression" }) }, async (page) => {
      await page.getByRole("textbox").fill("a film");
      await expect.poll(() => page.locator("#answer").textContent()).toMatch(/^-?\d+\.\d{3}$/);
    });
  });

  test("says in words that a model cannot be loaded", async () => {
    const server = await serve({ model: join(alone, "nowhere.esp") });
    const page = await browser.newPage();
    await page.goto(server.url);
    await expect
      .poll(() => page.getByRole("alert").textContent())
      .toMatch(/expected a \.esp file, got: status 404/);
    await page.close();
    await server.close();
  });
});

test("the example's server serves nothing but its files", async () => {
  const server = await serve({ model: fileURLToPath(import.meta.url) });
  for (const name of [
    "package.json",
    "../../package.json",
    "%2e%2e/package.json",
    "__proto__",
    "constructor",
  ]) {
    expect((await fetch(`${server.url}${name}`)).status).toBe(404);
  }
  const page = await fetch(server.url);
  expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(await page.text()).toBe(
    await readFile(new URL("../../examples/browser/index.html", import.meta.url), "utf8"),
  );
  expect((await fetch(`${server.url}about.json`)).status).toBe(204);
  await server.close();
});
