/**
 * Reads the steps of a pipeline, as `tokenizer.json` and the packed file write them; what is not known is refused by name.
 *
 * Not here: models, whose numbers each file keeps in its own way (model-json.ts).
 */

import { type Fields, fieldsOf, flagOf, isUnset, listOf, numberOf, textOf, unread } from "../fields.ts";
import { isCharsmap } from "./charsmap.ts";
import { isKnownPattern, PATTERNS } from "./patterns.ts";
import {
  BEHAVIORS,
  type Behavior,
  type Decoder,
  FORMS,
  type Normalizer,
  type Pipeline,
  type PreTokenizer,
  SCHEMES,
  type Scheme,
  type Sought,
} from "./pipeline.ts";

/** Steps inside one another, and steps of one kind. */
const DEEPEST = 4;
const MOST_STEPS = 32;
/** Characters of a text that a step puts in. */
const LONGEST = 256;

/** The steps of a pipeline, without its model and its table. */
export type ParsedSteps = Pick<Pipeline, "normalizers" | "preTokenizers" | "decoders">;
export type Steps = ParsedSteps & Pick<Pipeline, "charsmap">;

/** Steps that lie flat, under the keys of `Pipeline`. @throws {FormatError} `tokenizer/…` naming what is not read here */
export function parseList(fields: Fields, where: string): ParsedSteps {
  const steps = (key: string): Fields[] => {
    const list = listOf(fields[key], key, where);
    if (list.length > MOST_STEPS) throw unread(where, key, `at most ${MOST_STEPS} steps`, list.length);
    return list.map((step) => fieldsOf(step, `${where}: ${key}`));
  };
  return {
    normalizers: steps("normalizers").map((step) => parseNormalizer(step, where)),
    preTokenizers: steps("preTokenizers").map((step) => parsePreTokenizer(step, where)),
    decoders: steps("decoders").map((step) => parseDecoder(step, where)),
  };
}

/** The steps of a `tokenizer.json`. @throws {FormatError} `tokenizer/…` naming what is not read here */
export function parseSteps(root: Fields, where: string): Steps {
  const normalizers = flatSteps(root.normalizer, "normalizer", where);
  return {
    normalizers: normalizers.map((step) => parseNormalizer(step, where)),
    preTokenizers: flatSteps(root.pre_tokenizer, "pre_tokenizer", where).map((step) =>
      parsePreTokenizer(step, where),
    ),
    decoders: flatSteps(root.decoder, "decoder", where).map((step) => parseDecoder(step, where)),
    charsmap: charsmapOf(normalizers, where),
  };
}

/** The table of the one normalizer that has one. */
function charsmapOf(normalizers: readonly Fields[], where: string): Uint8Array | null {
  const [table, second] = normalizers.filter(({ type }) => type === "Precompiled");
  if (table === undefined) return null;
  if (second !== undefined) throw unread(where, "normalizer", "one Precompiled", "two");
  const text = table.precompiled_charsmap;
  const bytes = typeof text === "string" ? fromBase64(text) : undefined;
  if (bytes !== undefined && isCharsmap(bytes)) return bytes;
  throw unread(
    where,
    "precompiled_charsmap",
    "a table in base64",
    bytes === undefined ? text : "other bytes",
  );
}

function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[\w+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** The steps as `tokenizer.json` has them. */
export function stepsJson({ normalizers, preTokenizers, decoders, charsmap }: Steps): {
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly decoder: unknown;
} {
  const table = charsmap === null ? {} : { precompiled_charsmap: toBase64(charsmap) };
  const withTable = normalizers.map((step) => (step.type === "Precompiled" ? { ...step, ...table } : step));
  const inFull = preTokenizers.map((step) =>
    step.type === "ByteLevel" ? { ...step, trim_offsets: true } : step,
  );
  return {
    normalizer: sequence("normalizers", withTable),
    pre_tokenizer: sequence("pretokenizers", inFull),
    // The library's Rust code has these settings for the decoder too, and looks at none of them.
    decoder: sequence(
      "decoders",
      decoders.map((step) => {
        if (step.type !== "ByteLevel") return step;
        return { ...step, add_prefix_space: true, trim_offsets: true, use_regex: true };
      }),
    ),
  };
}

/** One step as it is, several in a sequence. */
function sequence(key: string, steps: readonly object[]): unknown {
  if (steps.length > 1) return { type: "Sequence", [key]: steps };
  return steps[0] ?? null;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

/** A section's steps one after the other: a sequence is laid flat, nothing is an empty list. */
export function flatSteps(json: unknown, key: string, where: string): Fields[] {
  const steps = flatten(json, key, where, 0);
  if (steps.length <= MOST_STEPS) return steps;
  throw unread(where, key, `at most ${MOST_STEPS} steps`, steps.length);
}

/** Under which name a sequence has its steps. */
const PARTS: Readonly<Record<string, string>> = {
  normalizer: "normalizers",
  pre_tokenizer: "pretokenizers",
  post_processor: "processors",
  decoder: "decoders",
};

function flatten(json: unknown, key: string, where: string, depth: number): Fields[] {
  if (isUnset(json)) return [];
  const step = fieldsOf(json, `${where}: ${key}`);
  if (step.type !== "Sequence") return [step];
  if (depth === DEEPEST) throw unread(where, key, `sequences at most ${DEEPEST} deep`, "more");
  const parts = listOf(step[PARTS[key] ?? ""], key, where);
  if (parts.length > MOST_STEPS) throw unread(where, key, `at most ${MOST_STEPS} steps`, parts.length);
  return parts.flatMap((part) => flatten(part, key, where, depth + 1));
}

/** @throws {FormatError} `tokenizer/…` naming what is not read here */
export function parseNormalizer(step: Fields, where: string): Normalizer {
  const { type } = step;
  const at = `${where}: normalizer`;
  const form = FORMS.find((known) => known === type);
  if (form !== undefined) return { type: form };
  switch (type) {
    case "Lowercase":
    case "StripAccents":
    case "Precompiled":
      return { type };
    case "Strip":
      return {
        type,
        strip_left: flagOf(step, "strip_left", true, at),
        strip_right: flagOf(step, "strip_right", true, at),
      };
    case "Prepend":
      return { type, prepend: contentOf(step.prepend, "prepend", at, 1) };
    case "Replace":
      return { type, pattern: soughtOf(step.pattern, at), content: contentOf(step.content, "content", at) };
    default:
      throw unread(
        where,
        "normalizer",
        `${FORMS.join(", ")}, Lowercase, StripAccents, Strip, Prepend, Replace or Precompiled`,
        type,
      );
  }
}

/** @throws {FormatError} `tokenizer/…` naming what is not read here */
function parsePreTokenizer(step: Fields, where: string): PreTokenizer {
  const { type } = step;
  const at = `${where}: pre_tokenizer`;
  switch (type) {
    case "Whitespace":
    case "WhitespaceSplit":
    case "BertPreTokenizer":
      return { type };
    case "ByteLevel":
      return {
        type,
        add_prefix_space: flagOf(step, "add_prefix_space", true, at),
        use_regex: flagOf(step, "use_regex", true, at),
      };
    case "Digits":
      return { type, individual_digits: flagOf(step, "individual_digits", false, at) };
    case "Punctuation":
      return { type, behavior: behaviorOf(step, at) };
    case "Metaspace":
      return { type, ...markOf(step, at), split: flagOf(step, "split", true, at) };
    case "Split":
      return {
        type,
        pattern: soughtOf(step.pattern, at),
        behavior: behaviorOf(step, at),
        invert: flagOf(step, "invert", false, at),
      };
    default:
      throw unread(
        where,
        "pre_tokenizer",
        "ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, WhitespaceSplit or BertPreTokenizer",
        type,
      );
  }
}

/** @throws {FormatError} `tokenizer/…` naming what is not read here */
export function parseDecoder(step: Fields, where: string): Decoder {
  const { type } = step;
  const at = `${where}: decoder`;
  switch (type) {
    case "ByteLevel":
    case "ByteFallback":
    case "Fuse":
      return { type };
    case "Metaspace":
      return { type, ...markOf(step, at) };
    case "Strip":
      return {
        type,
        content: contentOf(step.content, "content", at, 1),
        start: numberOf(step.start, LONGEST, "start", at),
        stop: numberOf(step.stop, LONGEST, "stop", at),
      };
    case "Replace": {
      const pattern = soughtOf(step.pattern, at);
      if (!("String" in pattern)) throw unread(at, "pattern", "a String", pattern.Regex);
      return { type, pattern, content: contentOf(step.content, "content", at) };
    }
    default:
      throw unread(where, "decoder", "ByteLevel, ByteFallback, Fuse, Metaspace, Strip or Replace", type);
  }
}

/** The mark of a space, and when it is put before a text; files before tokenizers 0.15 say the latter by a flag. */
function markOf(step: Fields, where: string): { replacement: string; prepend_scheme: Scheme } {
  const replacement = isUnset(step.replacement) ? "▁" : contentOf(step.replacement, "replacement", where, 1);
  if ([...replacement].length !== 1) throw unread(where, "replacement", "one character", replacement);
  const given = isUnset(step.prepend_scheme) ? "always" : step.prepend_scheme;
  const scheme = SCHEMES.find((known) => known === given);
  if (scheme === undefined) throw unread(where, "prepend_scheme", SCHEMES.join(", "), given);
  return { replacement, prepend_scheme: flagOf(step, "add_prefix_space", true, where) ? scheme : "never" };
}

function behaviorOf(step: Fields, where: string): Behavior {
  const given = isUnset(step.behavior) ? "Isolated" : step.behavior;
  const behavior = BEHAVIORS.find((known) => known === given);
  if (behavior === undefined) throw unread(where, "behavior", BEHAVIORS.join(", "), given);
  return behavior;
}

/** A text that is looked for, or a pattern of those that are known. */
function soughtOf(json: unknown, where: string): Sought {
  const { String: text, Regex: pattern, ...others } = fieldsOf(json, `${where}: pattern`);
  if (Object.keys(others).length > 0 || (text !== undefined && pattern !== undefined))
    throw unread(where, "pattern", "a String or a Regex", json);
  if (pattern === undefined) return { String: contentOf(text, "pattern", where, 1) };
  if (isKnownPattern(pattern)) return { Regex: pattern };
  throw unread(
    where,
    "pattern",
    `one of ${Object.keys(PATTERNS).length} that are known here (docs/tokenizers.md)`,
    pattern,
  );
}

/** A short text, maybe empty. */
function contentOf(value: unknown, key: string, where: string, least = 0): string {
  if (value === "" && least === 0) return "";
  const text = textOf(value, key, where);
  if (text.length <= LONGEST) return text;
  throw unread(where, key, `at most ${LONGEST} characters`, text.length);
}
