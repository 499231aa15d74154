/** The search page: what it finds sentences in, how it packs vectors, and in a real browser with an encoder of its own. */

import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve } from "../../examples/browser/serve.mjs";
import { headerOf, linesOf, sentencesOf, withoutTwins } from "../../examples/search/sentences.mjs";
import { filesOf, packVectors, searcher } from "../../examples/search/vectors.mjs";
import { load } from "../../src/runtime/load.ts";
import { encodeEsp } from "../../src/sparse/esp/model.ts";
import { chromiumPath, startChromium } from "../support/chromium.ts";
import { newFolder, tinyModel, WORDS } from "../support/tiny-model.ts";

const PAGE = `# Top

A first one, with [a link](https://a.b/c_d) and **bold** \`code <x>\`. \`npm run it\` ends the paragraph
here. Too short.

| a table has | no sentences of prose |
|---|---|

## What \`snake_case\` means
- one item says this
- another item says _that_, too

\`\`\`sh
# no heading and no sentence in here
\`\`\`
<!-- nor is there one in this comment -->`;

test("sentences of a document: without code, tables and marks, each under its heading", () => {
  const found = sentencesOf(PAGE, "a.md").map(({ text, heading }) => [heading, text]);
  expect(found).toEqual([
    ["Top", "A first one, with a link and bold code <x>."],
    ["Top", "npm run it ends the paragraph here."],
    ["What snake_case means", "one item says this"],
    ["What snake_case means", "another item says that, too"],
  ]);
});

test("sentences of a source are those of its header, and a text is kept where it stands first", () => {
  const source = `/**
 * Reads what others have written, with \`care\`.
 *
 *   const example = of(no, sentence, at, all);
 *
 * Not here: writing what others read.
 */
/** A later comment is none of them. */`;
  const found = headerOf(source, "b.ts");
  expect(found).toEqual([{ text: "Reads what others have written, with care.", file: "b.ts", heading: "" }]);
  expect(headerOf('import a from "b";', "c.ts")).toEqual([]);
  const twin = { text: "Reads what others have written, with care.", file: "a.ts", heading: "" };
  const other = { text: "Another one stands between them.", file: "a.ts", heading: "" };
  expect(withoutTwins([twin, other, ...found])).toEqual([twin, other]);
});

test("a text of lines has a sentence on each, where it is not empty or there twice", () => {
  expect(linesOf("one\r\n\n two \none\n", "t.txt")).toEqual([
    { text: "one", file: "t.txt", heading: "line 1" },
    { text: "two", file: "t.txt", heading: "line 3" },
  ]);
});

test("packed vectors keep their cosines, of any length; one of zeros is near to nothing", () => {
  const vectors = [
    [3, 4, 0],
    [0.004, 0.003, 0],
    [0, 0, 0],
    [-6, -8, 0],
  ].map((v) => Float32Array.from(v));
  const packed = packVectors(vectors);
  expect([...packed.subarray(0, 6)]).toEqual([95, 127, 0, 127, 95, 0]);
  const found = searcher(packed, 3)(Float32Array.of(30, 40, 0), 3);
  expect(found.map(({ row }) => row)).toEqual([0, 1, 2]);
  for (const [i, cosine] of [1, 0.96, 0].entries()) expect(found[i]?.cosine).toBeCloseTo(cosine, 3);
});

const path = chromiumPath();
if (path === undefined) console.warn("search page: skipped, because there is no Chromium (CHROMIUM_PATH)");

describe.skipIf(path === undefined)("in Chromium", () => {
  const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  const TEXTS = WORDS.flatMap((a, i) => WORDS.slice(i + 1).map((b) => `${a} ${b} film`));
  let browser: Browser;
  let model: string;

  beforeAll(async () => {
    browser = await startChromium(path ?? "");
    const folder = await newFolder();
    model = join(folder, "model.esp");
    const network = tinyModel({ kind: "none", pooling: { mode: "mean", normalize: false } });
    const bytes = await encodeEsp(network, { values: "float32" });
    const encoder = await load(bytes, { path: "sparse" });
    const about = { model: "tiny", bytes: bytes.length, arithmetic: "float32", source: "texts.txt" };
    const made = { about, examples: TEXTS.slice(0, 2), sentences: linesOf(TEXTS.join("\n\n"), "texts.txt") };
    const files = filesOf(made, await encoder.embed(TEXTS));
    await encoder.close();
    await writeFile(model, bytes);
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  });
  afterAll(() => browser?.close());

  /** Opens the page on a phone in the dark, and hands over what its console said. */
  async function inPage(
    more: Readonly<Record<string, string | undefined>>,
    work: (page: Page, problems: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const server = await serve({ page: "search", model, more });
    const page = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => problems.push(message.text()));
    try {
      await page.goto(server.url);
      await work(page, problems);
    } finally {
      await page.close();
      await server.close();
    }
  }

  test("the sentence that is typed is the first found, an empty field finds none, facts are said", async () => {
    await inPage({}, async (page, problems) => {
      await page.waitForSelector("body[data-ready]");
      const [field, hits] = [page.getByRole("searchbox", { name: "Search" }), page.locator("#hits li")];
      expect(await page.evaluate<string>("document.activeElement.id")).toBe("query");
      expect(await hits.count()).toBe(0);
      const example = page.getByRole("button", { name: TEXTS[1] as string });
      await example.click();
      await expect.poll(() => hits.first().locator("p").textContent()).toBe(TEXTS[1]);
      expect(await example.isVisible()).toBe(false);
      expect(await page.evaluate<string>("document.activeElement.id")).toBe("query");
      for (const row of [0, 17, 44]) {
        const text = TEXTS[row] as string;
        await field.fill(text);
        await expect.poll(() => hits.first().locator("p").textContent()).toBe(text);
        expect(await hits.first().locator(".cosine").textContent()).toBe("1.00");
        expect(await hits.first().locator(".place").textContent()).toContain(`line ${2 * row + 1}`);
      }
      expect(await hits.count()).toBe(20);
      expect(await page.getByRole("status").textContent()).toMatch(
        /^The nearest 20 of 45 sentences, with their cosines\. Vector of the query: [\d.]+\sms, search: [\d.]+\sms\.$/,
      );
      const facts = await page.locator("#facts").textContent();
      expect(facts).toMatch(/tiny, [\d.]+\sMB; keeps \d+ % of its encoder's weights, computes in float32/);
      expect(facts).toMatch(/45 of texts\.txt.*16 numbers each.*loaded in [\d.]+ s; \d threads?/);
      await page.addScriptTag({ content: await readFile(AXE, "utf8") });
      const found = await page.evaluate<string[]>(
        "axe.run().then(({ violations }) => violations.map(({ id }) => id))",
      );
      expect(found).toEqual([]);
      expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(390);
      await field.fill(" ");
      await expect.poll(() => hits.count()).toBe(0);
      expect(await page.getByRole("status").textContent()).toBe("");
      expect(problems).toEqual([]);
    });
  });

  test.each([
    ["sentences.json", undefined, /^sentences\.json: expected it beside the model, got none; .*make\.mjs/],
    [
      "vectors.bin",
      fileURLToPath(import.meta.url),
      /^vectors\.bin: expected 720 bytes, got \d+: made for another model$/,
    ],
  ])("says in words that %s does not fit", async (name, file, message) => {
    await inPage({ [`/${name}`]: file }, async (page) => {
      await expect.poll(() => page.getByRole("alert").textContent()).toMatch(message);
    });
  });
});
