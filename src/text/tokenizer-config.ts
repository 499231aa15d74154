/**
 * Reads `tokenizer_config.json` with what goes beside it: `special_tokens_map.json`, `added_tokens.json`, and the class
 * that `config.json` may name.
 *
 * What counts is what `AutoTokenizer` of Python's `transformers` 4.57 does with the same files; the table is in
 * docs/tokenizers.md. A key that the classes read here never look at changes nothing and is passed over; one that would
 * give other pieces is refused by name. Not here: tokenizer.json, numbers of tokens (added-vocabulary.ts).
 */

import {
  CLASS_NAMES,
  classOfModel,
  findClass,
  ORDER,
  type Role,
  type Roles,
  type TokenizerClass,
} from "./classes.ts";
import {
  type Fields,
  fieldsOf,
  flagOf,
  isUnset,
  listOf,
  nullableFlagOf,
  numberOf,
  unread,
} from "./fields.ts";
import { type NamedToken, type NumberedToken, parseSpecial, parseToken, plainToken } from "./token.ts";
import type { TokenizerFlags } from "./tokenizer.ts";

/** A parsed file, and what messages call it. */
export interface JsonFile {
  readonly json: unknown;
  readonly where: string;
}

/** The files that say how pieces are made of text, without the pieces. An absent one is undefined. */
export interface ConfigFiles {
  readonly config?: JsonFile | undefined;
  readonly specialTokensMap?: JsonFile | undefined;
  readonly addedTokens?: JsonFile | undefined;
  /** `config.json`, for the class it may name. */
  readonly model?: JsonFile | undefined;
}

/** What the files say. */
export interface TokenizerConfig {
  /** Named in messages: `tokenizer_config.json`. */
  readonly where: string;
  /** What the class does with the files. */
  readonly of: TokenizerClass;
  readonly flags: TokenizerFlags;
  /** Special tokens by role. */
  readonly roles: Roles;
  /** All special tokens, in the order in which they get numbers. */
  readonly special: readonly NamedToken[];
  /** Contents of those with a role that the files name; others are the class's own. */
  readonly given: ReadonlySet<string>;
  /** Added tokens with numbers, ascending. */
  readonly numbered: readonly NumberedToken[];
  /** `added_tokens_decoder` is there: the files beside this one are not looked at. */
  readonly isComplete: boolean;
  /** Whether the second text of a pair has a type of its own. */
  readonly hasTypes: boolean;
  /** Whether a text of bytes begins with a space. */
  readonly addPrefixSpace: boolean;
  /** Whether places are without the spaces at their ends, where the class says so. */
  readonly trimOffsets: boolean;
  /** Keys that say which side is cut or padded: they go before tokenizer.json's. */
  readonly sides: readonly string[];
}

/** What BERT's uncased models use, for a folder with a vocabulary and no configuration. */
const DEFAULTS = {
  lowercase: true,
  tokenizeChineseChars: true,
  maxLength: Number.POSITIVE_INFINITY,
} as const;

/** Keys that would give other pieces unless they have these values or say nothing. */
const ONLY: readonly (readonly [key: string, ...values: unknown[]])[] = [
  ["do_basic_tokenize", true],
  ["do_word_tokenize", true],
  ["do_subword_tokenize", true],
  ["word_tokenizer_type", "basic"],
  ["subword_tokenizer_type", "wordpiece"],
  ["split_special_tokens", false],
  ["clean_text", true],
  ["wordpieces_prefix", "##"],
  ["truncation_side", "right"],
  ["padding_side", "right"],
  ["from_slow", false],
  ["backend", "tokenizers"],
];

/** Keys that would give other pieces unless they say nothing or are empty. */
const EMPTY: readonly string[] = [
  "init_inputs",
  "mecab_kwargs",
  "sudachi_kwargs",
  "jumanpp_kwargs",
  "spm_file",
  "fast_tokenizer_files",
  "vocab",
  "post_processor",
];

/**
 * @throws {FormatError} `tokenizer/kind` for another class, `tokenizer/config` for a key that would give other pieces,
 *   `tokenizer/object` for a file that is no object
 */
export function parseTokenizerConfig({ config, model, ...beside }: ConfigFiles): TokenizerConfig {
  const { json, where } = config ?? { json: {}, where: "tokenizer_config.json" };
  const fields = fieldsOf(json, where);
  const found = findClassOf(fields, where, model);
  checkSettings(fields, where);
  const isComplete = "added_tokens_decoder" in fields;
  const merged = isComplete ? fields : mergeMap(fields, beside.specialTokensMap);
  const { roles, special, given } = parseSpecials(merged, found, where);
  const named = new Set(special.map(({ content }) => content));
  checkNeverSplit(fields, named, where);
  checkOtherTokens(fields, named, where);
  return {
    where,
    of: found,
    flags: parseFlags(fields, where),
    roles,
    special,
    given,
    isComplete,
    numbered: isComplete
      ? parseDecoder(fields.added_tokens_decoder, `${where}: added_tokens_decoder`)
      : parseAddedTokens(beside.addedTokens, named),
    hasTypes: hasTypes(fields, found, where),
    addPrefixSpace: flagOf(fields, "add_prefix_space", false, where),
    trimOffsets: flagOf(fields, "trim_offsets", true, where),
    sides: ["truncation", "padding"].filter((key) => !isUnset(fields[`${key}_side`])),
  };
}

/** The four flags of BERT's normaliser and length. @throws {FormatError} `tokenizer/config` */
export function parseFlags(fields: Fields, where: string): TokenizerFlags {
  for (const key of ["do_lower_case", "tokenize_chinese_chars"])
    if (fields[key] === null) throw unread(where, key, "true or false", null);
  return {
    lowercase: flagOf(fields, "do_lower_case", DEFAULTS.lowercase, where),
    stripAccents: nullableFlagOf(fields, "strip_accents", where),
    tokenizeChineseChars: flagOf(fields, "tokenize_chinese_chars", DEFAULTS.tokenizeChineseChars, where),
    maxLength: lengthOf(fields, where),
  };
}

/** Refuses each setting that would give other pieces. @throws {FormatError} `tokenizer/config` */
export function checkSettings(fields: Fields, where: string): void {
  for (const [key, ...values] of ONLY) {
    const got = fields[key];
    if (!isUnset(got) && !values.includes(got)) throw unread(where, key, values.join(" or "), got);
  }
  for (const key of EMPTY) {
    const got = fields[key];
    if (!isEmpty(got)) throw unread(where, key, "nothing", got);
  }
}

function isEmpty(value: unknown): boolean {
  return isUnset(value) || (typeof value === "object" && Object.keys(value).length === 0);
}

/**
 * What a file says of the length, under today's key or the one of transformers before 3. None means no limit but the
 * model's positions; transformers writes 1e30 for it.
 */
function lengthOf(fields: Fields, where: string): number {
  const key = Object.hasOwn(fields, "model_max_length") ? "model_max_length" : "max_len";
  return tokensOf(fields, key, where);
}

/** What sentence encoders have beside a model's files; only its length matters here. */
export const SENTENCE_FILE = "sentence_bert_config.json";

/**
 * The length in a sentence encoder's `sentence_bert_config.json`, which its own library puts above `model_max_length`;
 * Infinity where there is none.
 */
export function parseSentenceLength(json: unknown, where: string): number {
  return json === undefined ? DEFAULTS.maxLength : tokensOf(fieldsOf(json, where), "max_seq_length", where);
}

function tokensOf(fields: Fields, key: string, where: string): number {
  const value = isUnset(fields[key]) ? DEFAULTS.maxLength : fields[key];
  if (typeof value !== "number" || !(value >= 3)) throw unread(where, key, "a number of 3 or more", value);
  return Math.floor(value);
}

/** The class is the one that either file names, tokenizer_config.json before config.json; else that of the model's kind. */
function findClassOf(fields: Fields, where: string, model: JsonFile | undefined): TokenizerClass {
  const named = fields.tokenizer_class;
  const own = isUnset(named) ? undefined : requireClass(named, where);
  checkAutoMap(fields.auto_map, where);
  if (own !== undefined) return own;
  const other = model === undefined ? {} : fieldsOf(model.json, model.where);
  const at = model?.where ?? where;
  const found = isUnset(other.tokenizer_class)
    ? classOfModel(other.model_type)
    : requireClass(other.tokenizer_class, at);
  checkAutoMap(other.auto_map, at);
  return found;
}

function requireClass(name: unknown, where: string): TokenizerClass {
  const found = findClass(name);
  if (found === undefined) throw unread(where, "tokenizer_class", CLASS_NAMES, name);
  return found;
}

/** Code of the model's author is never run; an entry for other classes than the tokenizer's does not matter here. */
function checkAutoMap(map: unknown, where: string): void {
  const entry = Array.isArray(map) || isUnset(map) ? map : fieldsOf(map, `${where}: auto_map`).AutoTokenizer;
  if (!isUnset(entry)) throw unread(where, "auto_map", "no AutoTokenizer", entry);
}

/** Without `added_tokens_decoder` the keys of special_tokens_map.json go before those of tokenizer_config.json. */
function mergeMap(fields: Fields, map: JsonFile | undefined): Fields {
  if (map === undefined) return fields;
  const others = fieldsOf(map.json, map.where);
  const merged: Record<string, unknown> = { ...fields };
  for (const [key, value] of Object.entries(others)) {
    if (!key.endsWith("_token") && !LISTS.includes(key))
      throw unread(map.where, key, "special tokens", value);
    merged[key] = LISTS.includes(key) ? joinLists(fields[key], value, key, map.where) : asSpecial(value);
  }
  return merged;
}

const LISTS: readonly string[] = ["additional_special_tokens", "extra_special_tokens"];

function joinLists(first: unknown, second: unknown, key: string, where: string): unknown {
  if (!Array.isArray(second)) return second;
  return [...(Array.isArray(first) ? listOf(first, key, where) : []), ...second.map(asSpecial)];
}

/** What special_tokens_map.json names is special, whatever its flag. */
function asSpecial(value: unknown): unknown {
  return typeof value === "object" && value !== null ? { ...value, special: true } : value;
}

/** A class has names for some roles; those that a file gives by their texts it looks for in its own way. */
function parseSpecials(
  fields: Fields,
  { roles: defaults, wrap, extra: spare }: TokenizerClass,
  where: string,
): Pick<TokenizerConfig, "roles" | "special" | "given"> {
  const roles: Partial<Record<Role, NamedToken>> = {};
  const given = new Set<string>();
  for (const role of ORDER) {
    const key = `${role}_token`;
    const value = key in fields ? fields[key] : undefined;
    const token = isUnset(value) ? undefined : parseSpecial(value, key, where);
    if (token !== undefined) given.add(token.content);
    const found = token === undefined || token.hasFlags ? token : wrap(token, role);
    if (key in fields) {
      if (found !== undefined) roles[role] = found;
    } else if (defaults[role] !== undefined) roles[role] = defaults[role];
  }
  if (LISTS.every((key) => !isEmpty(fields[key])))
    throw unread(
      where,
      "extra_special_tokens",
      "nothing beside additional_special_tokens",
      fields.extra_special_tokens,
    );
  const named = LISTS.some((key) => key in fields) ? [] : spare.map((content) => plainToken(content, true));
  const extra = LISTS.flatMap((key) => {
    const value = fields[key];
    // transformers 5 also takes an object of names and tokens.
    const list =
      isUnset(value) || Array.isArray(value) ? value : Object.values(fieldsOf(value, `${where}: ${key}`));
    return listOf(list, key, where).map((token) => parseSpecial(token, key, where));
  });
  const ordered = ORDER.map((role) => roles[role]).filter((token) => token !== undefined);
  return { roles, special: distinct([...ordered, ...named, ...extra]), given };
}

/** The first of each content. */
function distinct(tokens: readonly NamedToken[]): NamedToken[] {
  const first = new Map<string, NamedToken>();
  for (const token of tokens) if (!first.has(token.content)) first.set(token.content, token);
  return [...first.values()];
}

/** Only the slow class of transformers 4 looks at it; words that are special tokens are never split in any case. */
function checkNeverSplit(fields: Fields, special: ReadonlySet<string>, where: string): void {
  const words = listOf(fields.never_split, "never_split", where);
  const other = words.find((word) => typeof word !== "string" || !special.has(word));
  if (other !== undefined) throw unread(where, "never_split", "special tokens", other);
}

/** transformers 5 takes a `…_token` of any name as a special token, transformers 4 none but those it knows. */
function checkOtherTokens(fields: Fields, special: ReadonlySet<string>, where: string): void {
  for (const [key, value] of Object.entries(fields)) {
    const isToken = key.endsWith("_token") && (typeof value === "string" || typeof value === "object");
    if (!isToken || isUnset(value) || ORDER.some((role) => key === `${role}_token`)) continue;
    const { content } = parseSpecial(value, key, where);
    if (!special.has(content)) throw unread(where, key, "a special token of another name", content);
  }
}

function parseDecoder(value: unknown, where: string): NumberedToken[] {
  const entries = isUnset(value) ? [] : Object.entries(fieldsOf(value, where));
  return ascending(
    entries.map(([key, entry]) => {
      const id = numberOf(/^\d+$/.test(key) ? Number(key) : key, 2 ** 31, "number", where);
      return { id, ...parseToken(fieldsOf(entry, `${where}: ${key}`), where) };
    }),
  );
}

/** `added_tokens.json`: numbers by text; what is named as special is so. */
function parseAddedTokens(file: JsonFile | undefined, special: ReadonlySet<string>): NumberedToken[] {
  if (file === undefined) return [];
  return ascending(
    Object.entries(fieldsOf(file.json, file.where)).map(([content, value]) => {
      const id = numberOf(value, 2 ** 31, `number of ${content}`, file.where);
      return { id, ...plainToken(content, special.has(content)), hasFlags: true };
    }),
  );
}

function ascending(tokens: readonly NumberedToken[]): NumberedToken[] {
  return [...tokens].sort((a, b) => a.id - b.id);
}

/** Without a word of the files the class decides. */
function hasTypes(fields: Fields, found: TokenizerClass, where: string): boolean {
  if (isUnset(fields.model_input_names)) return found.hasTypes;
  return listOf(fields.model_input_names, "model_input_names", where).includes("token_type_ids");
}
