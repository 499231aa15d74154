/**
 * Sources that decide numbers do not change under their version without a word: versions.json has a digest of each
 * one's, in which comments and blanks do not count. After a change, raise the version in src/reproduce/versions.ts if the
 * same settings now give other numbers, and either way record it: npx vitest run test/house/versions.test.ts -u
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { expect, test } from "vitest";
import { VERSIONS } from "../../src/reproduce/versions.ts";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/** What every run passes through, from a task's files to trained weights. */
const TRAINING = [
  ...["runs/training.ts", "data/batches.ts", "data/glue.ts"],
  ...["text/tokenizer.ts", "network/network.ts"],
];

/** Where numbers are made: imports of other rooms, of errors and of what is shown, are not followed. */
const DECIDES = /^(?:bert|data|graph|methods|network|parts|text|train)\/|^base\/(?!errors|present|quantity)/;

function reachedFrom(entries: readonly string[]): Set<string> {
  const reached = new Set(entries.map((path) => join(SRC, path)));
  for (const path of reached) {
    for (const [, target] of readFileSync(path, "utf8").matchAll(/from "(\.{1,2}\/[^"]+\.ts)"/g))
      if (target !== undefined && DECIDES.test(nameOf(join(dirname(path), target))))
        reached.add(join(dirname(path), target));
  }
  return reached;
}

function nameOf(path: string): string {
  return relative(SRC, path).replaceAll("\\", "/");
}

function digestOf(paths: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const path of [...paths].toSorted()) {
    const source = readFileSync(path, "utf8");
    const { code } = transformSync(source, { loader: "ts", minifyWhitespace: true, legalComments: "none" });
    hash.update(`${nameOf(path)}\n${code}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Of training with all that it imports, and of each method with what it imports beyond that. */
function sourcesOf(name: string): string {
  const shared = reachedFrom(TRAINING);
  if (name === "training") return digestOf(shared);
  return digestOf([...reachedFrom([`methods/${name}.ts`])].filter((path) => !shared.has(path)));
}

test("versions.json has each version beside the digest of its sources", async () => {
  const entries = Object.entries(VERSIONS).map(([name, version]) => [
    name,
    { version, sources: sourcesOf(name) },
  ]);
  const text = `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("versions.json");
});
