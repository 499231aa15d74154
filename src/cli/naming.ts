/**
 * What the user typed is called as it was typed: an error that names an option names its flag.
 *
 * Options are refused under their flags (options/schema.ts). What is found out later, once a model is read, is found by
 * functions that know no command line: here their fields become flags.
 */

import {
  ConfigError,
  EspalierError,
  FormatError,
  InputError,
  InterruptedError,
  RunError,
} from "../base/errors.ts";
import type { Fields, Naming } from "../options/schema.ts";

const CLASSES = [InputError, ConfigError, FormatError, RunError, InterruptedError];

/** Fields that are also called what they hold: a message may be about a text, and not about the column `--text`. */
const WORDS = ["text", "label"];

/** The error with its flag in the place of the field that it begins with. Further on a name may be that of a column. */
export function withFlags(error: unknown, fields: Fields, naming: Naming): unknown {
  if (!(error instanceof EspalierError)) return error;
  const names = Object.keys(fields);
  const first = names.find((name) => !WORDS.includes(name) && error.message.startsWith(`${name}: `));
  if (first === undefined) return error;
  const message = naming(first) + error.message.slice(first.length);
  const Class = CLASSES.find((each) => error instanceof each) ?? EspalierError;
  return new Class(error.code, message, { cause: error });
}
