/** The methods of `compress` and their settings, as its help shows them: of the registry, and of a module that is named. */

import { wrap } from "../base/units.ts";
import type { RegisteredMethod } from "../contract/configured.ts";
import { METHODS } from "../methods/registry.ts";

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

/** The same for the method of a module; nothing for a name, which is above. @throws as `methodOfModule` does */
export async function moduleHelp(reference: string): Promise<string> {
  const { isModule, methodOfModule } = await import("../commands/own-method.ts");
  if (!isModule(reference)) return "";
  return `\n\nMethod of ${reference}:\n${methodText(await methodOfModule(reference))}`;
}

/** A term and its meaning beside it, in two columns. */
function entry(term: string, meaning: string): string {
  const lines = wrap(meaning, WIDTH - INDENT).split("\n");
  const first = term.length < INDENT ? [term.padEnd(INDENT) + (lines.shift() ?? "")] : [term];
  return [...first, ...lines.map((line) => " ".repeat(INDENT) + line)].join("\n");
}
