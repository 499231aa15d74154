/**
 * The process that one command runs in. Its words come from the process that the user started (supervisor.ts), which
 * also hears Ctrl-C and passes it on; without that process this one ends at once.
 *
 * Standard output carries the answer alone (with --json exactly one object, an error included); progress, errors and
 * advice go to standard error.
 */

import { codeVersion } from "../measure/machine.ts";
import type { ProgressEvent } from "../runs/progress.ts";
import { parseArguments, type Request } from "./arguments.ts";
import { escapeAllButLines } from "./controls.ts";
import { createDisplay, type Display } from "./display.ts";
import type { ExitCode } from "./failure.ts";
import { print, tellFailure } from "./output.ts";

/** What comes from the supervisor. */
export type SupervisorMessage =
  | { readonly kind: "run"; readonly words: readonly string[] }
  | { readonly kind: "stop" };

/** What goes to it: from now on there is something to save; all that is to be written is written. */
export interface CommandMessage {
  readonly kind: "begun" | "done";
}

const stop = new AbortController();

async function run(words: readonly string[]): Promise<ExitCode> {
  const display = createDisplay(process.stderr, () => performance.now());
  try {
    const request = parseArguments(words, await codeVersion());
    if (request.kind === "run") await print(await execute(request, display));
    return 0;
  } catch (error) {
    display.clear();
    return await tellFailure(error, words.includes("--json"));
  }
}

async function execute(request: Extract<Request, { kind: "run" }>, display: Display): Promise<string> {
  const { command, json } = request;
  const report = announcing(display.report);
  const given = command.prepare ? await command.prepare(request.given, process.stdin, report) : request.given;
  const outcome = await command.execute(given, { signal: stop.signal, report });
  process.send?.({ kind: "done" } satisfies CommandMessage);
  display.clear();
  return json ? JSON.stringify(outcome.json) : escapeAllButLines(outcome.text);
}

/** Tells the supervisor with the first step, or the first part of other work that is saved. */
function announcing(report: (event: ProgressEvent) => void): (event: ProgressEvent) => void {
  let begun = false;
  return (event) => {
    if (!begun && (event.kind === "step" || event.kind === "count")) {
      begun = true;
      process.send?.({ kind: "begun" } satisfies CommandMessage);
    }
    report(event);
  };
}

// Ctrl-C reaches both processes of a terminal; the other one decides.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
// An exit would wait for threads inside native code, and those would not take it well.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

process.on("message", (message: SupervisorMessage) => {
  if (message.kind === "stop") stop.abort();
  // Workers of the engine may still be winding down; nothing they could do matters any more.
  else void run(message.words).then((code) => process.exit(code));
});
