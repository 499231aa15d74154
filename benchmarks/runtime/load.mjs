/**
 * Time to load packed files with `espalier/runtime`: medians of fresh processes, by stage, beside their processor time.
 *
 *   node benchmarks/runtime/load.mjs FILE.esp… [--runs 5] [--threads 1] [--path sparse|dense] [--dist FOLDER]
 *
 * Each load runs in a process of its own, as a program's first one does, and files take turns. Processor time is that of
 * all threads of the process from the call of `load` on; it says more than the clock where other work runs beside. With
 * `--dist`, the build of another version loads the files (which it must have written itself, when the format differs); stages
 * are known of versions with `onProgress` alone.
 */

import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

const { values: options, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    threads: { type: "string", default: "1" },
    path: { type: "string" },
    dist: { type: "string", default: new URL("../../dist", import.meta.url).pathname },
  },
});

const STAGES = ["fetch", "unpack", "place"];

/** Loads one file in a new process. */
function loaded(file) {
  const given = { threads: Number(options.threads), ...(options.path ? { path: options.path } : {}) };
  const script = `(async () => {
    const { load } = await import(${JSON.stringify(`file://${resolve(options.dist)}/runtime/load.js`)});
    const [start, cpu, ends] = [performance.now(), process.cpuUsage(), {}];
    const onProgress = ({ stage, share }) => { if (share === 1) ends[stage] = performance.now() - start; };
    const model = await load(${JSON.stringify(resolve(file))}, { ...${JSON.stringify(given)}, onProgress });
    const all = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify({ all, ends, cpu: (user + system) / 1000, path: model.report.path }));
    await model.close();
  })();`;
  return JSON.parse(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const results = new Map(files.map((file) => [file, []]));
for (let run = 0; run < Number(options.runs); run++) {
  for (const file of files) results.get(file).push(loaded(file));
}

console.log(`Node ${process.versions.node}, ${options.threads} threads; medians of ${options.runs} in ms`);
for (const [file, runs] of results) {
  const ended = (stage) => median(runs.map(({ ends }) => ends[stage]));
  const stages = STAGES.map((stage, i) => {
    const took = ended(stage) - (i === 0 ? 0 : ended(STAGES[i - 1]));
    return `${stage} ${Number.isNaN(took) ? "?" : took.toFixed(0)}`;
  });
  const [all, cpu] = [median(runs.map((run) => run.all)), median(runs.map((run) => run.cpu))];
  const paths = [...new Set(runs.map(({ path }) => path))].join(" or ");
  console.log(`${file}: ${all.toFixed(0)} (${stages.join(", ")}), processor ${cpu.toFixed(0)}; ${paths}`);
}
