/**
 * Examples per second of fine-tuning on real sentences, from the first graph to the last step: compiling and training.
 * Reading and cutting into pieces come before. Beside a peer that prints one JSON line with examples_per_s, of its training.
 *
 *   npm run bench:finetune -- MODEL --task sst2 --data DIR [--limit 9600 --rounds 2 --threads 2]
 *     --peer "python peer_finetune.py"
 *
 * The peer is called as PEER MODEL TASK FOLDER --limit N --epochs 1 --batch 32 --lr 1e-4 --threads T --pad longest.
 * The two run in turn; medians and their ratio come last.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { glueFile } from "../../dist/data/glue.js";
import { median } from "../shapes.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    task: { type: "string", default: "sst2" },
    data: { type: "string" },
    limit: { type: "string", default: "9600" },
    rounds: { type: "string", default: "2" },
    threads: { type: "string", default: "2" },
    peer: { type: "string" },
  },
});
const [model] = positionals;
const { task, data, limit, threads } = values;
const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Steps × 32 over the seconds from the run's start to its last step. */
function ours() {
  const out = mkdtempSync(join(tmpdir(), "espalier-speed-"));
  const flags = [
    "--epochs",
    "1",
    "--batch-size",
    "32",
    "--learning-rate",
    "1e-4",
    "--floor",
    "none",
    "--json",
  ];
  const args = [
    "finetune",
    model,
    "--task",
    task,
    "--data",
    data,
    "--limit",
    limit,
    "--threads",
    threads,
    ...flags,
  ];
  execFileSync(process.execPath, [cli, ...args, "--out", out, "--force"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const events = readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  rmSync(out, { recursive: true });
  const steps = events.filter(({ kind }) => kind === "step");
  const start = events.find(({ kind }) => kind === "start");
  return (32 * steps.length) / (steps.at(-1).at - start.at);
}

function theirs() {
  const [command, ...before] = values.peer.split(" ");
  const folder = dirname(
    glueFile(/** @type {import("../../dist/data/glue.js").GlueTask} */ (task), data, "train"),
  );
  const flags = [
    "--limit",
    limit,
    "--epochs",
    "1",
    "--batch",
    "32",
    "--lr",
    "1e-4",
    "--threads",
    threads,
    "--pad",
    "longest",
  ];
  const text = execFileSync(command, [...before, model, task, folder, ...flags], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(text.trim().split("\n").at(-1)).examples_per_s;
}

const found = { ours: [], peer: [] };
for (let round = 0; round < Number(values.rounds); round++) {
  found.ours.push(ours());
  if (values.peer !== undefined) found.peer.push(theirs());
  console.log(JSON.stringify({ round, ours: found.ours.at(-1), peer: found.peer.at(-1) }));
}
const [a, b] = [median(found.ours), median(found.peer)];
console.log(
  JSON.stringify({ task, limit: Number(limit), ours_per_s: a, peer_per_s: b, times_faster: a / b }),
);
