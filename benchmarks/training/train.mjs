/**
 * Time of one training step (optimizer included) and one forward pass of a BERT-shaped encoder with random weights.
 *
 *   npm run bench:train -- [--layers 6 --hidden 384 --heads 12 --ffn 1536 --batch 32 --tokens 64 --threads 2 --steps 8]
 *   npm run bench:train -- --peer "python peer_step.py" [--rounds 3] …
 *
 * Prints one JSON line per mode: median milliseconds of the steps after the second, tokens per second, peak memory.
 * With --peer, a program that takes the same flags and prints the same lines (variant "eager fp32") runs in turn with
 * ours, and the ratios of the medians come last. Dropout and padding are off, token ids stay the same, as in the peer.
 */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { keyOf } from "../../dist/base/random.js";
import { bind } from "../../dist/contract/method.js";
import { Engine } from "../../dist/engine/engine.js";
import { FINETUNE } from "../../dist/methods/finetune.js";
import { ADAMW } from "../../dist/train/adamw.js";
import { Trainer } from "../../dist/train/trainer.js";
import { batchOf, median, networkOf, SHAPE, shapeOf } from "../shapes.mjs";

const names = Object.keys(SHAPE);
const { values } = parseArgs({
  options: {
    ...Object.fromEntries(names.map((name) => [name, { type: "string" }])),
    peer: { type: "string" },
    rounds: { type: "string", default: "3" },
    modes: { type: "string", default: "forward,train" },
    "no-arena": { type: "boolean", default: false },
  },
});
const shape = shapeOf(values);

/** As a run holds it: the initial tensors stay with the method. */
async function open(engine) {
  const method = bind(FINETUNE, networkOf(shape), {}, { steps: shape.steps, key: keyOf(3) });
  return Trainer.open(engine, { method, adamw: ADAMW, clip: 1 });
}

async function measure(mode) {
  const engine = new Engine({ threads: shape.threads, arena: !values["no-arena"] });
  const trainer = await open(engine);
  const batch = batchOf(shape);
  const times = [];
  for (let i = 0; i < shape.steps; i++) {
    const start = performance.now();
    if (mode === "forward") await trainer.logits(batch);
    else {
      await trainer.step([batch], 1e-4);
      await trainer.settled();
    }
    times.push(performance.now() - start);
  }
  await engine.close();
  const ms = median(times.slice(2));
  return {
    variant: "espalier fp32",
    mode,
    ms: Number(ms.toFixed(1)),
    tokens_per_s: Math.round((1000 * shape.batch * shape.tokens) / ms),
    threads: shape.threads,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

/** Runs a program that prints JSON lines; its standard error is ours. */
function linesOf(command, args) {
  const text = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function beside(peer) {
  const flags = names.flatMap((name) => [`--${name}`, String(shape[name])]);
  const [command, ...before] = peer.split(" ");
  const found = { ours: { forward: [], train: [] }, peer: { forward: [], train: [] } };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const mode of ["forward", "train"]) {
      const [line] = linesOf(process.execPath, [fileURLToPath(import.meta.url), ...flags, "--modes", mode]);
      console.log(JSON.stringify(line));
      found.ours[mode].push(line);
    }
    for (const line of linesOf(command, [...before, ...flags])) {
      if (line.variant !== "eager fp32") continue;
      console.log(JSON.stringify(line));
      found.peer[line.mode].push(line);
    }
  }
  for (const mode of ["forward", "train"]) {
    const [ours, theirs] = [found.ours[mode], found.peer[mode]];
    const ms = (lines) => median(lines.map((line) => line.ms));
    const memory = (lines) => Math.max(...lines.map((line) => line.peak_rss_mb));
    const ratio = Number((ms(theirs) / ms(ours)).toFixed(2));
    console.log(
      JSON.stringify({
        mode,
        ours_ms: ms(ours),
        peer_ms: ms(theirs),
        times_faster: ratio,
        ours_mb: memory(ours),
        peer_mb: memory(theirs),
      }),
    );
  }
}

if (values.peer !== undefined) beside(values.peer);
else for (const mode of values.modes.split(",")) console.log(JSON.stringify(await measure(mode)));
