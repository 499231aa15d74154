/** Standard output and error of both processes of a command: the answer, and what is said when there is none. */

import { escapeAllButLines } from "./controls.ts";
import { describeFailure, type ExitCode } from "./failure.ts";

/** Waits until the text is out: an exit right after it would cut a pipe short. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** Says what went wrong, with `json` as an object on standard output too. */
export async function tellFailure(error: unknown, json: boolean): Promise<ExitCode> {
  const { exit, code, message } = describeFailure(error);
  process.stderr.write(`espalier: ${escapeAllButLines(message)}\n`);
  if (process.env.ESPALIER_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (json) await print(JSON.stringify({ error: { code, message } }));
  return exit;
}

// A reader that went away (`| head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
});
// Progress that nobody hears is no reason to end hours of work, and there is no other place to say so.
process.stderr.on("error", () => undefined);
