/** The one shape of this format's failures: `thing: expected X, got Y (where)` with a code `esp/…`. */

import { FormatError } from "../../base/errors.ts";

/** A failure of the format. `got` is shown as it is when it is text, else as JSON, and cut. */
export function bad(code: string, what: string, expected: string, got: unknown, where: string): FormatError {
  const shown = typeof got === "string" ? got : (JSON.stringify(got) ?? "nothing");
  return new FormatError(
    `esp/${code}`,
    `${what}: expected ${expected}, got ${shown.slice(0, 200)} (${where})`,
  );
}
