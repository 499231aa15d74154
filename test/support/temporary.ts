/** All that tests put into the system's folder for temporary files goes into one, which is gone when they have ended. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "espalier-tests-"));
  // Read by os.tmpdir(), here and in every process that is started from here.
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
