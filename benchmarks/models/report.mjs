/**
 * What a report costs: its bytes, how soon a browser has drawn it, and the share of a run's time that its own page takes.
 *
 *   node benchmarks/models/report.mjs RUN… [--turns 5]
 *
 * One page over all the runs is opened in Chromium (CHROMIUM_PATH, or /usr/bin/chromium), each time in an empty profile:
 * milliseconds from the beginning of the navigation to the first paint and to the end of loading, and the longest task of
 * the page's own thread, medians. Then each finished run's page is made alone, and its time stands beside the run's.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { report } from "../../dist/index.js";
import { startChromium } from "../chromium.mjs";
import { median } from "../shapes.mjs";

const { values, positionals: runs } = parseArgs({
  allowPositionals: true,
  options: { turns: { type: "string", default: "5" } },
});
const folder = await mkdtemp(join(tmpdir(), "espalier-report-"));

/** Opens the page in a new browser. @returns milliseconds of what its visitor waits for */
async function open(path) {
  const browser = await startChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(pathToFileURL(path).href, { waitUntil: "load" });
    return await page.evaluate(async () => {
      const entries = (type) =>
        new Promise((done) => {
          new PerformanceObserver((list) => done(list.getEntries())).observe({ type, buffered: true });
          setTimeout(() => done([]), 2000);
        });
      const [paint] = await entries("paint");
      const long = await entries("longtask");
      const [navigation] = performance.getEntriesByType("navigation");
      return {
        paint: paint.startTime,
        // A navigation's duration ends with the page's load event.
        loaded: navigation.duration,
        longest: Math.max(0, ...long.map(({ duration }) => duration)),
      };
    });
  } finally {
    await browser.close();
  }
}

try {
  const path = join(folder, "report.html");
  const began = performance.now();
  const { bytes, missing } = await report({ runs, out: path });
  const seconds = (performance.now() - began) / 1000;
  const turns = [];
  for (let turn = 0; turn < Number(values.turns); turn++) turns.push(await open(path));
  const middle = (name) => Math.round(median(turns.map((turn) => turn[name])));
  console.log(
    `${runs.length} runs: ${(bytes / 1e6).toFixed(2)} MB in ${seconds.toFixed(1)} s; ${missing.length} things to show are missing`,
  );
  console.log(
    `opened: first paint after ${middle("paint")} ms, loaded after ${middle("loaded")} ms, longest task ${middle("longest")} ms`,
  );
  for (const run of runs) {
    const result = await readFile(join(run, "result.json"), "utf8").then(JSON.parse, () => undefined);
    if (result === undefined) continue;
    const start = performance.now();
    await report({ runs: [run], out: join(folder, "one.html"), force: true });
    const own = (performance.now() - start) / 1000;
    const share = (100 * own) / result.wallSeconds;
    console.log(
      `${run}: page ${own.toFixed(2)} s of ${result.wallSeconds.toFixed(0)} s, ${share.toFixed(2)} %`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
