/**
 * Worker threads run from `dist/` (engine/built-url.ts), so before any test whatever is older there than its source is
 * compiled. Vitest calls this once per run. Type errors are for `npm run check` to report: JavaScript comes out anyway.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Vitest's globalSetup. @throws when a source has no JavaScript after the compiler ran */
export default function setup(): void {
  if (sources().every((path) => changed(built(path)) >= changed(path))) return;
  const { stdout } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const missing = sources().filter((path) => changed(built(path)) === 0);
  if (missing.length > 0) throw new Error(`build: expected dist/ complete, got no ${missing}\n${stdout}`);
}

function sources(): string[] {
  return readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => join(ROOT, "src", path));
}

function built(source: string): string {
  return source.replace(join(ROOT, "src"), join(ROOT, "dist")).replace(/\.ts$/, ".js");
}

/** Time of the last change; 0 for a file that does not exist. */
function changed(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
