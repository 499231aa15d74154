/** What the shell and the user are told when a command fails: an exit code, a stable code and one message. */

import { CommanderError } from "commander";
import { ConfigError, EspalierError, FormatError, InputError, InterruptedError } from "../base/errors.ts";

/** 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

/** A failure as it is shown. */
export interface Failure {
  readonly exit: ExitCode;
  /** Stable between versions; `area/case`. */
  readonly code: string;
  readonly message: string;
}

/** Files the system refuses because of what the user named, rather than because something broke. */
const USER_ERRNO = new Set(["ENOENT", "EACCES", "EPERM", "ENOTDIR", "EISDIR", "EEXIST"]);

/** Sorts anything thrown. An error nobody foresaw is `internal`, with a word on how to see more. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof EspalierError)
    return { exit: exitOf(error), code: error.code, message: error.message };
  if (error instanceof CommanderError) return usageFailure(error);
  if (!(error instanceof Error)) return { exit: 1, code: "internal", message: String(error) };
  if (error.name === "AbortError") return { exit: 130, code: "run/interrupted", message: "stopped" };
  if ("code" in error && typeof error.code === "string" && "syscall" in error) {
    return { exit: USER_ERRNO.has(error.code) ? 2 : 1, code: `system/${error.code}`, message: error.message };
  }
  const message = `${error.message || error.name} (unforeseen; ESPALIER_DEBUG=1 shows where)`;
  return { exit: 1, code: "internal", message };
}

function exitOf(error: EspalierError): ExitCode {
  if (error instanceof InterruptedError) return 130;
  const isInput = error instanceof InputError || error instanceof ConfigError || error instanceof FormatError;
  return isInput ? 2 : 1;
}

/** Commander's `commander.unknownOption` becomes `cli/unknown-option`; its two-line messages become one. */
function usageFailure(error: CommanderError): Failure {
  const name = error.code
    .replace(/^commander\./, "")
    .replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  return { exit: 2, code: `cli/${name}`, message };
}
