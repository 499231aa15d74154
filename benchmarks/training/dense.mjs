/**
 * Fine-tuning on GLUE here and by transformers with the same recipe: scores after every epoch, over seeds.
 *
 *   npm run build && node benchmarks/training/dense.mjs MODEL --data GLUE --peer PYTHON --out FOLDER
 *       [--tasks cola,mrpc,rte,stsb,sst2] [--seeds 3] [--rates cola=5e-5,mrpc=1e-4] [--epochs 3] [--limit N] [--threads 1]
 *   node benchmarks/training/dense.mjs --table results/dense.jsonl
 *
 * PYTHON is an interpreter with torch, transformers, scipy and scikit-learn (dense_peer.py); without --peer only ours run. Every
 * run adds a line to FOLDER/dense.jsonl, and what has one there is not run again. "last" is the model after the last epoch,
 * "best" the best of the evaluations, one an epoch: `espalier finetune` keeps that one.
 */

import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** What a task is judged by: one metric, or the mean of two. */
const JUDGED = {
  sst2: ["accuracy"],
  cola: ["matthews"],
  mrpc: ["accuracy", "f1"],
  rte: ["accuracy"],
  stsb: ["pearson", "spearman"],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    peer: { type: "string" },
    out: { type: "string" },
    table: { type: "string" },
    tasks: { type: "string", default: Object.keys(JUDGED).join(",") },
    seeds: { type: "string", default: "3" },
    rates: { type: "string", default: "" },
    epochs: { type: "string", default: "3" },
    limit: { type: "string", default: "0" },
    threads: { type: "string", default: "1" },
  },
});
const { data, out, epochs, limit, threads } = values;
const [model] = positionals;

/**
 * @typedef {object} Line
 * @property {"espalier" | "transformers"} side
 * @property {keyof typeof JUDGED} task
 * @property {number} seed
 * @property {number} rate
 * @property {number} epochs
 * @property {number} limit Training examples; 0 is all
 * @property {Record<string, number>[]} scores After each epoch
 */

/** @param {string} path @returns {Line[]} */
function linesOf(path) {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8").trim();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
}

/** @param {Omit<Line, "scores">} line */
const nameOf = ({ side, task, seed, rate, epochs, limit }) =>
  [side, task, seed, rate, epochs, limit].join(" ");

/** @param {Omit<Line, "scores">} line @returns {Record<string, number>[]} */
function ours({ task, seed, rate }) {
  const run = join(out ?? "", [task, `s${seed}`, rate, epochs, limit].join("-"));
  const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const flags = ["--epochs", epochs, "--learning-rate", `${rate}`, "--seed", `${seed}`, "--threads", threads];
  if (limit !== "0") flags.push("--limit", limit);
  const words = [cli, "finetune", model ?? "", "--task", task, "--data", data ?? "", "--out", run, ...flags];
  execFileSync(process.execPath, [...words, "--no-latency", "--no-report", "--force"], { stdio: "ignore" });
  const events = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
  return events
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "evaluation")
    .map(({ metrics }) => metrics);
}

/** @param {Omit<Line, "scores">} line @returns {Record<string, number>[]} */
function theirs({ task, seed, rate }) {
  const script = fileURLToPath(new URL("./dense_peer.py", import.meta.url));
  const flags = [
    "--epochs",
    epochs,
    "--lr",
    `${rate}`,
    "--seed",
    `${seed}`,
    "--threads",
    threads,
    "--limit",
    limit,
  ];
  const words = [script, model ?? "", task, data ?? "", ...flags];
  const printed = execFileSync(values.peer ?? "", words, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(printed).epochs;
}

function runAll() {
  if (model === undefined || data === undefined || out === undefined)
    throw new TypeError("dense: expected MODEL, --data and --out");
  mkdirSync(out, { recursive: true });
  const ledger = join(out, "dense.jsonl");
  const rates = new Map(
    values.rates.split(",").map((pair) => /** @type {[string, string]} */ (pair.split("="))),
  );
  for (const task of /** @type {(keyof typeof JUDGED)[]} */ (values.tasks.split(","))) {
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      const rate = Number(rates.get(task) ?? "5e-5");
      const run = { task, seed, rate, epochs: Number(epochs), limit: Number(limit) };
      const sides = /** @type {const} */ (["espalier", "transformers"]);
      for (const side of sides.slice(0, values.peer === undefined ? 1 : 2)) {
        const known = new Set(linesOf(ledger).map(nameOf));
        if (known.has(nameOf({ side, ...run }))) continue;
        const started = performance.now();
        const scores = (side === "espalier" ? ours : theirs)({ side, ...run });
        const seconds = Math.round((performance.now() - started) / 1000);
        const line = { side, ...run, scores, seconds };
        appendFileSync(ledger, `${JSON.stringify(line)}\n`);
        console.log(
          `${nameOf(line)}: ${scores.map((found) => (100 * scoreOf(task, found)).toFixed(1)).join(", ")}; ${seconds} s`,
        );
      }
    }
  }
}

/** @param {keyof typeof JUDGED} task @param {Record<string, number>} metrics */
function scoreOf(task, metrics) {
  const names = JUDGED[task];
  return names.reduce((sum, name) => sum + (metrics[name] ?? Number.NaN), 0) / names.length;
}

/** @param {readonly number[]} scores Shares of one */
function spread(scores) {
  const mean = scores.reduce((sum, x) => sum + x, 0) / scores.length;
  const variance = scores.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (scores.length - 1);
  return { mean: 100 * mean, deviation: 100 * Math.sqrt(variance), runs: scores.length };
}

/** The difference of two means, in standard errors of that difference. @param {ReturnType<typeof spread>} a @param {ReturnType<typeof spread>} b */
function apart(a, b) {
  const error = Math.sqrt(a.deviation ** 2 / a.runs + b.deviation ** 2 / b.runs);
  if (a.runs === 0 || b.runs === 0) return "–";
  const difference = (a.mean - b.mean).toFixed(1);
  return Number.isFinite(error) ? `${difference} (${error.toFixed(1)})` : difference;
}

/** @param {string} path */
function printTable(path) {
  /** @type {Map<string, Line[]>} */
  const recipes = new Map();
  for (const line of linesOf(path)) {
    const recipe = [line.task, line.rate, line.epochs, line.limit].join(" ");
    recipes.set(recipe, [...(recipes.get(recipe) ?? []), line]);
  }
  const text = (/** @type {ReturnType<typeof spread>} */ { mean, deviation, runs }) =>
    runs > 1 ? `${mean.toFixed(1)} ± ${deviation.toFixed(1)}` : runs === 1 ? mean.toFixed(1) : "–";
  console.log(
    "| task | metric | rate | epochs | seeds | transformers, last | Espalier, last | difference (its standard error) | transformers, best | Espalier, best | difference (its standard error) |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|---|");
  for (const lines of recipes.values()) {
    const [first] = lines;
    if (first === undefined) continue;
    const { task, rate, epochs, limit } = first;
    const cells = /** @type {const} */ (["last", "best"]).flatMap((which) => {
      const [peer, own] = /** @type {const} */ (["transformers", "espalier"]).map((side) =>
        spread(
          lines
            .filter((line) => line.side === side)
            .map(({ scores }) => scores.map((found) => scoreOf(task, found)))
            .map((curve) => (which === "last" ? (curve.at(-1) ?? Number.NaN) : Math.max(...curve))),
        ),
      );
      return peer && own ? [text(peer), text(own), apart(own, peer)] : [];
    });
    const name = `${task}${limit ? `, first ${limit} rows` : ""}`;
    const seeds = new Set(lines.map(({ seed }) => seed)).size;
    console.log(`| ${[name, JUDGED[task].join(" + "), rate, epochs, seeds, ...cells].join(" | ")} |`);
  }
}

if (values.table === undefined) runAll();
else printTable(values.table);
