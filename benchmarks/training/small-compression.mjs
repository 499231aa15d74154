// How many steps does compression need where the examples are few? Fine-tunes once, then compresses with each method.
//
//   npm run build && node benchmarks/training/small-compression.mjs MODEL GLUE OUT.jsonl [--rows 600] [--tasks sst2]
//     [--methods theseus:layers=3,sparsebert@0.9] [--steps 120,300,600] [--rates 5e-5] [--seeds 1]
//
// One line of OUT.jsonl for each run, with the dev set's metric after the last step. Lines that are there are not run
// again, so it can be stopped and called once more.

import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { compress, finetune } from "../../dist/index.js";

/** @param {string} fallback */
const text = (fallback) => ({ type: /** @type {const} */ ("string"), default: fallback });
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: text("600"),
    tasks: text("sst2"),
    methods: text("theseus:layers=3,sparsebert@0.9"),
    steps: text("120,300,600"),
    rates: text("5e-5"),
    seeds: text("1"),
  },
});
const [model, data, out] = positionals;
const list = (words) => words.split(",");
const known = new Set(
  existsSync(out)
    ? readFileSync(out, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id)
    : [],
);
const BATCH = 32;

/** `id@sparsity:key=value:key=value` */
function parseMethod(word) {
  const [name, ...set] = word.split(":");
  const [method, sparsity] = name.split("@");
  return {
    method,
    ...(sparsity ? { sparsity: Number(sparsity) } : {}),
    set: Object.fromEntries(set.map((pair) => pair.split("="))),
  };
}

function write(line) {
  appendFileSync(out, `${JSON.stringify(line)}\n`);
  console.log(line.id, line.metric.toFixed(4), `${line.seconds} s`);
}

for (const task of list(values.tasks))
  for (const rows of list(values.rows).map(Number))
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      const base = join(tmpdir(), `small-compression-${basename(model)}-${task}-${rows}-${seed}`);
      const common = {
        model,
        data,
        task,
        limit: rows,
        seed,
        threads: 1,
        latency: false,
        evalEvery: 1e6,
        allowConstant: true,
      };
      if (!existsSync(join(base, "result.json"))) {
        const { metric, wallSeconds } = await finetune({ ...common, out: base, force: true });
        write({
          id: [task, rows, seed, "finetuned"].join(" "),
          metric: metric.after,
          seconds: Math.round(wallSeconds),
        });
      }
      for (const learningRate of list(values.rates).map(Number))
        for (const steps of list(values.steps).map(Number))
          for (const word of list(values.methods)) {
            const id = [task, rows, seed, word, steps, learningRate].join(" ");
            if (known.has(id)) continue;
            const folder = mkdtempSync(join(tmpdir(), "small-compression-"));
            const { metric, wallSeconds } = await compress({
              ...common,
              ...parseMethod(word),
              out: join(folder, "run"),
              finetuned: base,
              epochs: steps / Math.ceil(rows / BATCH),
              learningRate,
            });
            rmSync(folder, { recursive: true });
            write({ id, metric: metric.after, seconds: Math.round(wallSeconds) });
          }
    }
