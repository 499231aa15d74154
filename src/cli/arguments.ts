/**
 * From a command line to a command and its options; flags and help come from the tables in options/training.ts.
 *
 * Pure: nothing is printed and the process is not touched. Help is returned, a wrong command line is thrown.
 */

import { Command, CommanderError, Option } from "commander";
import { wrap } from "../base/units.ts";
import { flagOf } from "../options/flags.ts";
import type { Field } from "../options/schema.ts";
import { COMMON } from "../options/shared.ts";
import { commandMeantBy, fieldMeantBy } from "./aliases.ts";
import { COMMANDS, type CommandSpec } from "./commands.ts";
import { WIDTH } from "./table.ts";
import type { Given } from "./texts.ts";

/** What the command line asks for. */
export type Request =
  /** `method` is what --method was given, whose module may have more to say. */
  | { readonly kind: "help"; readonly text: string; readonly method?: string }
  | { readonly kind: "run"; readonly command: CommandSpec; readonly given: Given; readonly json: boolean };

const EVERY = "Every command:";

/**
 * Reads the words after `espalier`; without any the answer is help.
 *
 * @throws {CommanderError} for an unknown command or flag, a missing word or value, and two values of what has one
 */
export function parseArguments(words: readonly string[], version: string): Request {
  let text = "";
  let request: Request | undefined;
  const program = new Command("espalier")
    .description("Fine-tune, compress, measure and ship text encoders.")
    .version(version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this")
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText("after", "\nFor the options of a command: espalier COMMAND --help")
    .configureOutput({ writeOut: (part) => (text += part), writeErr: () => {}, outputError: () => {} })
    .configureHelp({ helpWidth: WIDTH, subcommandTerm: (command) => command.name() })
    .exitOverride();
  for (const spec of COMMANDS) {
    addCommand(program, spec, words, (given, json) => {
      request = { kind: "run", command: spec, given, json };
    });
  }
  try {
    program.parse(words.length === 0 ? ["--help"] : words, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode !== 0) throw namedUsage(error, words);
    const method = program.commands.flatMap((command) => wordsOf(command.opts().method)).at(-1);
    return { kind: "help", text, ...(method === undefined ? {} : { method }) };
  }
  return request ?? { kind: "help", text: program.helpInformation() };
}

/**
 * Without a command Commander answers with help and an error of no words; this gives it some. For an unknown one it
 * suggests what is spelt alike; a word that means a command comes before.
 */
function namedUsage(error: unknown, words: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error;
  const unknown =
    error.code === "commander.unknownCommand" ? words.find((word) => !word.startsWith("-")) : undefined;
  const meant = unknown === undefined ? undefined : commandMeantBy(unknown);
  if (meant !== undefined) {
    return new CommanderError(1, error.code, `error: unknown command '${unknown}'\n(Did you mean ${meant}?)`);
  }
  if (error.code === "commander.unknownOption") return namedOption(error, words);
  if (error.code !== "commander.help") return error;
  return new CommanderError(
    2,
    "commander.noCommand",
    `expected a command, got ${words.join(" ")}; see espalier --help`,
  );
}

/** A text that looks like a flag, a flag that means one of ours, or what has no flag but a place. */
function namedOption(error: CommanderError, words: readonly string[]): CommanderError {
  const spec = COMMANDS.find(({ name }) => words.includes(name));
  const text = words.find((word) => isTextLike(word) && error.message.startsWith(unknownOption(word)));
  if (spec?.positionals.includes("texts") && text !== undefined) {
    const hint = `(A text that begins with a dash stands behind --: espalier ${spec.name} RUN -- TEXT)`;
    return new CommanderError(1, error.code, `${unknownOption(text)}\n${hint}`);
  }
  const [, flag] = /unknown option '([^']+)'/.exec(error.message) ?? [];
  const key = flag === undefined ? undefined : fieldMeantBy(flag);
  const field = key === undefined ? undefined : spec?.fields[key];
  if (spec === undefined || key === undefined || field === undefined) return error;
  const isPlaced = spec.positionals.includes(key) && !hasBoth(field);
  const places = spec.positionals.map((name) => placeOf(spec, name)).join(" ");
  const hint = isPlaced
    ? `(${placeOf(spec, key)} has a place and no flag: espalier ${spec.name} ${places})`
    : `(Did you mean ${flagOf(key)}?)`;
  return new CommanderError(1, error.code, `${unknownOption(flag)}\n${hint}`);
}

/** As Commander says it. */
function unknownOption(flag = ""): string {
  return `error: unknown option '${flag}'`;
}

/** Whether a word with a dash before it is more like a text than like a flag: `-5 degrees`, `--- well`. */
function isTextLike(word: string): boolean {
  return word.startsWith("-") && !/^--?[a-z][\w-]*(?:=.*)?$/is.test(word);
}

function addCommand(
  program: Command,
  spec: CommandSpec,
  words: readonly string[],
  ask: (given: Given, json: boolean) => void,
): void {
  const command = program
    .command(spec.name)
    .description(sentence(spec.summary))
    .summary(spec.summary)
    .usage([...spec.positionals.map((key) => placeOf(spec, key)), "[options]"].join(" "))
    .addHelpOption(new Option("-h, --help", "show this").helpGroup(EVERY))
    .addHelpText("after", () => helpTail(spec));
  for (const key of spec.positionals) command.argument(placeOf(spec, key), describeField(spec.fields[key]));
  // Help has its parts in the order in which each comes first.
  const fields = Object.entries(spec.fields).toSorted(([, a], [, b]) => orderOf(a) - orderOf(b));
  for (const [key, field] of fields) {
    if (!spec.positionals.includes(key) || hasBoth(field)) command.addOption(optionOf(key, field, words));
  }
  const json = new Option("--json", "print one JSON object on standard output").helpGroup(EVERY);
  command.addOption(json);
  command.action(() => {
    const { json: asJson, ...typed } = command.opts<Record<string, unknown>>();
    const named = optionsOf(spec, typed);
    const placed = positionalsOf(spec, command.processedArgs, named);
    refuseTwice(placed, named);
    ask({ ...placed, ...named }, asJson === true);
  });
}

/** A value that may be absent is given by its place or by its flag. */
function hasBoth({ presence, kind }: Field<unknown>): boolean {
  return presence === "optional" && kind.form === "value";
}

/** @throws {CommanderError} for a value that stands in its place and behind its flag */
function refuseTwice(placed: Given, named: Given): void {
  const twice = Object.keys(placed).find((key) => Object.hasOwn(named, key));
  if (twice === undefined) return;
  const message = `error: <${twice}>: expected it or ${flagOf(twice)}, got both, ${placed[twice]} and ${named[twice]}`;
  throw new CommanderError(1, "commander.twice", message);
}

/** Texts may come from standard input, so theirs can stay empty, as can the place of what may be absent. */
function placeOf({ fields, prepare }: CommandSpec, key: string): string {
  const field = fields[key];
  if (field && hasBoth(field)) return `[${key}]`;
  if (field?.kind.form !== "list") return `<${key}>`;
  return prepare ? `[${key}...]` : `<${key}...>`;
}

function optionOf(key: string, field: Field<unknown>, words: readonly string[]): Option {
  const { kind } = field;
  const turnsOff = kind.form === "switch" && field.fallback === true;
  const flag = turnsOff ? flagOf(key).replace("--", "--no-") : flagOf(key);
  const option = new Option(
    kind.form === "switch" ? flag : `${flag} <${kind.placeholder}>`,
    turnsOff ? `do not ${field.meaning}` : describeField(field),
  );
  option.helpGroup(headingOf(key, field));
  if (kind.form === "switch") return option;
  return option.argParser((text, before) => {
    requireValue(flag, text, words);
    const all = [...wordsOf(before), text];
    if (kind.form === "value") refuseMore(flag, all);
    return all;
  });
}

/** What has to be given comes first. */
function orderOf({ presence }: Field<unknown>): number {
  return presence === "required" ? 0 : 1;
}

function headingOf(key: string, { presence, group = "Options" }: Field<unknown>): string {
  if (Object.hasOwn(COMMON, key)) return EVERY;
  return presence === "required" ? "Required:" : `${group}:`;
}

/** @throws {CommanderError} where the next flag stands in the place of a value */
function requireValue(flag: string, text: string, words: readonly string[]): void {
  if (!text.startsWith("--") || !words.some((word, i) => word === flag && words[i + 1] === text)) return;
  const message = `error: ${flag}: expected a value, got ${text}; one that begins with dashes is given as ${flag}=${text}`;
  throw new CommanderError(1, "commander.optionMissingArgument", message);
}

/** @throws {CommanderError} for several values of what has one; the same again is no other */
function refuseMore(flag: string, values: readonly string[]): void {
  if (new Set(values).size === 1) return;
  throw new CommanderError(
    1,
    "commander.repeated",
    `error: ${flag}: expected one value, got ${values.join(" and ")}`,
  );
}

function wordsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function positionalsOf(spec: CommandSpec, values: readonly unknown[], named: Given): Given {
  const given: Record<string, unknown> = {};
  spec.positionals.forEach((key, i) => {
    const value = values[i];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
    given[typeof value === "string" ? (spec.meant?.(value, named) ?? key) : key] = value;
  });
  return given;
}

/** Each flag's words, read by its field's kind; a switch is true or false already. */
function optionsOf({ fields }: CommandSpec, typed: Readonly<Record<string, unknown>>): Given {
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(typed)) {
    const kind = fields[key]?.kind;
    if (kind) given[key] = kind.form === "switch" ? value : kind.parse(wordsOf(value));
  }
  return given;
}

function describeField(field: Field<unknown> | undefined): string {
  if (!field) return "";
  const unit = field.unit === "" || field.meaning.includes(field.unit) ? "" : `, in ${field.unit}`;
  return `${field.meaning}${unit}${defaultNote(field)}`;
}

function defaultNote({ presence, fallback, absent, kind }: Field<unknown>): string {
  const isSilent = presence === "required" || kind.form === "switch" || kind.form === "pairs";
  const notes = [presence === "default" ? showValue(fallback) : "", absent].filter((note) => note !== "");
  return isSilent || notes.length === 0 ? "" : ` (default: ${notes.join(", ")})`;
}

/** `5e-5` rather than `0.00005`. */
function showValue(value: unknown): string {
  return typeof value === "number" && value > 0 && value < 1e-2 ? value.toExponential() : String(value);
}

function helpTail({ example, explain }: CommandSpec): string {
  const text = `\nExample:\n  ${exampleText(example)}`;
  return explain ? `\n${explain()}\n${text}` : text;
}

/** A long example goes on behind a backslash, as a shell reads it. */
function exampleText(example: string): string {
  return wrap(`espalier ${example}`, WIDTH - 6).replaceAll("\n", " \\\n    ");
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
