#!/usr/bin/env node
/**
 * The command `espalier`: reads the command line, runs one command, prints its answer, sets the exit code.
 *
 * Standard output carries the answer alone (with --json exactly one object, an error included); progress, errors and
 * advice go to standard error. The first Ctrl-C lets a run save itself, the second ends at once.
 */

import { codeVersion } from "../measure/machine.ts";
import { parseArguments, type Request } from "./arguments.ts";
import { escapeAllButLines } from "./controls.ts";
import { createDisplay, type Display } from "./display.ts";
import { describeFailure, type ExitCode } from "./failure.ts";
import { interruptSignal } from "./interrupt.ts";

async function main(words: readonly string[]): Promise<ExitCode> {
  const display = createDisplay(process.stderr, () => performance.now());
  try {
    const request = parseArguments(words, await codeVersion());
    await print(request.kind === "help" ? await helpText(request) : await execute(request, display));
    return 0;
  } catch (error) {
    display.clear();
    return await fail(error, words.includes("--json"));
  }
}

async function helpText({ text, method }: Extract<Request, { kind: "help" }>): Promise<string> {
  const { moduleHelp } = await import("./methods-help.ts");
  return text.trimEnd() + (method === undefined ? "" : await moduleHelp(method));
}

async function execute(request: Extract<Request, { kind: "run" }>, display: Display): Promise<string> {
  const { command, json } = request;
  const given = command.prepare ? await command.prepare(request.given, process.stdin) : request.given;
  const { signal, release } = interruptSignal(process, (text) => {
    display.clear();
    process.stderr.write(text);
  });
  try {
    const outcome = await command.execute(given, { signal, report: display.report });
    display.clear();
    return json ? JSON.stringify(outcome.json) : escapeAllButLines(outcome.text);
  } finally {
    release();
  }
}

async function fail(error: unknown, json: boolean): Promise<ExitCode> {
  const { exit, code, message } = describeFailure(error);
  process.stderr.write(`espalier: ${escapeAllButLines(message)}\n`);
  if (process.env.ESPALIER_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (json) await print(JSON.stringify({ error: { code, message } }));
  return exit;
}

/** Waits until the text is out: an exit right after it would cut a pipe short. */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

// A reader that went away (`| head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
});

// Workers of the engine may still be winding down; nothing they could do matters any more.
process.exit(await main(process.argv.slice(2)));
