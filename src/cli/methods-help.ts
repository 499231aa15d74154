/** The methods of `compress` and their settings, as its help shows them: of the registry, and of a module that is named. */

import { wrap } from "../base/units.ts";
import { METHODS, registeredMethod } from "../methods/registry.ts";

const WIDTH = 80;
const INDENT = 24;

/** A line for each method. */
export function methodsHelp(): string {
  const lines = Object.values(METHODS).map(({ id, summary }) => entry(`  ${id}`, summary));
  return ["Methods; compress --method ID --help shows what --set may set of one:", ...lines].join("\n");
}

/**
 * A method, then each setting with its default and meaning, and what it takes where no rate or batch is typed.
 *
 * @param reference  its name, or the path of a module
 * @throws {ConfigError} `method/unknown`; as `methodOfModule` does
 */
export async function methodHelp(reference: string): Promise<string> {
  const { isModule, methodOfModule } = await import("../commands/own-method.ts");
  const method = isModule(reference) ? await methodOfModule(reference) : registeredMethod(reference);
  const settings = Object.entries(method.fields).map(([name, field]) =>
    entry(`    ${name}=${field.default}`, field.help),
  );
  const { learningRate, batchSize } = method.own;
  const defaults = Object.entries({ "--learning-rate": learningRate, "--batch-size": batchSize });
  const own = defaults.flatMap(([flag, help]) => (help === undefined ? [] : [entry(`    ${flag}`, help)]));
  const text = [entry(`  ${method.id}`, method.summary), ...settings, ...own].join("\n");
  return `\n\nMethod ${reference}, and what --set may set:\n${text}`;
}

/** A term and its meaning beside it, in two columns. */
function entry(term: string, meaning: string): string {
  const lines = wrap(meaning, WIDTH - INDENT).split("\n");
  const first = term.length < INDENT ? [term.padEnd(INDENT) + (lines.shift() ?? "")] : [term];
  return [...first, ...lines.map((line) => " ".repeat(INDENT) + line)].join("\n");
}
