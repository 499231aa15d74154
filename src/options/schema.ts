/**
 * What an option is: a kind of value, a default, a unit and a meaning, in one table per command.
 *
 * The types of the option records, the validator, the command line's flags and its help are all derived from such a
 * table, so none of them can say something the others do not. The tables themselves are in training.ts and models.ts.
 *
 * Promise: `resolveOptions` accepts a record or names the field, what was expected and what was found; it never
 * changes the record it was given. Not here: anything that reads files or knows a command line.
 */

import { ConfigError } from "../base/errors.ts";
import { requireKnown } from "../base/known.ts";
import { shown } from "../base/shown.ts";

/** Must be given; has a default; or may be absent, which then means something of its own. */
export type Presence = "required" | "default" | "optional";

/** A set of values: how to recognise one, and how to read one from the text of a command line. */
export interface Kind<T> {
  /** Completes "expected …". */
  readonly expected: string;
  /** Stands for the value in help. */
  readonly placeholder: string;
  /** `switch` takes no value; `list` and `pairs` may be repeated. */
  readonly form: "value" | "switch" | "list" | "pairs";
  accepts(value: unknown): value is T;
  /** Reads what was typed (one text per repetition). Text it cannot read comes back as it was and is then refused. */
  parse(texts: readonly string[]): unknown;
}

/** One option of one command. */
export interface Field<T, P extends Presence = Presence> {
  readonly kind: Kind<T>;
  readonly presence: P;
  /** The value when none is given; undefined unless `presence` is `default`. */
  readonly fallback: T | undefined;
  readonly meaning: string;
  /** `""` for a plain number or text. */
  readonly unit: string;
  /** What absence means, or a word on the default; `""` when there is nothing to say. */
  readonly absent: string;
  /** Heading of the part of a command's help that it stands in; absent: none of its own. */
  readonly group?: string;
}

/** The options of one command, by name. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

type ValueOf<F> = F extends Field<infer T> ? T : never;
type Named<F extends Fields, P extends Presence> = {
  [K in keyof F]: F[K]["presence"] extends P ? K : never;
}[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };

/** The record a caller passes: everything with a default may be left out. */
export type OptionsOf<F extends Fields> = Flat<
  { readonly [K in Named<F, "required">]: ValueOf<F[K]> } & {
    readonly [K in Named<F, "default" | "optional">]?: ValueOf<F[K]> | undefined;
  }
>;

/** The record after defaults: only what may be absent can be absent. */
export type SettingsOf<F extends Fields> = Flat<
  { readonly [K in Named<F, "required" | "default">]: ValueOf<F[K]> } & {
    readonly [K in Named<F, "optional">]?: ValueOf<F[K]>;
  }
>;

/** Returns what is wrong, as `thing: expected X, got Y`, or undefined. `name` says how a field is called. */
export type Rule<Settings> = (settings: Settings, name: Naming) => string | undefined;

/** A table of options with the rules that tie several of them together. */
export interface Schema<F extends Fields = Fields> {
  readonly name: string;
  readonly fields: F;
  readonly rules: readonly Rule<SettingsOf<F>>[];
}

/** A table of options; `rules` see the settings after defaults. */
export function schema<const F extends Fields>(
  name: string,
  fields: F,
  ...rules: Rule<SettingsOf<F>>[]
): Schema<F> {
  return { name, fields, rules };
}

/** Words on a field beyond its meaning. */
export interface FieldNotes {
  readonly unit?: string;
  readonly absent?: string;
}

/** A field the caller must give. */
export function required<T>(kind: Kind<T>, meaning: string, notes: FieldNotes = {}): Field<T, "required"> {
  return { ...describe(meaning, notes), kind, presence: "required", fallback: undefined };
}

/** A field with a default. */
export function withDefault<T>(
  kind: Kind<T>,
  fallback: NoInfer<T>,
  meaning: string,
  notes: FieldNotes = {},
): Field<T, "default"> {
  return { ...describe(meaning, notes), kind, presence: "default", fallback };
}

/** A field that may be absent; `notes.absent` says what that means. */
export function optional<T>(kind: Kind<T>, meaning: string, notes: FieldNotes = {}): Field<T, "optional"> {
  return { ...describe(meaning, notes), kind, presence: "optional", fallback: undefined };
}

/** Fields that help shows under one heading; those that have one already keep it. */
export function grouped<const F extends Fields>(group: string, fields: F): F {
  const entries = Object.entries(fields).map(([key, field]) => [key, { group, ...field }]);
  // Every key has its field, with a heading more.
  return Object.fromEntries(entries) as F;
}

function describe(meaning: string, { unit = "", absent = "" }: FieldNotes) {
  return { meaning, unit, absent };
}

/** How a field is called in messages: its own name, or the flag the user typed. */
export type Naming = (field: string) => string;

/**
 * Checks a record against a schema and fills in the defaults. Undefined counts as absent; null is a value, and of no kind.
 *
 * @throws {ConfigError} `options/unknown` for a name the schema lacks, with the nearest one it has;
 *   `options/missing` for a required field; `options/value` for a value out of its kind; `options/rule` for values
 *   that contradict each other
 */
export function resolveOptions<F extends Fields>(
  { name, fields, rules }: Schema<F>,
  given: Readonly<Record<string, unknown>>,
  naming: Naming = (field) => field,
): SettingsOf<F> {
  requireKnown(name, given, Object.keys(fields));
  const settings: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(fields)) {
    const value = given[key] === undefined ? field.fallback : given[key];
    if (value !== undefined) settings[key] = value;
  }
  if (!isComplete(fields, settings)) {
    throw problemOf(fields, settings, naming);
  }
  for (const rule of rules) {
    const problem = rule(settings, naming);
    if (problem !== undefined) throw new ConfigError("options/rule", problem);
  }
  return settings;
}

function isSound(field: Field<unknown>, value: unknown): boolean {
  return value === undefined ? field.presence === "optional" : field.kind.accepts(value);
}

function isComplete<F extends Fields>(fields: F, settings: object): settings is SettingsOf<F> {
  const values = new Map<string, unknown>(Object.entries(settings));
  return Object.entries(fields).every(([key, field]) => isSound(field, values.get(key)));
}

function problemOf(fields: Fields, settings: Readonly<Record<string, unknown>>, naming: Naming): ConfigError {
  const [key, field] = Object.entries(fields).find(([name, f]) => !isSound(f, settings[name])) ?? ["options"];
  const value = settings[key];
  const expected = `${naming(key)}: expected ${field?.kind.expected ?? "a record"}`;
  if (value === undefined) return new ConfigError("options/missing", `${expected}, got nothing`);
  return new ConfigError("options/value", `${expected}, got ${shown(value)}`);
}
