/**
 * From `--set key=value` and `--sparsity` to a method's configuration, checked against the method's own schema.
 *
 * Ranges are the method's business (its `init` throws); here are names and types. Not here: the methods.
 */

import { ConfigError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { Setting, SettingTable } from "./method.ts";

/** What the user asked of a method. */
export interface MethodRequest {
  readonly set: Readonly<Record<string, string>>;
  /** A short way to set the method's own `sparsity`. */
  readonly sparsity?: number;
}

/**
 * The method's defaults with the user's settings in their place.
 *
 * @throws {ConfigError} `method/unknown-setting` for a name the method lacks, with the nearest one it has;
 *   `method/setting` for a value of another type, and for a `sparsity` that `set` has too, with another value
 */
export function methodConfig<Config extends object>(
  id: string,
  schema: SettingTable<Config>,
  { set, sparsity }: MethodRequest,
): Config {
  const fields = new Map(Object.entries<Setting>(schema));
  const asked = { ...(sparsity === undefined ? {} : { sparsity: String(sparsity) }), ...set };
  const values = Object.fromEntries([...fields].map(([name, field]) => [name, field.default]));
  for (const [name, text] of Object.entries(asked)) {
    const field = fields.get(name);
    if (!field) throw new ConfigError("method/unknown-setting", unknownSetting(id, name, [...fields.keys()]));
    values[name] = readAs(`${id}.${name}`, field.default, text);
  }
  const own = values.sparsity;
  if (sparsity !== undefined && own !== undefined && own !== readAs(id, own, String(sparsity)))
    throw new ConfigError("method/setting", `sparsity: expected ${own}, as in set, got ${sparsity}`);
  if (!fits(schema, values))
    throw new ConfigError("method/setting", `${id}: expected its own schema's types`);
  return values;
}

function unknownSetting(id: string, name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const known = names.length === 0 ? "it has no settings" : `it has ${names.join(", ")}`;
  return `${id}: expected a setting of the method, got "${name}"; ${near ? `did you mean "${near}"?` : known}`;
}

function readAs(where: string, fallback: Setting["default"], text: string): Setting["default"] {
  if (typeof fallback === "string") return text;
  if (typeof fallback === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw new ConfigError("method/setting", `${where}: expected true or false, got "${text}"`);
  }
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new ConfigError("method/setting", `${where}: expected a number, got "${text}"`);
}

/** Every value has the type of its default, which is what makes it a configuration. */
function fits<Config extends object>(schema: SettingTable<Config>, values: object): values is Config {
  const given = new Map<string, unknown>(Object.entries(values));
  return Object.entries<Setting>(schema).every(
    ([name, field]) => typeof given.get(name) === typeof field.default,
  );
}
