#!/usr/bin/env node
/**
 * The command `espalier`: reads the command line, has one command run (supervisor.ts), sets the exit code.
 *
 * Help and a wrong command line are answered here, at once.
 */

import { InterruptedError } from "../base/errors.ts";
import { codeVersion } from "../measure/machine.ts";
import { parseArguments, type Request } from "./arguments.ts";

import { print, tellFailure } from "./output.ts";
import { supervise } from "./supervisor.ts";

async function main(words: readonly string[]): Promise<number> {
  const json = words.includes("--json");
  try {
    const request = parseArguments(words, await codeVersion());
    if (request.kind === "help") {
      await print(await helpText(request));
      return 0;
    }
    const module = new URL("./command-process.js", import.meta.url);
    const stop = request.command.stop(request.given);
    const { exit, interrupted } = await supervise({ module, words, stop, tell });
    if (interrupted === undefined) return exit;
    tell("");
    return await tellFailure(new InterruptedError("run/interrupted", interrupted), json);
  } catch (error) {
    return await tellFailure(error, json);
  }
}

async function helpText({ text, method }: Extract<Request, { kind: "help" }>): Promise<string> {
  const { methodHelp } = await import("./methods-help.ts");
  return text.trimEnd() + (method === undefined ? "" : await methodHelp(method));
}

/** On a terminal, in place of the line that is being rewritten. */
function tell(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${text}` : text);
}
process.exit(await main(process.argv.slice(2)));
