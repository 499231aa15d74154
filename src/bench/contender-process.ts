/**
 * The process of one contender: it loads a file, says what that took, and runs batches when it is its turn.
 *
 * Each contender has a process of its own, so that memory can be told apart, and so that what an engine leaves behind
 * (threads that spin, memory it keeps, flags of Node) is not in the way of the next. Times are taken here: messages are
 * outside of them. Started by contender.ts and of no use alone.
 */

import { memoryUsage } from "node:process";
import { type Contender, contenderOf, randomBatch } from "../measure/latency.ts";
import { ownPeakMemory } from "../measure/machine.ts";
import type { ContenderReply, ContenderRequest, ContenderSpec, Opened } from "./contender.ts";
import { ENGINES } from "./engines.ts";

let contender: Contender | undefined;
let before = 0;

/** Loads the file and answers once. Memory is what is resident beyond a process that has the code but no model. */
async function open({ engine, file, vocabSize, length, ...settings }: ContenderSpec): Promise<Opened> {
  const probe = randomBatch(1, length, vocabSize);
  ENGINES[engine].code?.(settings);
  before = memoryUsage.rss();
  const start = performance.now();
  const { prepare, kernels } = await ENGINES[engine].open(file, settings);
  const answers = await prepare(probe)();
  const milliseconds = performance.now() - start;
  contender = contenderOf(prepare, vocabSize);
  return { milliseconds, memory: memoryUsage.rss() - before, answers, kernels };
}

async function answer(request: ContenderRequest): Promise<unknown> {
  if (request.kind === "open") return open(request.spec);
  if (request.kind === "peak") return (await ownPeakMemory()) - before;
  if (contender === undefined) throw new RangeError("contender: expected to be opened first");
  return contender.turn(request.at, request.passes);
}

// Ctrl-C reaches every process of a terminal; the one that started this one ends it.
process.on("SIGINT", () => undefined);
process.on("message", (request: ContenderRequest) => {
  const send = (reply: ContenderReply): void => {
    process.send?.(reply);
  };
  answer(request).then(
    (value) => send({ ok: true, value }),
    (error: unknown) => send({ ok: false, message: error instanceof Error ? error.message : String(error) }),
  );
});
