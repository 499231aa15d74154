/** The methods of `compress` and their settings, as its help shows them. Derived from the registry, like everything. */

import { METHODS, type RegisteredMethod } from "../methods/registry.ts";
import { wrap } from "./units.ts";

const WIDTH = 80;
const INDENT = 24;

/** One block per method: what it does, then each setting with its default and meaning. */
export function methodsHelp(): string {
  return ["Methods, and what --set may set:", ...Object.values(METHODS).map(methodText)].join("\n");
}

function methodText({ id, summary, fields }: RegisteredMethod): string {
  const settings = Object.entries(fields).map(([name, field]) =>
    entry(`    ${name}=${field.default}`, field.help),
  );
  return [entry(`  ${id}`, summary), ...settings].join("\n");
}

/** A term and its meaning beside it, in two columns. */
function entry(term: string, meaning: string): string {
  const lines = wrap(meaning, WIDTH - INDENT).split("\n");
  const first = term.length < INDENT ? [term.padEnd(INDENT) + (lines.shift() ?? "")] : [term];
  return [...first, ...lines.map((line) => " ".repeat(INDENT) + line)].join("\n");
}
