/**
 * Shapes of JSON: a type and its check, written once.
 *
 * `record<T>` wants a shape for every key of T, so that a field added to a type without its check does not compile.
 * For the files a run leaves behind (recipe.json, result.json); unknown keys are let pass, so that a newer version's
 * file can still be read by an older one.
 */

import { FormatError } from "../base/errors.ts";
import { isObject } from "./json.ts";

/** Says what is wrong with a value, as `path: expected X, got Y`, or undefined when it has the shape. */
export interface JsonShape<T> {
  problem(value: unknown, path: string): string | undefined;
  /** Never set: it ties the shape to its type. */
  readonly type?: T;
}

/** Checks a parsed file. @throws {FormatError} with `code` when it does not have the shape. */
export function readShape<T>(shape: JsonShape<T>, value: unknown, where: string, code: string): T {
  if (!matches(shape, value)) {
    throw new FormatError(code, `${shape.problem(value, "")?.replace(/^\./, "")} (${where})`);
  }
  return value;
}

/** Parses a file's text and checks it. @throws {FormatError} with `code` when it is not JSON, or not of the shape. */
export function parseShape<T>(shape: JsonShape<T>, text: string, where: string, code: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(
      code,
      `file: expected JSON, got ${text.length} characters of something else (${where})`,
      {
        cause,
      },
    );
  }
  return readShape(shape, value, where, code);
}

function matches<T>(shape: JsonShape<T>, value: unknown): value is T {
  return shape.problem(value, "") === undefined;
}

/** A value for which `test` holds; `expected` completes "expected …". */
export function primitive<T>(expected: string, test: (value: unknown) => boolean): JsonShape<T> {
  return {
    problem: (value, path) => (test(value) ? undefined : mismatch(path, expected, value)),
  };
}

function mismatch(path: string, expected: string, value: unknown): string {
  const got = value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value);
  return `${path || "file"}: expected ${expected}, got ${got.length > 60 ? `${got.slice(0, 57)}...` : got}`;
}

/** A finite number. */
export const aNumber: JsonShape<number> = primitive(
  "a number",
  (v) => typeof v === "number" && Number.isFinite(v),
);

/** A whole number, zero or more. */
export const aCount: JsonShape<number> = primitive(
  "a whole number of 0 or more",
  (v) => typeof v === "number" && Number.isInteger(v) && v >= 0,
);

/** A number of zero or more. */
export const anAmount: JsonShape<number> = primitive(
  "a number of 0 or more",
  (v) => typeof v === "number" && Number.isFinite(v) && v >= 0,
);

/** Any text. */
export const aText: JsonShape<string> = primitive("a text", (v) => typeof v === "string");

/** True or false. */
export const aClaim: JsonShape<boolean> = primitive("true or false", (v) => typeof v === "boolean");

/** A value of a method's settings. */
export const aSetting: JsonShape<string | number | boolean> = primitive(
  "a text, a number, true or false",
  (v) => ["string", "number", "boolean"].includes(typeof v),
);

/** Anything at all. */
export const anything: JsonShape<unknown> = { problem: () => undefined };

/** Exactly one of these values. */
export function oneOfValues<const T extends string | number>(...values: readonly T[]): JsonShape<T> {
  return primitive(values.map((v) => JSON.stringify(v)).join(" or "), (value) =>
    values.some((one) => one === value),
  );
}

/** The shape, or nothing at all under its key. */
export function ifThere<T>(shape: JsonShape<T>): JsonShape<T | undefined> {
  return { problem: (value, path) => (value === undefined ? undefined : shape.problem(value, path)) };
}

/** The shape, or null. */
export function orNull<T>(shape: JsonShape<T>): JsonShape<T | null> {
  return { problem: (value, path) => (value === null ? undefined : shape.problem(value, path)) };
}

/** A list of at least `min` items of one shape. */
export function listOf<T>(shape: JsonShape<T>, min = 0): JsonShape<readonly T[]> {
  return {
    problem: (value, path) => {
      if (!Array.isArray(value) || value.length < min)
        return mismatch(path, `a list of ${min} or more`, value);
      return firstProblem(value.map((item, i) => shape.problem(item, `${path}[${i}]`)));
    },
  };
}

/** An object used as a map, with keys of any name, values of one shape. */
export function mapOf<T>(shape: JsonShape<T>): JsonShape<Readonly<Record<string, T>>> {
  return {
    problem: (value, path) => {
      if (!isObject(value)) return mismatch(path, "an object", value);
      return firstProblem(Object.entries(value).map(([key, item]) => shape.problem(item, `${path}.${key}`)));
    },
  };
}

/** An object with a shape for every key of T. */
export function record<T extends object>(
  fields: { readonly [K in keyof T]-?: JsonShape<T[K]> },
): JsonShape<T> {
  const shapes = Object.entries<JsonShape<unknown>>(fields);
  return {
    problem: (value, path) => {
      if (!isObject(value)) return mismatch(path, "an object", value);
      const values = new Map<string, unknown>(Object.entries(value));
      return firstProblem(shapes.map(([key, shape]) => shape.problem(values.get(key), `${path}.${key}`)));
    },
  };
}

function firstProblem(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}
