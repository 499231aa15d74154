/**
 * Worker threads run from `dist/` (base/built-url.ts), so before any test whatever is older there than its source is
 * compiled, and then bundled for browsers. Vitest calls this once per run. Type errors are for `npm run check` to report: JavaScript comes out anyway.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The four compilations of the inference kernels. */
export const KERNEL_FILES = [
  "kernels.wasm",
  "kernels-shared.wasm",
  "kernels-fused.wasm",
  "kernels-fused-shared.wasm",
] as const;

/** AssemblyScript: the newest source of a folder or file, and the oldest that is compiled of it. */
const KERNELS = [
  { sources: ["assembly/optimizer.ts"], built: ["dist/train/optimizer.wasm"] },
  {
    sources: readdirSync(join(ROOT, "assembly/inference")).map((name) => `assembly/inference/${name}`),
    built: KERNEL_FILES.map((name) => `dist/sparse/${name}`),
  },
];

/** Vitest's globalSetup. @throws when the compiler cannot be started */
export default function setup(): void {
  const run = (command: string, ...args: string[]): void => {
    const { error } = spawnSync(command, args, { cwd: ROOT });
    if (error) throw error;
  };
  const times = (paths: readonly string[]): number[] => paths.map((path) => changed(join(ROOT, path)));
  const stale = KERNELS.some(({ sources, built }) => Math.min(...times(built)) < Math.max(...times(sources)));
  if (stale) run("npm", "run", "build:kernels");
  if (sources().some((path) => changed(built(path)) < changed(path))) {
    run(join(ROOT, "node_modules/.bin/tsc"), "-p", "tsconfig.build.json");
  }
  const bundled = [
    ...sources().map(built),
    join(ROOT, "dist/sparse/kernels.wasm"),
    join(ROOT, "build/bundles.mjs"),
  ];
  const bundle = changed(join(ROOT, "dist/browser/runtime.js"));
  if (bundled.some((path) => changed(path) > bundle)) run("npm", "run", "build:bundles");
}

function sources(): string[] {
  return readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !path.endsWith(".d.ts"))
    .map((path) => join(ROOT, "src", path));
}

function built(source: string): string {
  return source.replace(join(ROOT, "src"), join(ROOT, "dist")).replace(/\.ts$/, ".js");
}

/** Time of the last change; 0 for a file that does not exist. */
function changed(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
