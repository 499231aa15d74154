/** The package's declarations compile in a program for Node, whose types leave WebAssembly to the browser's. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const PROGRAM = `
import type { RunResult } from "espalier";
import type { Method } from "espalier/methods";
import type { RuntimeModel } from "espalier/runtime";
export type Used = [RunResult, Method<object, never>, RuntimeModel];
`;

test("declarations are checked without the types of a browser, under both ways of finding modules", async () => {
  const folder = await mkdtemp(join(tmpdir(), "espalier-declarations-"));
  try {
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(join(folder, "program.ts"), PROGRAM);
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const dist = (name: string): string[] => [join(ROOT, "dist", `${name}.d.ts`)];
    const paths = {
      espalier: dist("index"),
      "espalier/methods": dist("methods"),
      "espalier/runtime": dist("runtime"),
    };
    for (const [module, moduleResolution] of [
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ]) {
      const compilerOptions = {
        ...{ module, moduleResolution, paths, target: "es2023", lib: ["es2023"], types: ["node"] },
        ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
      };
      await writeFile(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, files: ["program.ts"] }),
      );
      const tsc = promisify(execFile)(join(ROOT, "node_modules", ".bin", "tsc"), ["-p", folder]);
      const said = await tsc.then(
        ({ stdout }) => stdout,
        (error: { stdout?: string }) => error.stdout ?? String(error),
      );
      expect(said).toBe("");
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
