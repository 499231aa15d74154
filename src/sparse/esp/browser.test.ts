import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

/** Every file that `path` imports, by way of others too, types left out; and what is imported from outside. */
function reached(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  if (!path.endsWith(".ts")) return found;
  const text = readFileSync(path, "utf8").replaceAll(/^import type .*?;$/gms, "");
  for (const [, to = ""] of text.matchAll(/^(?:import|export) (?:[^;]*? from )?"([^"]+)";$/gms)) {
    reached(to.startsWith(".") ? join(dirname(path), to) : to, found);
  }
  return found;
}

test("what reads and writes .esp files needs nothing of Node and no other package", () => {
  const files = [...reached("src/sparse/esp/model.ts"), ...reached("src/sparse/esp/figures.ts")];
  expect(files).toContain("src/bert/config.ts");
  const outside = files.filter((file) => !file.endsWith(".ts"));
  expect([...new Set(outside)]).toEqual([]);
  const sources = files.filter((file) => file.endsWith(".ts")).map((file) => readFileSync(file, "utf8"));
  expect(sources.filter((text) => /\b(?:Buffer|process)\b\s*[.(]/.test(text))).toEqual([]);
});
